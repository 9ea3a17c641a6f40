//! Creates, each answered when the disk has it.

use http::Method;

use super::etcd_put;
use crate::{
    api::Bench,
    generator::{Expect, Operation, Prepared, Single, Turn},
    goals::Goal,
    objects,
    servers::Server,
    table::{Row, Unit},
};

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for clients in [1, 16, 64] {
        let prefix = format!("c{clients}");
        let theirs = create(&bench.theirs, &prefix, 0)?;
        let theirs = bench.measure(&bench.theirs, clients, theirs).await?;
        let ours = create(&bench.ours, &prefix, 0)?;
        let ours = bench.measure(&bench.ours, clients, ours).await?;
        let goals: &[Goal] = if clients == 64 { &[Goal::Times(15.0)] } else { &[] };
        let mut row = Row::new(format!("create, {clients} clients"), Unit::PerSecond, ours, theirs).with_goals(goals);
        if let Some(etcd) = bench.theirs.etcd() {
            row.limit = Some(bench.measure_limit(&etcd, clients, etcd_put::put(&etcd)?).await?);
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Creates PREFIX-N, with N from `first` on.
pub(crate) fn create(server: &Server, prefix: &str, first: usize) -> anyhow::Result<impl Operation + use<>> {
    let uri = server.endpoint.uri(server.kind.collection)?;
    let post = Prepared::write(Method::POST, "application/json");
    let body = server.kind.to_create();
    let prefix = prefix.to_owned();
    Ok(Single {
        request: move |turn: Turn| {
            let number = first + turn.number;
            let slice = (number % objects::SLICES).to_string();
            post.request(&uri, body.fill(&[&slice, &objects::name(&prefix, number)]))
        },
        expect: Expect::created(),
    })
}
