//! From a generated schema file to the definition of a built-in kind.

use std::sync::Arc;

use generic_apiserver::{
    registry::{
        Column, FieldSource, NameRule, Names, NoRules, ResourceDefinition, SelectableField, Strategy, Style, Verbs,
    },
    schema::Schema,
};
use serde_json::Value;

use crate::{protobuf, structs};

/// Reads a field that selectors may name.
type Field = fn(&Value) -> Option<String>;

/// What most built-in kinds share; a kind changes what is its own.
pub(super) struct Builtin {
    definition: ResourceDefinition,
}

/// Group, version, kind, plural: `of(("", "v1"), "Secret", "secrets", SCHEMA)`, namespaced.
///
/// The singular is the lower-case kind. The schema is text that [`super::core_definitions`]' test has read.
pub(super) fn of((group, version): (&str, &str), kind: &str, plural: &str, schema: &str) -> Builtin {
    let names = Names {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        plural: plural.into(),
        singular: kind.to_lowercase(),
        short_names: Vec::new(),
        categories: Vec::new(),
        namespaced: true,
    };
    Builtin {
        definition: ResourceDefinition {
            names,
            schema: Arc::new(read(plural, schema)),
            style: Style::BuiltIn {
                generation: false,
                unconditional_update: true,
                create_on_update: false,
            },
            status: false,
            scale: None,
            columns: Vec::new(),
            selectable: Vec::new(),
            verbs: Verbs::All,
            name_rule: NameRule::Subdomain,
            strategy: Arc::new(NoRules),
            update_subresources: Vec::new(),
            create_subresources: Vec::new(),
            returns_deleted: false,
            decode_protobuf: Some(protobuf::decode),
            hold: Some(structs::hold),
            virtual_create: None,
            stored_as: None,
            deprecation: None,
        },
    }
}

// The text is part of the program, and a test reads every one of them.
#[expect(
    clippy::panic,
    reason = "a broken schema file is a broken program, found by its tests"
)]
fn read(plural: &str, schema: &str) -> Schema {
    let value: Value = serde_json::from_str(schema).unwrap_or_else(|error| panic!("schema of {plural}: {error}"));
    Schema::builtin_from_json(&value).unwrap_or_else(|error| panic!("schema of {plural}: {error}"))
}

impl Builtin {
    pub(super) fn cluster_scoped(mut self) -> Builtin {
        self.definition.names.namespaced = false;
        self
    }

    pub(super) fn short(mut self, names: &[&str]) -> Builtin {
        self.definition.names.short_names = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    pub(super) fn categories(mut self, names: &[&str]) -> Builtin {
        self.definition.names.categories = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    pub(super) fn with_status(mut self) -> Builtin {
        self.definition.status = true;
        self
    }

    pub(super) fn with_generation(self) -> Builtin {
        self.style(|generation, _, _| *generation = true)
    }

    pub(super) fn returns_deleted(self) -> Builtin {
        self.change(|definition| definition.returns_deleted = true)
    }

    pub(super) fn create_on_update(self) -> Builtin {
        self.style(|_, _, create_on_update| *create_on_update = true)
    }

    pub(super) fn conditional_update(self) -> Builtin {
        self.style(|_, unconditional_update, _| *unconditional_update = false)
    }

    fn style(mut self, change: impl FnOnce(&mut bool, &mut bool, &mut bool)) -> Builtin {
        if let Style::BuiltIn {
            generation,
            unconditional_update,
            create_on_update,
        } = &mut self.definition.style
        {
            change(generation, unconditional_update, create_on_update);
        }
        self
    }

    pub(super) fn columns(mut self, columns: Vec<Column>) -> Builtin {
        self.definition.columns = columns;
        self
    }

    pub(super) fn selectable(mut self, fields: &[(&str, Field)]) -> Builtin {
        self.definition.selectable = fields
            .iter()
            .map(|&(name, value)| SelectableField {
                name: name.to_owned(),
                source: FieldSource::Compute(value),
            })
            .collect();
        self
    }

    pub(super) fn strategy(mut self, strategy: impl Strategy) -> Builtin {
        self.definition.strategy = Arc::new(strategy);
        self
    }

    pub(super) fn name_rule(mut self, rule: NameRule) -> Builtin {
        self.definition.name_rule = rule;
        self
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut ResourceDefinition)) -> Builtin {
        change(&mut self.definition);
        self
    }

    pub(super) fn build(self) -> ResourceDefinition {
        self.definition
    }
}
