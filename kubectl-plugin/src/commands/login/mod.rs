//! `kubectl guest login`: sign in to a supervisor, and log in to a guest.

mod guest;
mod supervisor;

pub(super) use self::{
    guest::accepted,
    supervisor::{described, session_end},
};

use std::{path::PathBuf, time::Duration};

use guestcluster_types::Level;

use crate::{
    connection::{ConnectionFlags, duration},
    credential::Guest,
    error::{ASK_FOR_ACCESS, Error, Result},
    kubeconfig::{self, Entries, Files, Written},
    session::{Session, TokenStore},
    supervisor::{Supervisor, SupervisorId, fingerprint, server_url},
    unattended::{IssuerFlags, Unattended, UnattendedFlags},
};

/// Sign in to a supervisor, or log in to a cluster
///
/// Without a cluster it signs you in to the supervisor through single sign-on, and writes a context for it. With one it writes
/// a context for the cluster, whose credentials are exchanged for your session, live for minutes and renew by themselves. No secret
/// is written to a kubeconfig. Programs sign in with --token-file or --grant-type, and ask nobody.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  kubectl guest login --server https://192.0.2.10:6443 --ca-sha256 5d41...\n  kubectl guest login --device-code\n  kubectl guest login dev\n  kubectl guest login dev --level view --no-switch\n  kubectl guest login dev --print > dev.kubeconfig\n  kubectl guest login --server https://192.0.2.10:6443 --ca-sha256 5d41... --token-file /run/ci/token\n  kubectl guest login --grant-type client-credentials --client-id ci --client-secret-file /run/ci/secret"
)]
pub(super) struct Args {
    /// Name of the cluster to log in to
    name: Option<String>,
    /// The supervisor; else that of the context
    #[arg(long, value_name = "URL", value_parser = server_url)]
    server: Option<String>,
    /// PEM file of the certificate authority that the supervisor's certificate is signed by
    #[arg(long, value_name = "FILE", requires = "server")]
    certificate_authority: Option<PathBuf>,
    /// SHA-256 fingerprint of that authority's certificate, where the supervisor shows it
    #[arg(
        long,
        value_name = "HEX",
        value_parser = fingerprint,
        requires = "server",
        conflicts_with = "certificate_authority"
    )]
    ca_sha256: Option<String>,
    #[command(flatten)]
    issuer: IssuerFlags,
    #[command(flatten)]
    unattended: UnattendedFlags,
    /// Sign in with a browser on another device, by a code that you enter there
    #[arg(long, conflicts_with_all = ["token_file", "grant_type"])]
    device_code: bool,
    /// Where the tokens of the session are kept: in a file of yours alone, or in the system's keyring
    #[arg(long, value_name = "STORE", value_enum, default_value = "file", conflicts_with_all = ["token_file", "grant_type"])]
    token_store: TokenStore,
    /// What you want to be able to do in the cluster: login, view, edit or admin; the highest that you may where none is given
    #[arg(long, value_name = "LEVEL", requires = "name", value_parser = level)]
    level: Option<Level>,
    /// How long each credential lasts, from 1m to 1h; the supervisor decides where none is given
    #[arg(long, value_name = "TIME", requires = "name", value_parser = duration)]
    expires_in: Option<Duration>,
    /// Name of the context
    #[arg(long, value_name = "NAME")]
    context_name: Option<String>,
    /// Make the context current, also when it is not new
    #[arg(long, conflicts_with_all = ["no_switch", "print"])]
    switch: bool,
    /// Don't make the context current
    #[arg(long)]
    no_switch: bool,
    /// Print the kubeconfig instead of writing it
    #[arg(long)]
    print: bool,
    /// Longest to wait for the sign-in
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    timeout: Duration,
}

