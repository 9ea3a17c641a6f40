//! The statuses that the server answers with, word for word as kube-apiserver's.

use super::{FieldError, Status, StatusCause, StatusDetails};
use crate::registry::{Names, ResourceDefinition, Style, Verbs};

/// What a 403 names.
#[derive(Clone, Copy, Debug)]
pub struct Forbidden<'a> {
    /// API group, empty for core.
    pub group: &'a str,
    /// Plural name, empty for a path that is no resource.
    pub resource: &'a str,
    /// Object name, or empty.
    pub name: &'a str,
}

impl Status {
    fn new(code: u16, reason: &str, message: impl Into<String>) -> Status {
        Status {
            message: message.into(),
            reason: reason.to_owned(),
            details: None,
            code,
            continue_token: None,
            warnings: Vec::new(),
        }
    }

    fn with_details(mut self, details: StatusDetails) -> Status {
        self.details = Some(Box::new(details));
        self
    }

    /// 404: no object of this name.
    pub fn not_found(names: &Names, name: &str) -> Status {
        let message = format!("{} \"{name}\" not found", names.group_resource());
        Status::new(404, "NotFound", message).with_details(about(names, name))
    }

    /// 404: the path names no resource that is served.
    pub fn resource_not_served() -> Status {
        Status::new(404, "NotFound", "the server could not find the requested resource")
            .with_details(StatusDetails::default())
    }

