//! Requests past kube-apiserver, by curl.

use std::process::{Command, Output};

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// Longest for one answer.
const PATIENCE: &str = "10";

/// A request that is not sent yet.
pub(crate) struct Curl(Command);

impl Curl {
    pub(crate) fn new() -> Self {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--max-time", PATIENCE]);
        Self(command)
    }

    /// One that trusts whoever answers, as a kubelet does.
    pub(crate) fn insecure() -> Self {
        Self::new().args(["--insecure"])
    }

    pub(crate) fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.args(arguments);
        self
    }

    /// The HTTP status of a GET.
    pub(crate) fn status(self, url: &str) -> anyhow::Result<u16> {
        let asked = self.args(["--output", "/dev/null", "--write-out", "%{http_code}"]);
        let code = String::from_utf8(asked.send(url)?.stdout)?;
        code.parse().with_context(|| format!("{url}: {code:?} is no status"))
    }

    /// A POST with JSON in both directions; an error's status fails it.
    pub(crate) fn post(self, url: &str, body: &Value) -> anyhow::Result<Value> {
        let asked = self.args(["--fail", "--data", &body.to_string()]);
        Ok(serde_json::from_slice(&asked.send(url)?.stdout)?)
    }

    fn send(mut self, url: &str) -> anyhow::Result<Output> {
        let output = self.0.arg(url).output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{url}: {stderr}");
        Ok(output)
    }
}
