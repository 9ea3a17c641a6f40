//! Acting as somebody else: the `Impersonate-*` headers, each authorized with the verb `impersonate` as the requestor.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;

use super::{ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User};
use crate::{
    authz::{Access, Target},
    status::Status,
};

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const EXTRA_PREFIX: &str = "impersonate-extra-";
const AUTHENTICATION_GROUP: &str = "authentication.k8s.io";

/// Who the request wants to act as, checked and with the headers removed; none when it does not ask to. 403 when the
/// requestor may not, 400 when the headers name no user.
pub(crate) async fn impersonate(headers: &mut HeaderMap, requestor: Access<'_>) -> Result<Option<User>, Status> {
    let Some(wanted) = Wanted::take(headers)? else {
        return Ok(None);
    };
    wanted.authorize(requestor).await?;
    Ok(Some(wanted.into_user()))
}

#[derive(Debug)]
struct Wanted {
    user: String,
    uid: Option<String>,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
}

impl Wanted {
    fn take(headers: &mut HeaderMap) -> Result<Option<Wanted>, Status> {
        let user = take(headers, &USER)?.into_iter().next().filter(|user| !user.is_empty());
        let groups = take(headers, &GROUP)?;
        let uid = take(headers, &UID)?.into_iter().next().filter(|uid| !uid.is_empty());
        let extra = take_extra(headers)?;
        match user {
            Some(user) => Ok(Some(Wanted {
                user,
                uid,
                groups,
                extra,
            })),
            None if groups.is_empty() && uid.is_none() && extra.is_empty() => Ok(None),
            None => Err(Status::bad_request(without_user(&groups, uid.as_deref(), &extra))),
        }
    }

    async fn authorize(&self, requestor: Access<'_>) -> Result<(), Status> {
        let core = |resource, namespace, name| target("", resource, "", namespace, name);
        match service_account(&self.user) {
            Some((namespace, name)) => allow(requestor, core("serviceaccounts", namespace, name)).await?,
            None => allow(requestor, core("users", "", &self.user)).await?,
        }
        for group in &self.groups {
            allow(requestor, core("groups", "", group)).await?;
        }
        for (key, values) in &self.extra {
            for value in values {
                allow(requestor, target(AUTHENTICATION_GROUP, "userextras", key, "", value)).await?;
            }
        }
        match &self.uid {
            Some(uid) => allow(requestor, target(AUTHENTICATION_GROUP, "uids", "", "", uid)).await,
            None => Ok(()),
        }
    }

    fn into_user(self) -> User {
        let mut groups = self.groups;
        if groups.is_empty()
            && let Some((namespace, _)) = service_account(&self.user)
        {
            groups = vec![
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
            ];
        }
        let said = groups
            .iter()
            .any(|group| group == AUTHENTICATED || group == UNAUTHENTICATED);
        if !said {
            let group = if self.user == ANONYMOUS {
                UNAUTHENTICATED
            } else {
                AUTHENTICATED
            };
            groups.push(group.to_owned());
        }
        User {
            name: self.user,
            uid: self.uid,
            groups,
            extra: self.extra,
        }
    }
}

async fn allow(requestor: Access<'_>, target: Target<'_>) -> Result<(), Status> {
    requestor.require("impersonate", target).await
}

fn target<'a>(
    group: &'a str,
    resource: &'a str,
    subresource: &'a str,
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

/// Namespace and name of `system:serviceaccount:NAMESPACE:NAME`.
fn service_account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let plausible = !namespace.is_empty() && !name.is_empty() && !name.contains(':');
    plausible.then_some((namespace, name))
}

fn take(headers: &mut HeaderMap, name: &HeaderName) -> Result<Vec<String>, Status> {
    let values: Result<Vec<String>, _> = headers
        .get_all(name)
        .iter()
        .map(|value| value.to_str().map(str::to_owned))
        .collect();
    headers.remove(name);
    values.map_err(|_| Status::bad_request(format!("header {name} is not plain text")))
}

fn take_extra(headers: &mut HeaderMap) -> Result<BTreeMap<String, Vec<String>>, Status> {
    let names: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(EXTRA_PREFIX))
        .cloned()
        .collect();
    let mut extra = BTreeMap::new();
    for name in names {
        let key = percent_decode_str(&name.as_str()[EXTRA_PREFIX.len()..])
            .decode_utf8_lossy()
            .into_owned();
        extra.insert(key, take(headers, &name)?);
    }
    Ok(extra)
}

