//! Every field of upstream's kinds that a type of ours has, wrong in each way that its definition names: the API server refuses
//! it, and says which field it is and what is accepted. What a definition takes and that cannot be done is the other files' part.

mod fields;
mod sample;
mod taken;
mod wrong;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use guestcluster_types::upstream::crds::CRDS;
use kube::Client;
use serde_json::{Value, json};

use self::fields::Field;
use crate::{
    supervisor::{Kinds, Supervisor},
    upstream::kinds::{self, Kind},
};

/// The definition that is served of a kind.
fn definition(kind: &Kind) -> Result<Value> {
    let mut definitions = CRDS.iter();
    let (_, text) = definitions
        .find(|(name, _)| *name == kind.name)
        .context("it is served")?;
    Ok(serde_json::from_str(text)?)
}

/// Sends objects of one kind, of which none is kept.
struct Sender<'c> {
    client: &'c Client,
    definition: &'c Value,
    version: &'c str,
}

impl<'c> Sender<'c> {
    fn new(supervisor: &'c Supervisor, definition: &'c Value, kind: &'c Kind) -> Self {
        Self {
            client: &supervisor.client,
            definition,
            version: &kind.version,
        }
    }

    /// The fields of ours, each with what the definition says of it.
    fn fields(&self, kind: &'c Kind) -> Result<Vec<Field<'c>>> {
        let schema = &self.definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        fields::all(&kind.schema, schema)
    }

    /// The code and the words of the answer to an object with this beside its name.
    async fn send(&self, object: Value) -> Result<(u16, String)> {
        Ok(match self.create(object).await? {
            Ok(_) => (201, String::new()),
            Err(refusal) => refusal,
        })
    }

    /// The object as it would be kept, or code and words of its refusal.
    async fn create(&self, mut object: Value) -> Result<Result<Value, (u16, String)>> {
        let spec = &self.definition["spec"];
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
        let (group, plural) = (text(&spec["group"])?, text(&spec["names"]["plural"])?);
        object["apiVersion"] = json!(format!("{group}/{}", self.version));
        object["kind"] = spec["names"]["kind"].clone();
        let (metadata, namespace) = match spec["scope"].as_str() {
            Some("Cluster") => (json!({"name": "wrong"}), ""),
            _ => (json!({"name": "wrong", "namespace": "team-a"}), "namespaces/team-a/"),
        };
        object["metadata"] = metadata;
        let place = format!("/apis/{group}/{}/{namespace}{plural}", self.version);
        let request = http::Request::post(format!("{place}?dryRun=All&fieldValidation=Strict"))
            .header("content-type", "application/json")
            .body(serde_json::to_vec(&object)?)?;
        match self.client.request::<Value>(request).await {
            Ok(object) => Ok(Ok(object)),
            Err(kube::Error::Api(status)) => Ok(Err((status.code, status.message.clone()))),
            Err(error) => Err(error.into()),
        }
    }
}

/// What was sent, and what was wrong with the answers.
#[derive(Debug, Default)]
struct Tried {
    fields: usize,
    /// Values by the way in which they are wrong.
    ways: BTreeMap<&'static str, usize>,
    /// Answers that don't help who reads them.
    bad: Vec<String>,
}

impl Tried {
    async fn field(&mut self, sender: &Sender<'_>, field: &Field<'_>) -> Result<()> {
        self.fields += 1;
        let kind = &sender.definition["spec"]["names"]["kind"];
        let (code, message) = sender.send(field.object_with(sample::sample(field.schema))).await?;
        if code != 201 {
            self.bad
                .push(format!("{kind} {field}: a right value is refused: {message}"));
        }
        for wrong in wrong::all(field.schema, field.may_be_null()) {
            *self.ways.entry(wrong.way).or_default() += 1;
            let named = format!("{field}{}", wrong.below);
            let value = wrong.value.to_string();
            let (code, message) = sender.send(field.object_with(wrong.value)).await?;
            let unsaid = wrong.says.iter().find(|part| !message.contains(*part));
            if !(400..500).contains(&code) || !message.contains(&named) || unsaid.is_some() {
                let value: String = value.chars().take(100).collect();
                self.bad.push(format!(
                    "{kind} {named} ({}) {value}: {code} {message}: {unsaid:?}",
                    wrong.way
                ));
            }
        }
        Ok(())
    }
}

/// In so many ways something is wrong in one of the definitions.
const WAYS: usize = 22;

#[tokio::test]
async fn each_field_that_is_wrong_is_refused_by_its_name_and_what_is_accepted() -> Result<()> {
    let supervisor = Supervisor::start(Kinds::All).await?;
    let mut tried = Tried::default();
    let kinds = kinds::all();
    for kind in &kinds {
        let definition = definition(kind)?;
        let sender = Sender::new(&supervisor, &definition, kind);
        for field in sender.fields(kind)? {
            tried.field(&sender, &field).await?;
        }
    }
    let wrong: usize = tried.ways.values().sum();
    println!(
        "{} kinds, {} fields, {wrong} wrong values: {:?}",
        kinds.len(),
        tried.fields,
        tried.ways
    );
    ensure!(tried.bad.is_empty(), "{} of {wrong}: {:#?}", tried.bad.len(), tried.bad);
    ensure!(
        kinds.len() >= 15 && tried.fields > 650 && wrong > 4_800 && tried.ways.len() >= WAYS,
        "most of it was not tried"
    );
    Ok(())
}

/// One object that a watcher can't read would hide all others from it.
#[tokio::test]
async fn what_a_definition_takes_in_can_be_read() -> Result<()> {
    let supervisor = Supervisor::start(Kinds::All).await?;
    let (mut taken, mut unreadable) = (0, vec![]);
    for kind in &kinds::all() {
        let definition = definition(kind)?;
        let sender = Sender::new(&supervisor, &definition, kind);
        for field in sender.fields(kind)? {
            for value in taken::all(field.schema, field.may_be_null()) {
                let text: String = value.to_string().chars().take(100).collect();
                let Ok(object) = sender.create(field.object_with(value)).await? else {
                    continue;
                };
                taken += 1;
                if let Err(error) = (kind.read)(object) {
                    unreadable.push(format!("{} {field} {text}: {error}", kind.name));
                }
            }
        }
    }
    println!("{taken} objects are taken in");
    ensure!(
        unreadable.is_empty(),
        "{} of {taken}: {unreadable:#?}",
        unreadable.len()
    );
    ensure!(taken > 1_500, "most of it was not tried");
    Ok(())
}
