//! Options of create, update and patch.

use super::flag;
use crate::{
    request::Query,
    status::{FieldError, Status},
};

/// Longest name of a field manager, in bytes.
const MANAGER_BYTES: usize = 128;

/// What to do about unknown and duplicate fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldValidation {
    /// Drop them silently.
    Ignore,
    /// Drop them and send a warning for each.
    #[default]
    Warn,
    /// Refuse the request.
    Strict,
}

/// Options that every write has.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// `dryRun=All`: nothing is stored.
    pub dry_run: bool,
    /// Who owns the fields that are written.
    pub manager: String,
    /// What to do about unknown and duplicate fields.
    pub field_validation: FieldValidation,
    /// For apply: take fields from their owners.
    pub force: bool,
}

/// The formats of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`, RFC 6902.
    Json,
    /// `application/merge-patch+json`, RFC 7386.
    Merge,
    /// `application/strategic-merge-patch+json`.
    StrategicMerge,
    /// `application/apply-patch+yaml`, server-side apply.
    Apply,
}

impl WriteOptions {
    /// Reads the query of a create; the manager is the user agent's where the query names none.
    pub fn parse_create(query: &Query, user_agent: &str) -> Result<WriteOptions, Status> {
        WriteOptions::parse("CreateOptions", query, user_agent, Vec::new())
    }

    /// Reads the query of an update.
    pub fn parse_update(query: &Query, user_agent: &str) -> Result<WriteOptions, Status> {
        WriteOptions::parse("UpdateOptions", query, user_agent, Vec::new())
    }

    /// Reads the query of a patch.
    pub fn parse_patch(query: &Query, user_agent: &str, patch: PatchType) -> Result<WriteOptions, Status> {
        let mut errors = Vec::new();
        let manager = query.first("fieldManager").unwrap_or_default();
        if patch == PatchType::Apply && manager.is_empty() {
            errors.push(FieldError::required("fieldManager", "is required for apply patch"));
        }
        if patch != PatchType::Apply && query.has("force") {
            errors.push(FieldError::forbidden(
                "force",
                "may not be specified for non-apply patch",
            ));
        }
        WriteOptions::parse("PatchOptions", query, user_agent, errors)
    }

    fn parse(kind: &str, query: &Query, user_agent: &str, mut errors: Vec<FieldError>) -> Result<WriteOptions, Status> {
        let manager = query.first("fieldManager").unwrap_or_default();
        errors.extend(manager_errors(manager));
        let dry_run = dry_run(query.all("dryRun"), &mut errors);
        let field_validation = match query.first("fieldValidation") {
            None | Some("" | "Warn") => FieldValidation::Warn,
            Some("Ignore") => FieldValidation::Ignore,
            Some("Strict") => FieldValidation::Strict,
            Some(other) => {
                let supported = ["", "Ignore", "Strict", "Warn"];
                errors.push(FieldError::not_supported("fieldValidation", other, &supported));
                FieldValidation::default()
            }
        };
        if !errors.is_empty() {
            return Err(Status::invalid_options(kind, errors));
        }
        Ok(WriteOptions {
            dry_run,
            manager: if manager.is_empty() {
                manager_of_user_agent(user_agent)
            } else {
                manager.to_owned()
            },
            field_validation,
            force: flag(query, "force").unwrap_or(false),
        })
    }
}

impl PatchType {
    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            PatchType::Json => "application/json-patch+json",
            PatchType::Merge => "application/merge-patch+json",
            PatchType::StrategicMerge => "application/strategic-merge-patch+json",
            PatchType::Apply => "application/apply-patch+yaml",
        }
    }
}

/// Whether `dryRun` is asked for; anything but `All` is an error.
pub(super) fn dry_run<'a>(values: impl Iterator<Item = &'a str>, errors: &mut Vec<FieldError>) -> bool {
    let values: Vec<&str> = values.collect();
    if values.iter().any(|value| *value != "All") {
        errors.push(FieldError::not_supported("dryRun", values.clone(), &["All"]));
    }
    !values.is_empty()
}

fn manager_errors(manager: &str) -> Option<FieldError> {
    if manager.len() > MANAGER_BYTES {
        return Some(FieldError::too_long("fieldManager", MANAGER_BYTES));
    }
    let (position, character) = manager.char_indices().find(|(_, character)| character.is_control())?;
    let detail = format!(
        "invalid character U+{:04X} (at position {position})",
        u32::from(character)
    );
    Some(FieldError::invalid("fieldManager", manager, detail))
}

/// The program's name in a user agent, within a manager's limits.
fn manager_of_user_agent(user_agent: &str) -> String {
    let program = user_agent.split('/').next().unwrap_or_default();
    let mut manager = String::new();
    for character in program.chars().filter(|character| !character.is_control()) {
        if manager.len() + character.len_utf8() > MANAGER_BYTES {
            break;
        }
        manager.push(character);
    }
    manager
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create_error(query: &str) -> String {
        let status = WriteOptions::parse_create(&Query::parse(query), "").unwrap_err();
        assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
        status
            .message
            .replace("CreateOptions.meta.k8s.io \"\" is invalid: ", "")
    }

    #[test]
    fn refuses_unknown_values() {
        assert_eq!(
            create_error("dryRun=x"),
            "dryRun: Unsupported value: [\"x\"]: supported values: \"All\""
        );
        assert_eq!(
            create_error("fieldValidation=x"),
            "fieldValidation: Unsupported value: \"x\": supported values: \"\", \"Ignore\", \"Strict\", \"Warn\""
        );
        let long = "m".repeat(129);
        let query = format!("fieldManager={long}");
        assert_eq!(
            create_error(&query),
            "fieldManager: Too long: may not be more than 128 bytes"
        );
    }

    #[test]
    fn a_manager_is_given_or_the_program() {
        let of = |query: &str, agent: &str| WriteOptions::parse_create(&Query::parse(query), agent).unwrap().manager;
        assert_eq!(of("", "kubectl/v1.37.1 (linux/amd64) kubernetes/abc"), "kubectl");
        assert_eq!(of("fieldManager=me", "kubectl/v1"), "me");
        assert_eq!(of("", &"x".repeat(300)).len(), 128);
    }

    #[test]
    fn force_and_manager_belong_to_apply() {
        let parse = |query: &str, patch| WriteOptions::parse_patch(&Query::parse(query), "a/1", patch);
        let refused = parse("", PatchType::Apply).unwrap_err();
        assert_eq!(
            refused.message,
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
        );
        let refused = parse("force=true", PatchType::Merge).unwrap_err();
        assert_eq!(
            refused.message,
            "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply patch"
        );
        assert!(parse("force=true&fieldManager=m", PatchType::Apply).unwrap().force);
    }
}
