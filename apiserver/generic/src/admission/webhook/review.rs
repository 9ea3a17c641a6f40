//! `AdmissionReview`: what a webhook is asked, and what its answer means. Nothing here waits for anything.

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::status::{Status, StatusDetails};

const GROUP: &str = "admission.k8s.io";
const JSON_PATCH: &str = "JSONPatch";

/// A question.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    /// What it is known by.
    pub(super) uid: &'a str,
    /// Version of the review.
    pub(super) version: &'a str,
    /// The request, as expressions see it.
    pub(super) described: &'a Value,
    pub(super) object: Option<&'a Value>,
    pub(super) old_object: Option<&'a Value>,
}

/// What a webhook says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) allowed: bool,
    /// Why not.
    result: Option<Refusal>,
    /// A JSON patch, from a mutating webhook.
    pub(super) patch: Option<Vec<u8>>,
    pub(super) warnings: Vec<String>,
    pub(super) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Review {
    api_version: String,
    kind: String,
    response: Option<Response>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Response {
    uid: String,
    allowed: bool,
    status: Option<Refusal>,
    /// Base64.
    patch: Option<String>,
    patch_type: Option<String>,
    audit_annotations: Option<BTreeMap<String, String>>,
    warnings: Option<Vec<String>>,
}

/// A Status, of which any part may be missing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Refusal {
    message: String,
    reason: String,
    code: i64,
    details: Option<Box<StatusDetails>>,
}

impl Question<'_> {
    /// The body that a webhook is sent.
    pub(super) fn body(&self) -> Vec<u8> {
        let mut request = self.described.clone();
        request["uid"] = self.uid.into();
        request["object"] = self.object.cloned().unwrap_or_default();
        request["oldObject"] = self.old_object.cloned().unwrap_or_default();
        let review = json!({
            "kind": "AdmissionReview",
            "apiVersion": format!("{GROUP}/{}", self.version),
            "request": request,
        });
        review.to_string().into_bytes()
    }

    /// Reads the answer to this question, in kube-apiserver's words where it can't be one.
    pub(super) fn answer(&self, body: &[u8], mutating: bool) -> Result<Answer, Unusable> {
        let review: Review = serde_json::from_slice(body).map_err(|error| Unusable::Undecodable(error.to_string()))?;
        let invalid = |why: String| Err(Unusable::Invalid(why));
        let Some(response) = review.response else {
            return invalid("webhook response was absent".to_owned());
        };
        // Before v1 nobody looked.
        if self.version == "v1" {
            if response.uid != self.uid {
                return invalid(format!("expected response.uid={:?}, got {:?}", self.uid, response.uid));
            }
            let (expected, given) = (
                shown(&format!("{GROUP}/v1"), "AdmissionReview"),
                shown(&review.api_version, &review.kind),
            );
            if given != expected {
                return invalid(format!("expected webhook response of {expected}, got {given}"));
            }
        }
        let patch = self.patch(&response, mutating)?;
        Ok(Answer {
            allowed: response.allowed,
            result: response.status,
            patch,
            warnings: response.warnings.unwrap_or_default(),
            annotations: response.audit_annotations.unwrap_or_default(),
        })
    }

    fn patch(&self, response: &Response, mutating: bool) -> Result<Option<Vec<u8>>, Unusable> {
        let invalid = |why: &str| Err(Unusable::Invalid(why.to_owned()));
        let patch = response.patch.as_deref().filter(|patch| !patch.is_empty());
        let is_checked = self.version == "v1";
        match (patch, response.patch_type.as_deref()) {
            (Some(_), _) if !mutating && is_checked => invalid("validating webhook may not return response.patch"),
            (_, Some(_)) if !mutating && is_checked => invalid("validating webhook may not return response.patchType"),
            (Some(_), None) if is_checked => invalid("webhook returned response.patch but not response.patchType"),
            (None, Some(_)) if is_checked => invalid("webhook returned response.patchType but not response.patch"),
            (_, Some("")) if is_checked => invalid("webhook returned invalid response.patchType of \"\""),
            (_, Some(other)) if is_checked && other != JSON_PATCH => {
                Err(Unusable::PatchType(format!("unsupported patch type {other:?}")))
            }
            (None, _) => Ok(None),
            (Some(_), _) if !mutating => Ok(None),
            (Some(patch), _) => {
                let decoded = BASE64_STANDARD.decode(patch);
                decoded
                    .map(Some)
                    .map_err(|error| Unusable::Undecodable(error.to_string()))
            }
        }
    }
}

