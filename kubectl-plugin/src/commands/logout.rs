//! `kubectl guest logout`: the session ends, here and at the issuer.

use crate::{connection::ConnectionFlags, credential, error::Result, session::Session, supervisor::Supervisor};

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
        let sessions = if self.all {
            Session::all()?
        } else {
            let of_context = flags.supervisor()?.id()?;
            Session::all()?
                .into_iter()
                .filter(|session| *session.id() == of_context)
                .collect()
        };
        if sessions.is_empty() {
            eprintln!("You are not signed in.");
        }
        for session in sessions {
            let supervisor: Supervisor = session.record().await.supervisor;
            credential::forget(session.id())?;
            match session.end().await {
                Ok(()) => eprintln!("Signed out of {}.", supervisor.host()),
                Err(error) => eprintln!(
                    "Signed out of {} on this computer; the session goes on at the issuer until it ends by itself: {}",
                    supervisor.host(),
                    error.in_one_line()
                ),
            }
        }
        Ok(())
    }
}
