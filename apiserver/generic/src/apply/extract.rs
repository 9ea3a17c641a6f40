//! The field set of a value.

use serde_json::Value;

use super::{
    path::PathElement,
    set::FieldSet,
    typed::{Form, Items, NoIdentity, Type},
};

/// The fields that a configuration of this type sets: its leaves, the keys of its maps and the items of its lists.
pub(super) fn fields_of(r#type: Type<'_>, value: &Value) -> Result<FieldSet, NoIdentity> {
    match r#type.form(value) {
        Form::Map(fields) => {
            let mut set = FieldSet::default();
            for (name, content) in fields {
                let field = r#type.field(name);
                let below = fields_of(field.r#type, content)?;
                let member = !field.declared || is_leaf(field.r#type, content);
                set.push(PathElement::field(name), member, below);
            }
            Ok(set)
        }
        Form::List(items) => list_items(r#type, items),
        Form::Leaf | Form::Null => Ok(FieldSet::default()),
    }
}

/// Nothing of the value can be owned but the value itself. An empty associative list owns nothing, as in Kubernetes.
fn is_leaf(r#type: Type<'_>, value: &Value) -> bool {
    match r#type.form(value) {
        Form::Leaf | Form::Null => true,
        Form::Map(fields) => fields.is_empty(),
        Form::List(_) => false,
    }
}

fn list_items(list: Type<'_>, values: &[Value]) -> Result<FieldSet, NoIdentity> {
    let items = Items::of(list, values)?;
    let mut set = FieldSet::default();
    for element in items.distinct() {
        let below = match items.only(element) {
            Some(item) => fields_of(list.item(), item)?,
            // Duplicates are owned as one.
            None => FieldSet::default(),
        };
        set.push(element.clone(), true, below);
    }
    Ok(set)
}
