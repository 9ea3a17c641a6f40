//! The serializations: JSON and YAML.

use bytes::Bytes;
use serde_json::Value;

/// A serialization that the server writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`.
    #[default]
    Json,
    /// `application/yaml`.
    Yaml,
}

impl MediaType {
    /// The value of `Content-Type`.
    pub fn content_type(self) -> &'static str {
        match self {
            MediaType::Json => "application/json",
            MediaType::Yaml => "application/yaml",
        }
    }

    /// Writes a value, with a newline at the end.
    pub fn encode(self, value: &Value) -> Bytes {
        let text = match self {
            MediaType::Json => value.to_string(),
            // A value has nothing that YAML can't say; the plain form is YAML too.
            MediaType::Yaml => serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string()),
        };
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        Bytes::from(text + newline)
    }

    /// Turns JSON that is already encoded into this type.
    pub fn transcode(self, json: Bytes) -> Bytes {
        if self == MediaType::Json {
            return json;
        }
        serde_json::from_slice(&json).map_or(json, |value: Value| self.encode(&value))
    }
}
