//! Selectors bound to a definition: which entries a list or watch shows.

use super::{ResourceDefinition, Style};
use crate::{
    cache::Entry,
    request::selector::{FieldSelector, LabelSelector},
    status::Status,
};

/// Which objects of a resource a request is about.
#[derive(Clone, Debug)]
pub(super) struct Selection {
    /// The namespace, or all.
    pub(super) namespace: Option<String>,
    labels: LabelSelector,
    fields: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    field: Field,
    equal: bool,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name,
    Namespace,
    /// Position among the definition's selectable fields.
    Declared(usize),
}

impl Selection {
    /// Binds selectors; 400 for a field that the definition does not declare. `name`, where given, must match too.
    pub(super) fn new(
        definition: &ResourceDefinition,
        namespace: Option<&str>,
        name: &str,
        labels: LabelSelector,
        fields: &FieldSelector,
    ) -> Result<Selection, Status> {
        let mut terms = Vec::with_capacity(fields.0.len() + 1);
        for term in &fields.0 {
            let field = field_of(definition, &term.field)?;
            terms.push(Term {
                field,
                equal: term.equal,
                value: term.value.clone(),
            });
        }
        if !name.is_empty() {
            terms.push(Term {
                field: Field::Name,
                equal: true,
                value: name.to_owned(),
            });
        }
        Ok(Selection {
            namespace: namespace.map(str::to_owned),
            labels,
            fields: terms,
        })
    }

    /// Whether every object of the namespace matches.
    pub(super) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The one object that can match, if the selection names it.
    pub(super) fn single_name(&self) -> Option<&str> {
        self.fields
            .iter()
            .find(|term| term.field == Field::Name && term.equal)
            .map(|term| term.value.as_str())
    }

    /// A label that every matching object has with this value, if there is one.
    pub(super) fn single_label(&self) -> Option<(&str, &str)> {
        self.labels.equality()
    }

    /// Whether an object matches, the namespace too.
    pub(super) fn matches(&self, entry: &Entry) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|namespace| *entry.namespace == *namespace)
            && self.fields.iter().all(|term| term.matches(entry))
            && self.labels.matches(|key| entry.index.labels.get(key))
    }
}

impl Term {
    fn matches(&self, entry: &Entry) -> bool {
        let value: &str = match self.field {
            Field::Name => &entry.name,
            Field::Namespace => &entry.namespace,
            Field::Declared(position) => entry.index.fields.get(position).map_or("", |value| value),
        };
        (value == self.value) == self.equal
    }
}

fn field_of(definition: &ResourceDefinition, name: &str) -> Result<Field, Status> {
    match name {
        "metadata.name" => Ok(Field::Name),
        "metadata.namespace" => Ok(Field::Namespace),
        _ => match definition
            .selectable
            .iter()
            .position(|selectable| selectable.name == name)
        {
            Some(position) => Ok(Field::Declared(position)),
            None => Err(unknown_field(definition, name)),
        },
    }
}

fn unknown_field(definition: &ResourceDefinition, name: &str) -> Status {
    if definition.style == Style::Custom || !definition.selectable.is_empty() {
        return Status::bad_request(format!("field label not supported: {name}"));
    }
    Status::bad_request(format!(
        "\"{name}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    ))
}
