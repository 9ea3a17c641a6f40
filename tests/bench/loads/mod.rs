//! The loads, in the order in which they run: those that leave the objects as they are come first, what needs new servers last.

mod aggregated;
mod apply;
mod create;
mod etcd_put;
mod get;
mod list;
mod memory;
mod on_etcd;
mod patch;
mod sample;
mod start;
mod watch;
mod watch_list;

use crate::{api::Bench, table::Row};

pub(crate) use create::create;

/// For `--only`.
pub(crate) const NAMES: [&str; 12] = [
    "start",
    "list",
    "get",
    "watchlist",
    "watch",
    "patch",
    "apply",
    "aggregated",
    "sample",
    "etcd",
    "create",
    "memory",
];

/// Those that no other build of ours can take kube-apiserver's place in.
pub(crate) const OF_KUBE_APISERVER: [&str; 4] = ["start", "aggregated", "sample", "etcd"];

/// Runs one load on both servers.
pub(crate) async fn run(name: &str, bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    match name {
        "start" => return start::run(bench).await,
        "memory" => return memory::run(bench).await,
        _ => bench.fill(bench.plan.objects).await?,
    }
    match name {
        "list" => list::run(bench).await,
        "get" => get::run(bench).await,
        "watchlist" => watch_list::run(bench).await,
        "watch" => watch::run(bench).await,
        "patch" => patch::run(bench).await,
        "apply" => apply::run(bench).await,
        "create" => create::run(bench).await,
        "aggregated" => aggregated::run(bench).await,
        "sample" => sample::run(bench).await,
        "etcd" => on_etcd::run(bench).await,
        other => anyhow::bail!("no load {other}"),
    }
}
