//! What the audit log says of requests that went through the server.

use http_body_util::BodyExt as _;
use serde_json::Value;

use super::*;
use crate::{
    admission::{Admission, AdmissionRequest, Step},
    audit::{AuditFile, AuditId, Auditor, Confidential, Policy, Rotation, Trail},
    registry::Registry,
    request::RequestInfo,
    serve::testing::definitions,
    status::Status,
    storage::redb::Engine,
};

const POLICY: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, nonResourceURLs: ['/healthz*']}
- {level: RequestResponse, resources: [{group: demo.example.io}], omitManagedFields: true}
- {level: RequestResponse, resources: [{group: '', resources: [namespaces]}]}
- {level: Metadata}
";

struct Audited {
    server: Arc<ApiServer>,
    auditor: Arc<Auditor>,
    folder: tempfile::TempDir,
}

impl Audited {
    fn new() -> Audited {
        Audited::by(builder())
    }

    fn by(builder: ApiServerBuilder) -> Audited {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditFile::open(&folder.path().join("audit.log"), Rotation::default()).unwrap();
        let secret = Confidential {
            group: "",
            resource: "namespaces",
            subresource: "",
        };
        let auditor = Arc::new(Auditor::new(Policy::parse(POLICY).unwrap(), &[secret], log));
        let server = builder.auditor(Some(auditor.clone())).build();
        Audited {
            server,
            auditor,
            folder,
        }
    }

    /// Sends a request and reads the answer to its end, where it has one.
    async fn send(&self, head: &str, body: &str) {
        let request = request(head).map(|_| Full::from(body.to_owned()));
        let connection = Connection {
            remote: Some("192.0.2.7:4000".parse().unwrap()),
            ..Connection::default()
        };
        let answer = self.server.handle(request, Caller::Connection(connection)).await;
        if answer.body().length().is_some() {
            answer.into_body().collect().await.unwrap();
        }
    }

