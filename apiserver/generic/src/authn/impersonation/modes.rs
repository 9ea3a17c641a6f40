//! The modes in which somebody may act as somebody else.
//!
//! In the constrained ones (<https://kep.k8s.io/5284>) two rights are needed: `impersonate-on:<mode>:<verb>` for the request itself,
//! and `impersonate:<mode>` for whom it acts as. In the last and oldest mode, `impersonate` allows every request. The first mode
//! that allows it counts; where none does, the client hears what the first one said.

use super::{Impersonated, Wanted};
use crate::{
    FieldError,
    authn::{ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User},
    authz::{Access, Attributes, Authorizer, Decision, MASTERS, Target, forbidden, target_of},
    registry::{NameRule, naming::name_problems},
    request::RequestInfo,
    status::Status,
};

const AUTHENTICATION_GROUP: &str = "authentication.k8s.io";
/// Where a service account's token says on which node its pod runs.
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";
/// What stands for all further attributes of a service account that acts as its own node, so that its rights hold on every node.
const ASSOCIATED_KEYS: &str = "authentication.kubernetes.io/associated-node-keys";
/// From so many groups or extra values on, one right to all of them is asked for first.
const MANY: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// A service account as the node that its pod runs on.
    AssociatedNode,
    ArbitraryNode,
    ServiceAccount,
    /// Anybody who is neither a node nor a service account.
    UserInfo,
    /// Without constraints.
    Legacy,
}

const ALL: [Mode; 5] = [
    Mode::AssociatedNode,
    Mode::ArbitraryNode,
    Mode::ServiceAccount,
    Mode::UserInfo,
    Mode::Legacy,
];

/// Whom the request acts as, once a mode allows it; 403 when none does.
pub(super) async fn authorize(
    wanted: &Wanted,
    info: &RequestInfo,
    requestor: Access<'_>,
) -> Result<Impersonated, Status> {
    let mut refusal = None;
    for mode in ALL.into_iter().filter(|mode| mode.covers(wanted, requestor.user())) {
        match Check::new(mode, wanted, requestor).run(info).await {
            Ok(user) => {
                let constraint = mode.is_constrained().then(|| mode.verb());
                return Ok(Impersonated { user, constraint });
            }
            Err(refused) => {
                refusal.get_or_insert(refused);
            }
        }
    }
    Err(refusal.unwrap_or_else(|| Status::internal("all impersonation modes failed")))
}

impl Mode {
    fn verb(self) -> &'static str {
        match self {
            Mode::AssociatedNode => "impersonate:associated-node",
            Mode::ArbitraryNode => "impersonate:arbitrary-node",
            Mode::ServiceAccount => "impersonate:serviceaccount",
            Mode::UserInfo => "impersonate:user-info",
            Mode::Legacy => "impersonate",
        }
    }

    fn is_constrained(self) -> bool {
        self != Mode::Legacy
    }

    fn covers(self, wanted: &Wanted, requestor: &User) -> bool {
        let node = node(&wanted.user);
        match self {
            Mode::AssociatedNode => {
                wanted.is_only_a_name()
                    && service_account(&requestor.name).is_some()
                    && node.is_some_and(|node| requestor.extra.get(NODE_NAME).is_some_and(|names| *names == [node]))
            }
            Mode::ArbitraryNode => wanted.is_only_a_name() && node.is_some(),
            Mode::ServiceAccount => wanted.is_only_a_name() && service_account(&wanted.user).is_some(),
            Mode::UserInfo => node.is_none() && service_account(&wanted.user).is_none(),
            Mode::Legacy => true,
        }
    }
}

/// The questions of one mode.
struct Check<'a> {
    mode: Mode,
    wanted: &'a Wanted,
    requestor: User,
    authorizer: &'a dyn Authorizer,
}

