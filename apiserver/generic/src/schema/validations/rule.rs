//! One rule: compiled when the schema is read, so that a rule that can't work refuses the definition.

use serde::Deserialize;
use serde_json::Value;

use super::super::{
    Schema,
    cel::{OldSelf, Program, Wanted},
};

/// A rule of `x-kubernetes-validations`.
#[derive(Debug)]
pub(super) struct ValidationRule {
    pub(super) program: Program,
    /// The rule as it is written.
    pub(super) source: String,
    pub(super) message: Option<String>,
    pub(super) message_expression: Option<MessageExpression>,
    pub(super) reason: Reason,
    /// The field that errors name, below the rule's own place.
    pub(super) field_path: Option<String>,
    pub(super) old_self: OldSelf,
}

/// An expression for the message.
#[derive(Debug)]
pub(super) struct MessageExpression {
    pub(super) program: Program,
    pub(super) source: String,
}

/// The reason of an error.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub(super) enum Reason {
    #[default]
    #[serde(rename = "FieldValueInvalid")]
    Invalid,
    #[serde(rename = "FieldValueForbidden")]
    Forbidden,
    #[serde(rename = "FieldValueRequired")]
    Required,
    #[serde(rename = "FieldValueDuplicate")]
    Duplicate,
}

/// What is wrong with a declared rule.
pub(super) struct Problem {
    pub(super) field: &'static str,
    pub(super) message: String,
}

fn problem(field: &'static str, message: impl Into<String>) -> Problem {
    Problem {
        field,
        message: message.into(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Declared {
    rule: String,
    message: String,
    message_expression: String,
    reason: Option<Value>,
    field_path: String,
    optional_old_self: Option<bool>,
}

impl ValidationRule {
    /// Compiles a rule over values of this schema. `correlatable` where those can have old ones.
    pub(super) fn compile(declared: &Value, schema: &Schema, correlatable: bool) -> Result<ValidationRule, Problem> {
        let declared = Declared::deserialize(declared).map_err(|error| problem("rule", error.to_string()))?;
        let source = declared.rule.trim().to_owned();
        let message = message_of(&declared)?;
        let reason = match &declared.reason {
            None => Reason::default(),
            Some(reason) => Reason::deserialize(reason).map_err(|error| problem("reason", error.to_string()))?,
        };
        let field_path = match declared.field_path.as_str() {
            "" => None,
            path => Some(normalize(path, schema).ok_or_else(|| problem("fieldPath", "must be a valid path"))?),
        };
        let old_self = match declared.optional_old_self {
            Some(true) => OldSelf::Optional,
            _ => OldSelf::Value,
        };
        let failed = |why: String| format!("compilation failed: {why}");
        let program = Program::compile(&declared.rule, schema, old_self, Wanted::Bool)
            .map_err(|why| problem("rule", failed(why)))?;
        if program.uses_old() && !correlatable {
            let why = "oldSelf cannot be used on the uncorrelatable portion of the schema";
            return Err(problem("rule", why));
        }
        if !program.uses_old() && declared.optional_old_self.is_some() {
            return Err(problem(
                "optionalOldSelf",
                "may not be set if oldSelf is not used in rule",
            ));
        }
        let message_expression = match declared.message_expression.as_str() {
            "" => None,
            source => Some(MessageExpression {
                program: Program::compile(source, schema, old_self, Wanted::Text)
                    .map_err(|why| problem("messageExpression", failed(why)))?,
                source: source.to_owned(),
            }),
        };
        Ok(ValidationRule {
            program,
            source,
            message,
            message_expression,
            reason,
            field_path,
            old_self,
        })
    }

    /// How errors name the rule.
    pub(super) fn name(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.source)
    }

    /// The message of a failed rule, unless an expression makes one.
    pub(super) fn message(&self) -> String {
        match &self.message {
            Some(message) => message.clone(),
            None => format!("failed rule: {}", self.source),
        }
    }
}

fn message_of(declared: &Declared) -> Result<Option<String>, Problem> {
    let (rule, message) = (declared.rule.trim(), declared.message.trim());
    if rule.is_empty() {
        return Err(problem("rule", "rule is not specified"));
    }
    if message.is_empty() && !declared.message.is_empty() {
        return Err(problem("message", "must be non-empty if specified"));
    }
    if message.contains('\n') {
        return Err(problem("message", "must not contain line breaks"));
    }
    if rule.contains('\n') && message.is_empty() {
        return Err(problem(
            "message",
            "message must be specified if rule contains line breaks",
        ));
    }
    if !declared.message_expression.is_empty() && declared.message_expression.trim().is_empty() {
        return Err(problem("messageExpression", "must be non-empty if specified"));
    }
    Ok((!message.is_empty()).then(|| message.to_owned()))
}

/// The path of a field below a schema as errors write it, from `.spec.a` or `['a']`; none for one that isn't there.
fn normalize(path: &str, schema: &Schema) -> Option<String> {
    let (mut rest, mut schema, mut normalized) = (path, schema, String::new());
    while !rest.is_empty() {
        let name;
        if let Some(after) = rest.strip_prefix("['") {
            let end = closing_quote(after)?;
            name = unescape(&after[..end])?;
            rest = after[end..].strip_prefix("']")?;
        } else {
            let after = rest.strip_prefix('.')?;
            let end = after.find(['.', '[']).unwrap_or(after.len());
            name = after[..end].to_owned();
            rest = &after[end..];
        }
        let is_field = !schema.properties().is_empty();
        match is_field {
            true if normalized.is_empty() => normalized.push_str(&name),
            true => normalized.push_str(&format!(".{name}")),
            false => normalized.push_str(&format!("[{name}]")),
        }
        schema = if is_field {
            schema.property(&name)?
        } else {
            schema.additional_properties()?
        };
    }
    Some(normalized)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, character)| {
        let ends = character == '\'' && !escaped;
        escaped = character == '\\' && !escaped;
        ends.then_some(at)
    })
}

fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                'a' => '\x07',
                'b' => '\x08',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\x0b',
                other @ ('\'' | '\\') => other,
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}
