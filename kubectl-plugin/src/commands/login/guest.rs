//! The guest's part: the level, the first credential, and the guest's context.

use std::time::Duration;

use guestcluster_types::Level;
use jiff::SignedDuration;
use k8s_openapi::api::authentication::v1::UserInfo;
use kube::Client;
use tokio::time::{Instant, sleep};

use super::{Args, no_such_level};
use crate::{
    connection::ConnectionFlags,
    credential::{self, Cached, Guest},
    error::{ASK_FOR_ACCESS, Error, Result},
    https,
    kubeconfig::{Entries, ExecArgs},
    output, rights,
    session::Session,
    sign_in,
};

/// Longest that a guest may take to learn of its first credentials.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);

impl Args {
    /// Logs in to the guest, and writes its context.
    pub(super) async fn log_in(&self, flags: &ConnectionFlags, session: &Session, guest: Guest) -> Result<()> {
        let supervisor = session.record().await.supervisor;
        let config = https::config(&supervisor.server, supervisor.certificate_authority.as_deref())?;
        let level = self.level(&session.client(config)?, &guest).await?;
        let cached = credential::exchanged(session, &guest, level, self.expires_in).await?;
        let entries = Entries {
            name: self.context_name.clone(),
            server: cached.server.clone(),
            certificate_authority: Some(cached.certificate_authority.clone()),
            namespace: None,
            likely_namespace: None,
            exec: ExecArgs {
                supervisor: supervisor.id()?,
                unattended: session.how().cloned(),
                guest: Some(cached.access()),
            },
        };
        let user = accepted(&cached).await?;
        self.put(flags, &entries).await?;
        eprintln!(
            "You are {} {}; credentials last {} and renew by themselves.",
            user.username.as_deref().unwrap_or("nobody"),
            rights_there(level),
            minutes(cached.lifetime()),
        );
        Ok(())
    }

    /// The level that is asked for, or the highest that the person may have.
    async fn level(&self, client: &Client, guest: &Guest) -> Result<Level> {
        let allowed = rights::levels(client, &guest.namespace, &guest.name).await?;
        match (self.level, allowed.last()) {
            (Some(wanted), _) if allowed.contains(&wanted) => Ok(wanted),
            (Some(wanted), _) => Err(no_such_level(&guest.name, &guest.namespace, wanted, &allowed)),
            (None, Some(highest)) => Ok(*highest),
            (None, None) => Err(
                Error::failed(format!("you may not log in to {}/{}", guest.namespace, guest.name)).next(ASK_FOR_ACCESS),
            ),
        }
    }
}

/// Waits until the guest accepts the credential; a guest that is new learns of its keys within seconds.
pub(in crate::commands) async fn accepted(cached: &Cached) -> Result<UserInfo> {
    let client = https::client(cached.config()?)?;
    let deadline = Instant::now() + ACCEPTED_WITHIN;
    let mut told = false;
    loop {
        let last = match sign_in::user(client.clone()).await {
            Ok(user) => return Ok(user),
            Err(error) => error,
        };
        if Instant::now() >= deadline {
            return Err(not_accepted(cached, last));
        }
        if !told {
            eprintln!("Waiting for {} to accept the credential", cached.server);
            told = true;
        }
        sleep(LOOK).await;
    }
}

fn not_accepted(cached: &Cached, last: kube::Error) -> Error {
    let why = Error::from(last).in_one_line();
    Error::failed(format!("{} does not accept the credential: {why}", cached.server)).next(format!(
        "See what its control plane says: kubectl guest describe {} -n {}",
        cached.access().guest.name,
        cached.access().guest.namespace
    ))
}

fn rights_there(level: Level) -> &'static str {
    match level {
        Level::Login => "there, with the rights that the cluster's own bindings give you",
        Level::View => "with view rights there",
        Level::Edit => "with edit rights there",
        Level::Admin | Level::BreakGlass => "with admin rights there",
    }
}

fn minutes(time: SignedDuration) -> String {
    match time.as_secs() {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => output::age(seconds),
    }
}
