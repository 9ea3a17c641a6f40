//! The storm of one user: others get their turn, masters get in, and who sends too much is told so before anything else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Runtime, task::JoinSet, time::timeout};

use guestcluster_tests::{Start, Supervisor};

use crate::raw::Raw;

const CONFIG_MAPS: &str = "/api/v1/namespaces/team-a/configmaps";
/// Writes at one time, how many of one user wait beside them, and how many the storm sends at one time.
const PLACES: usize = 200;
const QUEUE: usize = 100;
const STORM: usize = 400;
/// How many somebody else writes meanwhile.
const OTHERS: usize = 10;
const PATIENCE: Duration = Duration::from_mins(1);

fn config_map(name: &str) -> String {
    format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}"}}}}"#)
}

/// Endless writes of one object, which wait for each other on the server and hold their places meanwhile.
struct Storm {
    written: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    _writers: JoinSet<()>,
}

impl Storm {
    fn begin(raw: &Raw) -> Self {
        let (written, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let mut writers = JoinSet::new();
        for writer in 0..STORM {
            let (raw, written, refused) = (raw.clone(), written.clone(), refused.clone());
            writers.spawn(async move {
                for number in 0_u64.. {
                    let patch = format!(r#"{{"data":{{"w{writer}":"{number}"}}}}"#);
                    let (code, headers, body) = raw.merge(&format!("{CONFIG_MAPS}/torn"), &patch).await;
                    match code {
                        200 => written.fetch_add(1, Ordering::SeqCst),
                        429 => {
                            assert_eq!(headers["retry-after"], "1");
                            assert_eq!(body, "Too many requests, please try again later.\n");
                            tokio::time::sleep(Duration::from_millis(5)).await;
                            refused.fetch_add(1, Ordering::SeqCst)
                        }
                        _ => panic!("{code} {body}"),
                    };
                }
            });
        }
        Self {
            written,
            refused,
            _writers: writers,
        }
    }
}

#[test]
fn a_storm_of_one_user_takes_nobody_elses_turn() {
    let supervisor = Supervisor::start(Start {
        layers: Some("none".to_owned()),
        log: Some("info,requests=debug".to_owned()),
        ..Start::default()
    });
    let admin = supervisor.kubectl();
    for user in ["storm", "other"] {
        let binding = format!("create rolebinding {user} --clusterrole edit --user {user}");
        admin.run(&binding).success();
    }
    let files = ["storm", "other"].map(|user| supervisor.user_kubeconfig(user));
    let masters = supervisor.admin_kubeconfig();
    Runtime::new().unwrap().block_on(async {
        let (raw, other, masters) = (
            Raw::of(&files[0]).await,
            Raw::of(&files[1]).await,
            Raw::of(&masters).await,
        );
        assert_eq!(masters.post(CONFIG_MAPS, &config_map("torn")).await.0, 201);
        let storm = Storm::begin(&raw);
        until(&masters, "every place is taken and the queue is full", |page| {
            gauge(page, "apiserver_current_inflight_requests") == PLACES
                && gauge(page, "apiserver_current_inqueue_requests") == QUEUE
        })
        .await;
        // Too many is said before what the user may: here nothing.
        let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
        let told = async {
            loop {
                match raw.post(roles, &config_map("more")).await {
                    (429, ..) => return,
                    (code, _, body) => assert_eq!(code, 403, "{body}"),
                }
            }
        };
        timeout(PATIENCE, told).await.expect("it is told so");
        assert_eq!(raw.get(CONFIG_MAPS).await.0, 200, "reads have places of their own");
        assert_eq!(
            masters.post(CONFIG_MAPS, &config_map("masters")).await.0,
            201,
            "masters need none"
        );

        let before = storm.written.load(Ordering::SeqCst);
        for number in 0..OTHERS {
            let body = config_map(&format!("other-{number}"));
            let write = other.post(CONFIG_MAPS, &body);
            let write = timeout(PATIENCE, write).await;
            let (code, _, body) = write.expect("its turn comes");
            assert_eq!(code, 201, "{body}");
        }
        // Of two places that become free one is the other's: behind the whole queue it would wait for a hundred.
        let meanwhile = storm.written.load(Ordering::SeqCst) - before;
        assert!(
            meanwhile < OTHERS * QUEUE / 2,
            "{meanwhile} writes of the storm for {OTHERS} of another user"
        );
        until(&masters, "the storm goes on", |_| {
            storm.written.load(Ordering::SeqCst) > before
        })
        .await;
        assert!(storm.refused.load(Ordering::SeqCst) > 0);
        until(&masters, "refusals are counted", |page| {
            let mut lines = page
                .lines()
                .filter(|line| line.starts_with("apiserver_request_terminations_total"));
            lines.any(|line| line.contains("code=\"429\""))
        })
        .await;
    });
    let log = supervisor.log();
    let line = log
        .lines()
        .find(|line| line.contains("requests: a request") && line.contains("code=429"));
    let line = line.expect("every request has a line");
    for part in ["user=\"storm\"", "source=127.0.0.1", "audit_id=", "latency=", "waited="] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

fn gauge(page: &str, name: &str) -> usize {
    let line = format!("{name}{{request_kind=\"mutating\"}} ");
    let value = page.lines().find_map(|found| found.strip_prefix(&line));
    value.expect("the gauge is there").parse().unwrap()
}

/// Waits until the metrics, or what is counted here, say so.
async fn until(masters: &Raw, what: &str, holds: impl Fn(&str) -> bool) {
    let reached = async {
        while !holds(&masters.get("/metrics").await.2) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, reached).await.is_ok(), "never: {what}");
}
