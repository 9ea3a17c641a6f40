use generic_apiserver::authn::{Authenticated, Connection, Refused};
use guestcluster_credentials::x509::CertificateAuthority;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    super::testing::{Host, Wire, until},
    *,
};

fn authority(name: &str) -> CertificateAuthority {
    CertificateAuthority::generate(name).unwrap().0
}

/// As a cluster made with kubeadm has it.
fn content(front_proxy: &CertificateAuthority, clients: &CertificateAuthority) -> Value {
    json!({
        "client-ca-file": clients.certificate(),
        "requestheader-allowed-names": "[\"front-proxy-client\"]",
        "requestheader-client-ca-file": front_proxy.certificate(),
        "requestheader-extra-headers-prefix": "[\"X-Remote-Extra-\"]",
        "requestheader-group-headers": "[\"X-Remote-Group\"]",
        "requestheader-uid-headers": "[\"X-Remote-Uid\"]",
        "requestheader-username-headers": "[\"X-Remote-User\"]",
    })
}

fn config_map(data: &Value) -> ConfigMap {
    serde_json::from_value(json!({"metadata": {"name": NAME}, "data": data})).unwrap()
}

/// Who a client with this certificate is, and who it is when it says that it speaks for ana.
async fn ask(authenticator: &dyn Authenticator, ca: &CertificateAuthority, name: &str) -> [Answer; 2] {
    let identity = ca.issue_client(name, Some("dev"), Duration::from_mins(5)).unwrap();
    let connection = Connection {
        remote: None,
        peer_certificates: Arc::new([CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()]),
    };
    let plain = http::Request::get("/").body(()).unwrap().into_parts().0;
    let speaking = http::Request::get("/")
        .header("x-remote-user", "ana")
        .header("x-remote-group", "g");
    let speaking = speaking.body(()).unwrap().into_parts().0;
    [
        name_of(authenticator.authenticate(&plain, &connection).await),
        name_of(authenticator.authenticate(&speaking, &connection).await),
    ]
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Refused,
    Nobody,
    Somebody(String),
}

fn name_of(found: Result<Option<Authenticated>, Refused>) -> Answer {
    match found {
        Ok(Some(found)) => Answer::Somebody(found.user.name),
        Ok(None) => Answer::Nobody,
        Err(_) => Answer::Refused,
    }
}

fn is(name: &str) -> Answer {
    Answer::Somebody(name.to_owned())
}

/// The whole error, with its causes.
fn error(result: anyhow::Result<Delegated>) -> String {
    format!("{:#}", result.err().unwrap())
}

#[tokio::test]
async fn proxy_and_clients_are_who_the_config_map_says() {
    let (front_proxy, clients) = (authority("front proxy"), authority("clients"));
    let delegated = Delegated::new(&config_map(&content(&front_proxy, &clients))).unwrap();
    let authenticator = delegated.authenticator();
    let proxy = ask(&*authenticator, &front_proxy, "front-proxy-client").await;
    assert_eq!(proxy, [Answer::Refused, is("ana")], "it is nobody by itself");
    assert_eq!(ask(&*authenticator, &clients, "ben").await, [is("ben"), is("ben")]);
    let namesake = ask(&*authenticator, &clients, "front-proxy-client").await;
    assert_eq!(namesake, [is("front-proxy-client"), is("front-proxy-client")]);
    let other = ask(&*authenticator, &front_proxy, "ben").await;
    assert_eq!(other, [Answer::Refused, Answer::Refused]);
    let stranger = ask(&*authenticator, &authority("x"), "front-proxy-client").await;
    assert_eq!(stranger, [Answer::Refused, Answer::Refused]);

    let pem = delegated.client_cas();
    let hinted: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().unwrap();
    assert_eq!(hinted.len(), 2);
}

#[tokio::test]
async fn a_host_without_client_certificates_is_fine() {
    let front_proxy = authority("front proxy");
    let mut data = content(&front_proxy, &front_proxy);
    data.as_object_mut().unwrap().remove("client-ca-file");
    let delegated = Delegated::new(&config_map(&data)).unwrap();
    let proxy = ask(&*delegated.authenticator(), &front_proxy, "front-proxy-client").await;
    assert_eq!(proxy, [Answer::Nobody, is("ana")]);
    assert!(CertificateDer::pem_slice_iter(&delegated.client_cas()).all(|found| found.is_ok()));
}

