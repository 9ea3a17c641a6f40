//! Names of the contexts that we write: `<supervisor>` and `<supervisor>/<namespace>/<cluster>`.

use super::{
    document::{Document, List},
    exec_args::ExecArgs,
};
use crate::{
    credential::Guest,
    error::{Error, Result},
    supervisor::SupervisorId,
};

/// The context of a supervisor, or of a guest there.
pub(crate) fn context_name(documents: &[Document], supervisor: &SupervisorId, guest: Option<&Guest>) -> Result<String> {
    let name = supervisor_context(documents, supervisor)?;
    Ok(match guest {
        Some(guest) => format!("{name}/{}/{}", guest.namespace, guest.name),
        None => name,
    })
}

/// The context of a supervisor: the one that is there, else its host where that name is free, else host and port.
fn supervisor_context(documents: &[Document], supervisor: &SupervisorId) -> Result<String> {
    if let Some(name) = existing(documents, supervisor) {
        return Ok(name);
    }
    let host_and_port = supervisor.host();
    let host = match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host_and_port,
    };
    let is_free = |name: &&str| check_ours(documents, name, supervisor, None).is_ok();
    match [host, host_and_port].into_iter().find(is_free) {
        Some(name) => Ok(name.to_owned()),
        None => Err(taken("context", host_and_port)),
    }
}

/// Refuses a name under which somebody else has a context, a user or a cluster: only ours are written over.
pub(super) fn check_ours(
    documents: &[Document],
    name: &str,
    supervisor: &SupervisorId,
    guest: Option<&Guest>,
) -> Result<()> {
    let leads_here = |user: &str| {
        user_of(documents, user).is_some_and(|found| {
            found.supervisor.server == supervisor.server && found.guest.as_ref().map(|access| &access.guest) == guest
        })
    };
    if let Some(context) = get(documents, List::Contexts, name)
        && !leads_here(context["user"].as_str().unwrap_or_default())
    {
        return Err(taken("context", name));
    }
    if get(documents, List::Users, name).is_some() && !leads_here(name) {
        return Err(taken("user", name));
    }
    if let Some(cluster) = get(documents, List::Clusters, name) {
        // Without a user of ours it may be one that somebody prepares, unless it is the same anyway.
        let same = guest.is_none() && cluster["server"] == supervisor.server.as_str();
        if !leads_here(name) && !same {
            return Err(taken("cluster", name));
        }
    }
    Ok(())
}

fn get<'a>(documents: &'a [Document], list: List, name: &str) -> Option<&'a serde_json::Value> {
    documents.iter().find_map(|document| document.get(list, name))
}

fn existing(documents: &[Document], supervisor: &SupervisorId) -> Option<String> {
    for document in documents {
        for name in document.names(List::Contexts) {
            let context = document.get(List::Contexts, name);
            let user = context.and_then(|context| context["user"].as_str());
            let ours = user.and_then(|user| user_of(documents, user));
            if ours.is_some_and(|ours| ours.guest.is_none() && ours.supervisor.server == supervisor.server) {
                return Some(name.to_owned());
            }
        }
    }
    None
}

fn user_of(documents: &[Document], name: &str) -> Option<ExecArgs> {
    ExecArgs::of_entry(get(documents, List::Users, name)?)
}

fn taken(what: &str, name: &str) -> Error {
    Error::failed(format!("the kubeconfig has a {what} {name:?} for something else"))
        .next("Choose another name: --context-name NAME")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn supervisor(server: &str) -> SupervisorId {
        SupervisorId {
            server: server.to_owned(),
            ca_sha256: None,
        }
    }

    fn with(contexts: &[(&str, &str)]) -> Vec<Document> {
        let mut document = Document::default();
        for (name, server) in contexts {
            let args = ExecArgs {
                unattended: None,
                supervisor: supervisor(server),
                guest: None,
            };
            document.set(List::Users, name, args.user("kubectl-guest"));
            document.set(List::Contexts, name, json!({"cluster": name, "user": name}));
        }
        vec![document]
    }

    #[test]
    fn a_context_is_named_after_its_supervisor() {
        let name = |contexts: &[(&str, &str)], server| context_name(&with(contexts), &supervisor(server), None);
        assert_eq!(name(&[], "https://127.0.0.1:6443").unwrap(), "127.0.0.1");
        assert_eq!(name(&[], "https://[::1]:6443").unwrap(), "[::1]");
        assert_eq!(name(&[], "https://sup.example").unwrap(), "sup.example");
        let other = ("127.0.0.1", "https://127.0.0.1:7443");
        assert_eq!(name(&[other], "https://127.0.0.1:6443").unwrap(), "127.0.0.1:6443");
        assert_eq!(name(&[other], "https://127.0.0.1:7443").unwrap(), "127.0.0.1");
        assert_eq!(
            name(&[("mine", "https://127.0.0.1:7443")], "https://127.0.0.1:7443").unwrap(),
            "mine"
        );
        let both = [other, ("127.0.0.1:6443", "https://elsewhere")];
        let error = name(&both, "https://127.0.0.1:6443").unwrap_err().to_string();
        assert!(error.contains("--context-name"), "{error}");
        let guest = Guest::new("team-a", "dev").unwrap();
        let of_guest = context_name(&with(&[]), &supervisor("https://a"), Some(&guest));
        assert_eq!(of_guest.unwrap(), "a/team-a/dev");
    }

    #[test]
    fn only_our_own_entries_are_written_over() {
        let mut documents = with(&[("a", "https://a")]);
        let check = |documents: &[Document], name, server| check_ours(documents, name, &supervisor(server), None);
        assert!(check(&documents, "a", "https://a").is_ok());
        assert!(check(&documents, "a", "https://b").is_err());
        assert!(check(&documents, "free", "https://b").is_ok());
        let guest = Guest::new("team-a", "dev").unwrap();
        assert!(check_ours(&documents, "a", &supervisor("https://a"), Some(&guest)).is_err());
        documents[0].set(List::Clusters, "a", json!({"server": "https://moved"}));
        assert!(check(&documents, "a", "https://a").is_ok(), "with a user of ours");
        for (list, content) in [
            (List::Contexts, json!({"cluster": "c", "user": "u"})),
            (List::Users, json!({"token": "t"})),
            (List::Clusters, json!({"server": "https://else"})),
        ] {
            let mut foreign = Document::default();
            foreign.set(list, "a", content);
            let error = check(std::slice::from_ref(&foreign), "a", "https://a").unwrap_err();
            assert!(error.to_string().contains("for something else"), "{error}");
            let other = context_name(&[foreign], &supervisor("https://a:1"), None);
            assert_eq!(other.unwrap(), "a:1");
        }
    }
}
