//! `kubectl guest logout`: the session ends, here and at the issuer.

use crate::{
    connection::ConnectionFlags,
    credential,
    error::Result,
    session::{Ended, Ending},
    supervisor::SupervisorId,
};

/// Sign out of a supervisor
///
/// The session ends at the issuer, and what is kept on this computer is removed. Credentials of clusters that programs hold already
/// end by themselves within their lifetime. Contexts stay, and work again after the next login.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  kubectl guest logout\n  kubectl guest logout --all")]
pub(super) struct Args {
    /// Sign out of all supervisors
    #[arg(long)]
    all: bool,
}

impl Args {
    pub(super) async fn run(&self, flags: &ConnectionFlags) -> Result<()> {
        let id = if self.all {
            None
        } else {
            Some(flags.supervisor()?.id()?)
        };
        let endings = match &id {
            Some(id) => Ending::of(id)?,
            None => Ending::all()?,
        };
        let how = id.as_ref().and_then(|id| flags.unattended(id));
        match &how {
            // Nothing of it is kept, and it is not ours to end.
            Some(how) => eprintln!("What signs this program in stays: {}", how.source()),
            None if endings.is_empty() => eprintln!("You are not signed in."),
            None => {}
        }
        let mut outcome = credential::forget(id.as_ref());
        for ending in endings {
            // Of a file that can't be used, only its name is known.
            let known = id.as_ref().map(SupervisorId::host).or(ending.host());
            let what = known.map_or_else(|| format!("what {} is about", ending.path()), str::to_owned);
            match ending.end().await {
                Ok(Ended::Everywhere) => eprintln!("Signed out of {what}."),
                Ok(Ended::Here(why)) => eprintln!(
                    "Signed out of {what} on this computer; the session goes on at the issuer until it ends by itself: {}",
                    why.without_next().in_one_line()
                ),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }
}
