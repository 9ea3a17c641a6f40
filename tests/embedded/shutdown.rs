//! How a server goes away: it says so, serves on, ends watches, finishes what it began, and then ends well.

use std::time::Duration;

use http::Method;
use http_body_util::{BodyExt as _, Full};
use tokio::runtime::Runtime;

use guestcluster_tests::{Start, Supervisor, until};

use crate::raw::Raw;

const NAMESPACES: &str = "/api/v1/namespaces";
const CONFIG_MAPS: &str = "/api/v1/namespaces/team-a/configmaps";
/// Longest for anything that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

fn supervisor(shutdown_delay: u32) -> Supervisor {
    Supervisor::start(Start {
        layers: Some("none".to_owned()),
        arguments: vec![format!("--shutdown-delay={shutdown_delay}")],
        ..Start::default()
    })
}

#[test]
fn a_server_says_that_it_goes_and_finishes_what_it_began() {
    let mut supervisor = supervisor(3);
    let runtime = Runtime::new().unwrap();
    let (upload, watch, raw) = runtime.block_on(async {
        let raw = Raw::of(&supervisor.admin_kubeconfig()).await;
        let path = format!("{NAMESPACES}?watch=true&resourceVersion=0&timeoutSeconds=600");
        let mut watch = raw
            .open(Method::GET, &path, Full::default().boxed_unsync())
            .await
            .into_body();
        watch.frame().await.unwrap().unwrap();
        let upload = raw.upload(CONFIG_MAPS);
        upload.send(r#"{"apiVersion":"v1","kind":"ConfigMap","#);
        (upload, watch, raw)
    });
    supervisor.process().signal("TERM");
    runtime.block_on(async {
        let mut ready = raw.get("/readyz").await;
        while ready.0 == 200 {
            ready = raw.get("/readyz").await;
        }
        assert_eq!(ready.0, 500);
        assert!(ready.2.contains("[-]shutdown failed: reason withheld"), "{}", ready.2);
        assert_eq!(raw.get("/livez").await.0, 200, "it lives");
        assert_eq!(raw.get(NAMESPACES).await.0, 200, "it serves on");
        // Nobody hurries: the connection is told to end only after the delay.
        let rest = async {
            let mut events = String::new();
            let mut watch = watch;
            while let Some(frame) = watch.frame().await {
                let frame = frame.expect("it ends, and does not break off");
                events += &String::from_utf8_lossy(frame.data_ref().unwrap());
            }
            events
        };
        let events = tokio::time::timeout(PATIENCE, rest).await.expect("watches end");
        assert!(!events.contains("\"ERROR\""), "{events}");
        let (code, _, body) = upload.finish(r#""metadata":{"name":"late"}}"#).await;
        assert_eq!(code, 201, "{body}");
    });
    let status = ended(&mut supervisor);
    assert!(status.success(), "{status}\n{}", supervisor.log_tail());
}

#[test]
fn a_second_signal_ends_it_where_it_is() {
    let mut supervisor = supervisor(600);
    supervisor.process().signal("TERM");
    let kubectl = supervisor.kubectl();
    supervisor
        .process()
        .await_that(60, "is not ready", || kubectl.run("get --raw /readyz").code != 0);
    supervisor.process().signal("TERM");
    let status = ended(&mut supervisor);
    assert_eq!(status.code(), Some(1), "{}", supervisor.log_tail());
    assert!(
        supervisor.log_tail().contains("ended by a second SIGTERM"),
        "{}",
        supervisor.log_tail()
    );
}

fn ended(supervisor: &mut Supervisor) -> std::process::ExitStatus {
    let ended = until(PATIENCE, || supervisor.process().ended().ok_or_else(String::new));
    ended.unwrap_or_else(|_| panic!("it does not end\n{}", supervisor.log_tail()))
}
