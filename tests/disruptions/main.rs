//! `disruptions [--only NAME,...]`: what clients notice while something is done to two replicas of our server behind a real
//! kube-apiserver, with their objects in an etcd of three members. Prints a table; fails when a planned disruption fails a
//! request, or any one loses a write.

mod disruption;
mod ground;
mod load;
mod record;
mod table;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::{
    disruption::{ALL, Disruption},
    ground::Ground,
    load::Load,
    table::Row,
};

const USAGE: &str = "usage: disruptions [--only NAME,...]";
/// How long the load runs before anything happens.
const BEFORE: Duration = Duration::from_secs(3);
/// So long without a failure is recovered.
const QUIET: Duration = Duration::from_secs(5);
/// Longest that is waited for it.
const PATIENCE: Duration = Duration::from_mins(2);

fn main() -> anyhow::Result<()> {
    // A second call finds it set, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let chosen = chosen(std::env::args().skip(1).collect())?;
    let mut ground = Ground::prepare()?;
    let mut rows = Vec::new();
    for disruption in chosen {
        eprintln!("{}", disruption.name);
        let row = measure(&mut ground, disruption).with_context(|| disruption.name)?;
        eprintln!("{row}");
        rows.push(row);
    }
    print!("{}", table::render(&rows));
    let bad: Vec<&str> = rows.iter().filter(|row| !row.holds()).map(Row::name).collect();
    ensure!(bad.is_empty(), "not as it must be: {}", bad.join(", "));
    Ok(())
}

fn measure(ground: &mut Ground, disruption: &'static Disruption) -> anyhow::Result<Row> {
    let load = Load::start(&ground.kubeconfig(), disruption.name)?;
    std::thread::sleep(BEFORE);
    let failures = load.failures();
    ensure!(
        failures == 0,
        "{failures} requests failed before anything was done: {:?}",
        load.last_failure()
    );
    let begin = Instant::now();
    (disruption.act)(ground)?;
    let recovered = begin.elapsed();
    while load.since_failure().is_some_and(|quiet| quiet < QUIET) {
        ensure!(
            begin.elapsed() < PATIENCE,
            "requests still fail: {:?}",
            load.last_failure()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let record = load.finish()?;
    Ok(Row::new(disruption, &record, begin, recovered))
}

fn chosen(arguments: Vec<String>) -> anyhow::Result<Vec<&'static Disruption>> {
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(ALL.iter().collect()),
        ["--only", names] => names
            .split(',')
            .map(|name| {
                let found = ALL.iter().find(|disruption| disruption.name == name);
                let known = || ALL.map(|disruption| disruption.name).join(", ");
                found.with_context(|| format!("--only: there is no {name:?}; there are {}", known()))
            })
            .collect(),
        _ => bail!(USAGE),
    }
}
