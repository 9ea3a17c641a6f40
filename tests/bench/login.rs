//! Credentials: how many exchanges a second, and what the exec plugin takes.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use guestcluster_credentials::{Claims, Level, SigningKey, Subject, SubjectPolicy};
use guestcluster_tests::{EtcdMembers, Kubectl, Manifest, Mode, Objects, Start, Supervisor};
use http::Method;
use jiff::Timestamp;
use serde_json::json;

use crate::generator::{ClosedLoop, Endpoint, Expect, Prepared, Samples, Single, Turn, Until};

const NAMESPACE: &str = "team-a";
/// How long each load goes on where nothing else is asked for.
const SECONDS: u64 = 3;
/// Runs of the plugin, and of those whose credential is exchanged.
const RUNS: usize = 40;
const COLD_RUNS: usize = 10;
const CLIENTS: [usize; 3] = [1, 16, 64];

/// Prints one table for each way to run, and what the plugin takes.
pub(crate) async fn run(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let seconds = match (arguments.next().as_deref(), arguments.next()) {
        (None, None) => SECONDS,
        (Some("--seconds"), Some(seconds)) => seconds.parse().with_context(|| format!("--seconds {seconds}"))?,
        (other, _) => bail!("{other:?}: bench login takes --seconds S alone"),
    };
    let time = Duration::from_secs(seconds);
    println!("signing alone (ES256), one core: {:.0} tokens/s", signing(time)?);
    let embedded = supervisor(Objects::File, Mode::Embedded);
    exchanges("embedded, redb", &embedded, time).await?;
    plugin(&embedded)?;
    drop(embedded);
    let folder = tempfile::tempdir()?;
    let etcd = EtcdMembers::start(folder.path(), 1);
    let aggregated = supervisor(Objects::Etcd(etcd.servers()), Mode::Aggregated);
    exchanges("aggregated, etcd, through kube-apiserver", &aggregated, time).await
}

fn supervisor(objects: Objects, mode: Mode) -> Supervisor {
    let supervisor = Supervisor::start(Start {
        mode,
        objects,
        sim: Some("delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}".to_owned()),
        unaudited: true,
        ..Start::default()
    });
    let admin = supervisor.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    admin
        .run("create rolebinding devs --clusterrole guestcluster-access-admin --group sso:devs")
        .success();
    supervisor
}

/// Each exchange is another person's, so that nobody has too many credentials.
async fn exchanges(name: &str, supervisor: &Supervisor, time: Duration) -> anyhow::Result<()> {
    println!("{name}\n  clients   exchanges/s       p50       p99");
    let endpoint = Endpoint::of_kubeconfig(&supervisor.admin_kubeconfig())?;
    for clients in CLIENTS {
        let samples = exchange(&endpoint, clients, time).await?;
        if let Some(failures) = samples.failures() {
            println!("  {clients:>7}   {failures}");
            continue;
        }
        let milliseconds = |hundredths| samples.percentile(hundredths).unwrap_or_default().as_secs_f64() * 1e3;
        println!(
            "  {clients:>7}   {:>11.0}   {:>6.2} ms {:>6.2} ms",
            samples.per_second(),
            milliseconds(50),
            milliseconds(99)
        );
    }
    Ok(())
}

async fn exchange(endpoint: &Endpoint, clients: usize, time: Duration) -> anyhow::Result<Samples> {
    let path = format!("/apis/guestclusters.dev/v1alpha1/namespaces/{NAMESPACE}/guestclusters/dev/credential");
    let uri = endpoint.uri(&path)?;
    let post = Prepared::write(Method::POST, "application/json");
    let body = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": {"level": "view"},
    })
    .to_string();
    let operation = Single {
        request: move |turn: Turn| {
            let mut request = post.request(&uri, body.clone());
            let person = format!("sso:c{clients}-{}@guest.local", turn.number);
            for (header, value) in [("impersonate-user", person.as_str()), ("impersonate-group", "sso:devs")] {
                // Letters, digits and a few signs.
                if let Ok(value) = value.parse() {
                    request.headers_mut().insert(header, value);
                }
            }
            request
        },
        expect: Expect::created(),
    };
    let load = ClosedLoop {
        clients,
        until: Until::Time(time),
    };
    load.run(endpoint, operation).await
}

/// What a core could do that does nothing else.
#[allow(clippy::cast_precision_loss)] // far below what a float holds exactly
fn signing(time: Duration) -> anyhow::Result<f64> {
    let (key, policy) = (SigningKey::generate()?, SubjectPolicy::new("sso:", None)?);
    let subject = Subject::of(
        &policy,
        "sso:ann@guest.local",
        &["sso:devs".to_owned()],
        None,
        Level::View,
    )?;
    let (begin, mut signed) = (Instant::now(), 0_u64);
    while begin.elapsed() < time {
        let claims = Claims::new(
            "u-1",
            &subject,
            Level::View,
            "c-1",
            Timestamp::now(),
            Duration::from_mins(10),
        );
        ensure!(!key.mint(&claims)?.is_empty(), "no token");
        signed += 1;
    }
    Ok(signed as f64 / begin.elapsed().as_secs_f64())
}

/// The exec plugin as kubectl calls it: with a credential that is kept, and with none.
fn plugin(supervisor: &Supervisor) -> anyhow::Result<()> {
    let ann = supervisor.person("ann@guest.local", &["devs"]);
    let login = format!("guest login {} -n {NAMESPACE}", supervisor.login_flags());
    ann.run(&login).success();
    ann.run("guest login dev").success();
    let kept = ann.home().join(".cache/kubectl-guest/credentials");
    let mut start = times(RUNS, || ann.plugin().command(&["--version"]), || Ok(()))?;
    let mut cached = times(RUNS, || called(&ann), || Ok(()))?;
    let records = || supervisor.kubectl().names("guestcredentials").len();
    let before = records();
    let mut cold = times(COLD_RUNS, || called(&ann), || empty(&kept))?;
    ensure!(records() == before + COLD_RUNS, "not each of them was exchanged");
    println!("the plugin, median (to the 9th of 10)");
    for (what, times) in [
        ("its start alone", &mut start),
        ("a credential that is kept", &mut cached),
        ("a credential that is exchanged", &mut cold),
    ] {
        times.sort_unstable();
        let milliseconds = |tenths: usize| times[(times.len() - 1) * tenths / 10].as_secs_f64() * 1e3;
        println!("  {what:<32} {:>6.1} ms ({:.1})", milliseconds(5), milliseconds(9));
    }
    Ok(())
}

/// The call that kubectl makes by the current context.
fn called(person: &Kubectl) -> Command {
    let config = person.json("config view --raw --minify");
    let exec = &config["users"][0]["user"]["exec"];
    let arguments: Vec<_> = exec["args"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it.as_str())
        .collect();
    let info = json!({
        "apiVersion": exec["apiVersion"], "kind": "ExecCredential",
        "spec": {"interactive": false, "cluster": config["clusters"][0]["cluster"]},
    });
    let mut command = person.plugin().command(&arguments);
    command.env("KUBERNETES_EXEC_INFO", info.to_string());
    command
}

fn times(
    runs: usize,
    command: impl Fn() -> Command,
    before: impl Fn() -> anyhow::Result<()>,
) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..runs {
        before()?;
        let mut process = command();
        let begin = Instant::now();
        let output = process.output()?;
        times.push(begin.elapsed());
        // What it printed may be a credential.
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(times)
}

fn empty(folder: &Path) -> anyhow::Result<()> {
    for file in fs::read_dir(folder)? {
        fs::remove_file(file?.path())?;
    }
    Ok(())
}
