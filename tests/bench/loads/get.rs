//! Reads of single objects.

use std::time::Duration;

use crate::{
    api::Bench,
    generator::{Expect, Operation, Prepared, Single, Turn},
    goals::Goal,
    servers::Server,
    table::{Row, Unit},
};

/// Objects that are read in turn; a prime, so that clients spread.
const READ: usize = 997;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let one = Prepared::get().request(&bench.ours.endpoint.uri(&bench.ours.kind.path(0))?, "");
    let answer = bench.ours.endpoint.connect().await?.whole(one).await?;
    let bare = bench.bare("get", &answer)?;
    let mut rows = Vec::new();
    for (clients, goal) in [(1, Goal::P50(Duration::from_micros(250))), (16, Goal::Times(20.0))] {
        let least = answer.len() / 2;
        let theirs = get(&bench.theirs, least)?;
        let theirs = bench.measure(&bench.theirs, clients, theirs).await?;
        let ours = bench.measure(&bench.ours, clients, get(&bench.ours, least)?).await?;
        let mut row = Row::new(format!("get, {clients} client(s)"), Unit::PerSecond, ours, theirs).with_goals(&[goal]);
        let uri = bare.endpoint.uri("/answer")?;
        let limit = Single {
            request: move |_| Prepared::get().request(&uri, ""),
            expect: Expect::ok(answer.len()),
        };
        row.limit = Some(bench.measure_limit(&bare.endpoint, clients, limit).await?);
        rows.push(row);
    }
    Ok(rows)
}

/// Reads objects in turn.
pub(super) fn get(server: &Server, least: usize) -> anyhow::Result<impl Operation + use<>> {
    let uris = (0..READ).map(|number| server.endpoint.uri(&server.kind.path(number)));
    let uris = uris.collect::<anyhow::Result<Vec<_>>>()?;
    let get = Prepared::get();
    Ok(Single {
        request: move |turn: Turn| get.request(&uris[turn.number % uris.len()], ""),
        expect: Expect::ok(least),
    })
}
