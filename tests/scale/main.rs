//! `scale [--aggregated] N [WORKERS]`: N guests at once, and what they cost. Prints numbers; fails only when a guest does not come up.
//! With `--aggregated` first in an embedded supervisor, then behind a real kube-apiserver, in one run.

mod guests;
mod measure;
mod metrics;

use anyhow::Context as _;
use guestcluster_tests::{Mode, Supervisor};

use crate::measure::Measure;

/// What to bring up, and where.
struct Plan {
    modes: Vec<Mode>,
    guests: u32,
    workers: u32,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // A second call finds it set, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let plan = Plan::read(std::env::args().skip(1)).context("usage: scale [--aggregated] N [WORKERS]")?;
    for &mode in &plan.modes {
        plan.run(mode).await?;
    }
    Ok(())
}

impl Plan {
    fn read(arguments: impl Iterator<Item = String>) -> anyhow::Result<Self> {
        let (flags, numbers): (Vec<_>, Vec<_>) = arguments.partition(|argument| argument.starts_with("--"));
        let modes = match flags.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => vec![Mode::Embedded],
            ["--aggregated"] => vec![Mode::Embedded, Mode::Aggregated],
            _ => anyhow::bail!("unknown flag"),
        };
        let mut numbers = numbers.iter().map(|text| text.parse::<u32>());
        Ok(Self {
            modes,
            guests: numbers.next().unwrap_or(Ok(100))?,
            workers: numbers.next().unwrap_or(Ok(2))?,
        })
    }

    async fn run(&self, mode: Mode) -> anyhow::Result<()> {
        let supervisor = Supervisor::fast(mode);
        let client = guestcluster_tests::client(&supervisor.admin_kubeconfig()).await?;
        let before = Measure::take(&supervisor, mode).await?;
        let times = guests::bring_up(&client, self.guests, self.workers).await?;
        let after = Measure::take(&supervisor, mode).await?;
        println!("{} guests (1+{}), {}", self.guests, self.workers, title(mode));
        measure::report(self.guests, &times, &before, &after);
        Ok(())
    }
}

fn title(mode: Mode) -> &'static str {
    match mode {
        Mode::Embedded => "embedded: all in one process",
        Mode::Aggregated => {
            "aggregated: our server behind kube-apiserver, etcd (without fsync) and kube-controller-manager"
        }
    }
}
