//! What measures the API server.
//!
//! `bench start`: how long an embedded supervisor takes from exec to ready, and what it needs when idle.
//! `bench login`: credentials that are exchanged, and what the exec plugin takes.
//! `bench api`: the same loads on a real kube-apiserver and on ours, in one table beside DESIGN's goals; or on two builds of ours.

mod api;
mod generator;
mod goals;
mod limit;
mod loads;
mod login;
mod objects;
mod plan;
mod sample;
mod servers;
mod start;
mod table;

use anyhow::bail;

const USAGE: &str = "usage: bench start | bench login [--seconds S] | bench api [--objects N] [--only NAME,...] [--seconds S] [--against SERVER]";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A second call finds it set, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("start") => start::print().await,
        Some("login") => Box::pin(login::run(arguments)).await,
        Some("api") => Box::pin(api::run(plan::Plan::read(arguments)?)).await,
        Some(limit::COMMAND) => limit::serve(arguments.next().as_deref()).await,
        _ => bail!(USAGE),
    }
}
