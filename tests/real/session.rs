//! Somebody who works in a guest for a long time: a client that lives as long (client-go, by `kubectl proxy`), and a watch.

use std::{
    collections::BTreeSet,
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use guestcluster_tests::{Background, Endpoint, Kubectl};
use serde_json::Value;

/// Longest until something begins.
const PATIENCE: u64 = 60;
const INTERVAL: Duration = Duration::from_millis(200);
const WATCHED: &str = "session";

/// A session that goes on.
pub struct Session {
    person: Kubectl,
    watch: Background,
    _proxy: Background,
    /// There when a browser was opened.
    mark: PathBuf,
    stop: Arc<AtomicBool>,
    asking: JoinHandle<Asked>,
}

/// What came of it.
pub struct Asked {
    pub answered: usize,
    pub failures: Vec<String>,
    /// How many credentials the plugin had, one after the other.
    pub credentials: usize,
}

impl Session {
    /// Begins, in the guest's context of somebody who has one credential only.
    pub fn begin(person: &Kubectl) -> Self {
        let (person, mark) = person.with_marking_browser();
        person.run(&format!("create configmap {WATCHED}")).success();
        let watch = [
            "get",
            "configmap",
            WATCHED,
            "--watch",
            "-o",
            "jsonpath={.metadata.name}{.data}{'\\n'}",
        ];
        let watch = Background::start(person.command(&watch));
        watch.await_line(PATIENCE, "the watch begins", |line| line.starts_with(WATCHED));
        let proxy = Background::start(person.command(&["proxy", "--port=0"]));
        let served = proxy.await_line(PATIENCE, "kubectl proxy serves", |line| line.contains("127.0.0.1:"));
        let address: SocketAddr = served.rsplit(' ').next().unwrap().parse().unwrap();
        let stop = Arc::<AtomicBool>::default();
        let (told, kept, guest) = (
            stop.clone(),
            person.kept("credentials"),
            Endpoint::plain(address).with_http1(),
        );
        let path = format!("/api/v1/namespaces/default/configmaps/{WATCHED}");
        let asking = thread::spawn(move || {
            let (mut answered, mut failures, mut credentials) = (0, Vec::new(), BTreeSet::new());
            while !told.load(Relaxed) {
                match guest.get(&path) {
                    Ok(_) => answered += 1,
                    Err(error) => failures.push(format!("{error:#}")),
                }
                credentials.extend(since(&kept));
                // Often enough to notice, and seldom enough to leave others the machine.
                thread::sleep(INTERVAL);
            }
            Asked {
                answered,
                failures,
                credentials: credentials.len(),
            }
        });
        Self {
            person,
            watch,
            _proxy: proxy,
            mark,
            stop,
            asking,
        }
    }

    /// The watch shows what is written now, and nobody was asked anything.
    #[track_caller]
    pub fn end(self) -> Asked {
        let patch = r#"{"data": {"at": "the end"}}"#;
        self.person
            .args(&["patch", "configmap", WATCHED, "-p", patch], None)
            .success();
        self.watch
            .await_line(PATIENCE, "the watch goes on", |line| line.contains("the end"));
        self.stop.store(true, Relaxed);
        let asked = self.asking.join().unwrap();
        assert!(!self.mark.exists(), "a browser was opened");
        asked
    }
}

/// Since when the kept credential counts.
fn since(kept: &PathBuf) -> Option<String> {
    let cached: Value = serde_json::from_slice(&fs::read(kept).ok()?).ok()?;
    Some(cached["since"].as_str()?.to_owned())
}
