use std::time::Duration;

use http_body_util::BodyExt as _;
use serde_json::json;

use super::*;
use crate::serve::{
    Limits,
    testing::{json_of, text},
};

#[tokio::test]
async fn the_first_filter_that_refuses_decides() {
    let server = builder().build();
    let everything_wrong = "POST /apis/demo.example.io/v1/nopes\nContent-Type: image/png";
    let cases = [
        (format!("{everything_wrong}\nAuthorization: Bearer bad"), 401),
        (everything_wrong.to_owned(), 401),
        (format!("{everything_wrong}\nAuthorization: Bearer alice"), 403),
        (format!("{everything_wrong}\nAuthorization: Bearer root"), 404),
        (
            format!("{everything_wrong}?timeout=x\nAuthorization: Bearer bad").replace("nopes\n", "nopes?timeout=x\n"),
            400,
        ),
        (format!("{everything_wrong}\nAuthorization: Bearer broken"), 500),
        ("GET /unknown\nAuthorization: Bearer alice".to_owned(), 403),
        ("GET /unknown\nAuthorization: Bearer root".to_owned(), 404),
        ("DELETE /version\nAuthorization: Bearer root".to_owned(), 405),
    ];
    for (head, code) in cases {
        assert_eq!(send(&server, &head).await.status(), code, "{head}");
    }
}

#[tokio::test]
async fn refusals_are_worded_as_kube_apiservers() {
    let server = builder().build();
    let unauthorized = send(&server, "GET /version\nAuthorization: Bearer bad").await;
    assert_eq!(
        json_of(unauthorized).await,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
        })
    );
    let forbidden = send(&server, &format!("GET {}\nAuthorization: Bearer alice", widget("bob"))).await;
    let message = r#"widgets.demo.example.io "bob" is forbidden: User "alice" cannot get resource "widgets" in API group "demo.example.io" in the namespace "a""#;
    assert_eq!(
        json_of(forbidden).await,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": message, "reason": "Forbidden", "code": 403,
            "details": {"name": "bob", "group": "demo.example.io", "kind": "widgets"},
        })
    );
    let broken = send(
        &server,
        "GET https://localhost/version?x=1\nAuthorization: Bearer broken",
    )
    .await;
    assert_eq!(
        text(broken).await,
        "Internal Server Error: \"/version?x=1\": the webhook is down\n"
    );
    let unknown = send(
        &server,
        "GET /apis/demo.example.io/v1/nopes\nAuthorization: Bearer root",
    )
    .await;
    assert_eq!(text(unknown).await, "404 page not found\n");
    let unknown = send(&server, "GET /api/v1/nopes\nAuthorization: Bearer root").await;
    assert_eq!(
        json_of(unknown).await["message"],
        "the server could not find the requested resource"
    );
}

#[tokio::test]
async fn a_user_is_authenticated_and_the_credential_goes_no_further() {
    let answer = send(
        &builder().build(),
        &format!("GET {}\nAuthorization: Bearer alice", widget("alice")),
    )
    .await;
    let seen = json_of(answer).await;
    assert_eq!(
        (&seen["user"], &seen["groups"]),
        (&json!("alice"), &json!(["system:authenticated"]))
    );
    assert_eq!(seen["headers"], json!([]));
}

#[tokio::test]
async fn anonymous_is_for_those_who_show_nothing() {
    let server = builder().anonymous(true).build();
    let own = widget("system:anonymous");
    let seen = json_of(send(&server, &format!("GET {own}")).await).await;
    assert_eq!(
        (&seen["user"], &seen["groups"]),
        (&json!("system:anonymous"), &json!(["system:unauthenticated"]))
    );
    let with = async |header: &str| send(&server, &format!("GET {own}\nAuthorization: {header}")).await;
    assert_eq!(with("Bearer bad").await.status(), 401);
    // Nobody here knows these: they are as if they were not there.
    for header in ["Basic eDp5", "Bearer ", "nonsense"] {
        let seen = json_of(with(header).await).await;
        assert_eq!(seen["user"], "system:anonymous", "{header}");
    }
    assert_eq!(send(&server, "GET /readyz").await.status(), 200);
    assert_eq!(send(&server, "GET /readyz/ping").await.status(), 403);
}

