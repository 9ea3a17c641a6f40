//! `guestcluster-apiserver`: the supervisor of guest clusters.

mod aggregated;
mod args;
mod audit;
mod authority;
mod catalogue;
mod check;
mod controllers;
mod data_dir;
mod driver;
mod embedded;
mod etcd_authorities;
mod exchange;
mod followed;
mod guest_agent;
mod guestclusters;
mod kinds;
mod layers;
mod lifetime;
mod logging;
mod manifests;
mod records;
mod releases;
mod roles;
mod sim;
mod snapshot;
mod sso;
mod upstream;
mod version;
mod whole_file;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
