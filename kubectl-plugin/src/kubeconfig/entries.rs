//! The entries that a login adds: a cluster, a user and a context, all of one name.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    document::{Document, List},
    exec_args::{ExecArgs, program},
    files::Files,
    names::check_ours,
    write::edit,
};
use crate::error::Result;

/// What a login adds to a kubeconfig.
pub(crate) struct Entries {
    /// Name of all three.
    pub(crate) name: String,
    /// `https://HOST:PORT`.
    pub(crate) server: String,
    /// PEM of who signs for it.
    pub(crate) certificate_authority: Option<String>,
    /// Namespace of the context; none keeps what is there.
    pub(crate) namespace: Option<String>,
    /// How the user gets a credential.
    pub(crate) exec: ExecArgs,
}

/// What was written.
pub(crate) struct Written {
    /// Whether the context was not there before.
    pub(crate) is_new: bool,
    /// Whether it is the current one now.
    pub(crate) is_current: bool,
}

impl Entries {
    /// Writes the entries into the files. The context is made current when `switch` says so: given whether it is new.
    pub(crate) async fn write(&self, files: &Files, switch: impl FnOnce(bool) -> bool) -> Result<Written> {
        let documents = files.read()?;
        let contents: Vec<_> = documents.iter().map(|(_, document)| document.clone()).collect();
        check_ours(&contents, &self.name, &self.exec)?;
        let is_new = contents
            .iter()
            .all(|document| document.get(List::Contexts, &self.name).is_none());
        for (list, content) in [
            (List::Clusters, self.cluster()),
            (List::Users, self.exec.user(&program())),
        ] {
            let path = files.of_entry(&documents, list, &self.name);
            edit(&path, |document| document.set(list, &self.name, content)).await?;
        }
        let path = files.of_entry(&documents, List::Contexts, &self.name);
        edit(&path, |document| self.set_context(document)).await?;
        let current = |documents: &[(PathBuf, Document)]| {
            let first = documents.iter().find_map(|(_, document)| document.current_context());
            first == Some(&self.name)
        };
        let is_current = if switch(is_new) {
            let path = files.of_current_context(&documents);
            edit(&path, |document| document.set_current_context(&self.name)).await?;
            true
        } else {
            current(&documents)
        };
        Ok(Written { is_new, is_current })
    }

    /// A kubeconfig with nothing else.
    pub(crate) fn alone(&self) -> Result<String> {
        let mut document = Document::default();
        document.set(List::Clusters, &self.name, self.cluster());
        document.set(List::Users, &self.name, self.exec.user(&program()));
        self.set_context(&mut document);
        document.set_current_context(&self.name);
        document.to_yaml()
    }

    fn cluster(&self) -> Value {
        let mut cluster = json!({"server": self.server});
        if let Some(pem) = &self.certificate_authority {
            cluster["certificate-authority-data"] = json!(STANDARD.encode(pem));
        }
        cluster
    }

    fn set_context(&self, document: &mut Document) {
        let there = document
            .get(List::Contexts, &self.name)
            .filter(|context| context.is_object());
        let mut context = there.cloned().unwrap_or_else(|| json!({}));
        context["cluster"] = json!(self.name);
        context["user"] = json!(self.name);
        if let Some(namespace) = &self.namespace {
            context["namespace"] = json!(namespace);
        }
        document.set(List::Contexts, &self.name, context);
    }
}
