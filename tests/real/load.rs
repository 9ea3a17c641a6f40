//! Somebody who asks a guest a hundred times a second, by whatever token is given at the moment.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use guestcluster_tests::{Connection, Endpoint, Protocol};
use http::{Request, header::AUTHORIZATION};
use parking_lot::Mutex;
use serde_json::Value;

use crate::login::text;

/// Each asks this often.
const WORKERS: u32 = 4;
const INTERVAL: Duration = Duration::from_millis(40);
const PATH: &str = "/api/v1/namespaces/default";
/// Failures that are kept.
const SHOWN: usize = 10;

/// The load, until it is told to end.
pub struct Load {
    asked: Arc<Asked>,
    workers: Vec<JoinHandle<()>>,
}

struct Asked {
    guest: Endpoint,
    token: Mutex<String>,
    stop: AtomicBool,
    answered: AtomicUsize,
    failures: Mutex<Vec<String>>,
}

impl Load {
    /// Begins by this credential, as an exchange gave it.
    pub fn begin(credential: &Value) -> Self {
        let address: SocketAddr = text(credential, "server")
            .trim_start_matches("https://")
            .parse()
            .unwrap();
        let authority = BASE64_STANDARD
            .decode(text(credential, "certificateAuthorityData"))
            .unwrap();
        let asked = Arc::new(Asked {
            guest: Endpoint::of_authority(address, &authority).unwrap(),
            token: Mutex::new(text(credential, "token").to_owned()),
            stop: AtomicBool::default(),
            answered: AtomicUsize::default(),
            failures: Mutex::default(),
        });
        let start = |_| {
            let asked = asked.clone();
            thread::spawn(move || asked.ask())
        };
        let workers = (0..WORKERS).map(start).collect();
        Self { asked, workers }
    }

    /// Goes on by this one.
    pub fn go_on_by(&self, credential: &Value) {
        text(credential, "token").clone_into(&mut self.asked.token.lock());
    }

    /// How many requests were answered; panics if one failed.
    #[track_caller]
    pub fn end(self) -> usize {
        self.asked.stop.store(true, Relaxed);
        for worker in self.workers {
            worker.join().unwrap();
        }
        let failures = self.asked.failures.lock();
        let answered = self.asked.answered.load(Relaxed);
        assert!(failures.is_empty(), "of {answered}: {failures:?}");
        answered
    }
}

impl Asked {
    fn ask(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut connection = self.guest.connect_by(Protocol::Http2).await.unwrap();
            let mut ticks = tokio::time::interval(INTERVAL);
            while !self.stop.load(Relaxed) {
                ticks.tick().await;
                match self.get(&mut connection).await {
                    Ok(()) => drop(self.answered.fetch_add(1, Relaxed)),
                    Err(error) => self.failed(&error.to_string()),
                }
            }
        });
    }

    async fn get(&self, connection: &mut Connection) -> anyhow::Result<()> {
        let bearer = format!("Bearer {}", self.token.lock());
        let request = Request::get(self.guest.uri(PATH)?)
            .header(AUTHORIZATION, bearer)
            .body(http_body_util::Full::default())?;
        connection.whole(request).await.map(drop)
    }

    fn failed(&self, error: &str) {
        let mut failures = self.failures.lock();
        if failures.len() < SHOWN {
            failures.push(error.to_owned());
        }
    }
}
