use proptest::prelude::*;
use serde_json::json;

use super::*;

/// A field with bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(usize::from(number) << 3 | 2);
    out.extend(varint(bytes.len()));
    out.extend_from_slice(bytes);
    out
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
    out
}

/// A field with a small number.
fn small(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn body(api_version: &str, kind: &str, object: &[u8]) -> Vec<u8> {
    let type_meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
    [
        MAGIC.to_vec(),
        field(1, &type_meta),
        field(2, object),
        field(3, b""),
        field(4, b""),
    ]
    .concat()
}

#[test]
fn a_secret_is_what_json_would_have_said() {
    let entry = [field(1, b"password"), field(2, b"x")].concat();
    let owner = [
        field(1, b"ConfigMap"),
        field(3, b"o"),
        field(4, b"u"),
        field(5, b"v1"),
        small(6, 0),
        small(7, 1),
    ]
    .concat();
    // Go writes the empty namespace, the unset time and generation too.
    let metadata = [
        field(1, b"s"),
        field(3, b""),
        small(7, 0),
        field(8, b""),
        field(13, &owner),
        field(14, b"a/b"),
    ]
    .concat();
    let secret = [field(1, &metadata), field(2, &entry), field(3, b"Opaque"), small(5, 0)].concat();
    assert_eq!(
        decode(&body("v1", "Secret", &secret)).unwrap(),
        json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"password": "eA=="}, "immutable": false,
            "metadata": {
                "name": "s", "finalizers": ["a/b"],
                "ownerReferences": [{
                    "apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u",
                    "controller": false, "blockOwnerDeletion": true,
                }],
            },
        })
    );
}

#[test]
fn times_quantities_and_inline_structs_are_shown_as_in_json() {
    let renewed = [vec![0x08, 0x80, 0x94, 0xeb, 0xdc, 0x03], vec![0x10, 0xe8, 0x07]].concat();
    let spec = [field(1, b"me"), small(2, 15), field(4, &renewed)].concat();
    let lease = decode(&body("coordination.k8s.io/v1", "Lease", &field(2, &spec))).unwrap();
    assert_eq!(
        lease["spec"],
        json!({"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2001-09-09T01:46:40.000001Z"})
    );

    let hard = [field(1, b"pods"), field(2, &field(1, b"10"))].concat();
    let quota = decode(&body("v1", "ResourceQuota", &field(2, &field(1, &hard)))).unwrap();
    assert_eq!(quota["spec"]["hard"], json!({"pods": "10"}));

    // volume { name, volumeSource { emptyDir { medium } } }
    let volume = [field(1, b"v"), field(2, &field(2, &field(1, b"Memory")))].concat();
    let pod = decode(&body("v1", "Pod", &field(2, &field(1, &volume)))).unwrap();
    assert_eq!(
        pod["spec"]["volumes"],
        json!([{"name": "v", "emptyDir": {"medium": "Memory"}}])
    );

    let port = [
        field(1, b""),
        small(3, 80),
        field(4, &[small(1, 1), field(3, b"http")].concat()),
    ]
    .concat();
    let service = decode(&body("v1", "Service", &field(2, &field(1, &port)))).unwrap();
    assert_eq!(service["spec"]["ports"], json!([{"port": 80, "targetPort": "http"}]));
}

#[test]
fn options_of_a_delete_are_read_in_any_version() {
    let options = [field(2, &field(1, b"uid")), field(4, b"Background")].concat();
    let decoded = decode(&body("storage.k8s.io/v1", "DeleteOptions", &options)).unwrap();
    assert_eq!(
        (&decoded["propagationPolicy"], &decoded["preconditions"]["uid"]),
        (&json!("Background"), &json!("uid"))
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_the_reason() {
    assert!(decode(b"{}").unwrap_err().contains("does not begin"));
    assert!(
        decode(&body("v1", "Gadget", b""))
            .unwrap_err()
            .contains("no kind \"Gadget\"")
    );
    let mut cut = body("v1", "Secret", &field(3, b"Opaque"));
    cut.truncate(20);
    assert!(decode(&cut).unwrap_err().contains("ends too early"));
}

/// Whole bodies as Go writes them, with most sorts of fields.
fn bodies() -> Vec<Vec<u8>> {
    let text = |number, text: &str| field(number, text.as_bytes());
    let time = [vec![0x08, 0x80, 0x94, 0xeb, 0xdc, 0x03], vec![0x10, 0xe8, 0x07]].concat();
    let entry = [text(1, "key"), text(2, "value")].concat();
    let owner = [
        text(1, "ConfigMap"),
        text(3, "o"),
        text(4, "u"),
        text(5, "v1"),
        small(6, 1),
    ]
    .concat();
    let fields = [
        text(1, "m"),
        text(2, "Update"),
        text(3, "v1"),
        text(6, "FieldsV1"),
        field(7, &field(1, b"{\"f:a\":{}}")),
    ];
    let managed = fields.concat();
    let metadata = [
        text(1, "n"),
        text(3, "ns"),
        small(7, 2),
        field(8, &time),
        field(11, &entry),
        field(13, &owner),
        field(17, &managed),
    ];
    let metadata = field(1, &metadata.concat());
    let port = [
        text(1, "http"),
        small(3, 80),
        field(4, &[small(1, 1), text(3, "web")].concat()),
    ]
    .concat();
    let container = [
        text(1, "c"),
        text(2, "image"),
        field(6, &port),
        field(8, &field(1, &[text(1, "cpu"), field(2, &text(1, "1500m"))].concat())),
    ];
    let secret = [metadata.clone(), field(2, &entry), text(3, "Opaque"), small(5, 1)].concat();
    let pod = [metadata.clone(), field(2, &field(2, &container.concat()))].concat();
    let service = [
        metadata.clone(),
        field(2, &[field(1, &port), field(2, &entry)].concat()),
    ]
    .concat();
    let lease = [
        metadata,
        field(2, &[text(1, "me"), small(2, 15), field(4, &time)].concat()),
    ]
    .concat();
    vec![
        body("v1", "Secret", &secret),
        body("v1", "Pod", &pod),
        body("v1", "Service", &service),
        body("coordination.k8s.io/v1", "Lease", &lease),
        body(
            "v1",
            "DeleteOptions",
            &[field(2, &text(1, "uid")), text(4, "Background")].concat(),
        ),
    ]
}

#[test]
fn bodies_that_others_are_made_of_are_read() {
    for body in bodies() {
        decode(&body).unwrap();
    }
}

proptest! {
    #[test]
    fn fuzz_bodies_near_right_ones(body in near_inputs::near(bodies(), &["k8s\0", "\u{a}\u{2}\u{12}\u{0}", "\u{8}", "\u{12}", "Pod", "v1"])) {
        if let Ok(object) = decode(&body) {
            prop_assert!(object["kind"].is_string());
            let length = object.to_string().len();
            prop_assert!(length < 100 * body.len() + 1000, "{length} of {} bytes", body.len());
            prop_assert_eq!(decode(&body), Ok(object));
        }
    }

    #[test]
    fn no_body_makes_it_panic(object in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&object);
        let _ = decode(&body("v1", "Pod", &object));
    }
}
