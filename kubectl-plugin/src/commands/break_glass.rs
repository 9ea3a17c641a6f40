//! `kubectl guest break-glass`: a certificate for a guest when tokens are of no use.

use std::time::Duration;

use guestcluster_types::Level;

use super::login::accepted;
use crate::{
    connection::{ConnectionFlags, duration},
    credential::{self, BreakGlass, Guest},
    error::{Error, Result},
    kubeconfig::{self, Entries, ExecArgs, Files},
    output,
};

/// Get a certificate for a cluster whose sign-in does not work
///
/// It makes you an administrator of the cluster for a short time, under the name break-glass:YOU. It works when the cluster does not
/// learn whom to trust any more, it can't be revoked, and the supervisor records it with your reason. The key is made here and never
/// sent. A context is written for it, whose certificate is not renewed when it ends.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  kubectl guest break-glass dev --reason 'agent is down, INC-4711'\n  kubectl --context 192.0.2.10/team-a/dev/break-glass get nodes"
)]
pub(super) struct Args {
    /// Name of the cluster
    name: String,
    /// Why; everybody who may list guestcredentials can read it
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// How long the certificate lasts, from 1m to 1h; the supervisor decides where none is given
    #[arg(long, value_name = "TIME", value_parser = duration)]
    expires_in: Option<Duration>,
    /// Name of the context
    #[arg(long, value_name = "NAME")]
    context_name: Option<String>,
    /// Make the context current
    #[arg(long)]
    switch: bool,
}

impl Args {
    pub(super) async fn run(&self, flags: &ConnectionFlags) -> Result<()> {
        let reading = flags.for_reading();
        let supervisor = reading.supervisor()?;
        let namespace = flags.namespace.clone().or_else(|| reading.namespace_at(&supervisor));
        let namespace = namespace
            .ok_or_else(|| Error::usage("in which namespace the cluster is, is not known").next("Name it with -n."))?;
        let guest = Guest::new(&namespace, &self.name)?;
        let id = supervisor.id()?;
        let files = Files::find(flags.kubeconfig.as_deref())?;
        let name = match &self.context_name {
            Some(name) => name.clone(),
            // Beside the context of the login, which goes on.
            None => format!(
                "{}/{}",
                kubeconfig::context_name(&files.contents()?, &id, Some(&guest))?,
                Level::BreakGlass
            ),
        };
        kubeconfig::check(&files, Some(&name), &id, Some(&guest)).await?;
        let unattended = reading.unattended(&id);
        let mut exec = ExecArgs {
            supervisor: id,
            unattended,
            guest: None,
        };
        let session = reading.session(&exec).await?;
        let asked = BreakGlass {
            reason: self.reason.clone(),
            lifetime: self.expires_in,
        };
        let (cached, record) = credential::broken_glass(&session, &guest, &asked).await?;
        exec.guest = Some(cached.access());
        let entries = Entries {
            name: Some(name),
            server: cached.server.clone(),
            certificate_authority: Some(cached.certificate_authority.clone()),
            namespace: None,
            likely_namespace: None,
            exec,
        };
        let user = accepted(&cached).await?;
        let written = entries.write(&files, |_| self.switch).await?;
        eprintln!(
            "Context {} written. You are {} with admin rights there for {}; recorded as GuestCredential {record}.",
            written.name,
            user.username.as_deref().unwrap_or("nobody"),
            output::age(cached.lifetime().as_secs()),
        );
        Ok(())
    }
}

fn reason(text: &str) -> std::result::Result<String, String> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err("it is empty: say why, for those who read it later".to_owned()),
        1..=1024 => Ok(text.to_owned()),
        count => Err(format!("it has {count} characters, and 1024 are recorded")),
    }
}
