//! Somebody who writes without a pause, in every way there is, and keeps what was acknowledged.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use guestcluster_tests::{Connection, Endpoint};
use http::{Method, Request, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::{Value, json};

use crate::{
    object::{Key, NAMESPACES, Object, collection},
    progress::Progress,
};

/// Makes objects as large as small real ones.
const FILLER: usize = 1200;
const JSON: &str = "application/json";

/// What the server said it did.
#[derive(Clone, Debug)]
pub(crate) enum Acknowledged {
    /// The object is stored like this.
    Stored(Object),
    /// The object with this uid is gone.
    Removed { uid: String },
}

/// A writer; others write the same objects.
pub(crate) struct Writer {
    pub(crate) number: usize,
    pub(crate) endpoint: Endpoint,
    pub(crate) random: StdRng,
    pub(crate) progress: Arc<Progress>,
    pub(crate) keys: Arc<[Key]>,
}

/// A request, prepared.
pub(crate) struct Write {
    method: Method,
    path: String,
    content_type: &'static str,
    body: Value,
}

impl Writer {
    /// Writes until it is told to stop; what was acknowledged, in order.
    pub(crate) async fn run(mut self) -> anyhow::Result<Vec<Acknowledged>> {
        let mut connection = self.endpoint.connect().await?;
        let mut known = HashMap::new();
        let mut acknowledged = Vec::new();
        for turn in 0.. {
            if self.progress.now().stop {
                break;
            }
            let key = self.keys.choose(&mut self.random).context("no keys")?.clone();
            let write = if self.random.random_ratio(1, 250) {
                sweep(&mut self.random)
            } else {
                let mark = format!("{}-{turn}", self.number);
                choose(&mut self.random, &key, known.get(&key), &mark, self.number)
            };
            let (status, answer) = write.send(&self.endpoint, &mut connection).await?;
            match outcome(status, &answer).with_context(|| write.line())? {
                Outcome::Stored(object) => {
                    self.progress.acknowledge(object.revision).await;
                    known.insert(key, (*object).clone());
                    acknowledged.push(Acknowledged::Stored(*object));
                }
                Outcome::Removed(uids) => {
                    self.progress.acknowledge(0).await;
                    known.remove(&key);
                    acknowledged.extend(uids.into_iter().map(|uid| Acknowledged::Removed { uid }));
                }
                Outcome::Refused => {
                    // Somebody else was faster: look what there is.
                    known.remove(&key);
                    let get = Write::new(Method::GET, key.path(), JSON, Value::Null);
                    let (status, answer) = get.send(&self.endpoint, &mut connection).await?;
                    if status == StatusCode::OK {
                        known.insert(key, Object::parse(std::str::from_utf8(&answer)?)?);
                    }
                }
            }
        }
        Ok(acknowledged)
    }
}

impl Write {
    pub(crate) fn new(method: Method, path: String, content_type: &'static str, body: Value) -> Self {
        Self {
            method,
            path,
            content_type,
            body,
        }
    }

    pub(crate) fn line(&self) -> String {
        format!("{} {} {}", self.method, self.path, self.body)
    }

    /// Whether it asks for a removal.
    pub(crate) fn is_removal(&self) -> bool {
        self.method == Method::DELETE
    }

    pub(crate) async fn send(
        &self,
        endpoint: &Endpoint,
        connection: &mut Connection,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let body = if self.body.is_null() {
            Bytes::new()
        } else {
            self.body.to_string().into()
        };
        let request = Request::builder()
            .method(self.method.clone())
            .uri(endpoint.uri(&self.path)?)
            .header(CONTENT_TYPE, self.content_type);
        connection.answer(request.body(Full::new(body))?).await
    }
}

/// How a write ended.
pub(crate) enum Outcome {
    Stored(Box<Object>),
    /// With the uids of what was removed.
    Removed(Vec<String>),
    /// Because of what somebody else wrote.
    Refused,
}

/// Reads an answer. Any but these are wrong.
pub(crate) fn outcome(status: StatusCode, answer: &[u8]) -> anyhow::Result<Outcome> {
    let text = std::str::from_utf8(answer)?;
    match status.as_u16() {
        404 | 409 => return Ok(Outcome::Refused),
        200 | 201 => {}
        _ => bail!("{status}: {text}"),
    }
    let value: Value = serde_json::from_str(text)?;
    let uid = |value: &Value| value.as_str().map(str::to_owned).context("no uid");
    match value["kind"].as_str() {
        Some("ConfigMap") => Ok(Outcome::Stored(Box::new(Object::parse(text)?))),
        Some("Status") => Ok(Outcome::Removed(vec![uid(&value["details"]["uid"])?])),
        Some("ConfigMapList") => {
            let items = value["items"].as_array().into_iter().flatten();
            let uids: anyhow::Result<_> = items.map(|item| uid(&item["metadata"]["uid"])).collect();
            Ok(Outcome::Removed(uids?))
        }
        _ => bail!("{status}: {text}"),
    }
}

/// A write of an object that was seen last like this.
pub(crate) fn choose(random: &mut StdRng, key: &Key, seen: Option<&Object>, mark: &str, writer: usize) -> Write {
    let Some(seen) = seen else {
        let object = config_map(random, key, mark);
        return if random.random_ratio(1, 4) {
            apply(key, object, writer)
        } else {
            Write::new(Method::POST, collection(&key.namespace), JSON, object)
        };
    };
    match random.random_range(0..12) {
        0..=2 => {
            let mut object = config_map(random, key, mark);
            object["metadata"]["resourceVersion"] = seen.revision.to_string().into();
            Write::new(Method::PUT, key.path(), JSON, object)
        }
        3..=4 => patch(key, "application/merge-patch+json", json!({"data": {"mark": mark}})),
        // In and out of selections.
        5..=6 => {
            let body = json!({"metadata": {"labels": labels(random)}});
            patch(key, "application/merge-patch+json", body)
        }
        7 => {
            let body = json!([{"op": "add", "path": "/data/mark", "value": mark}]);
            patch(key, "application/json-patch+json", body)
        }
        8 => patch(
            key,
            "application/strategic-merge-patch+json",
            json!({"data": {"mark": mark}}),
        ),
        9 => apply(key, config_map(random, key, mark), writer),
        10 => Write::new(Method::DELETE, key.path(), JSON, Value::Null),
        _ => {
            let exactly = json!({"preconditions": {"uid": &*seen.uid, "resourceVersion": seen.revision.to_string()}});
            Write::new(Method::DELETE, key.path(), JSON, exactly)
        }
    }
}

/// Removes a part of a namespace at once.
fn sweep(random: &mut StdRng) -> Write {
    let namespace = NAMESPACES[random.random_range(0..NAMESPACES.len())];
    let path = format!("{}?labelSelector=tier%3Db,phase%3Din", collection(namespace));
    Write::new(Method::DELETE, path, JSON, Value::Null)
}

fn patch(key: &Key, content_type: &'static str, body: Value) -> Write {
    Write::new(Method::PATCH, key.path(), content_type, body)
}

fn apply(key: &Key, object: Value, writer: usize) -> Write {
    let path = format!("{}?fieldManager=writer-{writer}&force=true", key.path());
    Write::new(Method::PATCH, path, "application/apply-patch+yaml", object)
}

fn config_map(random: &mut StdRng, key: &Key, mark: &str) -> Value {
    let labels = labels(random);
    let labels: serde_json::Map<_, _> = labels
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": &*key.name, "namespace": &*key.namespace, "labels": labels},
        "data": {"mark": mark, "filler": "x".repeat(random.random_range(0..FILLER))},
    })
}

/// Labels by which selections differ; null for none.
fn labels(random: &mut StdRng) -> Value {
    let mut one_of = |values: &[Option<&str>]| json!(values[random.random_range(0..values.len())]);
    json!({"phase": one_of(&[Some("in"), Some("out"), None]), "tier": one_of(&[Some("a"), Some("b"), None])})
}
