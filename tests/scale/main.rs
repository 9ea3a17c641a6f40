//! `scale N [WORKERS]`: N guests at once in one embedded process, and what they cost. Prints numbers; fails only when a guest does not come up.

mod metrics;

use std::{
    collections::BTreeSet,
    pin::pin,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use guestcluster_tests::{Manifest, Mode, Supervisor, Usage};
use guestcluster_types::{GuestCluster, Phase};
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::PostParams,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{WatchStreamExt as _, watcher},
};
use metrics::Requests;

/// Requests that are on their way at the same time.
const AT_ONCE: usize = 64;
/// Longest for all guests, beside a second for each.
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A second call finds it set, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut numbers = std::env::args()
        .skip(1)
        .map(|text| text.parse::<u32>().context("usage: scale N [WORKERS]"));
    let guests = numbers.next().unwrap_or(Ok(100))?;
    let workers = numbers.next().unwrap_or(Ok(2))?;
    let supervisor = Supervisor::fast(Mode::Embedded);
    let client = client(&supervisor).await?;
    let before = Measure::take(&supervisor, &client).await?;
    let started = Instant::now();
    create(&client, guests, workers).await?;
    let accepted = started.elapsed();
    all_running(&client, guests).await?;
    let running = started.elapsed();
    let after = Measure::take(&supervisor, &client).await?;
    report(guests, workers, (accepted, running), (&before, &after));
    Ok(())
}

async fn client(supervisor: &Supervisor) -> anyhow::Result<Client> {
    let kubeconfig = Kubeconfig::read_from(supervisor.data_dir().join("admin.kubeconfig"))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

async fn create(client: &Client, guests: u32, workers: u32) -> anyhow::Result<()> {
    let api: Api<GuestCluster> = Api::namespaced(client.clone(), "team-a");
    stream::iter(0..guests)
        .map(|number| {
            let api = api.clone();
            async move {
                let manifest = Manifest::new(&format!("g{number}"), "v1.34", 1, workers);
                let guest: GuestCluster = serde_json::from_value(manifest.object)?;
                api.create(&PostParams::default(), &guest).await?;
                anyhow::Ok(())
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

async fn all_running(client: &Client, guests: u32) -> anyhow::Result<()> {
    let api: Api<GuestCluster> = Api::namespaced(client.clone(), "team-a");
    let mut waiting: BTreeSet<_> = (0..guests).map(|number| format!("g{number}")).collect();
    let deadline = PATIENCE + Duration::from_secs(u64::from(guests));
    let all = async {
        let mut changes = pin!(
            watcher(api, watcher::Config::default())
                .default_backoff()
                .applied_objects()
        );
        while !waiting.is_empty() {
            let guest = changes.try_next().await?.context("the watch ended")?;
            if guest.status.as_ref().and_then(|status| status.phase) == Some(Phase::Running) {
                waiting.remove(&guest.name_any());
            }
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(deadline, all).await {
        Ok(ended) => ended,
        Err(_) => bail!("after {deadline:?} not Running: {waiting:?}"),
    }
}

/// What the supervisor has used and answered so far.
struct Measure {
    usage: Usage,
    requests: Requests,
}

impl Measure {
    async fn take(supervisor: &Supervisor, client: &Client) -> anyhow::Result<Self> {
        let request = http::Request::get("/metrics").body(vec![])?;
        let page = client.request_text(request).await?;
        let usage = Usage::of(supervisor.pid()).context("/proc of the supervisor can't be read")?;
        Ok(Self {
            usage,
            requests: Requests::read(&page),
        })
    }
}

fn report(guests: u32, workers: u32, (accepted, running): (Duration, Duration), (before, after): (&Measure, &Measure)) {
    let count = f64::from(guests.max(1));
    let cpu = after.usage.cpu_seconds - before.usage.cpu_seconds;
    let memory = after.usage.peak_mib - before.usage.resident_mib;
    let (all, writes) = (
        after.requests.all - before.requests.all,
        after.requests.writes - before.requests.writes,
    );
    println!("{guests} guests (1+{workers}) in one process");
    println!("  accepted       {:8.2} s", accepted.as_secs_f64());
    println!("  Running        {:8.2} s", running.as_secs_f64());
    println!("  CPU            {cpu:8.2} s   {:8.3} s a guest", cpu / count);
    println!(
        "  memory (peak)  {:8.0} MiB {:8.0} KiB a guest",
        after.usage.peak_mib,
        memory * 1024.0 / count
    );
    println!("  API requests   {all:8.0}     {:8.1} a guest", all / count);
    println!("  writes         {writes:8.0}     {:8.1} a guest", writes / count);
}
