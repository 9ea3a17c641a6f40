//! Server-side apply of a whole configuration, as GitOps tools do: each client on objects of its own, and all on one.

use crate::{
    api::Bench,
    generator::{Endpoint, Expect, Operation, Prepared, Single, Turn},
    goals::Goal,
    objects,
    table::{Row, Unit},
};

const CLIENTS: usize = 16;
/// Objects of each client.
const EACH: usize = 50;
/// Every apply changes the number of workers.
const WORKERS: usize = 1000;

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (name, objects, goal) in [
        ("apply, 16 clients, any objects", CLIENTS * EACH, Goal::Times(10.0)),
        ("apply, 16 clients, one object", 1, Goal::Times(20.0)),
    ] {
        let theirs = apply(&bench.theirs.endpoint, objects)?;
        let theirs = bench.measure(&bench.theirs, CLIENTS, theirs).await?;
        let ours = bench
            .measure(&bench.ours, CLIENTS, apply(&bench.ours.endpoint, objects)?)
            .await?;
        rows.push(Row::new(name, Unit::PerSecond, ours, theirs).with_goals(&[goal]));
    }
    Ok(rows)
}

fn apply(endpoint: &Endpoint, objects: usize) -> anyhow::Result<impl Operation + use<>> {
    let uri = |number| {
        endpoint.uri(&format!(
            "{}?fieldManager=bench&force=true",
            objects::GUESTS.path(number)
        ))
    };
    let uris = (0..objects).map(uri).collect::<anyhow::Result<Vec<_>>>()?;
    let names: Vec<String> = (0..objects)
        .map(|number| objects::name(objects::LOADED, number))
        .collect();
    let (apply, body) = (Prepared::patch("application/apply-patch+yaml"), objects::to_apply());
    Ok(Single {
        request: move |turn: Turn| {
            let own = (turn.client * EACH + turn.number % EACH) % uris.len();
            let workers = (1 + turn.number % WORKERS).to_string();
            apply.request(&uris[own], body.fill(&[&names[own], &workers]))
        },
        expect: Expect::ok(1000),
    })
}
