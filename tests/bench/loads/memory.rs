//! Resident memory with so many objects, of servers that did nothing but take them in.

use crate::{
    api::Bench,
    goals::Goal,
    table::{Figures, Row, Unit},
};

/// DESIGN's goals in MiB, for these numbers of objects.
const GOALS: [(usize, f64); 2] = [(10_000, 80.0), (50_000, 260.0)];

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    bench.renew().await?;
    let mut rows = Vec::new();
    for objects in [bench.plan.objects, 5 * bench.plan.objects] {
        bench.fill(objects).await?;
        let resident = |usage: guestcluster_tests::Usage| Figures::of(usage.resident_mib);
        let (ours, theirs) = (resident(bench.ours.usage()?), resident(bench.theirs.usage()?));
        let goals = GOALS.iter().filter(|(number, _)| *number == objects);
        let goals: Vec<_> = goals.map(|(_, most)| Goal::AtMost(*most)).collect();
        let name = format!("memory, {objects} objects");
        rows.push(Row::new(name, Unit::Mebibytes, ours, theirs).with_goals(&goals));
    }
    Ok(rows)
}
