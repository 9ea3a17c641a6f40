//! The record of a credential, written before the credential exists.

use generic_apiserver::{cache::Entry, registry::StrategyContext, status::Status};
use guestcluster_credentials::Subject;
use guestcluster_types::{ClusterRef, GROUP, GuestCredentialSpec, Level, Refusal, VERSION, labels, names};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use super::{
    guests::{Guest, Guests},
    refused::Refused,
    request::Asked,
};
use crate::records::CREDENTIAL_FIELDS;

/// Live credentials of one person for one guest at one level.
const MOST: usize = 32;
/// Seconds after which somebody with too many may try again.
const TRY_AGAIN: u32 = 10;

/// A record that is stored.
pub(super) struct Record {
    pub(super) name: String,
    /// What the credential is revoked by.
    pub(super) uid: String,
    pub(super) issued_at: Timestamp,
}

/// Stores the record. 429 when the person has too many that live.
pub(super) async fn write(
    guests: &Guests,
    context: &StrategyContext<'_>,
    guest: &Guest,
    subject: &Subject,
    asked: &Asked,
    now: Timestamp,
) -> Result<Record, Refused> {
    let resource = guests.resource("guestcredentials")?;
    // One at a time for a person, so that two at once don't both take the last place.
    let _turn = guests.turn(&subject.user).await;
    let objects = resource.cache().ok_or_else(Status::method_not_supported)?.snapshot();
    let holder = holder(&subject.user, &guest.uid, asked.level);
    let wanted = [&subject.user, &guest.name, &guest.uid, asked.level.as_str()];
    let live = objects
        .labelled(Some(context.namespace), None, (labels::HOLDER, &holder))
        .filter(|entry| selected(entry, wanted) && lives(entry, now));
    if live.count() >= MOST {
        let message = format!(
            "you have {MOST} credentials for guest cluster {:?} at level {} that have not expired; use one of them, or delete some",
            guest.name, asked.level
        );
        return Err(Refused::later(Refusal::TooManyCredentials, message, TRY_AGAIN));
    }
    let stored = resource
        .create(
            context.user,
            context.namespace,
            object(context, guest, subject, asked, &holder, now),
        )
        .await
        .map_err(|status| Refused::passed_on(Refusal::RecordRefused, status))?;
    let text = |field: &str| stored["metadata"][field].as_str().unwrap_or_default().to_owned();
    Ok(Record {
        name: text("name"),
        uid: text("uid"),
        issued_at: now,
    })
}

fn object(
    context: &StrategyContext<'_>,
    guest: &Guest,
    subject: &Subject,
    asked: &Asked,
    holder: &str,
    now: Timestamp,
) -> Value {
    let spec = GuestCredentialSpec {
        cluster_ref: ClusterRef {
            name: guest.name.clone(),
            uid: guest.uid.clone(),
        },
        user: subject.user.clone(),
        level: asked.level,
        issued_at: Time(now),
        expiration_timestamp: Time(now + asked.lifetime),
        source_address: context.source.map(|address| address.to_string()),
        reason: asked.reason.clone(),
    };
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "GuestCredential",
        "metadata": {
            "generateName": format!("{}-", guest.name),
            "namespace": context.namespace,
            "labels": {labels::HOLDER: holder},
        },
        "spec": spec,
    })
}

/// The value of [`labels::HOLDER`].
fn holder(user: &str, guest_uid: &str, level: Level) -> String {
    names::content_hash(&json!([user, guest_uid, level]))
}

/// Whether the indexed fields of a credential are these.
fn selected(entry: &Entry, wanted: [&str; CREDENTIAL_FIELDS.len()]) -> bool {
    entry.index.fields.iter().map(AsRef::as_ref).eq(wanted)
}

fn lives(entry: &Entry, now: Timestamp) -> bool {
    let object: Value = serde_json::from_slice(&entry.encoded).unwrap_or_default();
    let expires = object["spec"]["expirationTimestamp"].as_str();
    let expired = expires
        .and_then(|text| text.parse().ok())
        .is_some_and(|time: Timestamp| time <= now);
    // One that is being revoked takes no place.
    !expired && object["metadata"]["deletionTimestamp"].is_null()
}