impl<'a> Check<'a> {
    fn new(mode: Mode, wanted: &'a Wanted, requestor: Access<'a>) -> Check<'a> {
        let mut user = requestor.user().clone();
        if mode == Mode::AssociatedNode {
            let keys = user.extra.into_keys().collect();
            user.extra = [(ASSOCIATED_KEYS.to_owned(), keys)].into();
        }
        Check {
            mode,
            wanted,
            requestor: user,
            authorizer: requestor.authorizer(),
        }
    }

    async fn run(&self, info: &RequestInfo) -> Result<User, Status> {
        if self.mode.is_constrained() {
            let mode = self.mode.verb().trim_start_matches("impersonate:");
            let verb = format!("impersonate-on:{mode}:{}", info.verb);
            self.require(&verb, target_of(info)).await?;
        }
        let groups = self.name().await?;
        if let Some(uid) = &self.wanted.uid {
            self.ask(AUTHENTICATION_GROUP, "uids", "", uid).await?;
        }
        self.groups().await?;
        self.extra().await?;
        Ok(self.user(groups))
    }

    /// Asks for the user's name. The answer is the groups that come with it.
    async fn name(&self) -> Result<Vec<String>, Status> {
        let (group, user) = (self.group(), &*self.wanted.user);
        if self.mode.is_constrained()
            && let Some(node) = node(user)
        {
            let name = if self.mode == Mode::AssociatedNode { "*" } else { node };
            self.ask(group, "nodes", "", name).await?;
            return Ok(vec!["system:nodes".to_owned()]);
        }
        let Some((namespace, name)) = service_account(user) else {
            self.ask(group, "users", "", user).await?;
            return Ok(self.wanted.groups.clone());
        };
        self.ask_in(group, "serviceaccounts", namespace, name).await?;
        Ok(if self.wanted.groups.is_empty() {
            vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
            ]
        } else {
            self.wanted.groups.clone()
        })
    }

    async fn groups(&self) -> Result<(), Status> {
        let (group, wanted) = (self.group(), &self.wanted.groups);
        if self.mode.is_constrained() {
            if wanted.iter().any(String::is_empty) {
                let why = "impersonating the empty string group is not allowed";
                return Err(self.refusal(group, "groups", "", why));
            }
            if wanted.iter().any(|group| group == MASTERS) {
                let why = "impersonating the system:masters group is not allowed";
                return Err(self.refusal(group, "groups", MASTERS, why));
            }
            if wanted.len() >= MANY && self.ask(group, "groups", "", "*").await.is_ok() {
                return Ok(());
            }
        }
        for name in wanted {
            self.ask(group, "groups", "", name).await?;
        }
        Ok(())
    }

    async fn extra(&self) -> Result<(), Status> {
        let (group, wanted) = (AUTHENTICATION_GROUP, &self.wanted.extra);
        if self.mode.is_constrained() {
            if let Some(why) = wanted.iter().find_map(|(key, values)| extra_problem(key, values)) {
                return Err(self.refusal(group, "userextras", "", &why));
            }
            let many = wanted.values().map(Vec::len).sum::<usize>() >= MANY;
            if many && self.ask(group, "userextras", "*", "*").await.is_ok() {
                return Ok(());
            }
        }
        for (key, values) in wanted {
            for value in values {
                self.ask(group, "userextras", key, value).await?;
            }
        }
        Ok(())
    }

    fn user(&self, mut groups: Vec<String>) -> User {
        let mut add = |group: &str| {
            if !groups.iter().any(|own| own == group) {
                groups.push(group.to_owned());
            }
        };
        if self.wanted.user == ANONYMOUS {
            add(UNAUTHENTICATED);
        } else if !self.wanted.groups.iter().any(|group| group == UNAUTHENTICATED) {
            add(AUTHENTICATED);
        }
        User {
            name: self.wanted.user.clone(),
            uid: self.wanted.uid.clone(),
            groups,
            extra: self.wanted.extra.clone(),
        }
    }

    /// The API group in which users and groups are named.
    fn group(&self) -> &'static str {
        if self.mode.is_constrained() {
            AUTHENTICATION_GROUP
        } else {
            ""
        }
    }

    async fn ask(&self, group: &str, resource: &str, subresource: &str, name: &str) -> Result<(), Status> {
        self.require(self.mode.verb(), target(group, (resource, subresource), "", name))
            .await
    }

    async fn ask_in(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Result<(), Status> {
        self.require(self.mode.verb(), target(group, (resource, ""), namespace, name))
            .await
    }

    /// An authorizer that fails refuses, too.
    async fn require(&self, verb: &str, target: Target<'_>) -> Result<(), Status> {
        let attributes = self.attributes(verb, target);
        match self.authorizer.authorize(&attributes).await {
            Ok(Decision::Allow { .. }) => Ok(()),
            Ok(Decision::Deny { reason } | Decision::NoOpinion { reason }) => Err(forbidden(&attributes, &reason)),
            Err(error) => Err(forbidden(&attributes, &error)),
        }
    }

    fn refusal(&self, group: &str, resource: &str, name: &str, why: &str) -> Status {
        let target = target(group, (resource, ""), "", name);
        forbidden(&self.attributes(self.mode.verb(), target), why)
    }

    fn attributes<'t>(&'t self, verb: &'t str, target: Target<'t>) -> Attributes<'t> {
        Attributes {
            user: &self.requestor,
            verb,
            target,
        }
    }
}

fn target<'a>(
    group: &'a str,
    (resource, subresource): (&'a str, &'a str),
    namespace: &'a str,
    name: &'a str,
) -> Target<'a> {
    Target::Resource {
        group,
        version: "v1",
        resource,
        subresource,
        namespace,
        name,
    }
}

/// The name of `system:node:NAME`.
fn node(user: &str) -> Option<&str> {
    let name = user.strip_prefix("system:node:")?;
    name_problems(NameRule::Subdomain, name).is_empty().then_some(name)
}

/// Namespace and name of `system:serviceaccount:NAMESPACE:NAME`.
fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let is_one =
        name_problems(NameRule::Label, namespace).is_empty() && name_problems(NameRule::Subdomain, name).is_empty();
    is_one.then_some((namespace, name))
}

/// What a constrained mode has against an extra attribute.
fn extra_problem(key: &str, values: &[String]) -> Option<String> {
    let not_allowed = |what: &str| Some(format!("impersonating {what} in extra is not allowed"));
    if key.is_empty() {
        return not_allowed("the empty string key");
    }
    if let Some(error) = key_error(key) {
        return Some(format!("impersonating an invalid key in extra is not allowed: {error}"));
    }
    if key.chars().any(char::is_uppercase) {
        return Some(format!(
            "impersonating a non-lowercase key in extra is not allowed: {key:?}"
        ));
    }
    if values.is_empty() {
        return not_allowed("empty values");
    }
    if values.iter().any(String::is_empty) {
        return not_allowed("the empty string value");
    }
    None
}

/// Keys are paths below a domain, such as `acme.io/foo`.
fn key_error(key: &str) -> Option<FieldError> {
    const FIELD: &str = "extra.key";
    let Some((domain, path)) = key
        .split_once('/')
        .filter(|(domain, path)| !domain.is_empty() && !path.is_empty())
    else {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        return Some(FieldError::invalid(FIELD, key, detail));
    };
    if let Some(problem) = name_problems(NameRule::Subdomain, domain).into_iter().next() {
        return Some(FieldError::invalid(FIELD, domain, problem));
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || "/-._~%!$&'()*+,;=:".contains(c);
    (!path.chars().all(fits)).then(|| {
        let detail = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
        FieldError::invalid(FIELD, path, detail)
    })
}