    /// 400: the body names another object than the URL.
    pub fn name_differs(given: &str, url: &str) -> Status {
        Status::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({url})"
        ))
    }

    /// 409: the name is taken.
    pub fn already_exists(names: &Names, name: &str) -> Status {
        let message = format!("{} \"{name}\" already exists", names.group_resource());
        Status::new(409, "AlreadyExists", message).with_details(about(names, name))
    }

    /// 409: the name is taken by an object that is going away.
    pub fn being_deleted(names: &Names, name: &str) -> Status {
        let message = format!(
            "object is being deleted: {} \"{name}\" already exists",
            names.group_resource()
        );
        Status::new(409, "AlreadyExists", message).with_details(about(names, name))
    }

    /// 409: generateName found no free name.
    pub fn generate_name_exhausted(names: &Names, name: &str) -> Status {
        let message = format!(
            "{} \"{name}\" already exists, the server was not able to generate a unique name for the object",
            names.group_resource()
        );
        let details = StatusDetails {
            retry_after_seconds: Some(1),
            ..about(names, name)
        };
        Status::new(409, "AlreadyExists", message).with_details(details)
    }

    /// 409: the write can't be done on the object as it is.
    pub fn conflict(names: &Names, name: &str, why: &str) -> Status {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            names.group_resource()
        );
        Status::new(409, "Conflict", message).with_details(about(names, name))
    }

    /// 409: the object is another one of that name.
    pub fn other_uid(definition: &ResourceDefinition, namespace: &str, name: &str, given: &str, live: &str) -> Status {
        let names = &definition.names;
        // Where kube-apiserver would keep it.
        let group = Some(names.group.as_str()).filter(|_| definition.style == Style::Custom);
        let parts = [
            group,
            Some(&names.plural),
            Some(namespace).filter(|text| !text.is_empty()),
            Some(name),
        ];
        let key = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{key}, ResourceVersion: 0, AdditionalErrorMsg: \
             Precondition failed: UID in precondition: {given}, UID in object meta: {live}"
        );
        Status::conflict(names, name, &why)
    }

    /// 409: the resourceVersion is not the stored one.
    pub fn modified(names: &Names, name: &str) -> Status {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Status::conflict(names, name, why)
    }

    /// 409: a precondition of a delete does not hold; these messages name the kind instead of the resource.
    pub fn precondition_failed(names: &Names, name: &str, why: &str) -> Status {
        let kind = qualified(&names.kind, &names.group);
        let message = format!("Operation cannot be fulfilled on {kind} \"{name}\": {why}");
        let details = StatusDetails {
            kind: names.kind.clone(),
            ..about(names, name)
        };
        Status::new(409, "Conflict", message).with_details(details)
    }

    /// 422: fields of an object are refused. `kind` is what the message names: mostly the kind.
    pub fn invalid(kind: &str, group: &str, name: &str, errors: Vec<FieldError>) -> Status {
        let message = format!(
            "{} \"{name}\" is invalid: {}",
            qualified(kind, group),
            aggregate(&errors)
        );
        Status::new(422, "Invalid", message).with_details(StatusDetails {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            causes: errors.iter().map(FieldError::cause).collect(),
            ..StatusDetails::default()
        })
    }

    /// 422: query options are refused; `kind` is such as `ListOptions`.
    pub fn invalid_options(kind: &str, errors: Vec<FieldError>) -> Status {
        Status::invalid(kind, "meta.k8s.io", "", errors)
    }

    /// 422 of a JSON patch that does not fit the object.
    pub fn unprocessable() -> Status {
        Status::new(
            422,
            "Invalid",
            "the server rejected our request due to an error in our request",
        )
        .with_details(StatusDetails::default())
    }

    /// 403: `why` ends the sentence, such as `User "u" cannot get resource ...`.
    pub fn forbidden(what: Forbidden<'_>, why: &str) -> Status {
        let message = match (what.resource, what.name) {
            ("", _) => format!("forbidden: {why}"),
            (resource, "") => format!("{} is forbidden: {why}", qualified(resource, what.group)),
            (resource, name) => format!("{} \"{name}\" is forbidden: {why}", qualified(resource, what.group)),
        };
        Status::new(403, "Forbidden", message).with_details(StatusDetails {
            name: what.name.to_owned(),
            group: what.group.to_owned(),
            kind: what.resource.to_owned(),
            ..StatusDetails::default()
        })
    }

    /// 403: a create in a namespace that is being deleted.
    pub fn namespace_terminating(names: &Names, name: &str, namespace: &str) -> Status {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut status = Status::forbidden(
            Forbidden {
                group: &names.group,
                resource: &names.plural,
                name,
            },
            &why,
        );
        if let Some(details) = &mut status.details {
            details.causes.push(StatusCause {
                reason: "NamespaceTerminating".to_owned(),
                message: format!("namespace {namespace} is being terminated"),
                field: "metadata.namespace".to_owned(),
            });
        }
        status
    }

    /// 400.
    pub fn bad_request(message: impl Into<String>) -> Status {
        Status::new(400, "BadRequest", message)
    }

    /// 401.
    pub fn unauthorized() -> Status {
        Status::new(401, "Unauthorized", "Unauthorized")
    }

    /// 405: the path is known, the verb is not served.
    pub fn method_not_supported() -> Status {
        Status::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
        .with_details(StatusDetails::default())
    }

    /// 405 of a custom resource; of a method that is no verb, without its name.
    pub fn not_supported_by(names: &Names, verb: &str) -> Status {
        let verb = if Verbs::All.names().contains(&verb) { verb } else { "" };
        let message = format!(
            "{verb} is not supported on resources of kind \"{}\"",
            names.group_resource()
        );
        Status::new(405, "MethodNotAllowed", message).with_details(about(names, ""))
    }

    /// 406: none of the accepted media types can be written.
    pub fn not_acceptable(accepted: &[&str]) -> Status {
        let message = format!("only the following media types are accepted: {}", accepted.join(", "));
        Status::new(406, "NotAcceptable", message)
    }

    /// 406: there is nothing but JSON here.
    pub fn only_json() -> Status {
        let message = "406: Not Acceptable\n\nAvailable representations: application/json";
        Status::new(406, "NotAcceptable", message)
    }

    /// 415: the body is in a format that is not read.
    pub fn unsupported_media_type(accepted: &[&str]) -> Status {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Status::new(415, "UnsupportedMediaType", message)
    }

    /// 413: the body is larger than `limit` bytes.
    pub fn request_entity_too_large(limit: usize) -> Status {
        Status::too_large(&format!("limit is {limit}"))
    }

    /// 413 with its reason in words.
    pub fn too_large(why: &str) -> Status {
        Status::new(413, "RequestEntityTooLarge", format!("Request entity too large: {why}"))
    }

    /// 410: the revision is no longer kept.
    pub fn expired(message: impl Into<String>) -> Status {
        Status::new(410, "Expired", message)
    }

    /// 504: it took too long.
    pub fn timeout(message: &str) -> Status {
        Status::new(504, "Timeout", format!("Timeout: {message}")).with_details(StatusDetails::default())
    }

    /// 504: the request as a whole took too long.
    pub fn request_timeout() -> Status {
        Status::timeout("request did not complete within the allotted timeout")
    }

    /// 504: the asked resourceVersion has not happened yet.
    pub fn too_large_resource_version(requested: u64, current: u64) -> Status {
        let message = format!("Too large resource version: {requested}, current: {current}");
        let mut status = Status::timeout(&message);
        status.details = Some(Box::new(StatusDetails {
            causes: vec![StatusCause {
                reason: "ResourceVersionTooLarge".to_owned(),
                message: "Too large resource version".to_owned(),
                field: String::new(),
            }],
            retry_after_seconds: Some(1),
            ..StatusDetails::default()
        }));
        status
    }

    /// 429 with the seconds after which to try again.
    pub fn too_many_requests(message: &str, retry_after_seconds: u32) -> Status {
        Status::new(429, "TooManyRequests", message).with_details(StatusDetails {
            retry_after_seconds: Some(retry_after_seconds),
            ..StatusDetails::default()
        })
    }

    /// 500: the store did not answer; the client may try again.
    pub fn server_timeout(names: &Names, verb: &str) -> Status {
        let message = format!(
            "The {verb} operation against {} could not be completed at this time, please try again.",
            names.group_resource()
        );
        let details = StatusDetails {
            retry_after_seconds: Some(2),
            ..about(names, "")
        };
        Status::new(500, "ServerTimeout", message).with_details(details)
    }

    /// 503.
    pub fn service_unavailable(message: &str) -> Status {
        Status::new(503, "ServiceUnavailable", message)
    }

    /// 503: what decides about writes is not known yet.
    pub fn not_ready(why: &str) -> Status {
        let mut status = Status::service_unavailable(&format!("not yet ready to handle request: {why}"));
        status.details = Some(Box::new(StatusDetails {
            retry_after_seconds: Some(1),
            ..StatusDetails::default()
        }));
        status
    }

    /// 500 of a failure that says itself what failed, such as a webhook.
    pub fn internal_error(why: impl Into<String>) -> Status {
        let why = why.into();
        let message = format!("Internal error occurred: {why}");
        Status::new(500, "InternalError", message).with_details(StatusDetails {
            causes: vec![StatusCause {
                reason: String::new(),
                message: why,
                field: String::new(),
            }],
            ..StatusDetails::default()
        })
    }

    /// 500 without a reason, as kube-apiserver sends for an unexpected error.
    pub fn internal(message: impl Into<String>) -> Status {
        Status::new(500, "", message)
    }
}

/// Details that name an object of a resource.
fn about(names: &Names, name: &str) -> StatusDetails {
    StatusDetails {
        name: name.to_owned(),
        group: names.group.clone(),
        kind: names.plural.clone(),
        ..StatusDetails::default()
    }
}

fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// One message, or `[a, b]`; a message is said once.
fn aggregate(errors: &[FieldError]) -> String {
    let mut messages: Vec<String> = Vec::with_capacity(errors.len());
    for error in errors {
        let message = error.to_string();
        if !messages.contains(&message) {
            messages.push(message);
        }
    }
    match messages.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

#[cfg(test)]
#[path = "construct_tests.rs"]
mod tests;
