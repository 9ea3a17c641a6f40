//! The same loads on ours behind a kube-apiserver, which passes each request on: beside the kind as a CRD in a kube-apiserver.

use crate::{
    api::Bench,
    servers::Server,
    table::{Row, Unit},
};

use super::{create, get, list, patch};

const READERS: usize = 16;
const CREATORS: usize = 64;
/// Least length of an object.
const LEAST: usize = 1000;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let ours = Server::aggregated(&bench.new_folder("aggregated")?)?;
    bench.fill_one(&ours, 0, bench.plan.objects).await?;
    let theirs = &bench.theirs;
    let mut rows = Vec::new();
    let mut row = |load: &str, ours, theirs| {
        let load = format!("behind kube-apiserver: {load}");
        rows.push(Row::new(load, Unit::PerSecond, ours, theirs));
    };

    let whole = &list::FORMS[0];
    let listed = list::measure(bench, &ours, whole).await?.1;
    row(whole.name, listed, list::measure(bench, theirs, whole).await?.1);

    let read = bench.measure(&ours, READERS, get::get(&ours, LEAST)?).await?;
    let by_theirs = get::get(theirs, LEAST)?;
    let by_theirs = bench.measure(theirs, READERS, by_theirs).await?;
    row("get, 16 clients", read, by_theirs);

    let patched = bench.measure(&ours, READERS, patch::patch(&ours)?).await?;
    let by_theirs = patch::patch(theirs)?;
    let by_theirs = bench.measure(theirs, READERS, by_theirs).await?;
    row("merge patch, 16 clients", patched, by_theirs);

    let created = create(&ours, "aggregated", 0)?;
    let created = bench.measure(&ours, CREATORS, created).await?;
    let by_theirs = create(theirs, "aggregated", 0)?;
    let by_theirs = bench.measure(theirs, CREATORS, by_theirs).await?;
    row("create, 64 clients", created, by_theirs);
    Ok(rows)
}
