//! Secret.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use generic_apiserver::{
    FieldError, Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext},
};
use serde_json::{Map, Value};

use super::{
    builtin,
    cells::{age, column, entries, some_text, text},
    config_map::{validate_immutable, validate_keys, without_empty},
};

/// What all values of a secret may take together, in bytes.
const MOST_BYTES: usize = 1024 * 1024;

pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/secrets.json");
    builtin::of(("", "v1"), "Secret", "secrets", schema)
        .columns(vec![
            column("Type", "What the secret is for.", |object| text(object, "/type").into()),
            column("Data", "How many values it holds.", |object| {
                entries(object, "/data").into()
            }),
            age(),
        ])
        .selectable(&[("type", |object| some_text(object, "/type"))])
        .strategy(Secret)
        .build()
}

struct Secret;

#[async_trait]
impl Strategy for Secret {
    fn apply_defaults(&self, object: &mut Value) {
        merge_string_data(object);
        without_empty(object, &["data"]);
        default_type(object, "Opaque");
    }

    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        Ok(Findings {
            errors: validate(object),
            ..Findings::default()
        })
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, old: &Value) -> Result<Findings, Status> {
        let mut errors = Vec::new();
        if object["type"] != old["type"] {
            errors.push(FieldError::invalid(
                "type",
                object["type"].clone(),
                "field is immutable",
            ));
        }
        errors.extend(validate_immutable(object, old, &["data"]));
        errors.extend(validate(object));
        Ok(Findings {
            errors,
            ..Findings::default()
        })
    }
}

/// `stringData` is only for writing: its values replace those of `data`.
fn merge_string_data(object: &mut Value) {
    let Some(secret) = object.as_object_mut() else { return };
    let Some(Value::Object(texts)) = secret.remove("stringData") else {
        return;
    };
    if texts.is_empty() {
        return;
    }
    let data = secret.entry("data").or_insert_with(|| Map::new().into());
    for (key, text) in texts {
        let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
        data[key] = encoded.into();
    }
}

fn default_type(object: &mut Value, default: &str) {
    if text(object, "/type").is_empty() {
        object["type"] = default.into();
    }
}

/// Values are never part of an error.
fn validate(object: &Value) -> Vec<FieldError> {
    let mut errors = validate_keys(object, &["data"]);
    let mut total = 0;
    for (key, value) in object["data"].as_object().into_iter().flatten() {
        match STANDARD.decode(value.as_str().unwrap_or_default()) {
            Ok(decoded) => total += decoded.len(),
            Err(_) => errors.push(FieldError::invalid(
                format!("data[{key}]"),
                "<secret contents redacted>",
                "must be base64",
            )),
        }
    }
    if total > MOST_BYTES {
        errors.push(FieldError::too_long("data", MOST_BYTES));
    }
    errors.extend(required_keys(object));
    errors
}

/// The keys that a type promises to its readers.
fn required_keys(object: &Value) -> Vec<FieldError> {
    let needed: &[&str] = match text(object, "/type") {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        _ => &[],
    };
    let missing = needed.iter().filter(|&&key| object["data"].get(key).is_none());
    missing
        .map(|key| FieldError::required(format!("data[{key}]"), ""))
        .collect()
}
