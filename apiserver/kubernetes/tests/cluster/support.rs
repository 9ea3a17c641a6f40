//! A cluster in memory, and users who talk to it.

use std::{future::Future, sync::Arc, time::Duration};

use generic_apiserver::{
    authn::{Connection, User},
    serve::{Body, Caller, VersionInfo},
    storage::redb::Engine,
};
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use kubernetes_apiserver::{Cluster, ClusterOptions};
use serde_json::{Value, json};

/// How long anything may take that the cluster does by itself.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct TestCluster {
    pub cluster: Arc<Cluster>,
}

impl TestCluster {
    pub async fn start() -> TestCluster {
        TestCluster::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut ClusterOptions)) -> TestCluster {
        let engine = Engine::in_memory().unwrap();
        TestCluster::over(&engine, "test/", change).await
    }

    pub async fn over(engine: &Arc<Engine>, prefix: &str, change: impl FnOnce(&mut ClusterOptions)) -> TestCluster {
        let mut options = ClusterOptions::new(engine.keyspace(prefix), version());
        change(&mut options);
        TestCluster {
            cluster: Cluster::start(options).await.unwrap(),
        }
    }

    /// The administrator.
    pub fn admin(&self) -> Client {
        self.user("admin", &["system:masters"])
    }

    pub fn user(&self, name: &str, groups: &[&str]) -> Client {
        let user = User {
            name: name.to_owned(),
            groups: groups
                .iter()
                .map(|&group| group.to_owned())
                .chain(["system:authenticated".to_owned()])
                .collect(),
            ..User::default()
        };
        Client {
            cluster: self.cluster.clone(),
            caller: Caller::User(user),
        }
    }

    /// Somebody who shows no credential.
    pub fn anonymous(&self) -> Client {
        Client {
            cluster: self.cluster.clone(),
            caller: Caller::Connection(Connection::default()),
        }
    }
}

pub fn version() -> Arc<VersionInfo> {
    Arc::new(VersionInfo {
        git_version: "v1.37.2".into(),
        major: "1".into(),
        minor: "37".into(),
    })
}

pub struct Client {
    cluster: Arc<Cluster>,
    caller: Caller,
}

/// Code and body of an answer.
pub struct Answer {
    pub code: u16,
    pub body: Value,
}

impl Answer {
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.code), "{} {}", self.code, self.body);
        self.body
    }

    #[track_caller]
    pub fn refused(self, code: u16) -> String {
        assert_eq!(self.code, code, "{}", self.body);
        self.body["message"].as_str().unwrap().to_owned()
    }
}

impl Client {
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "application/json", None, "application/json")
            .await
    }

    pub async fn create(&self, path: &str, object: Value) -> Answer {
        self.send(Method::POST, path, "application/json", Some(object), "application/json")
            .await
    }

    pub async fn replace(&self, path: &str, object: Value) -> Answer {
        self.send(Method::PUT, path, "application/json", Some(object), "application/json")
            .await
    }

    pub async fn merge(&self, path: &str, patch: Value) -> Answer {
        self.send(
            Method::PATCH,
            path,
            "application/merge-patch+json",
            Some(patch),
            "application/json",
        )
        .await
    }

    pub async fn strategic(&self, path: &str, patch: Value) -> Answer {
        self.send(
            Method::PATCH,
            path,
            "application/strategic-merge-patch+json",
            Some(patch),
            "application/json",
        )
        .await
    }

    pub async fn delete(&self, path: &str, policy: &str) -> Answer {
        let options = json!({"propagationPolicy": policy});
        self.send(
            Method::DELETE,
            path,
            "application/json",
            Some(options),
            "application/json",
        )
        .await
    }

    /// Header and rows as kubectl prints them, wide columns included only when asked for.
    pub async fn table(&self, path: &str, wide: bool) -> Vec<Vec<String>> {
        let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        let table = self
            .send(Method::GET, path, "application/json", None, accept)
            .await
            .ok();
        assert_eq!(table["kind"], "Table", "{table}");
        let columns = table["columnDefinitions"].as_array().unwrap();
        let shown: Vec<usize> = (0..columns.len())
            .filter(|&i| wide || columns[i]["priority"] == 0)
            .collect();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let header = shown
            .iter()
            .map(|&i| text(&columns[i]["name"]).to_uppercase())
            .collect();
        let rows = table["rows"].as_array().unwrap().iter();
        let rows = rows.map(|row| shown.iter().map(|&i| text(&row["cells"][i])).collect());
        std::iter::once(header).chain(rows).collect()
    }

    async fn send(&self, method: Method, path: &str, content_type: &str, body: Option<Value>, accept: &str) -> Answer {
        let body = body.map_or_else(String::new, |body| body.to_string());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::ACCEPT, accept)
            .body(Full::new(bytes::Bytes::from(body)))
            .unwrap();
        let caller = self.caller.clone();
        read(self.cluster.server().handle(request, caller).await).await
    }

    /// Waits until the answer to a GET is what is wanted, waking at every change of the cluster.
    pub async fn until(&self, path: &str, what: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let cache = self.cluster.registry().cache().clone();
        let wait = async {
            loop {
                let seen = cache.revision();
                let answer = self.get(path).await;
                if wanted(&answer) {
                    return answer;
                }
                cache.wait_after(seen).await;
            }
        };
        within(wait, what).await
    }

    pub async fn until_gone(&self, path: &str) {
        self.until(path, &format!("{path} to go"), |answer| answer.code == 404)
            .await;
    }
}

async fn read(response: Response<Body>) -> Answer {
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into());
    Answer { code, body }
}

async fn within<T>(wait: impl Future<Output = T>, what: &str) -> T {
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("waited too long for {what}"))
}

pub fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": "b"}})
}

/// A ConfigMap that `owner` owns.
pub fn owned(name: &str, owner: &Value, blocks: bool) -> Value {
    let mut object = config_map(name);
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "blockOwnerDeletion": blocks,
    }]);
    object
}
