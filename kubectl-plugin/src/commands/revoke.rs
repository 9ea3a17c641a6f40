//! `kubectl guest revoke`: credentials end before their time.

mod left_behind;

use std::time::Duration;

use futures::{StreamExt as _, pin_mut};
use guestcluster_types::{GuestRevocation, GuestRevocationSpec, RevokedClusterRef, RevokedSubject, conditions};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::{
    ResourceExt as _,
    api::PostParams,
    runtime::{WatchStreamExt as _, watcher::watch_object},
};
use tokio::time::Instant;

use super::FIELD_MANAGER;
use crate::{
    connection::{Connection, duration},
    dry_run::DryRunFlags,
    error::{Error, Result},
    waiting::WaitFlags,
};

/// The condition that says that every control-plane node refuses what is revoked.
const IN_FORCE: &str = "InForce";

/// End the credentials of a person, or of everybody, in a cluster
///
/// All that were minted until now are refused. To end a single one, delete its record: kubectl delete guestcredential NAME --wait.
/// What somebody made in the cluster with a credential, such as service accounts and their tokens, stays.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  kubectl guest revoke dev --user ann@example.com\n  kubectl guest revoke dev --user ann@example.com --block 1h\n  kubectl guest revoke dev --all --list-service-accounts"
)]
#[group(id = "whose", required = true, args = ["user", "all"])]
pub(super) struct Args {
    /// Name of the cluster
    name: String,
    /// Whose credentials end, as kubectl guest credentials shows them
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Everybody's credentials end
    #[arg(long)]
    all: bool,
    /// Then list what outlives it: service accounts and their token Secrets that were made in the cluster since the first of these
    /// credentials. It takes a credential of your own, so the right to be an administrator there
    #[arg(long, conflicts_with = "no_wait")]
    list_service_accounts: bool,
    /// Mint no new ones for them this long, such as 1h; 24h at most
    #[arg(long, value_name = "TIME", value_parser = duration)]
    block: Option<Duration>,
    #[command(flatten)]
    dry_run: DryRunFlags,
    #[command(flatten)]
    wait: WaitFlags,
}

impl Args {
    pub(super) async fn run(&self, connection: &Connection) -> Result<()> {
        let revocation = self.revocation(&connection.namespace)?;
        if self.dry_run.is_of_client() {
            return self.dry_run.print(&revocation);
        }
        let params = PostParams {
            dry_run: self.dry_run.is_on(),
            field_manager: Some(FIELD_MANAGER.to_owned()),
        };
        // Asked before, since the records of what is revoked may go.
        let since = match self.list_service_accounts {
            true => Some(left_behind::since(connection, &self.name, self.user.as_deref()).await?),
            false => None,
        };
        let api = connection.namespaced::<GuestRevocation>();
        let created = api.create(&params, &revocation).await?;
        let next_second = Instant::now() + Duration::from_secs(1);
        if self.dry_run.is_on() {
            return self.dry_run.print(&created);
        }
        let name = created.name_any();
        if self.wait.wait() {
            self.wait_for(connection, &name).await?;
        }
        println!("guestrevocation.guestclusters.dev/{name} created");
        eprintln!("{}", self.afterwards(connection, &name));
        let Some(since) = since else { return Ok(()) };
        // One of the same second as the order ends with the others, also our own.
        tokio::time::sleep_until(next_second).await;
        let listed = left_behind::list(connection, &self.name, since).await;
        listed.map_err(|error| error.about("the revocation is in force, and what outlives it could not be listed"))
    }

    fn revocation(&self, namespace: &str) -> Result<GuestRevocation> {
        let block_until =
            match self.block {
                Some(time) => Some(Timestamp::now().saturating_add(time).map_err(|_| {
                    Error::usage(format!("--block: {} s is too long; 24h is the longest", time.as_secs()))
                })?),
                None => None,
            };
        let whole_seconds = |time: Timestamp| Timestamp::from_second(time.as_second()).unwrap_or(time);
        let spec = GuestRevocationSpec {
            cluster_ref: RevokedClusterRef {
                name: self.name.clone(),
                uid: None,
            },
            subject: self.user.clone().map(|user| RevokedSubject { user }),
            all: self.all.then_some(true),
            issued_before: None,
            block_until: block_until.map(whole_seconds).map(Time),
        };
        let mut revocation = GuestRevocation::new("", spec);
        revocation.metadata = ObjectMeta {
            generate_name: Some(format!("{}-", self.name)),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        };
        Ok(revocation)
    }

    /// Waits until every control-plane node of the guest refuses what is revoked.
    async fn wait_for(&self, connection: &Connection, name: &str) -> Result<()> {
        let look = format!(
            "Look again: kubectl -n {} get guestrevocation {name}",
            connection.namespace
        );
        eprintln!("Waiting until every control-plane node of {} refuses them", self.name);
        tokio::select! {
            outcome = in_force(connection, name) => outcome,
            () = tokio::time::sleep(self.wait.timeout()) => {
                Err(Error::timed_out(format!("the revocation {name} is not in force yet")).next(look))
            }
            _ = tokio::signal::ctrl_c() => {
                Err(Error::timed_out(format!("the revocation {name} was ordered, and may not be in force yet")).next(look))
            }
        }
    }

    /// What it can't do, so that nobody believes it.
    fn afterwards(&self, connection: &Connection, name: &str) -> String {
        let who = self.user.as_deref().unwrap_or("whoever has the right");
        match self.block {
            Some(_) => format!(
                "{who} gets no new ones for {} until the block ends or is lifted: kubectl -n {} delete guestrevocation {name}",
                self.name, connection.namespace
            ),
            None => format!(
                "{who} can get new ones for {} as long as the right is there: take the role away, or add --block 1h",
                self.name
            ),
        }
    }
}

async fn in_force(connection: &Connection, name: &str) -> Result<()> {
    let changes = watch_object(connection.namespaced::<GuestRevocation>(), name).default_backoff();
    pin_mut!(changes);
    while let Some(change) = changes.next().await {
        match change {
            Ok(Some(revocation)) => {
                let status = revocation.status.unwrap_or_default();
                if conditions::is_true(&status.conditions, IN_FORCE) {
                    return Ok(());
                }
            }
            // It goes when all that it revokes has expired, so it was in force.
            Ok(None) => return Ok(()),
            Err(kube::runtime::watcher::Error::WatchError(status)) if matches!(status.code, 401 | 403) => {
                return Err(kube::Error::Api(status).into());
            }
            Err(error) => eprintln!("the connection broke, trying again: {error}"),
        }
    }
    Err(Error::failed("the watch ended"))
}
