use generic_apiserver::registry::Decoder;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{bytes, hold, time};

fn held(mut object: Value, decoder: Decoder) -> Result<Value, String> {
    hold(&mut object, decoder)?;
    Ok(object)
}

fn refused(object: Value) -> String {
    held(object, Decoder::Json).unwrap_err()
}

#[test]
fn what_does_not_fit_is_said_in_the_words_of_the_decoder() {
    let cases = [
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": 1}}),
            "json: cannot unmarshal number into Go struct field ConfigMap.data of type string",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Secret", "type": {}}),
            "json: cannot unmarshal object into Go struct field Secret.type of type v1.SecretType",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": ["x"]}}),
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type v1.Container",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Pod", "spec": {"volumes": [{"emptyDir": []}]}}),
            "json: cannot unmarshal array into Go struct field Volume.spec.volumes.VolumeSource.emptyDir of type \
             v1.EmptyDirVolumeSource",
        ),
        (
            json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {"leaseDurationSeconds": 3_000_000_000_i64}}),
            "json: cannot unmarshal number 3000000000 into Go struct field LeaseSpec.spec.leaseDurationSeconds of type int32",
        ),
        (
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"creationTimestamp": 1}}),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Secret", "data": {"a": "YQ="}}),
            "illegal base64 data at input byte 3",
        ),
    ];
    for (object, expected) in cases {
        assert_eq!(refused(object), expected);
    }
    let patched = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": 1}});
    assert_eq!(
        held(patched, Decoder::Unstructured).unwrap_err(),
        "cannot convert int64 to string"
    );
}

#[test]
fn fields_are_written_and_left_out_as_their_tags_say() {
    let object = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a", "labels": {}}, "count": 0, "reason": "",
        "involvedObject": {"name": "b"}, "unknown": 1,
    });
    assert_eq!(
        held(object, Decoder::Json).unwrap(),
        json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": "a"}, "involvedObject": {"name": "b"},
            "eventTime": null, "firstTimestamp": null, "lastTimestamp": null, "source": {}, "reportingComponent": "",
            "reportingInstance": "", "unknown": 1,
        })
    );
    let role = |rules: Value| json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {}, "rules": rules});
    assert_eq!(held(role(json!([])), Decoder::Json).unwrap(), role(json!([])));
    assert_eq!(held(role(json!([])), Decoder::Store).unwrap(), role(Value::Null));
    let config_map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}, "immutable": false, "data": {"a": null}});
    assert_eq!(held(config_map, Decoder::Json).unwrap()["data"], json!({"a": ""}));
}

#[test]
fn a_struct_that_is_held_once_is_held_as_it_is() {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {"cpu": "1000m"}}}], "volumes": [{"name": "v", "emptyDir": {}}]},
    });
    let once = held(pod, Decoder::Json).unwrap();
    assert_eq!(once["spec"]["containers"][0]["resources"]["limits"]["cpu"], "1");
    assert_eq!(once["spec"]["volumes"], json!([{"name": "v", "emptyDir": {}}]));
    assert_eq!(held(once.clone(), Decoder::Store).unwrap(), once);
}

#[test]
fn times_are_in_utc_and_as_precise_as_their_type() {
    assert_eq!(
        time::seconds("2020-01-01T02:00:00.5+02:00"),
        Ok("2020-01-01T00:00:00Z".to_owned())
    );
    assert_eq!(
        time::microseconds("2020-01-01T00:00:00.123456Z"),
        Ok("2020-01-01T00:00:00.123456Z".to_owned())
    );
    let cases = [
        ("yesterday", r#"cannot parse "yesterday" as "2006""#),
        ("2020-01-01", r#"cannot parse "" as "T""#),
        ("2020-13-01T00:00:00Z", "month out of range"),
        ("2020-02-30T00:00:00Z", "day out of range"),
        ("2020-01-01T00:00:00", r#"cannot parse "" as "Z07:00""#),
        ("2020-01-01T00:00:00Zz", r#"extra text: "z""#),
    ];
    for (text, expected) in cases {
        let why = time::seconds(text).unwrap_err();
        assert!(why.ends_with(expected), "{text}: {why}");
    }
    let why = time::microseconds("2020-01-01T00:00:00Z").unwrap_err();
    assert!(why.ends_with(r#"cannot parse "Z" as ".000000""#), "{why}");
}

#[test]
fn base64_is_read_as_go_reads_it() {
    assert_eq!(bytes::canonical("YQ==\n"), Ok("YQ==".to_owned()));
    assert_eq!(bytes::canonical("YR=="), Ok("YQ==".to_owned()));
    for (text, at) in [
        ("%", 0),
        ("YQ", 0),
        ("YQ=", 3),
        ("YQ==YQ==", 4),
        ("YWFhY", 4),
        ("YQ=a", 2),
    ] {
        let expected = format!("illegal base64 data at input byte {at}");
        assert_eq!(bytes::canonical(text), Err(expected), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,40}") {
        let _ = time::seconds(&text);
        let _ = time::microseconds(&text);
        let _ = bytes::canonical(&text);
    }
}
