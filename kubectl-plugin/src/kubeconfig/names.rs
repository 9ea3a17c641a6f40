//! Names of the contexts that we write: `<supervisor>` and `<supervisor>/<namespace>/<cluster>`.

use super::{
    document::{Document, List},
    exec_args::ExecArgs,
};
use crate::{
    credential::Guest,
    error::{Error, Result},
    supervisor::Supervisor,
};

/// The context of a supervisor: the one that is there, else its host where that name is free, else host and port.
pub(crate) fn supervisor_context(documents: &[Document], supervisor: &Supervisor) -> Result<String> {
    if let Some(name) = existing(documents, supervisor) {
        return Ok(name);
    }
    let host_and_port = supervisor.host();
    let host = match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host_and_port,
    };
    let is_free = |name: &&str| {
        documents
            .iter()
            .all(|document| document.get(List::Contexts, name).is_none())
    };
    let name = [host, host_and_port].into_iter().find(is_free);
    name.map(str::to_owned).ok_or_else(|| taken(host_and_port))
}

/// The context of a guest.
pub(crate) fn guest_context(documents: &[Document], supervisor: &Supervisor, guest: &Guest) -> Result<String> {
    let prefix = supervisor_context(documents, supervisor)?;
    Ok(format!("{prefix}/{}/{}", guest.namespace, guest.name))
}

/// A context of this name, unless somebody else's is called so: only ours are written over.
pub(super) fn check_ours(documents: &[Document], name: &str, args: &ExecArgs) -> Result<()> {
    for document in documents {
        if let Some(context) = document.get(List::Contexts, name) {
            let user = context["user"].as_str().unwrap_or_default();
            let found = user_of(documents, user);
            let same = found.is_some_and(|found| {
                found.supervisor.server == args.supervisor.server
                    && found.guest.map(|access| access.guest) == args.guest.as_ref().map(|access| access.guest.clone())
            });
            if !same {
                return Err(taken(name));
            }
        }
    }
    Ok(())
}

fn existing(documents: &[Document], supervisor: &Supervisor) -> Option<String> {
    for document in documents {
        for name in document.names(List::Contexts) {
            let user = document.get(List::Contexts, name)?["user"].as_str().unwrap_or_default();
            let ours = user_of(documents, user);
            if ours.is_some_and(|ours| ours.guest.is_none() && ours.supervisor.server == supervisor.server) {
                return Some(name.to_owned());
            }
        }
    }
    None
}

fn user_of(documents: &[Document], name: &str) -> Option<ExecArgs> {
    let user = documents.iter().find_map(|document| document.get(List::Users, name))?;
    ExecArgs::of_entry(user)
}

fn taken(name: &str) -> Error {
    Error::failed(format!("the kubeconfig has a context {name:?} for something else"))
        .next("Choose another name: --context-name NAME")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::supervisor::SupervisorId;

    fn supervisor(server: &str) -> Supervisor {
        Supervisor {
            server: server.to_owned(),
            certificate_authority: None,
        }
    }

    fn with(contexts: &[(&str, &str)]) -> Vec<Document> {
        let mut document = Document::default();
        for (name, server) in contexts {
            let args = ExecArgs {
                supervisor: SupervisorId {
                    server: (*server).to_owned(),
                    ca_sha256: None,
                },
                guest: None,
            };
            document.set(List::Users, name, args.user("kubectl-guest"));
            document.set(List::Contexts, name, json!({"cluster": name, "user": name}));
        }
        vec![document]
    }

    #[test]
    fn a_context_is_named_after_its_supervisor() {
        let name = |contexts: &[(&str, &str)], server| supervisor_context(&with(contexts), &supervisor(server));
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
    }

    #[test]
    fn only_our_own_context_is_written_over() {
        let documents = with(&[("a", "https://a")]);
        let args = |server: &str| ExecArgs {
            supervisor: SupervisorId {
                server: server.to_owned(),
                ca_sha256: Some("x".to_owned()),
            },
            guest: None,
        };
        assert!(check_ours(&documents, "a", &args("https://a")).is_ok());
        assert!(check_ours(&documents, "a", &args("https://b")).is_err());
        assert!(check_ours(&documents, "free", &args("https://b")).is_ok());
        let mut foreign = Document::default();
        foreign.set(List::Contexts, "a", json!({"cluster": "c", "user": "u"}));
        assert!(check_ours(&[foreign], "a", &args("https://a")).is_err());
    }
}
