//! The objects that our machine layer writes, beside those that upstream's writes for the same wishes.

mod intended;
mod shape;
mod stages;

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
};

use guestcluster_tests::{LAYERS, MachineLayer, Mix, Vms, eventually};
use serde_json::Value;

use crate::wishes::PATIENCE;
use intended::{found, never_met};
use shape::{Fields, Names};
use stages::STAGES;

/// Objects by kind and form of name: how many there are, and their fields.
type Seen = BTreeMap<String, (usize, Fields)>;

#[test]
fn our_machine_layer_writes_what_upstreams_writes() {
    let machine_layers = [MachineLayer::Ours, MachineLayer::Upstream];
    let mixes = machine_layers.map(|layer| thread::spawn(move || Mix::start(layer, Vms::Sim)));
    let mixes = mixes.map(|mix| mix.join().expect("it starts"));
    let (mut objects, mut fields, mut meant, mut met) = (0, 0, 0, BTreeSet::new());
    for (stage, wish) in STAGES {
        thread::scope(|scope| {
            for mix in &mixes {
                scope.spawn(move || wish(mix));
            }
        });
        // Each layer comes to rest in its own time.
        let compared = eventually(PATIENCE, &format!("{stage}: both are the same"), || {
            let [ours, upstreams] = mixes.each_ref().map(seen);
            let compared = Compared::of(&ours, &upstreams);
            if compared.unexplained.is_empty() {
                Ok(compared)
            } else {
                Err(format!("\n{}", compared.unexplained.join("\n")))
            }
        });
        objects += compared.objects;
        fields += compared.fields;
        meant += compared.intended.len();
        met.extend(compared.intended);
    }
    assert_eq!(never_met(&met), Vec::<String>::new(), "no difference any more");
    println!(
        "machine layers: {objects} objects of each, {fields} fields compared, {meant} intended differences, 0 unexplained"
    );
}

/// What a comparison found.
#[derive(Default)]
struct Compared {
    objects: usize,
    fields: usize,
    /// Of each difference that is meant, which of the reasons.
    intended: Vec<usize>,
    unexplained: Vec<String>,
}

impl Compared {
    fn of(ours: &Seen, upstreams: &Seen) -> Self {
        let mut compared = Self::default();
        let none = (0, Fields::new());
        let keys: BTreeSet<_> = ours.keys().chain(upstreams.keys()).collect();
        for key in keys {
            let [ours, theirs] = [ours, upstreams].map(|seen| seen.get(key).unwrap_or(&none));
            compared.objects += theirs.0;
            compared.place(&format!("{key} objects"), &ours.0.to_string(), &theirs.0.to_string());
            if ours.0 == 0 || theirs.0 == 0 {
                continue;
            }
            let paths: BTreeSet<_> = ours.1.keys().chain(theirs.1.keys()).collect();
            for path in paths {
                let [ours, theirs] = [&ours.1, &theirs.1].map(|fields| match fields.get(path) {
                    None => "nothing".to_owned(),
                    Some(values) => format!("{values:?}"),
                });
                compared.place(&format!("{key} {path}"), &ours, &theirs);
            }
        }
        compared
    }

    fn place(&mut self, place: &str, ours: &str, theirs: &str) {
        self.fields += 1;
        if ours == theirs {
            return;
        }
        if let Some(reason) = found(place) {
            self.intended.push(reason);
        } else {
            self.unexplained
                .push(format!("{place}: ours {ours}, upstream's {theirs}"));
        }
    }
}

/// Every object of the layers, and the guest's nodes.
fn seen(mix: &Mix) -> Seen {
    let admin = mix.supervisor().kubectl();
    let guest = mix.supervisor().guest_kubectl("team-a", "dev");
    let mut objects = Vec::new();
    for kind in LAYERS {
        objects.extend(items(&admin.json(&format!("get {kind}"))));
    }
    objects.extend(items(&admin.json("get secrets")).map(without_values));
    objects.extend(items(&guest.json("get nodes")));
    let mut names = Names::default();
    for object in &objects {
        let kind = object["kind"].as_str().unwrap_or_default();
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        match kind {
            "Machine" => names.learn("Machine", name, &["dev-cp", "dev-default"]),
            "MachineSet" => names.learn("MachineSet", name, &["dev-default"]),
            "VSphereMachineTemplate" | "KubeadmConfigTemplate" => {
                names.learn("template", name, &["dev-cp", "dev-default"]);
            }
            _ => {}
        }
    }
    let mut seen = Seen::new();
    for object in &objects {
        let (kind, name) = (&object["kind"], object["metadata"]["name"].as_str().unwrap_or_default());
        let key = format!("{} {}", kind.as_str().unwrap_or_default(), names.shown(name));
        let (count, fields) = seen.entry(key).or_default();
        *count += 1;
        names.add_fields(object, fields);
    }
    seen
}

fn items(list: &Value) -> impl Iterator<Item = Value> + use<> {
    list["items"].as_array().cloned().unwrap_or_default().into_iter()
}

/// A Secret with the names of its keys alone.
fn without_values(mut secret: Value) -> Value {
    for value in secret["data"]
        .as_object_mut()
        .into_iter()
        .flat_map(|data| data.values_mut())
    {
        *value = Value::Null;
    }
    secret
}
