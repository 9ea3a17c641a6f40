//! The Go structs of the core kinds, read from their sources: what a body means in protobuf, and what kube-apiserver's decoder takes
//! in JSON.

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
    let table = json!({"kinds": kinds, "structs": reachable(&packages, roots)?});
    files.insert("apiserver/kubernetes/schemas/structs.json".into(), print::text(&table));
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
    /// In protobuf.
    number: String,
    /// The tag for JSON: the name, which is empty for a struct whose fields are shown as its parent's, and when the field is left out.
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
        let json = tag("json").unwrap_or_default().to_owned();
        let r#type = declared.split_whitespace().last()?.to_owned();
        Some(Field { number, json, r#type })
    }
}

fn reachable(packages: &BTreeMap<&str, Package>, roots: Vec<String>) -> Result<Value> {
    let mut structs = Map::new();
    let mut open = roots;
    let mut seen = BTreeSet::new();
    while let Some(found) = open.pop() {
        if !seen.insert(found.clone()) {
            continue;
        }
        let (package, name) = found.rsplit_once('.').context("struct")?;
        let declared = packages.get(package).with_context(|| format!("no package {package}"))?;
        let fields = declared
            .structs
            .get(name)
            .with_context(|| format!("no struct {found}"))?;
        let mut table = Map::new();
        for field in fields {
            let shape = resolve(packages, package, &field.r#type)?;
            let referred = shape.trim_start_matches(['*', '[', ']', '{', '}']);
            if referred.contains('.') {
                open.push(referred.to_owned());
            }
            let shown = shown(&field.r#type);
            let mut entry = vec![json!(field.json), json!(shape)];
            if shown != usual(&shape) {
                entry.push(shown.into());
            }
            table.insert(field.number.clone(), entry.into());
        }
        structs.insert(found, table.into());
    }
    Ok(structs.into())
}

/// What a type of this shape is mostly called.
fn usual(shape: &str) -> String {
    let shape = shape.trim_start_matches('*');
    if let Some(of) = shape.strip_prefix("[]") {
        return format!("[]{}", usual(of));
    }
    if let Some(of) = shape.strip_prefix("{}") {
        return format!("map[string]{}", usual(of));
    }
    match shape {
        "bytes" => "[]uint8".to_owned(),
        "int" => "int32".to_owned(),
        "intorstring" => "intstr.IntOrString".to_owned(),
        "quantity" => "resource.Quantity".to_owned(),
        "time" => "v1.Time".to_owned(),
        "microtime" => "v1.MicroTime".to_owned(),
        scalar if !scalar.contains('.') => scalar.to_owned(),
        of_struct => format!("v1.{}", of_struct.rsplit('.').next().unwrap_or_default()),
    }
}

/// A type as Go's messages show it, without the pointer: the packages of all versions here are called `v1`.
fn shown(r#type: &str) -> String {
    let r#type = r#type.trim_start_matches('*');
    if let Some(of) = r#type.strip_prefix("[]") {
        return match of {
            "byte" => "[]uint8".to_owned(),
            of if of.starts_with('*') => format!("[]*{}", shown(of)),
            of => format!("[]{}", shown(of)),
        };
    }
    if let Some((key, of)) = r#type.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
        return format!("map[{}]{}", shown(key), shown(of));
    }
    match r#type.split_once('.') {
        Some(("metav1" | "corev1", name)) => format!("v1.{name}"),
        None if r#type.starts_with(char::is_uppercase) => format!("v1.{type}"),
        _ => r#type.to_owned(),
    }
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
