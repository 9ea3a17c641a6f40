//! `disruptions [--only NAME,...]`: what clients notice while something is done to our server behind a real kube-apiserver: to two
//! replicas with their objects in an etcd of three members, or to a single one with a file. Prints a table; fails when a planned
//! disruption fails a request, when any one loses a write or harms a guest, and when a server does not come back by itself.

mod clock;
mod condition;
mod curl;
mod disk;
mod disruption;
mod front_proxy;
mod ground;
mod load;
mod record;
mod single;
mod snapshot;
mod table;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

use crate::{
    disruption::{ALL, AT_ONCE, Act, Disruption},
    ground::Ground,
    load::Load,
    single::Single,
    table::Row,
};

const USAGE: &str = "usage: disruptions [--only NAME,...]";
const CLIENTS: usize = 8;
/// Where controllers take a share of what clients do.
const FEW_CLIENTS: usize = 2;
/// How long the load runs before anything happens.
const BEFORE: Duration = Duration::from_secs(3);
/// How long it runs on at least.
const AFTER: Duration = Duration::from_secs(3);
/// So long without a failure is recovered.
const QUIET: Duration = Duration::from_secs(5);
/// Longest that is waited for it.
const PATIENCE: Duration = Duration::from_mins(2);

fn main() -> anyhow::Result<()> {
    // A second call finds it set, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let chosen = chosen(std::env::args().skip(1).collect())?;
    let mut rows = on_replicas(&chosen)?;
    rows.extend(on_a_single_server(&chosen)?);
    print!("{}", table::render(&rows));
    let bad: Vec<&str> = rows.iter().filter(|row| !row.holds()).map(Row::name).collect();
    ensure!(bad.is_empty(), "not as it must be: {}", bad.join(", "));
    Ok(())
}

fn on_replicas(chosen: &[&'static Disruption]) -> anyhow::Result<Vec<Row>> {
    let mut ground = None;
    let mut rows = Vec::new();
    for disruption in chosen {
        let Act::Replicas(act) = disruption.act else { continue };
        let ground = match &mut ground {
            Some(ground) => ground,
            None => ground.insert(Ground::prepare()?),
        };
        let kubeconfig = ground.kubeconfig();
        rows.push(measure(disruption, &kubeconfig, CLIENTS, |_| act(ground))?);
    }
    Ok(rows)
}

fn on_a_single_server(chosen: &[&'static Disruption]) -> anyhow::Result<Vec<Row>> {
    let mut single = None;
    let mut rows = Vec::new();
    for disruption in chosen {
        let Act::Single(act) = disruption.act else { continue };
        let single = match &mut single {
            Some(single) => single,
            None => single.insert(Single::prepare()?),
        };
        let kubeconfig = single.kubeconfig();
        rows.push(measure(disruption, &kubeconfig, FEW_CLIENTS, |load| act(single, load))?);
        single.check().with_context(|| disruption.name)?;
    }
    Ok(rows)
}

/// Puts clients on it, does it, and waits until they notice nothing any more.
fn measure(
    disruption: &'static Disruption,
    kubeconfig: &Path,
    clients: usize,
    act: impl FnOnce(&Load) -> anyhow::Result<()>,
) -> anyhow::Result<Row> {
    eprintln!("{}", disruption.name);
    let row = try_measure(disruption, kubeconfig, clients, act).with_context(|| disruption.name)?;
    eprintln!("{row}");
    Ok(row)
}

fn try_measure(
    disruption: &'static Disruption,
    kubeconfig: &Path,
    clients: usize,
    act: impl FnOnce(&Load) -> anyhow::Result<()>,
) -> anyhow::Result<Row> {
    let load = Load::start(kubeconfig, disruption.name, clients)?;
    std::thread::sleep(BEFORE);
    let failures = load.failures();
    ensure!(
        failures == 0,
        "{failures} requests failed before anything was done: {:?}",
        load.last_failure()
    );
    let begin = Instant::now();
    act(&load)?;
    let recovered = begin.elapsed();
    std::thread::sleep(AFTER);
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
        [] => Ok(ALL.iter().filter(|disruption| disruption.name != AT_ONCE).collect()),
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
