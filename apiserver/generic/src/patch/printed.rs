//! A value as Go prints it, which is how refusals repeat a strategic merge patch.

use serde_json::Value;

/// `map[data:map[a:b] list:[1 2]]`.
pub fn printed(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", joined(items.iter().map(printed))),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| name.as_str());
            let fields = fields
                .into_iter()
                .map(|(name, value)| format!("{name}:{}", printed(value)));
            format!("map[{}]", joined(fields))
        }
        other => other.to_string(),
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_printed_without_quotes() {
        let value = json!({"b": {"x": null, "y": true}, "a": [1, "two", []]});
        assert_eq!(printed(&value), "map[a:[1 two []] b:map[x:<nil> y:true]]");
    }
}
