//! The supervisor's part: which one, who signs in, and its context.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{Timestamp, tz::TimeZone};
use k8s_openapi::api::{authentication::v1::UserInfo, core::v1::Namespace};
use kube::{Api, Client, ResourceExt, api::ListParams};

use super::Args;
use crate::{
    connection::ConnectionFlags,
    error::{Error, Result},
    https,
    kubeconfig::{Entries, ExecArgs},
    rights,
    session::{Session, TokenStore},
    sign_in::{self, Way},
    supervisor::{self, Supervisor, SupervisorId},
    unattended::Unattended,
};

/// Namespaces that are asked about.
const NAMESPACES: u32 = 100;
/// Questions at a time.
const AT_ONCE: usize = 8;

impl Args {
    /// The supervisor that is meant. Nothing is trusted that was not named: a fingerprint, a file, or a kubeconfig's cluster.
    pub(super) async fn supervisor(&self, flags: &ConnectionFlags) -> Result<Supervisor> {
        let Some(server) = &self.server else {
            return flags.supervisor();
        };
        let authority = match (&self.certificate_authority, &self.ca_sha256) {
            (Some(file), _) => Some(supervisor::from_file("--certificate-authority", file)?),
            (None, Some(fingerprint)) => {
                let id = SupervisorId {
                    server: server.clone(),
                    ca_sha256: Some(fingerprint.clone()),
                };
                match flags.known(&id) {
                    Some(known) => return Ok(known),
                    None => Some(supervisor::shown_by(server, fingerprint).await?),
                }
            }
            (None, None) => None,
        };
        Ok(Supervisor {
            server: server.clone(),
            certificate_authority: authority,
        })
    }

    /// Signs in, and says as whom.
    pub(super) async fn sign_in(&self, supervisor: &Supervisor) -> Result<Session> {
        let issuer = match self.issuer.of_people()? {
            Some(issuer) => issuer,
            None => supervisor::published(supervisor).await?,
        };
        let (session, user) = sign_in::sign_in(supervisor, issuer, self.way(), self.token_store, self.timeout).await?;
        signed_in(supervisor, &user, &session).await;
        Ok(session)
    }

    /// Signs a program in, and says as whom.
    pub(super) async fn sign_in_unattended(&self, supervisor: &Supervisor, how: &Unattended) -> Result<Session> {
        let signed_in_within = tokio::time::timeout(self.timeout, sign_in::unattended(supervisor, how));
        let (session, user) = signed_in_within.await.map_err(|_| {
            Error::timed_out("the issuer and the supervisor took too long")
                .next("Try again; --timeout gives more time.")
        })??;
        signed_in(supervisor, &user, &session).await;
        Ok(session)
    }

    fn way(&self) -> Way {
        if self.device_code {
            Way::DeviceCode
        } else {
            Way::Browser
        }
    }

    /// Writes the supervisor's context.
    pub(super) async fn write_supervisor(&self, flags: &ConnectionFlags, session: &Session) -> Result<()> {
        let supervisor = session.record().await.supervisor;
        let config = https::config(&supervisor.server, supervisor.certificate_authority.as_deref())?;
        let usable = usable(&session.client(config)?, flags.namespace.as_deref()).await;
        let entries = Entries {
            name: self.context_name.clone(),
            server: supervisor.server.clone(),
            certificate_authority: supervisor.certificate_authority.clone(),
            namespace: flags.namespace.clone(),
            likely_namespace: only(&usable),
            exec: ExecArgs {
                supervisor: supervisor.id()?,
                unattended: session.how().cloned(),
                guest: None,
            },
        };
        if let Some(written) = self.put(flags, &entries).await? {
            match written.namespace {
                Some(namespace) => eprintln!("Its namespace is {namespace}."),
                None => eprintln!("Name a namespace with -n."),
            }
        }
        if !usable.is_empty() {
            let list: Vec<_> = usable
                .iter()
                .map(|(namespace, what)| format!("{namespace} ({what})"))
                .collect();
            eprintln!("Namespaces you can use: {}.", list.join(", "));
        }
        Ok(())
    }
}

/// The namespaces where the person can work with guest clusters. Where they may not be listed, only the one that was named is
/// looked at. Nothing depends on it, so what can't be found out is left out.
async fn usable(client: &Client, named: Option<&str>) -> Vec<(String, &'static str)> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let listed = namespaces.list(&ListParams::default().limit(NAMESPACES)).await;
    let candidates: Vec<String> = match listed {
        Ok(list) => list.iter().map(ResourceExt::name_any).collect(),
        Err(_) => named.map(str::to_owned).into_iter().collect(),
    };
    let asked: Result<Vec<_>> = stream::iter(candidates)
        .map(|namespace| async move {
            let what = rights::in_namespace(client, &namespace).await?;
            Ok(what.map(|what| (namespace, what)))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await;
    asked.unwrap_or_default().into_iter().flatten().collect()
}

fn only(usable: &[(String, &'static str)]) -> Option<String> {
    match usable {
        [(namespace, _)] => Some(namespace.clone()),
        _ => None,
    }
}

/// A person with their groups, without those that everybody has.
pub(crate) fn described(user: &UserInfo) -> String {
    let name = user.username.as_deref().unwrap_or("nobody");
    let groups = user.groups.as_deref().unwrap_or_default();
    let groups: Vec<_> = groups
        .iter()
        .filter(|group| !group.starts_with("system:"))
        .map(String::as_str)
        .collect();
    if groups.is_empty() {
        name.to_owned()
    } else {
        format!("{name} (groups: {})", groups.join(", "))
    }
}

async fn signed_in(supervisor: &Supervisor, user: &UserInfo, session: &Session) {
    let end = session_end(session).await;
    let store = match session.record().await.token_store {
        TokenStore::File => "",
        TokenStore::Keyring => " Its tokens are in the system's keyring.",
    };
    eprintln!("Signed in to {} as {}.{end}{store}", supervisor.host(), described(user));
}

/// Until when the session lasts, as far as that is known.
pub(crate) async fn session_end(session: &Session) -> String {
    let record = session.record().await;
    let until = local_time(record.id_token_until);
    match (session.how(), record.until, &record.refresh_token) {
        (Some(how), ..) => format!(
            " The token is good until {until}, and the next one comes by {}.",
            how.source()
        ),
        (None, Some(until), _) => format!(" Session until {}, renewed while you use it.", local_time(until)),
        (None, None, Some(_)) => " The session is renewed while you use it.".to_owned(),
        (None, None, None) => format!(" Session until {until}."),
    }
}

fn local_time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%H:%M").to_string()
}
