//! `kubectl guest credential`: the exec plugin that kubeconfigs name.

use std::{path::PathBuf, time::Duration};

use guestcluster_types::Level;

use crate::{
    connection::{ConnectionFlags, duration},
    credential::{self, Caller, ExecInfo, Guest, GuestAccess, Proof},
    error::{Error, Result},
    kubeconfig::ExecArgs,
    session::{Renew, Session},
    supervisor::{SupervisorId, fingerprint, server_url},
    unattended::{IssuerFlags, UnattendedFlags},
};

/// Print a credential for kubectl, which calls this by a kubeconfig
///
/// kubectl guest login writes the kubeconfigs that call it. It never asks anything and opens no browser.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The supervisor that you are signed in to
    #[arg(long, value_name = "URL", value_parser = server_url)]
    supervisor: String,
    /// Fingerprint of its certificate authority
    #[arg(long, value_name = "HEX", value_parser = fingerprint)]
    ca_sha256: Option<String>,
    /// PEM file with that authority
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,
    #[command(flatten)]
    issuer: IssuerFlags,
    #[command(flatten)]
    unattended: UnattendedFlags,
    /// Name of the guest cluster; the supervisor's own credential without one
    #[arg(long, value_name = "NAME", requires_all = ["guest_uid", "level"])]
    cluster: Option<String>,
    /// Identity of the guest cluster
    #[arg(long, value_name = "UID", requires = "cluster")]
    guest_uid: Option<String>,
    /// What the credential adds to your own rights in the guest cluster
    #[arg(long, value_name = "LEVEL", requires = "cluster", value_parser = str::parse::<Level>)]
    level: Option<Level>,
    /// How long each credential lasts; the supervisor decides where none is given
    #[arg(long, value_name = "TIME", requires = "cluster", value_parser = duration)]
    expires_in: Option<Duration>,
}

impl Args {
    pub(super) async fn run(&self, flags: &ConnectionFlags) -> Result<()> {
        self.give(flags).await.map_err(Error::in_one_line)
    }

    async fn give(&self, flags: &ConnectionFlags) -> Result<()> {
        let info = ExecInfo::from_environment()?;
        let args = ExecArgs {
            supervisor: SupervisorId {
                server: self.supervisor.clone(),
                ca_sha256: self.ca_sha256.clone(),
            },
            unattended: self
                .unattended
                .unattended(&self.issuer, self.certificate_authority.as_deref())?,
            guest: self.access(flags)?,
        };
        let session = flags.session(&args).await?;
        match &args.guest {
            Some(access) => for_guest(&info, &session, access).await,
            None => for_supervisor(&info, &session, &args).await,
        }
    }

    fn access(&self, flags: &ConnectionFlags) -> Result<Option<GuestAccess>> {
        let (Some(name), Some(uid), Some(level)) = (&self.cluster, &self.guest_uid, self.level) else {
            return Ok(None);
        };
        let namespace = flags
            .namespace
            .clone()
            .ok_or_else(|| Error::usage("--cluster needs --namespace"))?;
        Ok(Some(GuestAccess {
            guest: Guest::new(&namespace, name)?,
            uid: uid.clone(),
            level,
            lifetime: self.expires_in,
        }))
    }
}

async fn for_guest(info: &ExecInfo, session: &Session, access: &GuestAccess) -> Result<()> {
    let cached = credential::obtain(session, access, Caller::parent()).await?;
    let Guest { namespace, name } = &access.guest;
    let login = match access.level {
        Level::BreakGlass => credential::break_glass_command(&access.guest),
        _ => format!("kubectl guest login {name} -n {namespace}"),
    };
    info.require(&cached.server, Some(&cached.certificate_authority), &login)?;
    credential::print(info, &cached.proof, cached.told_until());
    Ok(())
}

async fn for_supervisor(info: &ExecInfo, session: &Session, args: &ExecArgs) -> Result<()> {
    let supervisor = session.record().await.supervisor;
    info.require(
        &supervisor.server,
        supervisor.certificate_authority.as_deref(),
        &args.login_command(),
    )?;
    let (token, until) = session.id_token(Renew::WhenNeeded).await?;
    credential::print(info, &Proof::Token { token }, until);
    Ok(())
}
