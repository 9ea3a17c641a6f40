//! `kubectl guest`: guest clusters at the prompt.

mod browser;
mod clock;
mod commands;
mod connection;
mod credential;
mod dry_run;
mod error;
mod https;
mod kubeconfig;
mod openid;
mod output;
mod private;
mod progress;
mod prompt;
mod rights;
mod session;
mod shell;
mod sign_in;
mod supervisor;
mod unattended;
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
