//! Plugins see every write of every verb, and have the last word.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{WIDGETS, World, widget};
use crate::{
    admission::{Admission, AdmissionRequest, Operation},
    status::{Forbidden, Status},
};

/// Stamps objects, keeps `protected` ones from deletion, and remembers what it saw.
#[derive(Default)]
struct Guard {
    seen: Mutex<Vec<String>>,
}

#[async_trait]
impl Admission for Guard {
    async fn admit(&self, _request: &AdmissionRequest<'_>, object: &mut Value) -> Result<(), Status> {
        object["metadata"]["labels"]["stamped-by"] = "guard".into();
        Ok(())
    }

    async fn validate(&self, request: &AdmissionRequest<'_>, object: Option<&Value>) -> Result<(), Status> {
        let names = &request.resource.names;
        self.seen.lock().push(format!(
            "{:?} {}/{} {} old={} new={} dry={}",
            request.operation,
            request.namespace,
            request.name,
            request.subresource,
            request.old.is_some(),
            object.is_some(),
            request.dry_run
        ));
        if request.operation == Operation::Delete && request.name == "protected" {
            let what = Forbidden {
                group: &names.group,
                resource: &names.plural,
                name: request.name,
            };
            return Err(Status::forbidden(what, "it is protected"));
        }
        Ok(())
    }
}

#[tokio::test]
async fn plugins_see_and_change_every_write() {
    let guard = Arc::new(Guard::default());
    let world = World::admitted_by(guard.clone()).await;
    let created = world.widget("protected").await;
    assert_eq!(created["metadata"]["labels"]["stamped-by"], "guard");
    let path = format!("{WIDGETS}/protected");
    let unstamped = json!({"metadata": {"labels": null}});
    assert_eq!(
        world.merge(&path, &unstamped).await.expect(200),
        created,
        "stamped again, so nothing has changed"
    );
    world
        .merge(
            &format!("{path}/status?dryRun=All"),
            &json!({"status": {"replicas": 1}}),
        )
        .await
        .expect(200);
    assert_eq!(
        world.delete(&path).await.refused(403),
        (
            "Forbidden".into(),
            "widgets.demo.example.io \"protected\" is forbidden: it is protected".into()
        )
    );
    world.get(&path).await.expect(200);
    let mut seen = guard.seen.lock().clone();
    seen.dedup();
    assert_eq!(
        seen,
        [
            "Create ns/protected  old=false new=true dry=false",
            "Update ns/protected  old=true new=true dry=false",
            "Update ns/protected status old=true new=true dry=true",
            "Delete ns/protected  old=true new=false dry=false",
        ]
    );
}

#[tokio::test]
async fn one_refusal_stops_a_collection_with_its_status() {
    let world = World::admitted_by(Arc::new(Guard::default())).await;
    world.widget("protected").await;
    world.post(WIDGETS, &widget("other")).await.expect(201);
    assert_eq!(world.delete(WIDGETS).await.refused(403).0, "Forbidden");
    world.get(&format!("{WIDGETS}/protected")).await.expect(200);
}
