//! Secret.

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use generic_apiserver::{
    FieldError, Status,
    registry::{Findings, ResourceDefinition, Strategy, StrategyContext},
    schema::decode::{self, DecodeError},
};
use serde_json::{Map, Value};

use super::{
    builtin,
    cells::{age, column, entries, some_text, text},
    config_map::{MOST_BYTES, decoded_length, validate_immutable, validate_keys, without_empty},
};

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
            warnings: warnings(object),
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
            warnings: warnings(object),
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
    let data = object["data"].as_object().into_iter().flatten();
    let total: usize = data.map(|(_, value)| decoded_length(value)).sum();
    if total > MOST_BYTES {
        errors.push(FieldError::too_long("data", MOST_BYTES));
    }
    errors.extend(validate_type(object));
    errors
}

/// What a type promises to its readers.
fn validate_type(object: &Value) -> Vec<FieldError> {
    let has = |key: &str| object["data"].get(key).is_some();
    let missing = |keys: &[&str]| {
        let missing = keys.iter().filter(|&&key| !has(key));
        missing
            .map(|key| FieldError::required(format!("data[{key}]"), ""))
            .collect()
    };
    match text(object, "/type") {
        "kubernetes.io/tls" => missing(&["tls.crt", "tls.key"]),
        "kubernetes.io/dockercfg" => validate_json(object, ".dockercfg"),
        "kubernetes.io/dockerconfigjson" => validate_json(object, ".dockerconfigjson"),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => missing(&["username", "password"]),
        "kubernetes.io/ssh-auth" if decoded_length(&object["data"]["ssh-privatekey"]) == 0 => {
            vec![FieldError::required("data[ssh-privatekey]", "")]
        }
        "kubernetes.io/service-account-token" => {
            const ACCOUNT: &str = "kubernetes.io/service-account.name";
            let account = object["metadata"]["annotations"][ACCOUNT].as_str().unwrap_or_default();
            if account.is_empty() {
                return vec![FieldError::required(format!("metadata.annotations[{ACCOUNT}]"), "")];
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// The value of this key must be there, and be a JSON object.
fn validate_json(object: &Value, key: &str) -> Vec<FieldError> {
    let field = format!("data[{key}]");
    let Some(value) = object["data"].get(key) else {
        return vec![FieldError::required(field, "")];
    };
    let problem = match decode::json(&decoded(value)) {
        Ok(decoded) if decoded.value.is_object() || decoded.value.is_null() => return Vec::new(),
        Ok(decoded) => {
            let found = decode::word(&decoded.value);
            format!("json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")
        }
        Err(DecodeError::Json(problem) | DecodeError::Yaml(problem)) => problem,
    };
    vec![FieldError::invalid(field, "<secret contents redacted>", problem)]
}

/// A certificate or a key that is none is kept, and said to be so.
fn warnings(object: &Value) -> Vec<String> {
    if text(object, "/type") != "kubernetes.io/tls" {
        return Vec::new();
    }
    let is_pem = |key: &str| String::from_utf8_lossy(&decoded(&object["data"][key])).contains("-----BEGIN ");
    let what = match (is_pem("tls.crt"), is_pem("tls.key")) {
        (false, _) => "certificate",
        (true, false) => "key",
        (true, true) => return Vec::new(),
    };
    vec![format!("tls: failed to find any PEM data in {what} input")]
}

/// What is no base64 was refused before.
fn decoded(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap_or_default()).unwrap_or_default()
}
