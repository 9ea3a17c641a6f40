//! The entries that a login adds: a cluster, a user and a context, all of one name.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    document::{Document, List},
    exec_args::{ExecArgs, program},
    files::Files,
    names::{check_ours, context_name},
};
use crate::{credential::Guest, error::Result, supervisor::SupervisorId};

const LISTS: [List; 3] = [List::Clusters, List::Users, List::Contexts];
/// What a cluster of ours says in one way only.
const OF_CLUSTERS: [&str; 5] = [
    "server",
    "certificate-authority",
    "certificate-authority-data",
    "insecure-skip-tls-verify",
    "tls-server-name",
];
/// Credentials that a user with a plugin must not have.
const OF_USERS: [&str; 9] = [
    "token",
    "tokenFile",
    "username",
    "password",
    "client-certificate",
    "client-certificate-data",
    "client-key",
    "client-key-data",
    "auth-provider",
];

/// What a login adds to a kubeconfig.
pub(crate) struct Entries {
    /// Name of all three; else one after the supervisor and the guest.
    pub(crate) name: Option<String>,
    /// `https://HOST:PORT`.
    pub(crate) server: String,
    /// PEM of who signs for it.
    pub(crate) certificate_authority: Option<String>,
    /// Namespace of the context; none keeps what is there.
    pub(crate) namespace: Option<String>,
    /// Namespace of a context that has none.
    pub(crate) likely_namespace: Option<String>,
    /// How the user gets a credential.
    pub(crate) exec: ExecArgs,
}

/// What was written.
pub(crate) struct Written {
    /// Name of the context.
    pub(crate) name: String,
    /// Its namespace.
    pub(crate) namespace: Option<String>,
    /// Whether the context was not there before.
    pub(crate) is_new: bool,
    /// Whether it is the current one now.
    pub(crate) is_current: bool,
}

/// Checks that the entries of a login can be written, before anybody signs in for it.
pub(crate) async fn check(
    files: &Files,
    name: Option<&str>,
    supervisor: &SupervisorId,
    guest: Option<&Guest>,
) -> Result<()> {
    let locked = files.lock().await?;
    let contents = locked.contents();
    let name = chosen(name, &contents, supervisor, guest)?;
    check_ours(&contents, &name, supervisor, guest)?;
    for list in LISTS {
        locked.check_writable(&files.of_entry(locked.documents(), list, &name))?;
    }
    Ok(())
}

impl Entries {
    /// Writes the entries into the files. The context is made current when `switch` says so: given whether it is new.
    pub(crate) async fn write(&self, files: &Files, switch: impl FnOnce(bool) -> bool) -> Result<Written> {
        let mut locked = files.lock().await?;
        let contents = locked.contents();
        let name = self.name_among(&contents)?;
        let guest = self.exec.guest.as_ref().map(|access| &access.guest);
        check_ours(&contents, &name, &self.exec.supervisor, guest)?;
        let there = contents.iter().find_map(|document| document.get(List::Contexts, &name));
        let (is_new, namespace) = (there.is_none(), self.context(&name, there)["namespace"].clone());
        for list in LISTS {
            let path = files.of_entry(locked.documents(), list, &name);
            locked.edit(path, |document| self.put(document, list, &name));
        }
        let is_current = if switch(is_new) {
            let path = files.of_current_context(locked.documents());
            locked.edit(path, |document| document.set_current_context(&name));
            true
        } else {
            current(locked.documents()) == Some(&name)
        };
        locked.write()?;
        Ok(Written {
            namespace: namespace.as_str().map(str::to_owned),
            name,
            is_new,
            is_current,
        })
    }

    /// A kubeconfig with nothing else, named as it would be among these.
    pub(crate) fn alone(&self, documents: &[Document]) -> Result<String> {
        let name = self.name_among(documents)?;
        let mut document = Document::default();
        for list in LISTS {
            self.put(&mut document, list, &name);
        }
        document.set_current_context(&name);
        document.to_yaml()
    }

    fn name_among(&self, documents: &[Document]) -> Result<String> {
        let guest = self.exec.guest.as_ref().map(|access| &access.guest);
        chosen(self.name.as_deref(), documents, &self.exec.supervisor, guest)
    }

    /// What a person has added to an entry of ours stays.
    fn put(&self, document: &mut Document, list: List, name: &str) {
        let there = document.get(list, name);
        let content = match list {
            List::Clusters => self.cluster(there),
            List::Users => self.user(there),
            List::Contexts => self.context(name, there),
        };
        document.set(list, name, content);
    }