    /// The events, once all are written.
    async fn events(self) -> Vec<Value> {
        drop(self.server);
        self.auditor.close().await;
        let text = std::fs::read_to_string(self.folder.path().join("audit.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn an_event_says_who_did_what_and_how_it_ended() {
    let audited = Audited::new();
    let body = r#"{"metadata":{"managedFields":[{}],"name":"alice"},"spec":{}}"#;
    let head = format!(
        "PUT {}?dryRun=All\nAuthorization: Bearer alice\nUser-Agent: kubectl\nAudit-ID: id-1",
        widget("alice")
    );
    audited.send(&head, body).await;
    audited.send("GET /healthz", "").await;
    let events = audited.events().await;
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    for (pointer, expected) in [
        ("/kind", "Event"),
        ("/apiVersion", "audit.k8s.io/v1"),
        ("/level", "RequestResponse"),
        ("/auditID", "id-1"),
        ("/stage", "ResponseComplete"),
        (
            "/requestURI",
            "/apis/demo.example.io/v1/namespaces/a/widgets/alice?dryRun=All",
        ),
        ("/verb", "update"),
        ("/user/username", "alice"),
        ("/user/groups/0", "system:authenticated"),
        ("/sourceIPs/0", "192.0.2.7"),
        ("/userAgent", "kubectl"),
        ("/objectRef/resource", "widgets"),
        ("/objectRef/namespace", "a"),
        ("/objectRef/name", "alice"),
        ("/objectRef/apiGroup", "demo.example.io"),
        ("/objectRef/apiVersion", "v1"),
        ("/annotations/authorization.k8s.io~1decision", "allow"),
        ("/requestObject/metadata/name", "alice"),
    ] {
        assert_eq!(event.pointer(pointer).unwrap(), expected, "{pointer}: {event:#}");
    }
    assert_eq!(event["responseStatus"]["code"], 200);
    assert_eq!(event["responseObject"]["user"], "alice");
    assert!(event["requestObject"]["metadata"].get("managedFields").is_none());
    let received = event["requestReceivedTimestamp"].as_str().unwrap();
    assert_eq!(received.len(), "2026-01-01T00:00:00.000000Z".len(), "{received}");
    assert!(event["stageTimestamp"].as_str().unwrap() >= received);
}

#[tokio::test]
async fn refusals_and_failures_are_told_with_their_reason() {
    let audited = Audited::new();
    audited
        .send(&format!("GET {}\nAuthorization: Bearer bad", widget("x")), "")
        .await;
    audited
        .send(&format!("DELETE {}\nAuthorization: Bearer alice", widget("x")), "")
        .await;
    audited
        .send(&format!("GET {}\nAuthorization: Bearer panic", widget("panic")), "")
        .await;
    let events = audited.events().await;
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["stage"].as_str().unwrap(),
                event["responseStatus"]["code"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("ResponseComplete", 401),
            ("ResponseComplete", 403),
            ("Panic", 500),
            ("ResponseComplete", 500)
        ]
    );
    assert_eq!(events[0]["user"], serde_json::json!({}));
    assert_eq!(events[1]["annotations"]["authorization.k8s.io/decision"], "forbid");
    assert_eq!(events[1]["responseStatus"]["reason"], "Forbidden");
}

#[tokio::test]
async fn a_watch_is_told_twice_and_who_acts_as_another_is_both() {
    let audited = Audited::new();
    let watch =
        "GET /apis/demo.example.io/v1/widgets?watch=1&fieldSelector=metadata.name=alice\nAuthorization: Bearer alice";
    audited.send(watch, "").await;
    audited
        .send(
            &format!(
                "GET {}\nAuthorization: Bearer root\nImpersonate-User: bob",
                widget("bob")
            ),
            "",
        )
        .await;
    let events = audited.events().await;
    let stages: Vec<_> = events.iter().map(|event| event["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["ResponseStarted", "ResponseComplete", "ResponseComplete"]);
    assert_eq!(events[2]["user"]["username"], "root");
    assert_eq!(events[2]["impersonatedUser"]["username"], "bob");
}

#[tokio::test]
async fn bodies_with_credentials_are_never_kept() {
    let audited = Audited::new();
    let head = "PUT /api/v1/namespaces/root\nAuthorization: Bearer root";
    audited.send(head, r#"{"data":"s3cret"}"#).await;
    let events = audited.events().await;
    assert_eq!(events[0]["level"], "Metadata");
    assert!(!events[0].to_string().contains("s3cret"), "{}", events[0]);
    assert!(events[0].get("responseObject").is_none());
}

#[tokio::test]
async fn a_refusal_that_repeats_a_credential_is_told_without_its_words() {
    let audited = Audited::new();
    let refusal = |uri: &str| {
        let (head, _) = request(&format!("PATCH {uri}")).into_parts();
        let info = RequestInfo::parse(&head.method, &head.uri);
        let trail = Trail::begin(&audited.auditor, &head, &info, &AuditId::of(&head.headers));
        trail.known(&User::default(), None);
        let words = "patch: Invalid value: s3cret";
        let status = serde_json::json!({"kind": "Status", "status": "Failure", "reason": "Invalid", "message": words});
        let body = status.to_string().into();
        trail.answered(http::StatusCode::UNPROCESSABLE_ENTITY, Some(&body));
    };
    refusal("/api/v1/namespaces/root");
    refusal("/apis/demo.example.io/v1/namespaces/a/widgets/x");
    let events = audited.events().await;
    assert_eq!(events[0]["responseStatus"]["reason"], "Invalid");
    assert!(!events[0].to_string().contains("s3cret"), "{}", events[0]);
    assert!(
        events[1]["responseStatus"]["message"]
            .as_str()
            .unwrap()
            .contains("s3cret")
    );
}

/// Adds an annotation to every create.
struct Annotating;

#[async_trait]
impl Admission for Annotating {
    fn name(&self) -> &'static str {
        "Annotating"
    }

    fn handles(&self, step: Step, _: &AdmissionRequest<'_>) -> bool {
        step == Step::Validate
    }

    async fn validate(&self, request: &AdmissionRequest<'_>, _: Option<&Value>) -> Result<(), Status> {
        request.notes.annotate("annotating.example.io/why", "because");
        request.notes.annotate("annotating.example.io/why", "never mind");
        Ok(())
    }
}

#[tokio::test]
async fn plugins_annotate_the_event() {
    let store = Engine::in_memory().unwrap().keyspace("test/");
    let registry = Registry::start(store, definitions(), vec![Arc::new(Annotating)])
        .await
        .unwrap();
    let audited = Audited::by(ApiServer::builder(registry).authenticator(Arc::new(Tokens)));
    let head = "POST /apis/demo.example.io/v1/namespaces/ns/widgets\nAuthorization: Bearer root";
    let body = r#"{"apiVersion":"demo.example.io/v1","kind":"Widget","metadata":{"name":"a"}}"#;
    audited.send(head, body).await;
    let events = audited.events().await;
    let annotations = &events[0]["annotations"];
    assert_eq!(
        annotations["annotating.example.io/why"], "because",
        "the first one stays"
    );
    assert_eq!(annotations["authorization.k8s.io/decision"], "allow");
}
