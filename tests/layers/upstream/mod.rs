//! Our types of upstream's kinds beside upstream's definitions, as their makers publish them.

pub(crate) mod compare;
pub(crate) mod kinds;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use guestcluster_tests::published_definitions;
use guestcluster_types::upstream::crds::CRDS;
use serde_json::{Value, json};

use self::{
    compare::{Comparison, compare},
    kinds::{Kind, all},
};

/// The definition of a kind at our version, as it is published.
fn published<'d>(kind: &Kind, definitions: &'d [Value]) -> Result<&'d Value> {
    let mut definitions = definitions.iter();
    let definition = definitions.find(|definition| definition["metadata"]["name"] == kind.name);
    let versions = definition.and_then(|definition| definition["spec"]["versions"].as_array());
    let mut versions = versions
        .with_context(|| format!("nobody publishes {}", kind.name))?
        .iter();
    let version = versions.find(|version| version["name"] == kind.version);
    let version = version.with_context(|| format!("{} is not stored at {}", kind.name, kind.version))?;
    Ok(&version["schema"]["openAPIV3Schema"])
}

#[test]
fn every_field_that_we_write_or_read_is_upstreams_and_of_its_type() -> Result<()> {
    let definitions = published_definitions();
    let mut comparison = Comparison::default();
    let kinds = all();
    for kind in &kinds {
        let theirs = published(kind, &definitions)?;
        for part in ["spec", "status"] {
            let path = format!("{} {part}", kind.name);
            compare(
                &kind.schema["properties"][part],
                theirs["properties"].get(part),
                &path,
                &mut comparison,
            );
        }
    }
    assert_eq!(comparison.wrong, Vec::<String>::new());
    println!(
        "{} kinds, {} fields, {} of them of fixed values, {} that we keep as they come",
        kinds.len(),
        comparison.fields,
        comparison.enums,
        comparison.opaque
    );
    assert!(
        comparison.fields > 300 && comparison.enums > 10,
        "most of it was not looked at: {comparison:?}"
    );
    Ok(())
}

/// The images alone have no type: of them only the name counts.
#[test]
fn every_kind_that_is_served_has_a_type() {
    let names: BTreeSet<_> = all().into_iter().map(|kind| kind.name).collect();
    let served = CRDS.iter().map(|(name, _)| (*name).to_owned());
    let served: BTreeSet<_> = served.filter(|name| !name.contains("virtualmachineimages.")).collect();
    assert_eq!(names, served);
}

/// Otherwise the test above would pass whatever the types are.
#[test]
fn what_upstream_names_otherwise_is_found() -> Result<()> {
    let definitions = published_definitions();
    let kinds = all();
    let kind = kinds
        .iter()
        .find(|kind| kind.name == "machinedeployments.cluster.x-k8s.io")
        .expect("it is one of them");
    let theirs = published(kind, &definitions)?["properties"]["spec"].clone();
    let wrong = |pointer: &str, change: &dyn Fn(&mut Value)| {
        let mut theirs = theirs.clone();
        change(theirs.pointer_mut(pointer).expect("it has this"));
        let mut comparison = Comparison::default();
        compare(
            &kind.schema["properties"]["spec"],
            Some(&theirs),
            "spec",
            &mut comparison,
        );
        comparison.wrong
    };
    let rename = |to: &'static str, from: &'static str| {
        move |fields: &mut Value| {
            let fields = fields.as_object_mut().expect("an object");
            let field = fields.remove(from).expect("it has this");
            fields.insert(to.to_owned(), field);
        }
    };
    assert_eq!(
        wrong("/properties", &rename("size", "replicas")),
        ["spec.replicas: upstream has no such field"]
    );
    assert_eq!(
        wrong(
            "/properties/template/properties/spec/properties/infrastructureRef/properties",
            &rename("apiVersion", "apiGroup")
        ),
        ["spec.template.spec.infrastructureRef.apiGroup: upstream has no such field"]
    );
    assert_eq!(
        wrong("/properties/paused/type", &|type_| *type_ = json!("string")),
        ["spec.paused: ours is boolean, upstream's string"]
    );
    assert_eq!(
        wrong("/properties/replicas/format", &|format| *format = json!("int64")),
        ["spec.replicas: ours is integer (int32), upstream's integer (int64)"]
    );
    assert_eq!(
        wrong("/properties/deletion/properties/order/enum", &|values| *values =
            json!(["Newest", "Oldest"])),
        ["spec.deletion.order: we know `Random`, upstream takes [\"Newest\",\"Oldest\"]"]
    );
    Ok(())
}
