//! What outlives a revocation: service accounts and their tokens that somebody made in the guest while they could.

use std::{fmt::Debug, time::Duration};

use guestcluster_types::{GuestCredential, Level};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Secret, ServiceAccount},
};
use kube::{
    Api, Client, ResourceExt as _,
    api::{ListParams, PartialObjectMeta},
};
use serde::de::DeserializeOwned;

use crate::{
    commands::login::accepted,
    connection::Connection,
    credential::{self, Guest},
    error::{Error, Result},
    https, output,
};

/// Objects that one answer brings, and that are looked at of a kind.
const PAGE: u32 = 500;
const PAGES: u32 = 20;
/// How far back where no record says when the first credential was minted: as long as one lives at most.
const LONGEST_CREDENTIAL: SignedDuration = SignedDuration::from_hours(1);
/// How long the credential lasts by which the guest is asked.
const OURS: Duration = Duration::from_mins(1);
/// Kubernetes makes an account of this name in each namespace.
const DEFAULT_ACCOUNT: &str = "default";
const ACCOUNT_OF_SECRET: &str = "kubernetes.io/service-account.name";

/// An account, or a Secret with a token of one.
struct Found {
    namespace: String,
    kind: &'static str,
    name: String,
    account: String,
    made: Timestamp,
}

/// From when on somebody had credentials that are recorded still: of this person, or of anybody.
pub(super) async fn since(connection: &Connection, cluster: &str, user: Option<&str>) -> Result<Timestamp> {
    let user = user.map(|user| format!(",spec.user={user}")).unwrap_or_default();
    let wanted = ListParams::default()
        .fields(&format!("spec.clusterRef.name={cluster}{user}"))
        .limit(PAGE);
    let records = connection.namespaced::<GuestCredential>().list(&wanted).await?;
    let first = records.items.iter().map(|record| record.spec.issued_at.0).min();
    Ok(first.unwrap_or_else(|| Timestamp::now() - LONGEST_CREDENTIAL))
}

/// Prints what was made in the guest since then, by whomever: who made it, only the guest's audit log knows.
pub(super) async fn list(connection: &Connection, cluster: &str, since: Timestamp) -> Result<()> {
    let guest = Guest::new(&connection.namespace, cluster)?;
    let session = connection.session.as_ref().ok_or_else(|| {
        Error::failed("the guest is asked with a credential of your own, and this context has no sign-in").next(
            format!(
                "Sign in, with the right to be its administrator: kubectl guest login --server {}",
                connection.supervisor.server
            ),
        )
    })?;
    let own = credential::exchanged(session, &guest, Level::Admin, Some(OURS)).await?;
    accepted(&own).await?;
    let client = https::client(own.config()?)?;
    let (accounts, secrets) = tokio::try_join!(
        made::<ServiceAccount>(&client, ListParams::default(), since),
        made::<Secret>(
            &client,
            ListParams::default().fields("type=kubernetes.io/service-account-token"),
            since
        ),
    )?;
    let accounts = accounts
        .into_iter()
        .filter(|account| account.name_any() != DEFAULT_ACCOUNT);
    let accounts = accounts.filter_map(|account| found("ServiceAccount", &account));
    let secrets = secrets.iter().filter_map(|secret| found("Secret", secret));
    print(cluster, since, accounts.chain(secrets).collect());
    Ok(())
}

/// Objects of a kind that were made since then, without their content: no token is ever asked for.
async fn made<K>(client: &Client, wanted: ListParams, since: Timestamp) -> Result<Vec<PartialObjectMeta<K>>>
where
    K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let all: Api<K> = Api::all(client.clone());
    let (mut found, mut wanted) = (Vec::new(), wanted.limit(PAGE));
    for _ in 0..PAGES {
        let page = all.list_metadata(&wanted).await?;
        let is_new = |object: &PartialObjectMeta<K>| object.creation_timestamp().is_some_and(|made| made.0 >= since);
        found.extend(page.items.into_iter().filter(is_new));
        match page.metadata.continue_.filter(|more| !more.is_empty()) {
            Some(more) => wanted = wanted.continue_token(&more),
            None => return Ok(found),
        }
    }
    eprintln!(
        "note: there are more than {} {}; those beyond were not looked at",
        PAGE * PAGES,
        K::plural(&())
    );
    Ok(found)
}

fn found<K>(kind: &'static str, object: &PartialObjectMeta<K>) -> Option<Found>
where
    K: kube::Resource<DynamicType = ()>,
{
    Some(Found {
        namespace: object.namespace()?,
        kind,
        name: object.name_any(),
        account: object.annotations().get(ACCOUNT_OF_SECRET).cloned().unwrap_or_default(),
        made: object.creation_timestamp()?.0,
    })
}

fn print(cluster: &str, since: Timestamp, mut all: Vec<Found>) {
    if all.is_empty() {
        eprintln!("No service account and no token Secret was made in {cluster} since {since}.");
    } else {
        eprintln!("Made in {cluster} since {since}, by whomever, and not ended by this:");
        all.sort_by_key(|found| found.made);
        let row = |found: Found| {
            let shown = |text: String| text.replace(char::is_control, " ");
            let made = found.made.to_string();
            vec![
                shown(found.namespace),
                found.kind.to_owned(),
                shown(found.name),
                shown(found.account),
                made,
            ]
        };
        let rows: Vec<_> = all.into_iter().map(row).collect();
        print!(
            "{}",
            output::table(&["Namespace", "Kind", "Name", "Account", "Made"], &rows)
        );
        eprintln!("An account that is deleted ends its tokens: kubectl -n NAMESPACE delete serviceaccount NAME");
    }
    eprintln!(
        "Tokens of older accounts that were asked for meanwhile (kubectl create token) are objects nowhere: they are in the guest's audit log alone."
    );
}
