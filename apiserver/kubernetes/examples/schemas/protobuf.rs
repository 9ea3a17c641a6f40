//! Field numbers of the core kinds, read from the tags of their Go structs: what a protobuf body means.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::{
    Files, print,
    sources::{GO_PACKAGES, OPENAPI},
};

pub(crate) fn generate(modules: &Path, files: &mut Files) -> Result<()> {
    let mut packages = BTreeMap::new();
    for (package, file) in GO_PACKAGES {
        let path = modules.join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        packages.insert(*package, Package::read(&text));
    }
    let mut kinds = Map::from_iter([("v1/DeleteOptions".to_owned(), json!("meta.DeleteOptions"))]);
    for kind in OPENAPI {
        let name = kind.component.trim_start_matches("io.k8s.api.");
        let (package, name) = name.rsplit_once('.').context("component")?;
        let (folder, version) = package.split_once('.').context("component")?;
        let group = kind
            .file
            .split_once('.')
            .map_or(String::new(), |(_, group)| format!("{group}/"));
        kinds.insert(
            format!("{group}{version}/{name}"),
            format!("{folder}/{version}.{name}").into(),
        );
    }
    let roots = kinds.values().filter_map(Value::as_str).map(str::to_owned).collect();
    let table = json!({"kinds": kinds, "messages": reachable(&packages, roots)?});
    files.insert("apiserver/kubernetes/schemas/protobuf.json".into(), print::text(&table));
    Ok(())
}

/// One file of Go types.
#[derive(Default)]
struct Package {
    structs: BTreeMap<String, Vec<Field>>,
    /// Names for other types, such as `type SecretType string`.
    aliases: BTreeMap<String, String>,
}

struct Field {
    number: String,
    /// Empty for a struct whose fields JSON shows as its parent's.
    json: String,
    r#type: String,
}

impl Package {
    fn read(text: &str) -> Package {
        let mut package = Package::default();
        let mut current = None;
        for line in text.lines() {
            if let Some(declared) = line.strip_prefix("type ") {
                let (name, rest) = declared.split_once(' ').unwrap_or((declared, ""));
                if rest.starts_with("struct") {
                    package.structs.entry(name.to_owned()).or_default();
                    current = Some(name.to_owned());
                } else {
                    package.aliases.insert(name.to_owned(), rest.trim().to_owned());
                }
            } else if let (Some(name), Some(field)) = (&current, Field::read(line)) {
                package.structs.entry(name.clone()).or_default().push(field);
            }
        }
        package
    }
}

impl Field {
    fn read(line: &str) -> Option<Field> {
        let line = line.trim();
        if line.starts_with("//") {
            return None;
        }
        let (declared, tags) = line.split_once('`')?;
        let tag = |name: &str| Some(tags.split_once(&format!("{name}:\""))?.1.split_once('"')?.0);
        let number = tag("protobuf")?.split(',').nth(1)?.to_owned();
        let json = tag("json").unwrap_or_default().split(',').next()?.to_owned();
        let r#type = declared.split_whitespace().last()?.to_owned();
        Some(Field { number, json, r#type })
    }
}

fn reachable(packages: &BTreeMap<&str, Package>, roots: Vec<String>) -> Result<Value> {
    let mut messages = Map::new();
    let mut open = roots;
    let mut seen = BTreeSet::new();
    while let Some(message) = open.pop() {
        if !seen.insert(message.clone()) {
            continue;
        }
        let (package, name) = message.rsplit_once('.').context("message")?;
        let declared = packages.get(package).with_context(|| format!("no package {package}"))?;
        let fields = declared
            .structs
            .get(name)
            .with_context(|| format!("no struct {message}"))?;
        let mut table = Map::new();
        for field in fields {
            let r#type = resolve(packages, package, &field.r#type)?;
            let referred = r#type.trim_start_matches(['*', '[', ']', '{', '}']);
            if referred.contains('.') {
                open.push(referred.to_owned());
            }
            table.insert(field.number.clone(), json!([field.json, r#type]));
        }
        messages.insert(message, table.into());
    }
    Ok(messages.into())
}

/// A Go type in the words of the decoder: `*` may be zero, `[]` list, `{}` map, then a scalar or a message.
fn resolve(packages: &BTreeMap<&str, Package>, package: &str, r#type: &str) -> Result<String> {
    if let Some(of) = r#type.strip_prefix('*') {
        return Ok(format!("*{}", resolve(packages, package, of)?));
    }
    if r#type == "[]byte" {
        return Ok("bytes".to_owned());
    }
    if let Some(of) = r#type.strip_prefix("[]") {
        return Ok(format!("[]{}", resolve(packages, package, of)?));
    }
    if let Some(of) = r#type.strip_prefix("map[") {
        let (_, of) = of.split_once(']').context("map")?;
        return Ok(format!("{{}}{}", resolve(packages, package, of)?));
    }
    let (package, name) = match r#type.split_once('.') {
        Some(("metav1", name)) => ("meta", name),
        Some(("v1" | "corev1", name)) => ("core/v1", name),
        Some((_, name)) => (package, name),
        None => (package, r#type),
    };
    Ok(match name {
        "string" | "UID" => "string".to_owned(),
        "bool" => "bool".to_owned(),
        "int" | "int32" | "int64" => "int".to_owned(),
        "Time" => "time".to_owned(),
        "MicroTime" => "microtime".to_owned(),
        "Quantity" => "quantity".to_owned(),
        "IntOrString" => "intorstring".to_owned(),
        "RawExtension" | "FieldsV1" => "json".to_owned(),
        "ExtraValue" => "items".to_owned(),
        _ => {
            let declared = packages.get(package).with_context(|| format!("no package {package}"))?;
            match declared.aliases.get(name) {
                Some(alias) => resolve(packages, package, alias)?,
                None => format!("{package}.{name}"),
            }
        }
    })
}
