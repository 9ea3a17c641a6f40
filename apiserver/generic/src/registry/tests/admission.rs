//! Plug-ins see every write of every verb in their order, may change it, and have the last word.

use std::sync::{Arc, atomic::Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    WIDGETS, World,
    faults::{BROKEN, Faulty},
    widget,
};
use crate::{
    admission::{Admission, AdmissionRequest, Operation, Reinvocation, Reservation, Step},
    serve::Resources as _,
    status::{Forbidden, Status},
    storage::redb::Engine,
};

type Told = Arc<Mutex<Vec<String>>>;

/// Writes down what it is told, stamps objects with its name, and does what names of objects ask for.
struct Recorder {
    name: &'static str,
    told: Told,
}

/// Numbers an object's labels, and wants to see it again.
struct Again;

#[async_trait]
impl Admission for Again {
    fn name(&self) -> &'static str {
        "Again"
    }

    fn handles(&self, _: Step, request: &AdmissionRequest<'_>) -> bool {
        request.operation != Operation::Delete
    }

    fn reinvocation(&self) -> Reinvocation {
        Reinvocation::IfNeeded
    }

    async fn admit(&self, _: &AdmissionRequest<'_>, object: Option<&mut Value>) -> Result<(), Status> {
        let Some(object) = object else { return Ok(()) };
        let labels = object["metadata"]["labels"].as_object().map_or(0, serde_json::Map::len);
        object["metadata"]["annotations"]["labels"] = labels.to_string().into();
        let asked = object["metadata"]["annotations"]["asked"].as_str().unwrap_or_default();
        object["metadata"]["annotations"]["asked"] = format!("{asked}x").into();
        Ok(())
    }
}

#[tokio::test]
async fn who_wants_to_is_asked_again_once_when_others_changed_the_object() {
    let recorder = |name| -> Arc<dyn Admission> {
        Arc::new(Recorder {
            name,
            told: Told::default(),
        })
    };
    let again = || -> Arc<dyn Admission> { Arc::new(Again) };
    assert_annotations(vec![again(), recorder("A"), recorder("B")], "1", "xx").await;
    assert_annotations(vec![recorder("A"), again()], "1", "x").await;
    assert_annotations(vec![again()], "0", "x").await;
}

async fn assert_annotations(plugins: Vec<Arc<dyn Admission>>, labels: &str, asked: &str) {
    let store = Engine::in_memory().unwrap().keyspace("test/");
    let world = World::admitted_by(store, plugins).await;
    let made = world.post(WIDGETS, &widget("a")).await.expect(201);
    assert_eq!(
        made["metadata"]["annotations"],
        json!({"labels": labels, "asked": asked})
    );
}

/// Says whether it was settled.
struct Kept(Told);

impl Reservation for Kept {
    fn settled(self: Box<Self>) {
        self.0.lock().push("settled".to_owned());
    }
}

impl Recorder {
    fn tell(&self, step: &str, request: &AdmissionRequest<'_>, object: Option<&Value>) {
        let kind = request.kind.kind;
        let slash = if request.subresource.is_empty() { "" } else { "/" };
        let name = object.map_or("-", |object| object["kind"].as_str().unwrap_or_default());
        self.told.lock().push(format!(
            "{} {step} {} {kind}{slash}{} {}/{} object={name} old={} dry={} by {}",
            self.name,
            request.operation.as_str(),
            request.subresource,
            request.namespace,
            request.name,
            request.old.is_some(),
            request.dry_run,
            request.user.name,
        ));
    }
}

#[async_trait]
impl Admission for Recorder {
    fn name(&self) -> &'static str {
        self.name
    }

    fn handles(&self, _: Step, request: &AdmissionRequest<'_>) -> bool {
        request.name != "ignored"
    }

    async fn admit(&self, request: &AdmissionRequest<'_>, object: Option<&mut Value>) -> Result<(), Status> {
        self.tell("admit", request, object.as_deref());
        let Some(object) = object else { return Ok(()) };
        match (request.name, object["spec"]["replicas"].as_i64()) {
            ("mistyped", _) => object["spec"]["replicas"] = "many".into(),
            (_, Some(7)) => object["spec"]["replicas"] = 8.into(),
            _ => {}
        }
        let seen = object["metadata"]["labels"]["seen"].as_str().unwrap_or_default();
        object["metadata"]["labels"]["seen"] = format!("{seen}{}", self.name).into();
        Ok(())
    }

    async fn validate(&self, request: &AdmissionRequest<'_>, object: Option<&Value>) -> Result<(), Status> {
        self.tell("validate", request, object);
        request.notes.warn("mind the plug-in");
        if request.name == "held" {
            request.notes.reserve(Kept(self.told.clone()));
        }
        let names = &request.resource.names;
        let what = Forbidden {
            group: &names.group,
            resource: &names.plural,
            name: request.name,
        };
        match (request.name, request.operation) {
            ("protected", Operation::Delete) => Err(Status::forbidden(what, "it is protected")),
            ("failing", _) => Err(Status::internal("no answer")),
            ("refused", _) if self.name == "B" => Err(Status::forbidden(what, "B does not want it")),
            _ => Ok(()),
        }
    }
}

