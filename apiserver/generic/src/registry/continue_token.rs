//! The `continue` token of a chunked list: which revision, and after which key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    schema::decode::{self, DecodeError},
    status::Status,
    storage::Revision,
};

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContinueToken {
    /// The revision that all pages show; none for the newest one, after the list's own has expired.
    pub(super) revision: Option<Revision>,
    /// Namespace of the last object of the page before.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
}

#[derive(Serialize, Deserialize)]
struct Encoded {
    v: String,
    rv: i64,
    start: String,
}

const VERSION: &str = "meta.k8s.io/v1";

impl ContinueToken {
    pub(super) fn encode(&self) -> String {
        let encoded = Encoded {
            v: VERSION.to_owned(),
            rv: self
                .revision
                .map_or(-1, |revision| i64::try_from(revision).unwrap_or(i64::MAX)),
            start: format!("{}/{}\0", self.namespace, self.name),
        };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&encoded).unwrap_or_default())
    }

    /// Reads a token; 400 for anything this server did not make.
    pub(super) fn decode(token: &str) -> Result<ContinueToken, Status> {
        let invalid =
            |why: &str| Status::bad_request(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD
            .decode(token.trim_end_matches('='))
            .map_err(|error| invalid(&error.to_string()))?;
        if let Err(DecodeError::Json(problem)) = decode::json(&bytes) {
            return Err(invalid(&problem));
        }
        let encoded: Encoded = serde_json::from_slice(&bytes).map_err(|error| invalid(&error.to_string()))?;
        if encoded.v != VERSION {
            return Err(invalid(&format!(
                "server does not recognize this encoded version \"{}\"",
                encoded.v
            )));
        }
        let revision = match encoded.rv {
            -1 => None,
            rv => Some(
                Revision::try_from(rv)
                    .ok()
                    .filter(|revision| *revision > 0)
                    .ok_or_else(|| invalid("incorrect encoded start resourceVersion"))?,
            ),
        };
        let start = encoded.start.strip_suffix('\0').unwrap_or(&encoded.start);
        let (namespace, name) = start
            .split_once('/')
            .ok_or_else(|| invalid("no namespace in the start key"))?;
        Ok(ContinueToken {
            revision,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use near_inputs::near_text;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_survive_the_round_trip() {
        for revision in [Some(7), None] {
            let token = ContinueToken {
                revision,
                namespace: "ns".into(),
                name: "a".into(),
            };
            assert_eq!(ContinueToken::decode(&token.encode()).unwrap(), token);
        }
    }

    #[test]
    fn foreign_tokens_are_400() {
        for token in [
            "x",
            "!!",
            "e30",
            &URL_SAFE_NO_PAD.encode(r#"{"v":"v9","rv":1,"start":"a/b"}"#),
        ] {
            let status = ContinueToken::decode(token).unwrap_err();
            assert_eq!(status.code, 400);
            assert!(
                status.message.starts_with("invalid continue token: "),
                "{}",
                status.message
            );
        }
    }

    proptest! {
        #[test]
        fn fuzz_tokens_come_back(revision in proptest::option::of(1..u64::MAX / 2), namespace in "[a-z0-9.-]{0,20}", name in "[a-z0-9.é/-]{0,20}") {
            let token = ContinueToken { revision, namespace, name };
            prop_assert_eq!(ContinueToken::decode(&token.encode()).map_err(|status| status.message), Ok(token));
        }

        #[test]
        fn fuzz_tokens_near_right_ones(
            plain in near_text(
                &[r#"{"v":"meta.k8s.io/v1","rv":7,"start":"ns/name\u0000"}"#, r#"{"v":"meta.k8s.io/v1","rv":-1,"start":"/a"}"#],
                &["rv", "start", "null", "{", "\\u0000", "/"],
            ),
            token in near_text(&["eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6Nywic3RhcnQiOiJucy9hXHUwMDAwIn0", "e30="], &["=", "_", "-"]),
        ) {
            let encoded = URL_SAFE_NO_PAD.encode(&plain);
            for token in [encoded, plain, token] {
                match ContinueToken::decode(&token) {
                    Ok(found) => prop_assert_eq!(ContinueToken::decode(&found.encode()).ok(), Some(found)),
                    Err(status) => prop_assert_eq!(status.code, 400),
                }
            }
        }
    }
}
