//! Ours with its objects in an etcd, as several replicas have them, beside kube-apiserver on its own: both etcds sync each write.

use super::{create, etcd_put, get, list, patch};
use crate::{
    api::Bench,
    goals::Goal,
    servers::Server,
    table::{Row, Unit},
};

const CLIENTS: usize = 16;
/// Least length of an object.
const LEAST: usize = 1000;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let ours = Server::on_etcd(&bench.new_folder("on-etcd")?)?;
    bench.fill_one(&ours, 0, bench.plan.objects).await?;
    let theirs = &bench.theirs;
    let mut rows = Vec::new();
    let row = |load: &str, ours, theirs| Row::new(format!("on etcd: {load}"), Unit::PerSecond, ours, theirs);

    let whole = &list::FORMS[0];
    let listed = list::measure(bench, &ours, whole).await?.1;
    rows.push(row(whole.name, listed, list::measure(bench, theirs, whole).await?.1));

    let by_theirs = bench.measure(theirs, CLIENTS, get::get(theirs, LEAST)?).await?;
    let read = bench.measure(&ours, CLIENTS, get::get(&ours, LEAST)?).await?;
    rows.push(row("get, 16 clients", read, by_theirs));

    let by_theirs = bench.measure(theirs, CLIENTS, patch::patch(theirs)?).await?;
    let patched = bench.measure(&ours, CLIENTS, patch::patch(&ours)?).await?;
    rows.push(row("merge patch, 16 clients", patched, by_theirs));

    for clients in [1, 16, 64] {
        let prefix = format!("e{clients}");
        let by_theirs = bench.measure(theirs, clients, create(theirs, &prefix, 0)?).await?;
        let created = bench.measure(&ours, clients, create(&ours, &prefix, 0)?).await?;
        let goals: &[Goal] = if clients == 64 { &[Goal::Times(8.0)] } else { &[] };
        let mut row = row(&format!("create, {clients} clients"), created, by_theirs).with_goals(goals);
        if let Some(etcd) = theirs.etcd() {
            row.limit = Some(bench.measure_limit(&etcd, clients, etcd_put::put(&etcd)?).await?);
        }
        rows.push(row);
    }
    Ok(rows)
}
