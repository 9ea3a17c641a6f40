//! Functions that kube-cel runs. It has its own values, so arguments and results are translated.

use std::{
    collections::{BTreeMap, HashMap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock},
};

use kube_cel::{
    KubeCelExt as _,
    cel::{
        self, Context, ExecutionError, IdedExpr,
        common::ast::{CallExpr, Expr},
        objects::{Key as CelKey, Map as CelMap, OptionalValue, Value as CelValue},
    },
};

use super::{Style, Value};
use crate::schema::cel::{
    fault::{Budget, Fault},
    value::Key,
};

/// A call as kube-cel reads it: the arguments are variables.
#[derive(Debug)]
pub(super) struct Foreign {
    call: IdedExpr,
    name: &'static str,
}

/// Names for the arguments.
const ARGUMENTS: [&str; 4] = ["@0", "@1", "@2", "@3"];
/// Digits after the point that `format` may be asked for; Rust panics at many more.
const MAX_PRECISION: usize = 100;

static FUNCTIONS: LazyLock<Context<'static>> = LazyLock::new(|| Context::default().with_all());

impl Foreign {
    pub(super) fn new(name: &'static str, style: Style, arguments: usize) -> Foreign {
        let variable = |name: &str| IdedExpr {
            id: 0,
            expr: Expr::Ident(name.to_owned()),
        };
        let mut variables = ARGUMENTS[..arguments.min(ARGUMENTS.len())]
            .iter()
            .map(|name| variable(name));
        let (target, function) = match (style, name.split_once('.')) {
            (Style::Method, _) => (variables.next(), name),
            (Style::Function, None) => (None, name),
            (Style::Function, Some((library, function))) => (Some(variable(library)), function),
        };
        let call = CallExpr {
            func_name: function.to_owned(),
            target: target.map(Box::new),
            args: variables.collect(),
        };
        Foreign {
            call: IdedExpr {
                id: 0,
                expr: Expr::Call(call),
            },
            name,
        }
    }

    pub(super) fn run<'a>(&self, arguments: &[Value<'a>], budget: &mut Budget) -> Result<Value<'a>, Fault> {
        if let ("format", Some(Value::Text(template))) = (self.name, arguments.first())
            && has_long_precision(template)
        {
            return Err(Fault::error("precision is out of range"));
        }
        let mut scope = FUNCTIONS.new_inner_scope();
        for (name, argument) in ARGUMENTS.iter().zip(arguments) {
            scope.add_variable_from_value(*name, to_cel(argument, budget)?);
        }
        // What a library of this size does with any input is not for us to prove.
        match catch_unwind(AssertUnwindSafe(|| scope.resolve(&self.call))) {
            Ok(outcome) => {
                let value = from_cel(outcome.map_err(fault)?, budget)?;
                Ok(match (self.name, value) {
                    // kube-cel says null for a name that it doesn't know.
                    ("format.named", Value::Null) => Value::Optional(None),
                    ("format.named", format) => Value::some(format),
                    (_, value) => value,
                })
            }
            Err(_) => Err(Fault::error(format!("{} failed", self.name))),
        }
    }
}

fn has_long_precision(template: &str) -> bool {
    template.split("%.").skip(1).any(|rest| {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = &rest[..rest.len() - digits.len()];
        digits
            .parse::<usize>()
            .map_or(!digits.is_empty(), |precision| precision > MAX_PRECISION)
    })
}

fn fault(error: ExecutionError) -> Fault {
    match error {
        ExecutionError::NoSuchOverload | ExecutionError::UnexpectedType { .. } => Fault::NoSuchOverload,
        ExecutionError::FunctionError { message, .. } => Fault::Error(message),
        other => Fault::error(other.to_string()),
    }
}

fn to_cel(value: &Value<'_>, budget: &mut Budget) -> Result<CelValue, Fault> {
    budget.traverse(0)?;
    Ok(match value {
        Value::Null => CelValue::Null,
        Value::Bool(value) => CelValue::Bool(*value),
        Value::Int(value) => CelValue::Int(*value),
        Value::Uint(value) => CelValue::UInt(*value),
        Value::Double(value) => CelValue::Float(*value),
        Value::Text(text) => {
            budget.traverse(text.len())?;
            CelValue::String(Arc::new((**text).to_owned()))
        }
        Value::Bytes(bytes) => {
            budget.traverse(bytes.len())?;
            CelValue::Bytes(Arc::new(bytes.to_vec()))
        }
        // Only `format` takes these, and shows them.
        Value::Duration(_) | Value::Timestamp(_) | Value::Type(_) => {
            CelValue::String(Arc::new(super::conversions::shown(value)))
        }
        Value::Array(..) | Value::List(_) => {
            let items = value
                .items()
                .map(|item| to_cel(&item?, budget))
                .collect::<Result<_, Fault>>()?;
            CelValue::List(Arc::new(items))
        }
        Value::Object(..) | Value::Map(_) => {
            let mut map = HashMap::new();
            for key in value.keys().unwrap_or_default() {
                let held = value.at(&key)?.unwrap_or(Value::Null);
                let (Some(key), held) = (Key::of(&key), to_cel(&held, budget)?) else {
                    continue;
                };
                map.insert(key_to_cel(key), held);
            }
            CelValue::Map(CelMap { map: Arc::new(map) })
        }
        Value::Foreign(value) => value.clone(),
        Value::Optional(_) | Value::Quantity(_) | Value::Url(_) | Value::Unknown(_) => {
            return Err(Fault::NoSuchOverload);
        }
    })
}

fn key_to_cel(key: Key) -> CelKey {
    match key {
        Key::Bool(value) => CelKey::Bool(value),
        Key::Int(value) => CelKey::Int(value),
        Key::Uint(value) => CelKey::Uint(value),
        Key::Text(text) => CelKey::String(Arc::new(text.to_string())),
    }
}

fn from_cel<'a>(value: CelValue, budget: &mut Budget) -> Result<Value<'a>, Fault> {
    budget.traverse(0)?;
    Ok(match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(value) => Value::Bool(value),
        CelValue::Int(value) => Value::Int(value),
        CelValue::UInt(value) => Value::Uint(value),
        CelValue::Float(value) => Value::Double(value),
        CelValue::String(text) => {
            budget.traverse(text.len())?;
            Value::text(text.as_str())
        }
        CelValue::Bytes(bytes) => Value::Bytes(bytes.as_slice().into()),
        CelValue::List(items) => {
            let items = items
                .iter()
                .map(|item| from_cel(item.clone(), budget))
                .collect::<Result<_, Fault>>()?;
            Value::list(items)
        }
        CelValue::Map(map) => {
            let entries = map.map.iter().map(|(key, value)| {
                let key = match key {
                    CelKey::Bool(value) => Key::Bool(*value),
                    CelKey::Int(value) => Key::Int(*value),
                    CelKey::Uint(value) => Key::Uint(*value),
                    CelKey::String(text) => Key::Text(Arc::from(text.as_str())),
                };
                Ok((key, from_cel(value.clone(), budget)?))
            });
            Value::Map(Arc::new(entries.collect::<Result<BTreeMap<_, _>, Fault>>()?))
        }
        CelValue::Opaque(opaque) => match opaque.downcast_ref::<OptionalValue>() {
            Some(optional) => {
                let held = optional
                    .value()
                    .map(|held| from_cel(held.clone(), budget))
                    .transpose()?;
                Value::Optional(held.map(Arc::new))
            }
            None => Value::Foreign(cel::Value::Opaque(opaque)),
        },
        other => Value::Foreign(other),
    })
}
