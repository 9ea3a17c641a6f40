//! Another authority of front proxies, as an operator brings it in: first trusted beside the old one, then used, then alone.
//! kube-apiserver reads its files again when they change, and so nothing is restarted.

use std::{fs, path::Path, time::Duration};

use anyhow::Context as _;
use serde_json::json;

use crate::{condition::await_that, curl::Curl, ground::Ground};

/// Lets kube-apiserver say that it has read its certificate for aggregated servers again.
pub(crate) const TOLD: &str = "--vmodule=dynamic_serving_content=2";
/// What it says, for each time it has.
const LOADED: &str = "Loaded a new cert/key pair\" name=\"aggregator-proxy-cert::";
/// The one name that is believed.
const NAME: &str = "front-proxy-client";
const VALIDITY: Duration = Duration::from_hours(1);
/// What only an identity in headers gets.
const LIST: &str = "/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters";

pub(crate) fn rotate(ground: &mut Ground) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let old = ground.supervisor.host().front_proxy_files();
    let old = Pair::write(
        folder.path(),
        "old",
        &fs::read_to_string(&old[0])?,
        &fs::read_to_string(&old[1])?,
    )?;

    let authority = ground.supervisor.host().announce_front_proxies();
    let next = authority.issue_client(NAME, None, VALIDITY)?;
    let next = Pair::write(folder.path(), "next", &next.certificate, &next.key)?;
    await_belief(ground, "all replicas trust the next authority", &next, true)?;

    let loaded = loaded(ground)?;
    ground.supervisor.host_mut().switch_front_proxies(authority);
    await_that("kube-apiserver shows the new certificate", || {
        Ok(self::loaded(ground)? > loaded)
    })?;

    retire(ground);
    await_belief(ground, "no replica trusts the old authority", &old, false)
}

/// kube-apiserver adds what it trusts to the ConfigMap, and never takes anything away before it has expired.
fn retire(ground: &Ground) {
    let authority = ground.supervisor.host().retire_front_proxies();
    let patch = json!({"data": {"requestheader-client-ca-file": authority}}).to_string();
    let map = "-n kube-system patch configmap extension-apiserver-authentication --type=merge -p";
    let arguments: Vec<&str> = map.split(' ').chain([patch.as_str()]).collect();
    ground.admin().args(&arguments, None).success();
}

fn loaded(ground: &Ground) -> anyhow::Result<usize> {
    let log = ground.supervisor.folder().join("host/kube-apiserver.log");
    let log = fs::read_to_string(&log).with_context(|| log.display().to_string())?;
    Ok(log.matches(LOADED).count())
}

fn await_belief(ground: &Ground, what: &str, pair: &Pair, is_wanted: bool) -> anyhow::Result<()> {
    await_that(what, || {
        let believed = ground.servers().map(|server| pair.is_believed_by(&server));
        let [first, second] = believed;
        Ok(first? == is_wanted && second? == is_wanted)
    })
}

/// A certificate of a front proxy with its key, as files.
struct Pair {
    certificate: String,
    key: String,
}

impl Pair {
    fn write(folder: &Path, name: &str, certificate: &str, key: &str) -> anyhow::Result<Self> {
        let file = |extension: &str| folder.join(name).with_extension(extension).display().to_string();
        let pair = Self {
            certificate: file("crt"),
            key: file("key"),
        };
        fs::write(&pair.certificate, certificate)?;
        fs::write(&pair.key, key)?;
        Ok(pair)
    }

    /// Whether whoever shows it may say whom it speaks for.
    fn is_believed_by(&self, server: &str) -> anyhow::Result<bool> {
        let curl = Curl::insecure().args(["--cert", &self.certificate, "--key", &self.key]);
        let curl = curl.args([
            "--header",
            "X-Remote-User: somebody",
            "--header",
            "X-Remote-Group: system:masters",
        ]);
        Ok(curl.status(&format!("{server}{LIST}"))? == 200)
    }
}