    fn cluster(&self, there: Option<&Value>) -> Value {
        let mut cluster = without(there, &OF_CLUSTERS);
        cluster.insert("server".to_owned(), json!(self.server));
        if let Some(pem) = &self.certificate_authority {
            cluster.insert("certificate-authority-data".to_owned(), json!(STANDARD.encode(pem)));
        }
        cluster.into()
    }

    fn user(&self, there: Option<&Value>) -> Value {
        let mut user = without(there, &OF_USERS);
        let ours = self.exec.user(&program());
        for (key, value) in object(Some(&ours)) {
            let exec = user.entry(key).or_insert(Value::Null);
            let mut merged = object(Some(exec));
            merged.extend(object(Some(&value)));
            *exec = merged.into();
        }
        user.into()
    }

    fn context(&self, name: &str, there: Option<&Value>) -> Value {
        let mut context = object(there);
        context.insert("cluster".to_owned(), json!(name));
        context.insert("user".to_owned(), json!(name));
        let has_one = context.get("namespace").is_some_and(|namespace| namespace != "");
        let likely = self.likely_namespace.as_ref().filter(|_| !has_one);
        if let Some(namespace) = self.namespace.as_ref().or(likely) {
            context.insert("namespace".to_owned(), json!(namespace));
        }
        context.into()
    }
}

fn chosen(
    name: Option<&str>,
    documents: &[Document],
    supervisor: &SupervisorId,
    guest: Option<&Guest>,
) -> Result<String> {
    match name {
        Some(name) => Ok(name.to_owned()),
        None => context_name(documents, supervisor, guest),
    }
}

fn current(documents: &[(PathBuf, Document)]) -> Option<&str> {
    documents.iter().find_map(|(_, document)| document.current_context())
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn without(there: Option<&Value>, keys: &[&str]) -> Map<String, Value> {
    let mut rest = object(there);
    rest.retain(|key, _| !keys.contains(&key.as_str()));
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Entries {
        Entries {
            name: Some("sup".to_owned()),
            server: "https://a".to_owned(),
            certificate_authority: None,
            namespace: None,
            likely_namespace: Some("team-a".to_owned()),
            exec: ExecArgs {
                supervisor: SupervisorId {
                    server: "https://a".to_owned(),
                    ca_sha256: None,
                },
                unattended: None,
                guest: None,
            },
        }
    }

    #[test]
    fn what_a_person_added_to_our_entries_stays() {
        let mut document = Document::default();
        document.set(
            List::Clusters,
            "sup",
            json!({"server": "https://old", "insecure-skip-tls-verify": true, "proxy-url": "http://proxy"}),
        );
        let mut user = entries().exec.user("kubectl-guest");
        user["exec"]["env"] = json!([{"name": "NO_PROXY", "value": "*"}]);
        user["exec"]["command"] = json!("/old/kubectl-guest");
        user["token"] = json!("t");
        user["extensions"] = json!([]);
        document.set(List::Users, "sup", user.clone());
        document.set(List::Contexts, "sup", json!({"namespace": "mine", "extensions": [1]}));
        for list in LISTS {
            entries().put(&mut document, list, "sup");
        }
        assert_eq!(
            document.get(List::Clusters, "sup").unwrap(),
            &json!({"server": "https://a", "proxy-url": "http://proxy"})
        );
        let now = document.get(List::Users, "sup").unwrap();
        assert_eq!(now["exec"]["env"], user["exec"]["env"]);
        assert_ne!(now["exec"]["command"], user["exec"]["command"]);
        assert!(now.get("token").is_none() && now.get("extensions").is_some());
        assert_eq!(
            document.get(List::Contexts, "sup").unwrap(),
            &json!({"namespace": "mine", "extensions": [1], "cluster": "sup", "user": "sup"})
        );
    }

    #[test]
    fn a_namespace_that_is_named_counts_and_a_likely_one_only_where_there_is_none() {
        let namespace = |entries: &Entries, there: Value| entries.context("sup", Some(&there))["namespace"].clone();
        assert_eq!(namespace(&entries(), json!({})), "team-a");
        assert_eq!(namespace(&entries(), json!({"namespace": ""})), "team-a");
        assert_eq!(namespace(&entries(), json!({"namespace": "mine"})), "mine");
        let named = Entries {
            namespace: Some("team-b".to_owned()),
            ..entries()
        };
        assert_eq!(namespace(&named, json!({"namespace": "mine"})), "team-b");
    }
}
