//! WebDriver, as far as it is used here: JSON over HTTP to a chromedriver on loopback.

use std::{fs, path::Path, process::Command, time::Duration};

use bytes::Bytes;
use guestcluster_tests::Daemon;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, time::timeout};

/// Longest for chromedriver to come up, in seconds.
const START: u64 = 30;
/// Longest that one command may take; starting Chromium is the longest one.
const COMMAND: Duration = Duration::from_mins(1);
const NAME: &str = "chromedriver";

/// A running chromedriver.
pub(super) struct WebDriver {
    http: Client<HttpConnector, Full<Bytes>>,
    runtime: Runtime,
    port: u16,
    daemon: Daemon,
}

impl WebDriver {
    /// Starts one whose files, and those of its browsers, are in this folder.
    pub(super) fn start(folder: &Path) -> Self {
        let mut command = Command::new(NAME);
        command.arg("--port=0").env("HOME", folder).env("TMPDIR", folder);
        let mut daemon = Daemon::start(NAME, command, folder);
        let log = folder.join(format!("{NAME}.log"));
        let mut port = None;
        daemon.await_that(START, "serves", || {
            port = fs::read_to_string(&log).ok().and_then(|log| chosen_port(&log));
            port.is_some()
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self {
            // A connection each: between two commands nothing drives idle ones.
            http: Client::builder(TokioExecutor::new())
                .pool_max_idle_per_host(0)
                .build_http(),
            runtime: runtime.unwrap(),
            port: port.unwrap(),
            daemon,
        }
    }

    /// The value that a command returns, or what chromedriver says against it.
    pub(super) fn command(&self, method: Method, path: &str, parameters: &Value) -> Result<Value, String> {
        let body = match method {
            Method::POST => parameters.to_string(),
            _ => String::new(),
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("http://127.0.0.1:{}{path}", self.port))
            .header("content-type", "application/json")
            .body(Full::from(body))
            .map_err(|error| error.to_string())?;
        let answer = async {
            let answer = self.http.request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((status, body.to_bytes()))
        };
        let (status, body) = self
            .runtime
            .block_on(async { timeout(COMMAND, answer).await })
            .map_err(|_| format!("{path}: no answer in {COMMAND:?}"))??;
        let mut answer: Value = serde_json::from_slice(&body).map_err(|error| format!("{path}: {error}"))?;
        match status.is_success() {
            true => Ok(answer["value"].take()),
            false => Err(format!("{path}: {}", answer["value"]["message"])),
        }
    }

    /// Begins a session with a browser; its id.
    pub(super) fn new_session(&self, capabilities: &Value) -> String {
        let parameters = json!({"capabilities": {"alwaysMatch": capabilities}});
        let session = self
            .command(Method::POST, "/session", &parameters)
            .unwrap_or_else(|error| {
                panic!("Chromium did not start: {error}\n{}", self.log_tail());
            });
        session["sessionId"].as_str().unwrap().to_owned()
    }

    /// The end of its log.
    pub(super) fn log_tail(&self) -> String {
        self.daemon.log_tail()
    }
}

/// It takes a free port and says which.
fn chosen_port(log: &str) -> Option<u16> {
    let (_, from) = log.split_once("started successfully on port ")?;
    let (digits, _) = from.split_once('.')?;
    digits.parse().ok()
}
