//! `guestcluster-apiserver sso`.

use std::{
    io::{IsTerminal as _, Read as _},
    net::SocketAddr,
    path::PathBuf,
};

use clap::Subcommand;

use super::Logging;
use crate::{
    data_dir::DataDir,
    sso::{self, UserName},
};

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(clap::Args)]
struct Serve {
    /// Folder for users, keys and sessions; made when missing
    #[arg(long, value_name = "DIR", default_value = "guestclusters-sso")]
    data_dir: PathBuf,
    /// Address to serve on; port 0 picks a free one, written to DIR/sso-issuer
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:6444")]
    listen: SocketAddr,
    #[command(flatten)]
    logging: Logging,
}

#[derive(Subcommand)]
enum Command {
    /// Add a user; the password is read from standard input
    AddUser {
        /// Such as ana@guest.local
        name: UserName,
        /// Groups, as ID tokens name them
        #[arg(long, value_name = "NAME")]
        group: Vec<String>,
        #[command(flatten)]
        folder: Folder,
    },
    /// Give a user another password, read from standard input; ends the user's sessions
    SetPassword {
        /// Such as ana@guest.local
        name: UserName,
        #[command(flatten)]
        folder: Folder,
    },
}

#[derive(clap::Args)]
struct Folder {
    /// Data folder of the issuer, or of an embedded supervisor; it may be running
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<()> {
        match self.command {
            None => {
                crate::logging::start(&self.serve.logging.log)?;
                sso::run(&sso::Config {
                    data_dir: self.serve.data_dir,
                    listen: self.serve.listen,
                })
            }
            Some(Command::AddUser { name, group, folder }) => sso::add_user(
                &DataDir::open_or_create(&folder.data_dir)?,
                name,
                group,
                &read_password()?,
            ),
            Some(Command::SetPassword { name, folder }) => {
                sso::set_password(&DataDir::open_or_create(&folder.data_dir)?, &name, &read_password()?)
            }
        }
    }
}

/// The first line of standard input.
fn read_password() -> anyhow::Result<String> {
    anyhow::ensure!(
        !std::io::stdin().is_terminal(),
        "the password is read from standard input and would be shown on a terminal; use a pipe or a file: < FILE"
    );
    let mut text = String::new();
    std::io::stdin().take(4096).read_to_string(&mut text)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
