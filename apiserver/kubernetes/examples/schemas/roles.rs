//! The roles and bindings that a fresh kube-apiserver creates, those of them that mean something here.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    Files, print,
    sources::{ROLE_FILES, ROLES, ROLES_FOLDER},
};

pub(crate) fn generate(modules: &Path, files: &mut Files) -> Result<()> {
    let mut kept = Vec::new();
    for file in ROLE_FILES {
        let path = modules.join(ROLES_FOLDER).join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let list: Value = serde_saphyr::from_str(&text)?;
        let items = list["items"].as_array().context("items")?;
        kept.extend(items.iter().filter(|item| is_kept(item)).map(without_server_fields));
    }
    files.insert(
        "apiserver/kubernetes/roles/defaults.json".into(),
        print::text(&kept.into()),
    );
    Ok(())
}

fn is_kept(item: &Value) -> bool {
    item["metadata"]["name"]
        .as_str()
        .is_some_and(|name| ROLES.contains(&name))
}

fn without_server_fields(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(metadata) = item["metadata"].as_object_mut() {
        metadata.remove("creationTimestamp");
    }
    // The server computes the rules of aggregated roles.
    if let Some(fields) = item.as_object_mut().filter(|fields| fields["kind"] == "ClusterRole") {
        fields.retain(|_, value| !value.is_null());
    }
    item
}
