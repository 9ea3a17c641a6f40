//! The guest that all tests share: its kube-apiserver, the keys that its supervisor would have, and what the supervisor writes
//! into it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::LazyLock,
    time::Duration,
};

use guestcluster_controllers::credential::lay_foundation;
use guestcluster_credentials::{
    Claims, Level, SigningKey, Subject, Trust, admission_configuration, authentication_configuration, levels,
    trust_object::{self, CONFIG_MAP, InForce, KEY, NAMESPACE},
};
use guestcluster_tests::{Host, Kubectl, client, eventually};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    asked::Asked,
    node::{NODE, Node},
};

pub(super) const UID: &str = "7b1e2d9c-5f0a-4c7e-9a3d-1f2e3d4c5b6a";
/// Of the node's kube-apiserver.
pub(super) const MINOR: u32 = 37;
/// Longest until kube-apiserver accepts a first token: it looks for a new file's keys every ten seconds.
const PATIENCE: u64 = 60;
/// Of the agent's pods, which nobody starts here: the agent runs as a process.
const AGENT_IMAGE: &str = "registry.invalid/guestcluster-apiserver:v1";
/// Longer than the tests take.
const LIFETIME: Duration = Duration::from_mins(30);

/// The guest. What it trusts is changed by one test at a time.
pub(super) struct Guest {
    pub(super) admin: Kubectl,
    pub(super) authority: Authority,
    pub(super) standing: Mutex<Standing>,
    // For as long as the process lives: the daemons end with it.
    server: String,
    authority_file: String,
    _folder: TempDir,
}

/// What the supervisor keeps about the guest.
pub(super) struct Authority {
    pub(super) trust_key: SigningKey,
    /// Signs credentials from the beginning.
    pub(super) first: SigningKey,
    /// Takes its place in the course of the tests.
    pub(super) second: SigningKey,
}

/// What changes in the course of the tests.
pub(super) struct Standing {
    pub(super) host: Host,
    pub(super) node: Node,
    pub(super) trust: Trust,
}

impl Guest {
    /// The one guest, whose agent runs, and which accepts tokens.
    pub(super) fn shared() -> &'static Guest {
        static GUEST: LazyLock<Guest> = LazyLock::new(Guest::start);
        &GUEST
    }

    fn start() -> Guest {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority {
            trust_key: SigningKey::generate().unwrap(),
            first: SigningKey::generate().unwrap(),
            second: SigningKey::generate().unwrap(),
        };
        let files = files(folder.path(), &authority.trust_key);
        let flags = ["admission-control-config-file", "authentication-config"]
            .into_iter()
            .zip(["admission.yaml", "authentication.yaml"])
            .map(|(flag, file)| format!("--{flag}={}", files.join(file).display()));
        // As kubeadm starts it: nothing but the Pod Security Standard stands against privileged pods.
        let flags = flags.chain(["--allow-privileged=true".to_owned()]);
        let host = Host::start_with(&folder.path().join("host"), flags.collect());
        let admin = host.admin();
        lay_foundation_twice(&admin);
        let trust = Trust {
            guest_uid: UID.to_owned(),
            generation: Trust::next_generation(None, Timestamp::now()),
            keys: vec![authority.first.public().clone()],
            revoked: BTreeMap::new(),
            floors: Vec::new(),
            trust_keys: Vec::new(),
        };
        let node = Node::start(&host, files);
        let guest = Guest {
            server: host.server(),
            authority_file: host.authority_file(),
            admin,
            authority,
            standing: Mutex::new(Standing { host, node, trust }),
            _folder: folder,
        };
        guest.begin();
        guest
    }

    /// A token is refused until the supervisor says which ones count, and then accepted.
    fn begin(&self) {
        let standing = self.standing.lock();
        let asked = self.asked();
        let alice = self.token("alice", Level::Admin);
        assert_eq!(asked.get(&alice, "/api"), 401);
        self.offer(&standing.trust.sign(&self.authority.trust_key).unwrap());
        eventually(PATIENCE, "a token is accepted", || match asked.get(&alice, "/api") {
            200 => Ok(()),
            code => Err(format!("{code}\n{}", standing.node.log_tail())),
        });
    }

    /// A client of the guest.
    pub(super) fn asked(&self) -> Asked {
        Asked::of(&self.server, &self.authority_file)
    }

    /// A token by the first key.
    pub(super) fn token(&self, user: &str, level: Level) -> String {
        token(&self.authority.first, user, level, &format!("of-{user}"))
    }

    /// Writes a text where the supervisor says what the guest trusts.
    pub(super) fn offer(&self, jws: &str) {
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": CONFIG_MAP, "namespace": NAMESPACE}, "data": {KEY: jws},
        });
        apply(&self.admin, &[object]);
    }

    /// What the supervisor says at present.
    pub(super) fn offered(&self) -> String {
        let path = format!("get configmap {CONFIG_MAP} -n {NAMESPACE} -o jsonpath={{.data.trust\\.jws}}");
        self.admin.run(&path).success()
    }

    /// Lets the guest trust something else from here on.
    pub(super) fn trust(&self, standing: &mut Standing, change: impl FnOnce(&mut Trust)) {
        let generation = Trust::next_generation(Some(&standing.trust), Timestamp::now());
        change(&mut standing.trust);
        standing.trust.generation = generation;
        self.offer(&standing.trust.sign(&self.authority.trust_key).unwrap());
    }

    /// What the node says it judges by.
    pub(super) fn report(&self) -> Option<InForce> {
        let map = self
            .admin
            .run(&format!("get configmap {CONFIG_MAP} -n {NAMESPACE} -o json"));
        let map: Value = serde_json::from_str(&map.success()).unwrap();
        let annotations = serde_json::from_value(map["metadata"]["annotations"].clone()).unwrap_or_default();
        InForce::of(&annotations, NODE)
    }

    /// Whether the node says that it judges by this.
    pub(super) fn is_reported(&self, trust: &Trust) -> bool {
        self.report()
            .is_some_and(|report| report.generation == trust.generation)
    }
}

