use serde_json::{Value, json};

use crate::schema::Schema;

/// The errors of a field `x` with this schema and value, as a Status shows them.
fn errors(schema: Value, value: Value) -> Vec<String> {
    let root = Schema::from_json(&json!({"type": "object", "properties": {"x": schema}})).unwrap();
    root.validate(&json!({"x": value}))
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[track_caller]
fn refused(schema: Value, value: Value, error: &str) {
    assert_eq!(errors(schema, value), [error]);
}

#[track_caller]
fn accepted(schema: Value, values: &[Value]) {
    for value in values {
        assert_eq!(errors(schema.clone(), value.clone()), Vec::<String>::new(), "{value}");
    }
}

#[test]
fn types() {
    let table = [
        (json!({"type": "integer"}), json!("a"), "integer", "string"),
        (json!({"type": "string"}), json!(1), "string", "integer"),
        (json!({"type": "string"}), json!(1.5), "string", "number"),
        (json!({"type": "string"}), json!(null), "string", "null"),
        (json!({"type": "boolean"}), json!([]), "boolean", "array"),
        (json!({"type": "object"}), json!(true), "object", "boolean"),
        (json!({"type": "array"}), json!({}), "array", "object"),
        (json!({"type": "number"}), json!("1"), "number", "string"),
        (
            json!({"x-kubernetes-int-or-string": true}),
            json!(1.5),
            "integer,string",
            "number",
        ),
    ];
    for (schema, value, expected, found) in table {
        let told = format!("x: Invalid value: {found:?}: x in body must be of type {expected}: {found:?}");
        refused(schema, value, &told);
    }
    accepted(
        json!({"type": "integer"}),
        &[json!(1), json!(-1), json!(1.0), json!(i64::MAX)],
    );
    accepted(json!({"type": "number"}), &[json!(1), json!(1.5)]);
    accepted(json!({"type": "string", "nullable": true}), &[json!(null), json!("")]);
    accepted(json!({"x-kubernetes-int-or-string": true}), &[json!(1), json!("10%")]);
    accepted(json!({}), &[json!(null), json!({"a": []})]);
}

#[test]
fn a_fraction_is_told_twice_where_an_integer_is_wanted() {
    let table = [
        (
            json!({"type": "integer"}),
            json!(1.5),
            "integer",
            "number",
            "(default format)",
        ),
        (
            json!({"type": "integer"}),
            json!(1e300),
            "integer",
            "number",
            "(default format)",
        ),
        (
            json!({"type": "integer", "format": "int32"}),
            json!(1.5),
            "int32",
            "float64",
            "with format int32",
        ),
    ];
    for (schema, value, expected, found, form) in table {
        let told = [
            format!("x: Invalid value: {found:?}: x in body must be of type {expected}: {found:?}"),
            format!(r#"<nil>: Invalid value: "": Checked value must be of type integer {form} in x"#),
        ];
        assert_eq!(errors(schema, value), told);
    }
}

#[test]
fn what_any_of_says_of_an_int_or_string_is_told_too() {
    let quantity = json!({"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]});
    let told = [
        r#"x: Invalid value: "boolean": x in body must be of type integer,string: "boolean""#,
        r#"<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)"#,
        r#"x: Invalid value: "boolean": x in body must be of type integer: "boolean""#,
    ];
    assert_eq!(errors(quantity.clone(), json!(true)), told);
    accepted(quantity, &[json!(1), json!("10%")]);
}

#[test]
fn numbers() {
    let minimum = json!({"type": "integer", "minimum": 0});
    refused(
        minimum.clone(),
        json!(-1),
        "x: Invalid value: -1: x in body should be greater than or equal to 0",
    );
    accepted(minimum, &[json!(0), json!(i64::MAX)]);
    let exclusive = json!({"type": "integer", "minimum": 0, "exclusiveMinimum": true});
    refused(
        exclusive,
        json!(0),
        "x: Invalid value: 0: x in body should be greater than 0",
    );
    let maximum = json!({"type": "number", "maximum": 1.5});
    refused(
        maximum,
        json!(2),
        "x: Invalid value: 2: x in body should be less than or equal to 1.5",
    );
    let exclusive = json!({"type": "integer", "maximum": 5, "exclusiveMaximum": true});
    refused(
        exclusive,
        json!(5),
        "x: Invalid value: 5: x in body should be less than 5",
    );
    let multiple = json!({"type": "integer", "multipleOf": 3});
    refused(
        multiple.clone(),
        json!(4),
        "x: Invalid value: 4: x in body should be a multiple of 3",
    );
    accepted(multiple, &[json!(0), json!(-9)]);
    let ports = json!({"type": "integer", "format": "int32"});
    let range = r#"<nil>: Invalid value: "": Checked value must be of type integer with format int32 in x"#;
    refused(ports.clone(), json!(1i64 << 40), range);
    accepted(ports, &[json!(i32::MAX), json!(i32::MIN)]);
}

#[test]
fn strings() {
    let pattern = json!({"type": "string", "pattern": "^[a-z]+$"});
    refused(
        pattern.clone(),
        json!("X"),
        r#"x: Invalid value: "X": x in body should match '^[a-z]+$'"#,
    );
    accepted(pattern, &[json!("x")]);
    refused(
        json!({"type": "string", "maxLength": 3}),
        json!("abcd"),
        "x: Too long: may not be more than 3 bytes",
    );
    refused(
        json!({"type": "string", "maxLength": 1}),
        json!("ab"),
        "x: Too long: may not be more than 1 byte",
    );
    accepted(json!({"type": "string", "maxLength": 3}), &[json!("äöü")]);
    let short = json!({"type": "string", "minLength": 2});
    refused(
        short,
        json!("ä"),
        r#"x: Invalid value: "ä": x in body should be at least 2 chars long"#,
    );
    let time = json!({"type": "string", "format": "date-time"});
    refused(
        time,
        json!("now"),
        r#"x: Invalid value: "now": x in body must be of type date-time: "now""#,
    );
}

#[test]
fn enumerations() {
    let colors = json!({"type": "string", "enum": ["red", "green"]});
    refused(
        colors.clone(),
        json!("blue"),
        r#"x: Unsupported value: "blue": supported values: "red", "green""#,
    );
    accepted(colors, &[json!("red")]);
    let numbers = json!({"type": "integer", "enum": [1, 3, 5]});
    refused(
        numbers.clone(),
        json!(2),
        r#"x: Unsupported value: 2: supported values: "1", "3", "5""#,
    );
    accepted(numbers, &[json!(3), json!(3.0)]);
}

#[test]
fn objects() {
    let required = json!({"type": "object", "required": ["b", "a"]});
    assert_eq!(
        errors(required.clone(), json!({})),
        ["x.b: Required value", "x.a: Required value"]
    );
    accepted(required, &[json!({"a": null, "b": 1})]);
    let root = Schema::from_json(&json!({"type": "object", "required": ["spec"]})).unwrap();
    assert_eq!(root.validate(&json!({}))[0].to_string(), "spec: Required value");
    refused(
        json!({"type": "object", "minProperties": 1}),
        json!({}),
        "x: Invalid value: 0: x in body should have at least 1 properties",
    );
    refused(
        json!({"type": "object", "maxProperties": 1}),
        json!({"a": 1, "b": 2}),
        "x: Too many: 2: must have at most 1 item",
    );
    let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
    refused(
        map,
        json!({"k": 1}),
        r#"x.k: Invalid value: "integer": x.k in body must be of type string: "integer""#,
    );
    let embedded = json!({"type": "object", "x-kubernetes-embedded-resource": true});
    assert_eq!(
        errors(embedded.clone(), json!({})),
        ["x.kind: Required value", "x.apiVersion: Required value"]
    );
    refused(
        embedded,
        json!({"apiVersion": "v1", "kind": ""}),
        r#"x.kind: Invalid value: "": must not be empty"#,
    );
}

#[test]
fn lists() {
    let list = json!({"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string"}});
    refused(
        list.clone(),
        json!([]),
        "x: Invalid value: 0: x in body should have at least 1 items",
    );
    refused(
        list.clone(),
        json!(["a", "b", "c", "d", "e"]),
        "x: Too many: 5: must have at most 3 items",
    );
    refused(
        list,
        json!(["a", 1]),
        r#"x[1]: Invalid value: "integer": x[1] in body must be of type string: "integer""#,
    );
    let unique = json!({"type": "array", "uniqueItems": true});
    refused(
        unique,
        json!([{"a": 1}, {"a": 1}]),
        r#"x: Invalid value: "": x in body shouldn't contain duplicates"#,
    );
}

#[test]
fn items_of_sets_and_maps_are_unique() {
    let set = json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}});
    refused(
        set.clone(),
        json!(["a", "b", "a", "a"]),
        r#"x[2]: Duplicate value: "a""#,
    );
    accepted(set, &[json!([]), json!(["a", "b"])]);
    let keyed = |keys: Value| json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys, "items": {"type": "object"}});
    refused(
        keyed(json!(["name"])),
        json!([{"name": "a"}, {"name": "a", "v": 1}]),
        r#"x[1]: Duplicate value: {"name":"a"}"#,
    );
    refused(
        keyed(json!(["name"])),
        json!([{}, {"v": 1}]),
        "x[1]: Duplicate value: {}",
    );
    refused(
        keyed(json!(["key", "effect"])),
        json!([{"key": "k", "effect": "E"}, {"key": "k"}, {"key": "k", "effect": "E"}]),
        r#"x[2]: Duplicate value: {"effect":"E","key":"k"}"#,
    );
    let nested = json!({"type": "object", "additionalProperties": {"type": "array", "x-kubernetes-list-type": "set"}});
    refused(nested, json!({"k": [1, 1]}), "x[k][1]: Duplicate value: 1");
}

