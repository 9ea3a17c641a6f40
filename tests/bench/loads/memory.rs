//! Resident memory with so many objects, after all that was done to both servers.

use crate::{
    api::Bench,
    goals::Goal,
    table::{Figures, Row, Unit},
};

/// DESIGN's goals in MiB, for these numbers of objects.
const GOALS: [(usize, f64); 2] = [(10_000, 80.0), (50_000, 260.0)];

pub(super) async fn run(bench: &mut Bench, objects: usize) -> anyhow::Result<Vec<Row>> {
    bench.fill(objects).await?;
    let resident = |usage: guestcluster_tests::Usage| Figures::of(usage.resident_mib);
    let (ours, theirs) = (resident(bench.ours.usage()?), resident(bench.theirs.usage()?));
    let goals = GOALS.iter().filter(|(number, _)| *number == objects);
    let goals: Vec<_> = goals.map(|(_, most)| Goal::AtMost(*most)).collect();
    let row = Row::new(format!("memory, {objects} objects"), Unit::Mebibytes, ours, theirs);
    Ok(vec![row.with_goals(&goals)])
}
