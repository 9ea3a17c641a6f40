//! `kubectl guest`: guest clusters at the prompt.

mod commands;
mod connection;
mod error;
mod output;
mod progress;
mod prompt;
mod waiting;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use commands::Cli;

fn main() -> ExitCode {
    // Answers the shell's completion requests, and does nothing otherwise.
    clap_complete::CompleteEnv::with_factory(Cli::command)
        .var("KUBECTL_GUEST_COMPLETE")
        .complete();
    let cli = Cli::parse();
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