#[test]
fn schemas_made_of_schemas() {
    let any = json!({"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let told = [
        r#"<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)"#,
        "x.a: Required value",
    ];
    assert_eq!(errors(any.clone(), json!({})), told);
    accepted(any, &[json!({"a": 1}), json!({"b": 1})]);
    let one = json!({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]});
    let both =
        r#"<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found 2 valid alternatives"#;
    refused(one.clone(), json!({"a": 1, "b": 1}), both);
    let none = r#"<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found none valid"#;
    assert_eq!(errors(one, json!({})), [none, "x.a: Required value"]);
    let not = json!({"type": "object", "not": {"required": ["a"]}});
    refused(
        not,
        json!({"a": 1}),
        r#"<nil>: Invalid value: "": "x" must not validate the schema (not)"#,
    );
    let all = json!({"type": "integer", "allOf": [{"minimum": 1}, {"maximum": 5}]});
    let told = [
        "x: Invalid value: 6: x in body should be less than or equal to 5",
        r#"<nil>: Invalid value: "": "x" must validate all the schemas (allOf)"#,
    ];
    assert_eq!(errors(all, json!(6)), told);
}

#[test]
fn the_object_itself_has_no_field() {
    let root = Schema::from_json(&json!({"type": "object", "minProperties": 1})).unwrap();
    let told = root.validate(&json!({}))[0].to_string();
    assert_eq!(
        told,
        "<nil>: Invalid value: 0:  in body should have at least 1 properties"
    );
}

#[test]
fn metadata_keeps_its_own_list_rules() {
    let root = Schema::root_from_json(&json!({"type": "object"})).unwrap();
    let object = json!({"metadata": {"name": "a", "finalizers": ["x/y", "x/y"], "ownerReferences": [{"uid": "u"}, {"uid": "u"}]}});
    assert_eq!(root.validate(&object), []);
    let told = root.validate(&json!({"metadata": {"labels": {"a": 1}}}));
    let text =
        r#"metadata.labels.a: Invalid value: "integer": metadata.labels.a in body must be of type string: "integer""#;
    assert_eq!(told[0].to_string(), text);
}

#[test]
fn very_many_errors_are_told_in_part() {
    let schema = Schema::from_json(&json!({"type": "array", "items": {"type": "string"}})).unwrap();
    assert_eq!(schema.validate(&Value::from(vec![1; 50_000])).len(), 1000);
    let deep_key = "k".repeat(1 << 20);
    let schema = json!({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}});
    let told = Schema::from_json(&schema)
        .unwrap()
        .validate(&json!({deep_key: vec![1; 1000]}));
    assert_eq!(told.len(), 1, "one error with a path of a megabyte is enough");
}