/// A world with the plug-ins A and B, and what they are told.
async fn world() -> (World, Told) {
    over(Engine::in_memory().unwrap().keyspace("test/")).await
}

async fn over(store: Arc<dyn crate::storage::Store>) -> (World, Told) {
    let told = Told::default();
    let plugins = ["A", "B"].map(|name| -> Arc<dyn Admission> {
        Arc::new(Recorder {
            name,
            told: told.clone(),
        })
    });
    (World::admitted_by(store, plugins.into()).await, told)
}

fn taken(told: &Told) -> Vec<String> {
    std::mem::take(&mut *told.lock())
}

#[tokio::test]
async fn a_create_passes_the_chain_in_its_order() {
    let (world, told) = world().await;
    let reply = world.post(WIDGETS, &widget("a")).await;
    let created = reply.expect(201);
    assert_eq!(reply.warnings(), ["299 - \"mind the plug-in\""], "each text once");
    assert_eq!(created["metadata"]["labels"]["seen"], "AB");
    let owned = created["metadata"]["managedFields"].to_string();
    assert!(
        !owned.contains("seen"),
        "what plug-ins set is not the client's: {owned}"
    );
    let expected = [
        "A admit CREATE Widget ns/a object=Widget old=false dry=false by alice",
        "B admit CREATE Widget ns/a object=Widget old=false dry=false by alice",
        "A validate CREATE Widget ns/a object=Widget old=false dry=false by alice",
        "B validate CREATE Widget ns/a object=Widget old=false dry=false by alice",
    ];
    assert_eq!(taken(&told), expected);
    let ignored = world.widget("ignored").await;
    assert_eq!(
        (&ignored["metadata"]["labels"], taken(&told)),
        (&Value::Null, Vec::new())
    );
}

#[tokio::test]
async fn the_object_is_validated_between_the_steps_and_a_refusal_ends_it() {
    let (world, told) = world().await;
    let mistyped = world.post(WIDGETS, &widget("mistyped")).await.refused(422);
    assert!(mistyped.1.contains("spec.replicas"), "{}", mistyped.1);
    assert!(taken(&told).iter().all(|line| line.contains(" admit ")));
    let refused = world.post(WIDGETS, &widget("refused")).await.refused(403);
    let message = "widgets.demo.example.io \"refused\" is forbidden: B does not want it";
    assert_eq!(refused, ("Forbidden".into(), message.into()));
    let failed = world.post(WIDGETS, &widget("failing")).await.refused(500);
    assert_eq!(failed.1, "admission plugin \"A\" failed: no answer");
    assert_eq!(
        world.get(WIDGETS).await.expect(200)["items"],
        json!([]),
        "nothing is stored"
    );
}

#[tokio::test]
async fn updates_deletes_and_subresources_pass_it_too() {
    let (world, told) = world().await;
    world.widget("protected").await;
    let path = format!("{WIDGETS}/protected");
    taken(&told);
    let dry = json!({"status": {"replicas": 1}});
    world
        .merge(&format!("{path}/status?dryRun=All"), &dry)
        .await
        .expect(200);
    let scaled = json!({"spec": {"replicas": 7}});
    let scale = world.merge(&format!("{path}/scale"), &scaled).await.expect(200);
    assert_eq!(scale["spec"]["replicas"], 8, "a plug-in may change the Scale");
    assert_eq!(world.get(&path).await.expect(200)["spec"]["replicas"], 8);
    let ticket = json!({"spec": {"who": "bob"}});
    world.post(&format!("{path}/ticket"), &ticket).await.expect(201);
    let review = json!({"kind": "Review", "apiVersion": "builtin.example.io/v1", "spec": {"who": "bob"}});
    let reviews = "/apis/builtin.example.io/v1/namespaces/ns/reviews";
    world.post(reviews, &review).await.expect(201);
    assert_eq!(world.delete(&path).await.refused(403).0, "Forbidden");
    assert_eq!(
        world.delete(WIDGETS).await.refused(403).0,
        "Forbidden",
        "of a collection"
    );
    world.get(&path).await.expect(200);
    let of_a = taken(&told).into_iter().filter(|line| line.starts_with("A validate"));
    let expected = [
        "A validate UPDATE Widget/status ns/protected object=Widget old=true dry=true by alice",
        "A validate UPDATE Scale/scale ns/protected object=Scale old=true dry=false by alice",
        "A validate CREATE TicketRequest/ticket ns/protected object=TicketRequest old=false dry=false by alice",
        "A validate CREATE Review ns/ object=Review old=false dry=false by alice",
        "A validate DELETE Widget ns/protected object=- old=true dry=false by alice",
        "A validate DELETE Widget ns/protected object=- old=true dry=false by alice",
    ];
    let mut of_a: Vec<String> = of_a.collect();
    // A refusal on the cache's word is confirmed by the store, so one write may be judged twice.
    of_a.dedup();
    let mut expected: Vec<String> = expected.map(str::to_owned).into();
    expected.dedup();
    assert_eq!(of_a, expected);
}

