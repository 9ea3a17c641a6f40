//! A simulation with guests that have one control-plane VM, and whoever asks them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use generic_apiserver::{
    authn::{Connection, User},
    serve::Caller,
    storage::redb::Engine,
};
use guestcluster_credentials::{
    Claims, Level, SigningKey, Subject, SubjectPolicy, Trust,
    trust_object::{CONFIG_MAP, InForce, KEY, NAMESPACE, PUBLIC_KEY_FILE},
    x509::CertificateAuthority,
};
use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use jiff::Timestamp;
use kubernetes_apiserver::Cluster;
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use vm_driver::{Driver as _, LoadBalancerSpec, ObjectUid, UserData, VmSpec};

use crate::{Config, Sim};

/// How long anything may take that a guest does by itself.
const PATIENCE: Duration = Duration::from_secs(20);
pub(super) const ALICE: &str = "alice@corp.example";
pub(super) const TRUST_OBJECT: &str = "/api/v1/namespaces/guestclusters-system/configmaps/guestclusters-trust";

/// A guest and its keys.
pub(super) struct Guest {
    pub(super) sim: Arc<Sim>,
    pub(super) name: &'static str,
    pub(super) trust_key: SigningKey,
    pub(super) signing_key: SigningKey,
    authority: CertificateAuthority,
    ca_key: String,
}

/// Somebody who asks a guest.
pub(super) struct Client {
    cluster: Arc<Cluster>,
    caller: Caller,
    token: Option<String>,
}

/// Code and body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: Value,
}

pub(super) async fn simulation(engine: &Arc<Engine>) -> Arc<Sim> {
    let no_delays = Config::from_yaml("delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}").unwrap();
    Sim::start(engine.clone(), no_delays).await.unwrap()
}

/// A guest that runs, trusting nothing yet.
pub(super) async fn guest(name: &'static str) -> Guest {
    guest_in(&simulation(&Engine::in_memory().unwrap()).await, name).await
}

/// A guest that runs and trusts its signing key.
pub(super) async fn trusting_guest(name: &'static str) -> Guest {
    let guest = guest(name).await;
    guest.trust(&guest.trusting(1)).await;
    guest
}

pub(super) async fn guest_in(sim: &Arc<Sim>, name: &'static str) -> Guest {
    let (authority, pair) = CertificateAuthority::generate("kubernetes").unwrap();
    let guest = Guest {
        sim: sim.clone(),
        name,
        trust_key: SigningKey::generate().unwrap(),
        signing_key: SigningKey::generate().unwrap(),
        authority,
        ca_key: pair.key,
    };
    guest.add_load_balancer().await;
    guest.add_control_plane("cp-1", Some(&guest.trust_key)).await;
    guest
}

impl Guest {
    /// The UID of its load balancer, by which the driver knows it.
    pub(super) fn uid(&self) -> ObjectUid {
        ObjectUid(format!("lb-{}", self.name))
    }

    fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("cluster".to_owned(), self.name.to_owned())])
    }

    async fn add_load_balancer(&self) {
        let spec = LoadBalancerSpec {
            uid: self.uid(),
            namespace: "team-a".to_owned(),
            name: self.name.to_owned(),
            selector: self.labels(),
            port: 6443,
            target_port: 6443,
        };
        let state = self.sim.ensure_load_balancer(&spec).await.unwrap();
        assert!(state.address.is_some(), "{state:?}");
    }

    /// Starts a control-plane VM, which gets the public half of this trust key.
    pub(super) async fn add_control_plane(&self, name: &str, trust_key: Option<&SigningKey>) {
        let spec = VmSpec {
            uid: ObjectUid(format!("vm-{}-{name}", self.name)),
            namespace: "team-a".to_owned(),
            name: format!("{}-{name}", self.name),
            labels: self.labels(),
            class: "small".to_owned(),
            cpus: 2,
            memory_bytes: 1 << 32,
            image: "photon-5-kubernetes-v1.34.2".to_owned(),
            storage_class: "gold".to_owned(),
            zone: None,
            powered_on: true,
            user_data: Some(UserData(self.user_data(trust_key).into_bytes())),
        };
        let state = self.sim.ensure_vm(&spec).await.unwrap();
        assert!(state.address.is_some(), "{state:?}");
    }

    pub(super) async fn remove_control_plane(&self, name: &str) {
        let uid = ObjectUid(format!("vm-{}-{name}", self.name));
        self.sim.remove_vm(&uid).await.unwrap();
    }

    fn user_data(&self, trust_key: Option<&SigningKey>) -> String {
        let configuration = "kind: ClusterConfiguration\n---\nkind: InitConfiguration\nnodeRegistration: {}\n";
        let mut files = vec![
            json!({"path": "/run/kubeadm/kubeadm.yaml", "content": configuration}),
            json!({"path": "/etc/kubernetes/pki/ca.crt", "content": self.authority.certificate()}),
            json!({"path": "/etc/kubernetes/pki/ca.key", "content": self.ca_key}),
        ];
        if let Some(key) = trust_key {
            files.push(json!({"path": PUBLIC_KEY_FILE, "content": key.public().to_pem()}));
        }
        json!({"write_files": files}).to_string()
    }

    /// A trust object with the guest's signing key alone.
    pub(super) fn trusting(&self, generation: u64) -> Trust {
        Trust {
            guest_uid: self.guest_uid(),
            generation,
            keys: vec![self.signing_key.public().clone()],
            revoked: BTreeMap::new(),
            floors: Vec::new(),
            trust_keys: Vec::new(),
        }
    }

    pub(super) fn guest_uid(&self) -> String {
        format!("uid-of-{}", self.name)
    }

    /// The same guest after the whole simulation started again over its store.
    pub(super) async fn restarted(self, engine: &Arc<Engine>) -> Guest {
        self.sim.stop().await;
        Guest {
            sim: simulation(engine).await,
            ..self
        }
    }

    /// Writes a trust object and waits until the guest reports it in force.
    pub(super) async fn trust(&self, trust: &Trust) {
        self.offer(&trust.sign(&self.trust_key).unwrap()).await;
        self.in_force(trust.generation).await;
    }

    /// Writes a text where the trust object lies.
    pub(super) async fn offer(&self, jws: &str) {
        let admin = self.admin().await;
        let object = json!({"metadata": {"name": CONFIG_MAP}, "data": {KEY: jws}});
        let answer = admin.merge(TRUST_OBJECT, object.clone()).await;
        if answer.code == 404 {
            let path = format!("/api/v1/namespaces/{NAMESPACE}/configmaps");
            admin.create(&path, object).await.ok();
        } else {
            answer.ok();
        }
    }

    /// Waits until the first control-plane node reports this generation.
    pub(super) async fn in_force(&self, generation: u64) -> InForce {
        let node = format!("{}-cp-1", self.name);
        let reported = |answer: &Answer| report(answer, &node).is_some_and(|report| report.generation == generation);
        let answer = self.admin().await.until(TRUST_OBJECT, reported).await;
        report(&answer, &node).unwrap()
    }

    /// A token of ten minutes.
    pub(super) fn token(&self, level: Level) -> String {
        self.signing_key.mint(&self.claims(level)).unwrap()
    }

    pub(super) fn claims(&self, level: Level) -> Claims {
        let policy = SubjectPolicy::new("sso:", None).unwrap();
        let groups = ["sso:devs@corp.example".to_owned()];
        let subject = Subject::of(&policy, &format!("sso:{ALICE}"), &groups, Some("u-1"), level).unwrap();
        Claims::new(
            &self.guest_uid(),
            &subject,
            level,
            "c-1",
            Timestamp::now(),
            Duration::from_mins(10),
        )
    }

    /// Alice, with a token of this level.
    pub(super) async fn at(&self, level: Level) -> Client {
        self.with_token(&self.token(level)).await
    }

    pub(super) async fn with_token(&self, token: &str) -> Client {
        Client {
            token: Some(token.to_owned()),
            ..self.caller(Caller::Connection(Connection::default())).await
        }
    }

    /// Somebody with a client certificate of the guest's authority, and perhaps a token too.
    pub(super) async fn with_certificate(&self, user: &str, token: Option<String>) -> Client {
        let issued = self.authority.issue_client(user, None, PATIENCE).unwrap();
        let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
        let connection = Connection {
            peer_certificates: Arc::new([certificate]),
            ..Connection::default()
        };
        Client {
            token,
            ..self.caller(Caller::Connection(connection)).await
        }
    }

    pub(super) async fn admin(&self) -> Client {
        let user = User {
            name: "kubernetes-admin".to_owned(),
            groups: vec!["system:masters".to_owned()],
            ..User::default()
        };
        self.caller(Caller::User(user)).await
    }

    async fn caller(&self, caller: Caller) -> Client {
        let uid = self.uid();
        let serving = self
            .sim
            .0
            .guests
            .with_server(&uid, async |server| server.cluster().clone());
        Client {
            cluster: serving.await.expect("the guest serves"),
            caller,
            token: None,
        }
    }
}

/// What a node reports in the trust object.
pub(super) fn report(answer: &Answer, node: &str) -> Option<InForce> {
    let annotations = serde_json::from_value(answer.body["metadata"]["annotations"].clone()).ok()?;
    InForce::of(&annotations, node)
}

impl Answer {
    #[track_caller]
    pub(super) fn ok(self) -> Value {
        assert!((200..300).contains(&self.code), "{} {}", self.code, self.body);
        self.body
    }
}

impl Client {
    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "application/json", Value::Null).await
    }

    pub(super) async fn create(&self, path: &str, object: Value) -> Answer {
        self.send(Method::POST, path, "application/json", object).await
    }

    pub(super) async fn merge(&self, path: &str, patch: Value) -> Answer {
        self.send(Method::PATCH, path, "application/merge-patch+json", patch)
            .await
    }

    pub(super) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, "application/json", json!({})).await
    }

    /// Who the guest says the client is.
    pub(super) async fn whoami(&self) -> Answer {
        let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
        let answer = self
            .create("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
            .await;
        Answer {
            body: answer.body["status"]["userInfo"].clone(),
            ..answer
        }
    }

    /// Waits until the answer to a GET is what is wanted, waking at every change of the guest.
    pub(super) async fn until(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
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
        let answer = tokio::time::timeout(PATIENCE, wait).await;
        answer.unwrap_or_else(|_| panic!("{path} never became what it should be"))
    }

    async fn send(&self, method: Method, path: &str, content_type: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, content_type);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request.body(Full::new(bytes::Bytes::from(body))).unwrap();
        let response = self.cluster.server().handle(request, self.caller.clone()).await;
        let code = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer {
            code,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }
}
