//! Identity headers: whom the chain believes, and that nothing of them goes further.

use serde_json::json;

use super::*;
use crate::{
    authn::{
        ClientCertificates, Replaceable, RequestHeader, RequestHeaderConfig,
        testing::{Authority, authority},
    },
    serve::testing::{json_of, text},
};

struct Front {
    server: Arc<ApiServer>,
    proxy: Authority,
    clients: Authority,
}

/// Behind a front proxy, with another CA for clients who come by themselves.
fn front() -> Front {
    let (proxy, clients) = (authority(), authority());
    let words = |word: &str| vec![word.to_owned()];
    let request_header = RequestHeader::new(RequestHeaderConfig {
        ca_pem: proxy.pem.clone().into_bytes(),
        allowed_names: words("front-proxy-client"),
        username_headers: vec!["X-Remote-User".to_owned(), "X-Who".to_owned()],
        uid_headers: words("X-Remote-Uid"),
        group_headers: words("X-Remote-Group"),
        extra_header_prefixes: words("X-Remote-Extra-"),
    });
    let authenticators = Replaceable::new();
    authenticators.replace(vec![
        Arc::new(request_header.unwrap()),
        Arc::new(ClientCertificates::new(clients.pem.as_bytes()).unwrap()),
    ]);
    let server = builder()
        .authenticator(authenticators)
        .anonymous(true)
        .always_allow(&["/version", "/public/*"])
        .build();
    Front { server, proxy, clients }
}

impl Front {
    async fn send(&self, peer: Option<(&Authority, &str)>, head: &str) -> http::Response<Body> {
        let peer_certificates = match peer {
            None => Arc::default(),
            Some((authority, name)) => authority.client(name, "dev", |_| {}).into(),
        };
        let remote = None;
        let connection = Connection {
            remote,
            peer_certificates,
        };
        self.server.handle(request(head), Caller::Connection(connection)).await
    }
}

#[tokio::test]
async fn the_front_proxys_user_is_the_user_and_the_headers_stop_there() {
    let front = front();
    let head = format!(
        "GET {}\nX-Remote-User: ana\nX-Remote-Group: g\nX-Remote-Extra-Scopes: s\nX-Remote-Uid: 1\nX-Remote-Else: e\nX-Who: x\nAccept: */*",
        widget("ana")
    );
    let answer = front.send(Some((&front.proxy, "front-proxy-client")), &head).await;
    let seen = json_of(answer).await;
    assert_eq!(
        (&seen["user"], &seen["groups"]),
        (&json!("ana"), &json!(["g", "system:authenticated"]))
    );
    assert_eq!(seen["headers"], json!(["accept"]));
}

#[tokio::test]
async fn forged_headers_are_never_believed() {
    let front = front();
    let forged = "X-Remote-User: root\nX-Remote-Group: system:masters";
    for path in ["/version", "/readyz", "/public/x", "/metrics", &widget("root")] {
        for peer in [(&front.proxy, "somebody"), (&authority(), "front-proxy-client")] {
            let refused = front.send(Some(peer), &format!("GET {path}\n{forged}")).await;
            assert_eq!(refused.status(), 401, "{path}");
        }
    }
}

#[tokio::test]
async fn a_client_with_a_certificate_of_its_own_is_itself() {
    let front = front();
    let head = "X-Remote-User: root\nX-Remote-Group: system:masters\nX-Who: root\nAccept: */*";
    for name in ["ana", "front-proxy-client"] {
        let own = format!("GET {}\n{head}", widget(name));
        let answer = front.send(Some((&front.clients, name)), &own).await;
        let seen = json_of(answer).await;
        assert_eq!(
            (&seen["user"], &seen["groups"]),
            (&json!(name), &json!(["dev", "system:authenticated"]))
        );
        assert_eq!(seen["headers"], json!(["accept"]));
    }
}

#[tokio::test]
async fn who_shows_no_certificate_reaches_health_version_and_what_is_listed() {
    let front = front();
    for (path, code) in [
        ("/version", 200),
        ("/readyz", 200),
        ("/public/x", 404),
        ("/metrics", 403),
        ("/apis", 403),
    ] {
        for claim in ["", "\nX-Remote-User: root\nX-Remote-Group: system:masters"] {
            let answer = front.send(None, &format!("GET {path}{claim}")).await;
            assert_eq!(answer.status(), code, "{path}{claim}");
        }
    }
}

/// An authorizer that must not be asked.
struct Unasked;

#[async_trait]
impl Authorizer for Unasked {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        panic!("asked about {:?}", attributes.target)
    }
}

#[tokio::test]
async fn what_everyone_may_is_not_asked_about() {
    let server = ApiServer::builder(Echo::new())
        .authorizer(Arc::new(Unasked))
        .anonymous(true)
        .always_allow(&["/version"])
        .build();
    for path in ["/livez", "/version"] {
        assert_eq!(send(&server, &format!("GET {path}")).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn behind_a_front_proxy_nobody_acts_as_somebody_else() {
    let server = builder().impersonation(false).build();
    for header in ["Impersonate-User: alice", "Impersonate-Extra-Scopes: all"] {
        let answer = send(&server, &format!("GET /metrics\nAuthorization: Bearer root\n{header}")).await;
        assert_eq!(answer.status(), 400, "{header}");
        let told = text(answer).await;
        assert!(told.contains("impersonation is not accepted here"), "{told}");
    }
}

#[tokio::test]
async fn metrics_of_others_are_on_the_same_page() {
    let server = builder()
        .metrics(|page| page.push_str("orphans 2\n"))
        .metrics(|page| page.push_str("lost 1\n"))
        .build();
    let page = text(send(&server, "GET /metrics\nAuthorization: Bearer root").await).await;
    assert!(page.ends_with("orphans 2\nlost 1\n"), "{page}");
}
