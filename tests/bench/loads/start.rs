//! From exec to ready, and memory when idle, before there are objects.

use std::time::Instant;

use crate::{
    api::Bench,
    goals::Goal,
    start,
    table::{Figures, Row, Unit},
};

const STARTS: usize = 5;

pub(super) async fn run(bench: &mut Bench) -> anyhow::Result<Vec<Row>> {
    let ours = start::median_first_start(STARTS).await?;
    let begin = Instant::now();
    bench.theirs.restart_apiserver();
    let theirs = begin.elapsed();
    let milliseconds = |time: std::time::Duration| Figures::of(time.as_secs_f64() * 1000.0);
    let ready = Row::new(
        "exec to ready",
        Unit::Milliseconds,
        milliseconds(ours),
        milliseconds(theirs),
    );
    // With all layers; meanwhile theirs becomes idle too.
    let ours = start::idle().await?;
    let theirs = bench.theirs.usage()?;
    let (ours, theirs) = (Figures::of(ours.resident_mib), Figures::of(theirs.resident_mib));
    let idle = Row::new("memory, idle", Unit::Mebibytes, ours, theirs);
    Ok(vec![
        ready.with_goals(&[Goal::AtMost(250.0)]),
        idle.with_goals(&[Goal::AtMost(30.0)]),
    ])
}
