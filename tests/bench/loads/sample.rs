//! Ours and sample-apiserver, the same kind of server in Go, both on an etcd of their own and asked through the same kube-apiserver.

use super::{create, get, list, patch, watch};
use crate::{
    api::Bench,
    servers::Server,
    table::{Figures, Row, Unit},
};

const CLIENTS: usize = 16;
const CREATORS: usize = 64;
const WATCHERS: usize = 100;
/// Least length of an object.
const LEAST: usize = 1000;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let [ours, theirs] = Server::both_aggregated(&bench.new_folder("sample")?)?;
    bench.fill_one(&ours, 0, bench.plan.objects).await?;
    bench.fill_one(&theirs, 0, bench.plan.objects).await?;
    let mut rows = Vec::new();
    let mut row = |load: &str, [theirs, ours]: [Figures; 2]| {
        let load = format!("and sample-apiserver: {load}");
        rows.push(Row::new(load, Unit::PerSecond, ours, theirs));
    };

    let whole = &list::FORMS[0];
    let listed = [
        list::measure(bench, &theirs, whole).await?.1,
        list::measure(bench, &ours, whole).await?.1,
    ];
    row(whole.name, listed);
    let read = [
        bench.measure(&theirs, CLIENTS, get::get(&theirs, LEAST)?).await?,
        bench.measure(&ours, CLIENTS, get::get(&ours, LEAST)?).await?,
    ];
    row("get, 16 clients", read);
    let watched = [
        watch::measure(bench, &theirs, WATCHERS).await?,
        watch::measure(bench, &ours, WATCHERS).await?,
    ];
    row("100 watchers, 100 writes/s", watched);
    let patched = [
        bench.measure(&theirs, CLIENTS, patch::patch(&theirs)?).await?,
        bench.measure(&ours, CLIENTS, patch::patch(&ours)?).await?,
    ];
    row("merge patch, 16 clients", patched);
    for clients in [1, CREATORS] {
        let prefix = format!("s{clients}");
        let created = [
            bench.measure(&theirs, clients, create(&theirs, &prefix, 0)?).await?,
            bench.measure(&ours, clients, create(&ours, &prefix, 0)?).await?,
        ];
        row(&format!("create, {clients} clients"), created);
    }
    Ok(rows)
}