impl Args {
    pub(super) async fn run(&self, flags: &ConnectionFlags) -> Result<()> {
        let supervisor = self.supervisor(&flags.for_reading()).await?;
        let guest = match &self.name {
            Some(name) => Some(Guest::new(&namespace(flags, &supervisor)?, name)?),
            None => None,
        };
        let id = supervisor.id()?;
        if !self.print {
            // Told before anybody types a password.
            let files = Files::find(flags.kubeconfig.as_deref())?;
            kubeconfig::check(&files, self.context_name.as_deref(), &id, guest.as_ref()).await?;
        }
        let unattended = self.unattended(&flags.for_reading(), &id)?;
        let Some(guest) = guest else {
            let session = match &unattended {
                Some(how) => self.sign_in_unattended(&supervisor, how).await?,
                None => self.sign_in(&supervisor).await?,
            };
            return self.write_supervisor(flags, &session).await;
        };
        if let Some(how) = &unattended {
            let session = Session::unattended(supervisor, how).await?;
            return self.log_in(flags, &session, guest).await;
        }
        let session = match Session::open(&id) {
            // As somebody else, or anew: what is typed counts.
            Ok(session) if !self.names_issuer() && self.is_kept_as_wanted(&session).await => session,
            Err(error) if !error.is_not_signed_in() => {
                eprintln!("note: {}", error.without_next());
                self.sign_in(&supervisor).await?
            }
            _ => self.sign_in(&supervisor).await?,
        };
        self.log_in(flags, &session, guest).await
    }

    /// Whether the session's tokens are where they are wanted; a file is wanted where nothing is said.
    async fn is_kept_as_wanted(&self, session: &Session) -> bool {
        self.token_store == TokenStore::File || session.record().await.token_store == self.token_store
    }

    fn names_issuer(&self) -> bool {
        self.issuer.issuer_url.is_some()
    }

    /// How a program signs in: as it is named, or as in the context where nothing else is named.
    fn unattended(&self, flags: &ConnectionFlags, supervisor: &SupervisorId) -> Result<Option<Unattended>> {
        let named = self
            .unattended
            .unattended(&self.issuer, self.certificate_authority.as_deref())?;
        let for_people = self.device_code || self.names_issuer() || self.server.is_some();
        let of_context = || flags.unattended(supervisor).filter(|_| !for_people);
        Ok(named.or_else(of_context))
    }

    /// Prints or writes the entries, and says what is there now; none where they were printed.
    async fn put(&self, flags: &ConnectionFlags, entries: &Entries) -> Result<Option<Written>> {
        let files = Files::find(flags.kubeconfig.as_deref())?;
        if self.print {
            print!("{}", entries.alone(&files.contents()?)?);
            return Ok(None);
        }
        let switch = |is_new| self.switch || (is_new && !self.no_switch);
        let written = entries.write(&files, switch).await?;
        let what = match (written.is_new, written.is_current) {
            (true, true) => "added and current",
            (true, false) => "added",
            (false, true) => "renewed and current",
            (false, false) => "renewed",
        };
        eprint!("Context {} {what}. ", written.name);
        Ok(Some(written))
    }
}

/// The namespace that the cluster is in: named, or that of the context.
fn namespace(flags: &ConnectionFlags, supervisor: &Supervisor) -> Result<String> {
    let of_context = || flags.for_reading().namespace_at(supervisor);
    flags
        .namespace
        .clone()
        .or_else(of_context)
        .ok_or_else(|| Error::usage("in which namespace the cluster is, is not known").next("Name it with -n."))
}

fn level(text: &str) -> std::result::Result<Level, String> {
    match text.parse() {
        Ok(Level::BreakGlass) | Err(_) => {
            let known = Level::OF_TOKENS.map(Level::as_str).join(", ");
            Err(format!("{text:?} is not one of {known}"))
        }
        Ok(level) => Ok(level),
    }
}

fn no_such_level(name: &str, namespace: &str, wanted: Level, allowed: &[Level]) -> Error {
    let allowed: Vec<_> = allowed.iter().map(|level| level.as_str()).collect();
    let error = Error::failed(format!("you may not log in to {namespace}/{name} at level {wanted}"));
    if allowed.is_empty() {
        return error.next(ASK_FOR_ACCESS);
    }
    error.next(format!("You may at: {}", allowed.join(", ")))
}
