//! The authorizers that every server has.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Attributes, Authorizer, Decision, HeldRules, PathRule, ResourceRule, Target};
use crate::authn::User;

/// The group that may do anything.
pub const MASTERS: &str = "system:masters";

/// Asks authorizers in order until one allows or denies. Their failures count only when nobody decides.
pub struct Union(pub Vec<Arc<dyn Authorizer>>);

#[async_trait]
impl Authorizer for Union {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        let mut errors = Vec::new();
        let mut reasons = Vec::new();
        for authorizer in &self.0 {
            match authorizer.authorize(attributes).await {
                Ok(Decision::NoOpinion { reason }) => reasons.push(reason),
                Ok(decision) => return Ok(decision),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors.join(", "));
        }
        reasons.retain(|reason| !reason.is_empty());
        Ok(Decision::NoOpinion {
            reason: reasons.join("\n"),
        })
    }

    async fn held_rules(&self, user: &User, namespace: &str) -> HeldRules {
        let mut held = HeldRules::default();
        for authorizer in &self.0 {
            held.extend(authorizer.held_rules(user, namespace).await);
        }
        held
    }
}

/// Allows everything to the group `system:masters`.
pub struct SystemMasters;

#[async_trait]
impl Authorizer for SystemMasters {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        Ok(allow_if(attributes.user.is_in(MASTERS)))
    }

    async fn held_rules(&self, user: &User, _namespace: &str) -> HeldRules {
        if !user.is_in(MASTERS) {
            return HeldRules::default();
        }
        let all = || vec!["*".to_owned()];
        let resource = ResourceRule {
            verbs: all(),
            api_groups: all(),
            resources: all(),
            resource_names: Vec::new(),
        };
        let path = PathRule {
            verbs: all(),
            paths: all(),
        };
        HeldRules {
            resources: vec![resource],
            paths: vec![path],
            ..HeldRules::default()
        }
    }
}

/// Allows paths to everyone: exact ones, or all below a prefix when it ends with `*`.
pub struct AlwaysAllowPaths {
    exact: Vec<String>,
    prefixes: Vec<String>,
}

impl AlwaysAllowPaths {
    /// The paths, such as `/healthz` or `/livez/*`.
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a str>) -> AlwaysAllowPaths {
        let (prefixes, exact): (Vec<&str>, Vec<&str>) = paths.into_iter().partition(|path| path.ends_with('*'));
        AlwaysAllowPaths {
            exact: exact.into_iter().map(str::to_owned).collect(),
            prefixes: prefixes
                .into_iter()
                .map(|path| path.trim_end_matches('*').to_owned())
                .collect(),
        }
    }

    /// The health endpoints, without their single checks, and further paths.
    pub fn health_and<'a>(paths: impl IntoIterator<Item = &'a str>) -> AlwaysAllowPaths {
        AlwaysAllowPaths::new(["/healthz", "/livez", "/readyz"].into_iter().chain(paths))
    }
}

#[async_trait]
impl Authorizer for AlwaysAllowPaths {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        let Target::Path(path) = attributes.target else {
            return Ok(allow_if(false));
        };
        let exact = self.exact.iter().any(|allowed| allowed == path);
        Ok(allow_if(
            exact || self.prefixes.iter().any(|prefix| path.starts_with(prefix)),
        ))
    }
}

fn allow_if(allowed: bool) -> Decision {
    let reason = String::new();
    if allowed {
        Decision::Allow { reason }
    } else {
        Decision::NoOpinion { reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Result<Decision, String>);

    #[async_trait]
    impl Authorizer for Fixed {
        async fn authorize(&self, _attributes: &Attributes<'_>) -> Result<Decision, String> {
            self.0.clone()
        }
    }

    async fn ask(authorizer: &dyn Authorizer, groups: &[&str], path: &str) -> Result<Decision, String> {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        let user = User {
            groups,
            ..User::default()
        };
        authorizer
            .authorize(&Attributes {
                user: &user,
                verb: "get",
                target: Target::Path(path),
            })
            .await
    }

    fn no_opinion(reason: &str) -> Decision {
        Decision::NoOpinion { reason: reason.into() }
    }

    fn fixed(decision: Result<Decision, String>) -> Arc<dyn Authorizer> {
        Arc::new(Fixed(decision))
    }

    #[tokio::test]
    async fn the_first_decision_wins() {
        let deny = Decision::Deny { reason: "no".into() };
        let chain = [
            Err("down".into()),
            Ok(no_opinion("a")),
            Ok(deny.clone()),
            Ok(allow_if(true)),
        ];
        assert_eq!(ask(&Union(chain.map(fixed).into()), &[], "/x").await, Ok(deny));
    }

    #[tokio::test]
    async fn undecided_is_closed_and_a_failure_shows() {
        let undecided = [Ok(no_opinion("a")), Ok(no_opinion("")), Ok(no_opinion("b"))];
        assert_eq!(
            ask(&Union(undecided.map(fixed).into()), &[], "/x").await,
            Ok(no_opinion("a\nb"))
        );
        let failing = [Ok(no_opinion("a")), Err("down".into())];
        assert_eq!(
            ask(&Union(failing.map(fixed).into()), &[], "/x").await,
            Err("down".into())
        );
        assert_eq!(ask(&Union(vec![]), &[], "/x").await, Ok(no_opinion("")));
    }

    #[tokio::test]
    async fn masters_and_listed_paths_are_allowed() {
        assert_eq!(
            ask(&SystemMasters, &["x", "system:masters"], "/x").await,
            Ok(allow_if(true))
        );
        assert_eq!(ask(&SystemMasters, &["x"], "/x").await, Ok(allow_if(false)));
        let paths = AlwaysAllowPaths::new(["/healthz", "/sso/*"]);
        for (path, allowed) in [
            ("/healthz", true),
            ("/healthz/etcd", false),
            ("/sso/login", true),
            ("/sso", false),
        ] {
            assert_eq!(ask(&paths, &[], path).await, Ok(allow_if(allowed)), "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_held_is_listed_together() {
        let union = Union(vec![
            Arc::new(SystemMasters),
            Arc::new(AlwaysAllowPaths::new(["/x", "/y/*"])),
        ]);
        let user = |group: &str| User {
            groups: vec![group.to_owned()],
            ..User::default()
        };
        let masters = union.held_rules(&user(MASTERS), "a").await;
        assert_eq!(
            (masters.resources.len(), masters.resources[0].verbs[0].as_str()),
            (1, "*")
        );
        // What everybody may do is no rule, as in kube-apiserver.
        assert_eq!(union.held_rules(&user("g"), "a").await, HeldRules::default());
    }
}
