//! Any value against any schema.

use super::*;

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c]{0,3}|\\PC{0,4}|2024-01-02T03:04:05Z|[0-9./:]{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-e]|metadata|kind", inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = (leaf_type(), extras()).prop_map(|(base, extras)| merged(base, extras));
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            (proptest::collection::btree_map("[a-e]", inner.clone(), 0..4), extras()).prop_map(
                |(properties, extras)| {
                    let properties: serde_json::Map<String, Value> = properties.into_iter().collect();
                    merged(json!({"type": "object", "properties": properties}), extras)
                }
            ),
            (inner.clone(), extras())
                .prop_map(|(values, extras)| merged(json!({"type": "object", "additionalProperties": values}), extras)),
            (inner.clone(), list_type(), extras()).prop_map(|(items, list, extras)| merged(
                merged(json!({"type": "array", "items": items}), list),
                extras
            )),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|branches| json!({"anyOf": branches})),
            proptest::collection::vec(inner.clone(), 1..3).prop_map(|branches| json!({"oneOf": branches, "allOf": []})),
            inner.prop_map(|branch| json!({"allOf": [branch], "not": branch})),
        ]
    })
}

fn leaf_type() -> impl Strategy<Value = Value> {
    let format = prop_oneof![
        Just("date-time"),
        Just("duration"),
        Just("cidr"),
        Just("uuid"),
        Just("mac"),
        Just("byte"),
        Just("email"),
        Just("uri"),
        Just("hostname"),
        Just("ipv4"),
        Just("bogus"),
    ];
    prop_oneof![
        Just(json!({})),
        Just(json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]})),
        format.prop_map(|format| json!({"type": "string", "format": format})),
        (0u64..4, 0u64..4)
            .prop_map(|(min, max)| json!({"type": "string", "minLength": min, "maxLength": max, "pattern": "^a"})),
        (any::<i32>(), any::<bool>()).prop_map(|(limit, exclusive)| {
            json!({"type": "integer", "format": "int32", "minimum": limit, "exclusiveMinimum": exclusive})
        }),
        any::<f32>()
            .prop_filter("finite", |limit| limit.is_finite())
            .prop_map(|limit| json!({"type": "number", "maximum": limit, "multipleOf": limit})),
        Just(json!({"type": "boolean"})),
        Just(json!({"type": "string", "enum": ["a", 1, null]})),
    ]
}

fn extras() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(json!({})),
        1 => Just(json!({"nullable": true})),
        1 => any_default().prop_map(|default| json!({"default": default})),
        1 => Just(json!({"x-kubernetes-preserve-unknown-fields": true})),
        1 => Just(json!({"required": ["a", "b"], "minProperties": 1, "maxProperties": 2})),
        1 => Just(json!({"x-kubernetes-embedded-resource": true})),
    ]
}

fn any_default() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(1)),
        Just(json!("a")),
        Just(json!({})),
        Just(json!({"a": {}, "b": [{}]})),
        Just(json!([{}]))
    ]
}

fn list_type() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"uniqueItems": true, "minItems": 1, "maxItems": 2})),
        Just(json!({"x-kubernetes-list-type": "set"})),
        Just(json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a"]})),
        Just(json!({"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["a", "b"]})),
    ]
}

fn merged(mut base: Value, extras: Value) -> Value {
    let (Value::Object(fields), Value::Object(extras)) = (&mut base, extras) else {
        panic!("schemas are objects")
    };
    fields.extend(extras);
    base
}

proptest! {
    #[test]
    fn nothing_panics_and_each_step_is_idempotent(
        source in any_schema(), value in any_value(), old in any_value(), builtin in any::<bool>(),
    ) {
        let built = if builtin { Schema::builtin_from_json(&source) } else { Schema::from_json(&source) };
        let Ok(schema) = built else { return Ok(()) };

        let mut object = value;
        schema.apply_defaults(&mut object);
        let defaulted = object.clone();
        schema.apply_defaults(&mut object);
        prop_assert_eq!(&object, &defaulted, "defaulting twice");

        let before = object.clone();
        let unknown = schema.prune(&mut object);
        prop_assert_eq!(unknown.is_empty(), before == object, "what is told is what is removed");
        let pruned = object.clone();
        prop_assert!(schema.prune(&mut object).is_empty(), "pruning twice");
        prop_assert_eq!(&object, &pruned);

        let errors = schema.validate(&object);
        prop_assert_eq!(&errors, &schema.validate(&object));
        let updated = schema.validate_update(&object, &old);
        prop_assert!(updated.iter().all(|error| errors.contains(error)), "an update finds no more than a create");
        for error in errors {
            prop_assert!(!error.field.starts_with('.'), "{:?}", error);
        }
    }

    #[test]
    fn the_empty_schema_accepts_every_value(value in any_value()) {
        prop_assert!(Schema::nothing().validate(&value).is_empty());
    }
}
