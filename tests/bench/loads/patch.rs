//! Merge patches of one annotation, each client on objects of its own.

use crate::{
    api::Bench,
    generator::{Expect, Operation, Prepared, Single, Turn},
    goals::Goal,
    objects,
    servers::Server,
    table::{Row, Unit},
};

const CLIENTS: usize = 16;
/// Objects of each client.
const EACH: usize = 50;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let theirs = bench.measure(&bench.theirs, CLIENTS, patch(&bench.theirs)?).await?;
    let ours = bench.measure(&bench.ours, CLIENTS, patch(&bench.ours)?).await?;
    let row = Row::new("merge patch, 16 clients", Unit::PerSecond, ours, theirs);
    Ok(vec![row.with_goals(&[Goal::Times(12.0)])])
}

/// Each client patches its own objects.
pub(super) fn patch(server: &Server) -> anyhow::Result<impl Operation + use<>> {
    let uris = (0..CLIENTS * EACH).map(|number| server.endpoint.uri(&server.kind.path(number)));
    let uris = uris.collect::<anyhow::Result<Vec<_>>>()?;
    let (patch, body) = (Prepared::patch("application/merge-patch+json"), objects::to_patch());
    Ok(Single {
        request: move |turn: Turn| {
            let own = turn.client * EACH + turn.number % EACH;
            patch.request(&uris[own], body.fill(&[&turn.number.to_string()]))
        },
        expect: Expect::ok(1000),
    })
}
