//! `guestcluster-apiserver check`.

use std::path::PathBuf;

use crate::{check, layers::Layers};

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// How to reach the supervisor's kube-apiserver, as one of its administrators; without it, what kubectl would read
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; without it, the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Which layers our server runs there
    #[arg(long, value_name = "LAYERS", default_value = "guest")]
    layers: Layers,
    /// Lines for people, or JSON
    #[arg(short, long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    output: String,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<()> {
        check::run(&check::Config {
            kubeconfig: self.kubeconfig,
            context: self.context,
            layers: self.layers,
            json: self.output == "json",
        })
    }
}