fn without_user(groups: &[String], uid: Option<&str>, extra: &BTreeMap<String, Vec<String>>) -> String {
    let groups = groups.iter().map(|group| format!("Group {group:?}"));
    let extra = extra
        .iter()
        .flat_map(|(key, values)| values.iter().map(move |value| format!("UserExtra {key}={value:?}")));
    let uid = uid.map(|uid| format!("UID {uid:?}"));
    let requested: Vec<String> = groups.chain(extra).chain(uid).collect();
    format!("requested [{}] without impersonating a user", requested.join(" "))
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::authz::{Attributes, Authorizer, Decision};

    /// Allows exactly these `resource/subresource namespace/name`.
    struct Only(&'static [&'static str]);

    #[async_trait]
    impl Authorizer for Only {
        async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
            let Target::Resource {
                resource,
                subresource,
                namespace,
                name,
                ..
            } = attributes.target
            else {
                return Err("not a resource".into());
            };
            assert_eq!(
                (attributes.verb, attributes.user.name.as_str()),
                ("impersonate", "root")
            );
            let asked = format!("{resource}/{subresource} {namespace}/{name}");
            let reason = String::new();
            let allowed = self.0.contains(&asked.as_str());
            Ok(if allowed {
                Decision::Allow { reason }
            } else {
                Decision::NoOpinion { reason }
            })
        }
    }

    async fn act(headers: &[(&'static str, &str)], allowed: &'static [&'static str]) -> Result<Option<User>, Status> {
        let mut map: HeaderMap = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let root = User {
            name: "root".into(),
            ..User::default()
        };
        let outcome = impersonate(&mut map, Access::new(&root, &Only(allowed))).await;
        assert!(outcome.is_err() || map.is_empty(), "the headers are consumed");
        outcome
    }

    #[tokio::test]
    async fn users_groups_extra_and_uid_are_each_authorized() {
        let headers = [
            ("impersonate-user", "jane"),
            ("impersonate-group", "dev"),
            ("impersonate-group", "ops"),
            ("impersonate-extra-acme.com%2fproject", "x"),
            ("impersonate-uid", "7"),
        ];
        let allowed = &[
            "users/ /jane",
            "groups/ /dev",
            "groups/ /ops",
            "userextras/acme.com/project /x",
            "uids/ /7",
        ];
        let user = act(&headers, allowed).await.unwrap().unwrap();
        assert_eq!(user.name, "jane");
        assert_eq!(user.groups, ["dev", "ops", "system:authenticated"]);
        assert_eq!(user.extra["acme.com/project"], ["x"]);
        assert_eq!(user.uid.as_deref(), Some("7"));
        for missing in 0..allowed.len() {
            let rest: Vec<&'static str> = allowed
                .iter()
                .enumerate()
                .filter(|(index, _)| *index != missing)
                .map(|(_, name)| *name)
                .collect();
            let refused = act(&headers, Box::leak(rest.into_boxed_slice())).await.unwrap_err();
            assert_eq!((refused.code, refused.reason.as_str()), (403, "Forbidden"));
        }
    }

    #[tokio::test]
    async fn service_accounts_are_their_own_resource_and_bring_their_groups() {
        let user = act(
            &[("impersonate-user", "system:serviceaccount:ns:sa")],
            &["serviceaccounts/ ns/sa"],
        )
        .await;
        let groups = user.unwrap().unwrap().groups;
        assert_eq!(
            groups,
            [
                "system:serviceaccounts",
                "system:serviceaccounts:ns",
                "system:authenticated"
            ]
        );
    }

    #[tokio::test]
    async fn anonymous_stays_unauthenticated() {
        let user = act(
            &[("impersonate-user", "system:anonymous")],
            &["users/ /system:anonymous"],
        )
        .await;
        assert_eq!(user.unwrap().unwrap().groups, ["system:unauthenticated"]);
    }

    #[tokio::test]
    async fn a_group_needs_a_user() {
        let refused = act(&[("impersonate-group", "dev")], &[]).await.unwrap_err();
        assert_eq!(refused.code, 400);
        assert_eq!(
            refused.message,
            "requested [Group \"dev\"] without impersonating a user"
        );
        assert_eq!(act(&[], &[]).await, Ok(None));
    }

    #[tokio::test]
    async fn the_refusal_names_what_was_asked() {
        let refused = act(&[("impersonate-user", "jane")], &[]).await.unwrap_err();
        assert_eq!(
            refused.message,
            r#"users "jane" is forbidden: User "root" cannot impersonate resource "users" in API group "" at the cluster scope"#
        );
    }
}
