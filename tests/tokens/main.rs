//! A real kube-apiserver with the authentication configuration that guests get: it judges tokens as our verifier does.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // In a test they are how it fails.

mod cases;
mod expressions;
mod guest;
mod keys_server;
mod random;

use std::{fs, path::Path};

use guestcluster_credentials::Verifier;
use guestcluster_tests::{Host, eventually};
use jiff::Timestamp;
use serde_json::Value;

use self::{
    cases::{Case, cases},
    guest::Guest,
    keys_server::KeysServer,
};

/// One that reads the stable configuration, and one that reads the beta: kube-apiserver still reads both.
const MINORS: [u32; 2] = [37, 33];
/// Tokens with random claims.
const RANDOM: u64 = 400;
/// Longest until kube-apiserver has fetched the keys: it looks every 10 s.
const PATIENCE: u64 = 60;

#[test]
fn a_kube_apiserver_says_what_the_verifier_says() {
    let folder = tempfile::tempdir().unwrap();
    let guest = Guest::new(Timestamp::now());
    let keys = KeysServer::start(&guest.trust);
    let file = folder.path().join("authentication.yaml");
    let mut host = None;
    for minor in MINORS {
        let mut configuration: Value = serde_saphyr::from_str(&keys.configuration(minor, &guest.trust)).unwrap();
        // Beside the guest's own, in one start of kube-apiserver.
        let of_expressions = minor == MINORS[0];
        if of_expressions {
            let issuers = expressions::issuers(&keys);
            configuration["jwt"].as_array_mut().unwrap().extend(issuers);
        }
        fs::write(&file, configuration.to_string()).unwrap();
        let host = restarted(&mut host, folder.path(), &file);
        let asked = Asked::of(&host.server(), Path::new(&host.authority_file()));
        let good = guest.token();
        eventually(PATIENCE, "a good token is accepted", || match asked.whoami(&good) {
            Some(_) => Ok(()),
            None => Err(host.log_tail()),
        });
        let wrong: Vec<_> = cases(&guest)
            .iter()
            .filter_map(|case| difference(&asked, &guest, case))
            .collect();
        assert!(wrong.is_empty(), "Kubernetes 1.{minor}:\n{}", wrong.join("\n"));
        agree_on_random_tokens(&asked, &guest);
        if of_expressions {
            let wrong = expressions::differences(&asked, &guest, &keys, folder.path());
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        }
    }
}

/// The same over tokens whose claims are thrown together.
fn agree_on_random_tokens(asked: &Asked, guest: &Guest) {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..RANDOM {
        let claims = random::claims(guest, seed);
        let (ours, theirs) = judged(asked, guest, &guest.with(&claims));
        assert_eq!(ours, theirs, "seed {seed}: {claims}");
        match ours {
            Some(_) => accepted += 1,
            None => refused += 1,
        }
    }
    assert!(
        accepted > RANDOM / 10 && refused > RANDOM / 10,
        "{accepted} accepted, {refused} refused"
    );
}

#[test]
fn the_first_configuration_accepts_no_tokens_and_lets_nodes_join() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authentication.yaml");
    fs::write(&file, guestcluster_credentials::authentication_configuration::first(37)).unwrap();
    let mut host = None;
    let host = restarted(&mut host, folder.path(), &file);
    let asked = Asked::of(&host.server(), Path::new(&host.authority_file()));
    assert_eq!(asked.whoami(&Guest::new(Timestamp::now()).token()), None);
    let public = "/api/v1/namespaces/kube-public/configmaps/cluster-info";
    for (path, code) in [
        ("/livez", 200),
        ("/readyz", 200),
        ("/healthz", 200),
        (public, 403),
        ("/version", 401),
        ("/api", 401),
    ] {
        // 403 is RBAC's: kubeadm binds the right to read it.
        assert_eq!(asked.get_without_credential(path), code, "{path}");
    }
}

fn restarted<'a>(host: &'a mut Option<Host>, folder: &Path, file: &Path) -> &'a Host {
    if let Some(host) = host {
        host.stop_apiserver();
        host.start_apiserver();
    }
    host.get_or_insert_with(|| {
        let flag = format!("--authentication-config={}", file.display());
        Host::start_with(&folder.join("host"), vec![flag])
    })
}

/// What is wrong about a token's treatment, if anything.
fn difference(asked: &Asked, guest: &Guest, case: &Case) -> Option<String> {
    let (ours, theirs) = judged(asked, guest, &case.token);
    if ours.is_some() != case.is_good {
        return Some(format!("{}: the verifier finds {ours:?}", case.name));
    }
    (ours != theirs).then(|| format!("{}: the verifier finds {ours:?}, kube-apiserver {theirs:?}", case.name))
}

/// Whom the verifier and kube-apiserver take a token for.
fn judged(asked: &Asked, guest: &Guest, token: &str) -> (Option<Found>, Option<Found>) {
    let theirs = asked.whoami(token);
    let verified = Verifier::new(guest.trust.clone()).verify(token, Timestamp::now());
    let ours = verified.map(|identity| (identity.user, identity.groups, identity.uid.unwrap_or_default()));
    (ours.ok(), theirs)
}

/// Name, groups and uid of a user.
type Found = (String, Vec<String>, String);

/// A kube-apiserver that is asked without any credential but a token.
struct Asked {
    client: kube::Client,
    runtime: tokio::runtime::Runtime,
}

impl Asked {
    fn of(server: &str, authority: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let mut config = kube::Config::new(server.parse().unwrap());
        config.root_cert = Some(keys_server::certificates(&fs::read_to_string(authority).unwrap()));
        let client = runtime.block_on(async { kube::Client::try_from(config) }).unwrap();
        Self { client, runtime }
    }

    /// Whom the token is taken for; none when it is refused.
    fn whoami(&self, token: &str) -> Option<Found> {
        self.user(token).as_ref().map(found)
    }

    /// The whole of it.
    fn user(&self, token: &str) -> Option<Value> {
        let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
        let request = http::Request::post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(review.as_bytes().to_vec());
        let answer: Result<Value, _> = self.runtime.block_on(self.client.request(request.unwrap()));
        match answer {
            Ok(answer) => Some(answer["status"]["userInfo"].clone()),
            Err(kube::Error::Api(status)) if status.code == 401 => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn get_without_credential(&self, path: &str) -> u16 {
        let request = http::Request::get(path).body(kube::client::Body::empty()).unwrap();
        self.runtime
            .block_on(self.client.send(request))
            .unwrap()
            .status()
            .as_u16()
    }
}

fn found(user: &Value) -> Found {
    let groups = user["groups"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let groups = groups
        .filter(|group| *group != "system:authenticated")
        .map(str::to_owned);
    let text = |field: &str| user[field].as_str().unwrap_or_default().to_owned();
    (text("username"), groups.collect(), text("uid"))
}