#[test]
fn what_would_trust_too_many_or_nobody_is_an_error_that_says_so() {
    let ca = authority("ca");
    let with = |key: &str, value: Value| {
        let mut data = content(&ca, &ca);
        data[key] = value;
        data.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        error(Delegated::new(&config_map(&data)))
    };
    let cases = [
        ("requestheader-client-ca-file", Value::Null, "aggregation layer"),
        ("requestheader-client-ca-file", "none".into(), "CA"),
        ("requestheader-allowed-names", Value::Null, "allowed names"),
        ("requestheader-allowed-names", "[]".into(), "allowed names"),
        (
            "requestheader-allowed-names",
            "proxy".into(),
            "requestheader-allowed-names",
        ),
        ("requestheader-username-headers", "[]".into(), "username"),
        ("requestheader-group-headers", "[\"a b\"]".into(), "a b"),
        ("client-ca-file", "none".into(), "client-ca-file"),
    ];
    for (key, value, said) in cases {
        let found = with(key, value.clone());
        assert!(found.contains(said), "{key} {value}: {found}");
    }
    assert!(error(Delegated::new(&ConfigMap::default())).contains("requestheader-client-ca-file"));
}

#[tokio::test]
async fn at_the_start_a_refusal_is_told_and_an_absent_host_awaited() {
    let host = Host::start().await;
    let missing = error(Delegated::read(&host.server()).await);
    assert!(
        missing.contains("kube-system/extension-apiserver-authentication"),
        "{missing}"
    );
    let forbidden = error(Delegated::read(&host.user("nobody", &[])).await);
    assert!(
        forbidden.contains("extension-apiserver-authentication-reader"),
        "{forbidden}"
    );

    let ca = authority("ca");
    create(&config_maps(host.admin()), &content(&ca, &ca)).await;
    let wire = Arc::new(Wire::default());
    wire.fail(1);
    assert!(Delegated::read(&wire.to(&host)).await.is_ok());
    wire.cut();
    tokio::time::pause();
    let silent = error(Delegated::read(&wire.to(&host)).await);
    assert!(silent.contains("no answer within 30 s"), "{silent}");
    wire.mend();
    wire.fail(usize::MAX);
    let refused = error(Delegated::read(&wire.to(&host)).await);
    assert!(refused.contains("connection refused"), "{refused}");
}

#[tokio::test]
async fn a_rotated_ca_counts_at_once_and_a_broken_content_never() {
    let host = Host::start().await;
    let (old, new, clients) = (authority("old"), authority("new"), authority("clients"));
    let api = config_maps(host.admin());
    create(&api, &content(&old, &clients)).await;
    let delegated = Arc::new(Delegated::read(&host.server()).await.unwrap());
    let authenticator = delegated.authenticator();
    let changes = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let stop = CancellationToken::new();
    let following = {
        let changes = changes.clone();
        let changed = move |delegated: &Delegated| changes.lock().push(delegated.client_cas());
        tokio::spawn(delegated.clone().follow(host.server(), changed, stop.clone()))
    };
    let put = async |data: &Value| {
        let patch = Patch::Merge(json!({"data": data}));
        api.patch(NAME, &PatchParams::default(), &patch).await.unwrap();
    };
    let speaks = async |ca: &CertificateAuthority| ask(&*authenticator, ca, "front-proxy-client").await[1] == is("ana");
    assert!(speaks(&old).await && !speaks(&new).await);

    put(&json!({"requestheader-client-ca-file": format!("{}{}", old.certificate(), new.certificate())})).await;
    until("both are trusted", async || speaks(&old).await && speaks(&new).await).await;
    put(&json!({"requestheader-allowed-names": "[]", "unrelated": "x"})).await;
    put(&json!({"requestheader-client-ca-file": new.certificate(), "requestheader-allowed-names": "[\"front-proxy-client\"]"})).await;
    until("the old one is not trusted", async || !speaks(&old).await).await;
    assert!(
        speaks(&new).await,
        "what came between was not usable, and nobody was locked out by it"
    );
    assert_eq!(changes.lock().len(), 2);
    assert_eq!(changes.lock()[1], delegated.client_cas());

    api.delete(NAME, &DeleteParams::default()).await.unwrap();
    create(&api, &content(&old, &clients)).await;
    until("made again, with the old one", async || speaks(&old).await).await;
    stop.cancel();
    timeout(Duration::from_secs(5), following).await.unwrap().unwrap();
}

async fn create(api: &Api<ConfigMap>, data: &Value) {
    api.create(&PostParams::default(), &config_map(data)).await.unwrap();
}