/// Why an answer is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// It is no review.
    Undecodable(String),
    /// It is a review that may not be.
    Invalid(String),
    /// Its patch is of a sort that nobody knows.
    PatchType(String),
}

impl Answer {
    /// The status of a refusal: the webhook's own, with who refuses.
    pub(super) fn refusal(self, webhook: &str) -> Status {
        let refusal = self.result.unwrap_or_default();
        let by = format!("admission webhook {webhook:?} denied the request");
        let message = match (refusal.message.as_str(), refusal.reason.as_str()) {
            ("", "") => format!("{by} without explanation"),
            ("", reason) => format!("{by}: {reason}"),
            (message, _) => format!("{by}: {message}"),
        };
        let code = u16::try_from(refusal.code)
            .ok()
            .filter(|code| (400..600).contains(code));
        Status {
            message,
            reason: refusal.reason,
            details: refusal.details,
            code: code.unwrap_or(400),
            ..Status::bad_request("")
        }
    }
}

/// As `schema.GroupVersionKind` is shown.
fn shown(api_version: &str, kind: &str) -> String {
    format!("{api_version}, Kind={kind}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(version: &str, response: Value, mutating: bool) -> Result<Answer, Unusable> {
        let question = Question {
            uid: "u",
            version,
            described: &json!({}),
            object: None,
            old_object: None,
        };
        let review =
            json!({"apiVersion": format!("{GROUP}/{version}"), "kind": "AdmissionReview", "response": response});
        question.answer(review.to_string().as_bytes(), mutating)
    }

    #[test]
    fn a_question_has_the_write_and_its_name() {
        let question = Question {
            uid: "u",
            version: "v1",
            described: &json!({"uid": "", "name": "a"}),
            object: Some(&json!({"kind": "Widget"})),
            old_object: None,
        };
        let body: Value = serde_json::from_slice(&question.body()).unwrap();
        assert_eq!(
            body,
            json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
                "uid": "u", "name": "a", "object": {"kind": "Widget"}, "oldObject": null,
            }})
        );
    }

    #[test]
    fn answers_that_may_not_be_are_none() {
        let patch = BASE64_STANDARD.encode("[]");
        let table = [
            (json!(null), false, "webhook response was absent"),
            (json!({"uid": "x"}), false, "expected response.uid=\"u\", got \"x\""),
            (
                json!({"uid": "u", "patch": patch}),
                false,
                "validating webhook may not return response.patch",
            ),
            (
                json!({"uid": "u", "patchType": "JSONPatch"}),
                false,
                "validating webhook may not return response.patchType",
            ),
            (
                json!({"uid": "u", "patch": patch}),
                true,
                "webhook returned response.patch but not response.patchType",
            ),
            (
                json!({"uid": "u", "patchType": "JSONPatch"}),
                true,
                "webhook returned response.patchType but not response.patch",
            ),
        ];
        for (response, mutating, why) in table {
            assert_eq!(answer("v1", response, mutating), Err(Unusable::Invalid(why.to_owned())));
        }
        let other = json!({"uid": "u", "patch": patch, "patchType": "Merge"});
        assert_eq!(
            answer("v1", other, true),
            Err(Unusable::PatchType("unsupported patch type \"Merge\"".to_owned()))
        );
        let old = answer("v1beta1", json!({"uid": "x", "patch": patch, "allowed": true}), true).unwrap();
        assert_eq!((old.allowed, old.patch.as_deref()), (true, Some(b"[]".as_slice())));
    }

    #[test]
    fn a_refusal_is_the_webhooks_with_its_name() {
        let refusal = |status: Value| {
            let status = answer("v1", json!({"uid": "u", "status": status}), false)
                .unwrap()
                .refusal("w.example.io");
            (status.code, status.reason, status.message)
        };
        let by = "admission webhook \"w.example.io\" denied the request";
        let table = [
            (json!(null), (400, "", format!("{by} without explanation"))),
            (json!({"reason": "Because"}), (400, "Because", format!("{by}: Because"))),
            (json!({"code": 200, "message": "no"}), (400, "", format!("{by}: no"))),
            (
                json!({"code": 403, "reason": "Forbidden", "message": "no"}),
                (403, "Forbidden", format!("{by}: no")),
            ),
            (json!({"code": 70000}), (400, "", format!("{by} without explanation"))),
        ];
        for (status, (code, reason, message)) in table {
            assert_eq!(refusal(status), (code, reason.to_owned(), message));
        }
    }
}
