//! YAML bodies.

use serde_saphyr::{DuplicateKeyPolicy, Options};

use super::{DecodeError, Decoded, tree};

/// Maps and lists nest no deeper than this in YAML: its decoder takes some 16 KiB of stack for each level without
/// optimization, and a worker thread has 2 MiB.
pub(super) const MAX_DEPTH: usize = 48;
/// Most nodes that one YAML document may have, aliases written out: more than a body of the largest size holds in practice.
const MAX_NODES: usize = 1_000_000;

/// Decodes one YAML document. Anchors are allowed within limits; further documents are refused.
pub fn yaml(body: &[u8]) -> Result<Decoded, DecodeError> {
    serde_saphyr::with_deserializer_from_slice_with_options(body, options(), |deserializer| tree::read(deserializer))
        .map_err(|error| DecodeError::Yaml(first_line(&error.to_string())))
}

fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_documents: 1,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        emit_comments: false,
        with_snippet: false,
    }
}

/// What is wrong and where, without the excerpt of the document that follows.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}
