//! The words of a 403.

use super::{Attributes, Target};
use crate::status::{Forbidden, Status};

/// 403 for what the authorizer does not allow, worded as kube-apiserver's; `reason` may be empty.
pub fn forbidden(attributes: &Attributes<'_>, reason: &str) -> Status {
    let mut sentence = escape(&sentence(attributes));
    if !reason.is_empty() {
        sentence = format!("{sentence}: {reason}");
    }
    let about = match attributes.target {
        Target::Path(_) => Forbidden {
            group: "",
            resource: "",
            name: "",
        },
        Target::Resource {
            group, resource, name, ..
        } => Forbidden { group, resource, name },
    };
    Status::forbidden(about, &sentence)
}

fn sentence(attributes: &Attributes<'_>) -> String {
    let Attributes { user, verb, target } = attributes;
    let user = &user.name;
    match target {
        Target::Path(path) => format!("User {user:?} cannot {verb} path {path:?}"),
        Target::Resource {
            group,
            resource,
            subresource,
            namespace,
            ..
        } => {
            let slash = if subresource.is_empty() { "" } else { "/" };
            let place = if namespace.is_empty() {
                "at the cluster scope".to_owned()
            } else {
                format!("in the namespace {namespace:?}")
            };
            format!(
                "User {user:?} cannot {verb} resource \"{resource}{slash}{subresource}\" in API group {group:?} {place}"
            )
        }
    }
}

/// The message may be shown in a browser.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::User;

    fn message(verb: &str, target: Target<'_>, reason: &str) -> String {
        let user = User {
            name: "u<1>".into(),
            ..User::default()
        };
        forbidden(
            &Attributes {
                user: &user,
                verb,
                target,
            },
            reason,
        )
        .message
    }

    fn widgets<'a>(namespace: &'a str, name: &'a str, subresource: &'a str) -> Target<'a> {
        Target::Resource {
            group: "g.io",
            version: "v1",
            resource: "widgets",
            subresource,
            namespace,
            name,
        }
    }

    #[test]
    fn words_are_those_of_kube_apiserver() {
        assert_eq!(
            message("get", widgets("ns", "x", ""), ""),
            r#"widgets.g.io "x" is forbidden: User "u&lt;1&gt;" cannot get resource "widgets" in API group "g.io" in the namespace "ns""#
        );
        assert_eq!(
            message("list", widgets("", "", "status"), "why"),
            r#"widgets.g.io is forbidden: User "u&lt;1&gt;" cannot list resource "widgets/status" in API group "g.io" at the cluster scope: why"#
        );
        assert_eq!(
            message("get", Target::Path("/metrics"), ""),
            r#"forbidden: User "u&lt;1&gt;" cannot get path "/metrics""#
        );
    }
}