#[tokio::test]
async fn who_loses_a_race_is_judged_again_beside_the_winner() {
    /// Lets somebody else write first, once.
    struct Overtaken {
        other: World,
        told: Told,
    }

    #[async_trait]
    impl Admission for Overtaken {
        fn name(&self) -> &'static str {
            "Overtaken"
        }

        fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
            step == Step::Validate && request.operation == Operation::Update
        }

        async fn validate(&self, request: &AdmissionRequest<'_>, _: Option<&Value>) -> Result<(), Status> {
            let is_first = self.told.lock().is_empty();
            let old = request.old.map_or(Value::Null, |old| old["spec"]["replicas"].clone());
            self.told.lock().push(format!("old has {old}"));
            if is_first {
                let path = format!("{WIDGETS}/a");
                self.other
                    .merge(&path, &json!({"spec": {"replicas": 5}}))
                    .await
                    .expect(200);
            }
            Ok(())
        }
    }

    let store = Engine::in_memory().unwrap().keyspace("test/");
    let told = Told::default();
    let plugin = Arc::new(Overtaken {
        other: World::over(store.clone()).await,
        told: told.clone(),
    });
    let world = World::admitted_by(store, vec![plugin]).await;
    world.widget("a").await;
    let labelled = json!({"metadata": {"labels": {"a": "b"}}});
    let patched = world.merge(&format!("{WIDGETS}/a"), &labelled).await.expect(200);
    assert_eq!(patched["spec"]["replicas"], 5);
    assert_eq!(taken(&told), ["old has 1", "old has 5"]);
}

#[tokio::test]
async fn a_reservation_hears_how_its_write_ended() {
    let store = Faulty::new();
    let (world, told) = over(store.clone()).await;
    let settled = |told: &Told| taken(told).iter().filter(|line| *line == "settled").count();
    let held = widget("held");
    world.post(&format!("{WIDGETS}?dryRun=All"), &held).await.expect(201);
    assert_eq!(settled(&told), 2, "a dry run is over when it is answered");
    world.post(WIDGETS, &held).await.expect(201);
    assert_eq!(settled(&told), 2, "done");
    world.post(WIDGETS, &held).await.refused(409);
    assert_eq!(settled(&told), 2, "the name is taken");
    let path = format!("{WIDGETS}/held");
    world.merge(&path, &json!({"spec": {"replicas": 2}})).await.expect(200);
    assert_eq!(settled(&told), 2, "an update");
    world.delete(&path).await.expect(200);
    assert_eq!(settled(&told), 2, "a delete");
    store.mode.store(BROKEN, Ordering::SeqCst);
    world.post(WIDGETS, &held).await.refused(500);
    assert_eq!(settled(&told), 0, "nobody knows what a broken store did");
}

#[tokio::test]
async fn options_are_those_that_webhooks_see() {
    struct Options(Mutex<Vec<Value>>);

    #[async_trait]
    impl Admission for Options {
        fn name(&self) -> &'static str {
            "Options"
        }

        fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
            if step == Step::Validate {
                self.0.lock().push(request.options_object());
            }
            false
        }
    }

    let options = Arc::new(Options(Mutex::default()));
    let store = Engine::in_memory().unwrap().keyspace("test/");
    let world = World::admitted_by(store, vec![options.clone()]).await;
    let path = format!("{WIDGETS}?dryRun=All&fieldManager=me&fieldValidation=Strict");
    world.post(&path, &widget("a")).await.expect(201);
    world.widget("a").await;
    let foreground = br#"{"propagationPolicy":"Foreground","preconditions":{"resourceVersion":"1"}}"#;
    let delete = format!("DELETE {WIDGETS}/a");
    world
        .call(&delete, &[], br#"{"propagationPolicy":"Foreground"}"#)
        .await
        .expect(200);
    world.call(&delete, &[], foreground).await.refused(409);
    let seen = std::mem::take(&mut *options.0.lock());
    let expected = json!({
        "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1",
        "dryRun": ["All"], "fieldManager": "me", "fieldValidation": "Strict",
    });
    assert_eq!(seen[0], expected);
    let expected = json!({
        "kind": "DeleteOptions", "apiVersion": "meta.k8s.io/v1", "propagationPolicy": "Foreground",
    });
    assert_eq!(seen[2], expected);
}

#[tokio::test]
async fn metrics_say_which_plugin_took_how_long() {
    let (world, _) = world().await;
    world.widget("a").await;
    world.post(WIDGETS, &widget("refused")).await.refused(403);
    let mut page = String::new();
    world.registry.append_metrics(&mut page);
    let plugin = "apiserver_admission_controller_admission_duration_seconds_count";
    let step = "apiserver_admission_step_admission_duration_seconds_count";
    for line in [
        format!("{plugin}{{name=\"A\",type=\"admit\",operation=\"CREATE\",rejected=\"false\"}} 2"),
        format!("{plugin}{{name=\"B\",type=\"validate\",operation=\"CREATE\",rejected=\"true\"}} 1"),
        format!("{step}{{type=\"validate\",operation=\"CREATE\",rejected=\"true\"}} 1"),
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}
