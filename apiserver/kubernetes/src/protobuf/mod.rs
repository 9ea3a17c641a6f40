//! Protobuf bodies of the core kinds, read into what JSON would have said.
//!
//! Go clients send these for built-in kinds; answers are always JSON, which they accept as well. The field numbers are
//! generated from upstream's types.

mod message;
mod wire;

use serde_json::Value;

use wire::{Fields, Wire};

use crate::structs::Table;

/// Begins every protobuf body of Kubernetes.
const MAGIC: &[u8] = b"k8s\0";

/// The object in a protobuf body, with its `apiVersion` and `kind`. The error says why it can't be read.
pub(crate) fn decode(body: &[u8]) -> Result<Value, String> {
    let envelope = Envelope::read(body)?;
    let message = Table::get().root(envelope.api_version, envelope.kind).ok_or_else(|| {
        format!(
            "no kind {:?} is registered for version {:?}",
            envelope.kind, envelope.api_version
        )
    })?;
    let mut object = message::decode(message, envelope.object)?;
    object.insert("apiVersion".to_owned(), envelope.api_version.into());
    object.insert("kind".to_owned(), envelope.kind.into());
    Ok(object.into())
}

/// `runtime.Unknown`: what the body is, and its bytes.
struct Envelope<'a> {
    api_version: &'a str,
    kind: &'a str,
    object: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn read(body: &'a [u8]) -> Result<Envelope<'a>, String> {
        let unknown = body
            .strip_prefix(MAGIC)
            .ok_or("the body does not begin as protobuf of Kubernetes does")?;
        let mut envelope = Envelope {
            api_version: "",
            kind: "",
            object: &[],
        };
        for field in Fields(unknown) {
            match field? {
                (1, Wire::Bytes(type_meta)) => {
                    for field in Fields(type_meta) {
                        match field? {
                            (1, Wire::Bytes(text)) => envelope.api_version = wire::text(text)?,
                            (2, Wire::Bytes(text)) => envelope.kind = wire::text(text)?,
                            _ => {}
                        }
                    }
                }
                (2, Wire::Bytes(object)) => envelope.object = object,
                _ => {}
            }
        }
        Ok(envelope)
    }
}

#[cfg(test)]
mod tests;
