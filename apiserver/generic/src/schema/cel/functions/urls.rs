//! Parts of URLs.

use std::sync::Arc;

use super::{Budget, Fault, Value};
use crate::schema::cel::{url::Url, value::Key};

type Outcome<'a> = Result<Value<'a>, Fault>;

fn parsed(value: &Value<'_>, budget: &mut Budget) -> Result<Option<Url>, Fault> {
    match value {
        Value::Text(text) => {
            budget.traverse(text.len())?;
            Ok(Url::parse(text))
        }
        _ => Err(Fault::NoSuchOverload),
    }
}

fn part<'a>(arguments: &[Value<'a>], part: impl Fn(&Url) -> &str) -> Outcome<'a> {
    match &arguments[0] {
        Value::Url(url) => Ok(Value::text(part(url))),
        _ => Err(Fault::NoSuchOverload),
    }
}

pub(super) fn url<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    let url = parsed(&arguments[0], budget)?;
    url.map(|url| Value::Url(Arc::new(url)))
        .ok_or_else(|| Fault::error("URL parse error during conversion from string"))
}

pub(super) fn is_url<'a>(arguments: &[Value<'a>], budget: &mut Budget) -> Outcome<'a> {
    Ok(Value::Bool(parsed(&arguments[0], budget)?.is_some()))
}

pub(super) fn scheme<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |url| &url.scheme)
}

pub(super) fn host<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |url| &url.host)
}

pub(super) fn hostname<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, Url::hostname)
}

pub(super) fn port<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, Url::port)
}

pub(super) fn escaped_path<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |url| &url.escaped_path)
}

pub(super) fn query<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    let Value::Url(url) = &arguments[0] else {
        return Err(Fault::NoSuchOverload);
    };
    let values = url.query().into_iter().map(|(key, values)| {
        let values = values.into_iter().map(Value::text).collect();
        (Key::Text(key.into()), Value::list(values))
    });
    Ok(Value::Map(Arc::new(values.collect())))
}