#[tokio::test]
async fn impersonation_is_authorized_as_the_requestor() {
    let server = builder().build();
    let path = widget("jane");
    let as_jane = |token: &str| format!("GET {path}\nAuthorization: Bearer {token}\nImpersonate-User: jane");
    let seen = json_of(send(&server, &as_jane("root")).await).await;
    assert_eq!(
        (&seen["user"], &seen["groups"]),
        (&json!("jane"), &json!(["system:authenticated"]))
    );
    let refused = json_of(send(&server, &as_jane("alice")).await).await;
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains(r#"User "alice" cannot impersonate-on:user-info:get resource "widgets""#)
    );
    let group = send(
        &server,
        "GET /version\nAuthorization: Bearer root\nImpersonate-Group: g",
    )
    .await;
    assert_eq!(group.status(), 400);
}

#[tokio::test]
async fn every_answer_has_an_audit_id_and_is_not_cached() {
    let server = builder().build();
    let answer = send(&server, "GET /version\nAuthorization: Bearer root\nAudit-ID: my-id").await;
    assert_eq!(
        (&answer.headers()["audit-id"], &answer.headers()["cache-control"]),
        (&"my-id".parse().unwrap(), &"no-cache, private".parse().unwrap())
    );
    let refused = send(&server, "GET /version").await;
    assert_eq!(refused.headers()["audit-id"].len(), 36);
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_server_goes_on() {
    let server = builder().build();
    let answer = send(&server, &format!("GET {}\nAuthorization: Bearer root", widget("panic"))).await;
    assert_eq!(answer.status(), 500);
    assert_eq!(
        send(&server, "GET /version\nAuthorization: Bearer root").await.status(),
        200
    );
}

#[tokio::test(start_paused = true)]
async fn slow_requests_end_at_their_deadline() {
    let server = builder().build();
    let began = tokio::time::Instant::now();
    let slow = format!("GET {}?timeout=5s\nAuthorization: Bearer root", widget("slow"));
    let answer = send(&server, &slow).await;
    assert_eq!(began.elapsed().as_secs(), 5);
    let status = json_of(answer).await;
    assert_eq!((&status["code"], &status["reason"]), (&json!(504), &json!("Timeout")));
    assert_eq!(
        status["message"],
        "Timeout: request did not complete within the allotted timeout"
    );
    send(&server, &slow.replace("?timeout=5s", "")).await;
    assert_eq!(began.elapsed().as_secs(), 65);
}

#[tokio::test(start_paused = true)]
async fn requests_in_flight_are_limited_but_not_watches_masters_and_controllers() {
    let limits = Limits {
        reads: 1,
        ..Limits::default()
    };
    let server = builder().limits(limits).build();
    let busy = server.clone();
    let slow = tokio::spawn(async move {
        send(&busy, &format!("GET {}\nAuthorization: Bearer slow", widget("slow")))
            .await
            .status()
    });
    while server.in_flight.load().reads == 0 {
        tokio::task::yield_now().await;
    }
    let own = format!("GET {}\nAuthorization: Bearer alice", widget("alice"));
    let refused = send(&server, &own).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    assert_eq!(text(refused).await, "Too many requests, please try again later.\n");
    let watch =
        "GET /apis/demo.example.io/v1/widgets?watch=1&fieldSelector=metadata.name=alice\nAuthorization: Bearer alice";
    assert_eq!(send(&server, watch).await.status(), 200);
    assert_eq!(
        send(
            &server,
            &own.replace("alice\n", "root\n").replace("Bearer alice", "Bearer root")
        )
        .await
        .status(),
        200
    );
    let alice = User {
        name: "alice".into(),
        ..User::default()
    };
    let local = server
        .handle(request(own.lines().next().unwrap()), Caller::User(alice))
        .await;
    assert_eq!(local.status(), 200);
    assert_eq!(slow.await.unwrap(), 504);
    assert_eq!(send(&server, &own).await.status(), 200);
}

#[tokio::test]
async fn bodies_are_read_up_to_the_limit() {
    let server = builder().build();
    let send = async |length: usize| {
        let (mut head, _) = request(&format!("PUT {}", widget("root"))).into_parts();
        head.headers.insert("authorization", "Bearer root".parse().unwrap());
        let body = Full::from(vec![b' '; length]);
        server
            .handle(
                Request::from_parts(head, body),
                Caller::Connection(Connection::default()),
            )
            .await
    };
    assert_eq!(json_of(send(3 * 1024 * 1024).await).await["body"], 3 * 1024 * 1024);
    let refused = json_of(send(3 * 1024 * 1024 + 1).await).await;
    assert_eq!(
        (&refused["code"], &refused["reason"]),
        (&json!(413), &json!("RequestEntityTooLarge"))
    );
    assert_eq!(refused["message"], "Request entity too large: limit is 3145728");
}

#[tokio::test]
async fn a_watch_sends_what_it_has_and_ends_when_the_server_drains() {
    let server = builder().build();
    let watch = send(
        &server,
        "GET /apis/demo.example.io/v1/widgets?watch=1\nAuthorization: Bearer root",
    )
    .await;
    let mut body = watch.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "{\"type\":\"ADDED\"}\n");
    assert!(
        tokio::time::timeout(Duration::from_millis(20), body.frame())
            .await
            .is_err(),
        "still open"
    );
    server.drain.end_watches();
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn large_answers_are_compressed_and_people_get_indented_ones() {
    let server = builder().build();
    let big = format!("GET {}\nAuthorization: Bearer root", widget("big"));
    let plain = send(&server, &big).await;
    assert_eq!(plain.body().length(), Some(300_000));
    let zipped = send(&server, &format!("{big}\nAccept-Encoding: gzip")).await;
    assert_eq!(zipped.headers()["content-encoding"], "gzip");
    let indented = send(&server, "GET /apis\nAuthorization: Bearer root\nUser-Agent: curl/8").await;
    assert!(text(indented).await.starts_with("{\n  \"apiVersion\": \"v1\",\n"));
    let head = send(&server, "HEAD /version\nAuthorization: Bearer root").await;
    assert!(
        head.headers()["content-length"]
            .to_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 100
    );
    assert_eq!(text(head).await, "");
}

#[tokio::test]
async fn pages_without_objects() {
    let server = builder().check("etcd", || Err("gone".into())).build();
    let get = async |path: &str| text(send(&server, &format!("GET {path}\nAuthorization: Bearer root")).await).await;
    assert!(get("/version").await.contains("\"gitVersion\":\"v1.37.0\""));
    let index: serde_json::Value = serde_json::from_str(&get("/").await).unwrap();
    let paths = index["paths"].as_array().unwrap();
    for path in ["/api/v1", "/apis/demo.example.io/v1", "/livez/etcd", "/openapi/v3"] {
        assert!(paths.contains(&json!(path)), "{path}: {paths:?}");
    }
    assert!(get("/healthz").await.contains("[-]etcd failed: reason withheld"));
    assert!(get("/metrics").await.contains(r#"apiserver_request_total{verb="GET""#));
}

#[tokio::test]
async fn readyz_fails_as_soon_as_the_server_drains() {
    let server = builder().anonymous(true).build();
    assert_eq!(send(&server, "GET /readyz").await.status(), 200);
    server.drain.begin();
    let failing = send(&server, "GET /readyz").await;
    assert_eq!(failing.status(), 500);
    assert!(text(failing).await.contains("[-]shutdown failed: reason withheld"));
    assert_eq!(send(&server, "GET /livez").await.status(), 200);
}
