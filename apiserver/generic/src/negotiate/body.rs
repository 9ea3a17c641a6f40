//! The `Content-Type` of request bodies.

use http::HeaderMap;

use crate::{request::options::PatchType, status::Status};

/// The serialization of a request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFormat {
    /// JSON, also when the client does not say.
    Json,
    /// YAML.
    Yaml,
}

impl BodyFormat {
    /// Reads `Content-Type`; parameters such as `charset` do not count. 415 for what is not read.
    pub fn of(headers: &HeaderMap) -> Result<BodyFormat, Status> {
        match content_type(headers) {
            "" | "application/json" => Ok(BodyFormat::Json),
            "application/yaml" => Ok(BodyFormat::Yaml),
            _ => Err(Status::unsupported_media_type(&[
                "application/json",
                "application/yaml",
            ])),
        }
    }
}

/// The patch format among those that a resource serves. 415 for others, and when the client does not say.
pub fn patch_type(headers: &HeaderMap, served: &[PatchType]) -> Result<PatchType, Status> {
    let content_type = content_type(headers);
    served
        .iter()
        .copied()
        .find(|patch| patch.media_type() == content_type)
        .ok_or_else(|| {
            let accepted: Vec<&str> = served.iter().map(|patch| patch.media_type()).collect();
            Status::unsupported_media_type(&accepted)
        })
}

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers
        .get(http::header::CONTENT_TYPE)
        .map_or("", |value| value.to_str().unwrap_or("unreadable"));
    value.split(';').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str) -> HeaderMap {
        [(http::header::CONTENT_TYPE, content_type.parse().unwrap())]
            .into_iter()
            .collect()
    }

    #[test]
    fn no_content_type_is_json() {
        assert_eq!(BodyFormat::of(&HeaderMap::new()).unwrap(), BodyFormat::Json);
        assert_eq!(
            BodyFormat::of(&headers("application/json; charset=utf-8")).unwrap(),
            BodyFormat::Json
        );
        assert_eq!(BodyFormat::of(&headers("application/yaml")).unwrap(), BodyFormat::Yaml);
        let refused = BodyFormat::of(&headers("application/vnd.kubernetes.protobuf")).unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (415, "UnsupportedMediaType"));
        assert_eq!(
            refused.message,
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml"
        );
    }

    #[test]
    fn a_patch_must_say_what_it_is() {
        let served = [PatchType::Json, PatchType::Merge, PatchType::Apply];
        assert_eq!(
            patch_type(&headers("application/merge-patch+json"), &served).unwrap(),
            PatchType::Merge
        );
        assert_eq!(patch_type(&HeaderMap::new(), &served).unwrap_err().code, 415);
        let refused = patch_type(&headers("application/strategic-merge-patch+json"), &served).unwrap_err();
        assert_eq!(refused.reason, "UnsupportedMediaType");
        assert!(
            refused
                .message
                .ends_with("application/merge-patch+json, application/apply-patch+yaml")
        );
    }
}
