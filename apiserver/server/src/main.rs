//! `guestcluster-apiserver`: the supervisor of guest clusters.

#[allow(dead_code)] // The subcommand that uses it is wired next.
mod aggregated;
mod args;
mod controllers;
mod embedded;
mod guestclusters;
mod logging;
mod releases;
mod roles;
mod upstream;
mod version;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = args::Arguments::parse();
    match arguments.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