/// A token of half an hour; its id says by what it is revoked.
pub(super) fn token(key: &SigningKey, user: &str, level: Level, id: &str) -> String {
    let subject = Subject {
        user: format!("{user}@corp.example"),
        groups: vec!["devs@corp.example".to_owned()],
        uid: None,
        dropped_groups: 0,
    };
    let claims = Claims::new(UID, &subject, level, id, Timestamp::now(), LIFETIME);
    key.mint(&claims).unwrap()
}

/// The files that bootstrap data bring.
fn files(folder: &Path, trust_key: &SigningKey) -> PathBuf {
    let files = folder.join("guestclusters");
    std::fs::create_dir(&files).unwrap();
    let write = |name: &str, content: String| std::fs::write(files.join(name), content).unwrap();
    write("trust-key.pem", trust_key.public().to_pem());
    write("authentication.yaml", authentication_configuration::first(MINOR));
    write("admission.yaml", admission_configuration::render());
    files
}

/// As the supervisor's controller does, which has the admin's kubeconfig; what is there is not written again.
fn lay_foundation_twice(admin: &Kubectl) {
    let lay = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let inside = client(admin.kubeconfig()).await.unwrap();
            lay_foundation(&inside, Some(AGENT_IMAGE)).await.unwrap();
        });
    };
    let written = || {
        let kinds = "clusterroles,clusterrolebindings,serviceaccounts,daemonsets";
        let list = admin.run(&format!("get {kinds} -n {NAMESPACE} -o json")).success();
        let list: Value = serde_json::from_str(&list).unwrap();
        let items = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["metadata"].clone());
        let is_ours = |name: &str| name.starts_with("guestclusters.dev:") || name == levels::AGENT_ACCOUNT;
        let ours = items.filter(|item| is_ours(item["name"].as_str().unwrap()));
        ours.map(|item| item["resourceVersion"].clone()).collect::<Vec<_>>()
    };
    lay();
    let first = written();
    assert_eq!(first.len(), levels::cluster_objects().len() + 2, "{first:?}");
    lay();
    assert_eq!(written(), first);
}

fn apply(admin: &Kubectl, objects: &[Value]) {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let applied = admin.run_with("apply --server-side --force-conflicts -f -", Some(&list.to_string()));
    applied.success();
}

/// The hash by which a file is known.
pub(super) fn hash_of(file: &Path) -> String {
    trust_object::hash(&std::fs::read_to_string(file).unwrap())
}
