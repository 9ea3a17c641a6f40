//! Who gets no new credentials for the time being.

use generic_apiserver::status::Status;
use guestcluster_credentials::Subject;
use guestcluster_types::{GuestRevocation, Refusal};
use jiff::Timestamp;

use super::{
    guests::{Guest, Guests},
    refused::Refused,
};

/// 403 while a GuestRevocation blocks the person, or everybody, as it was at the last [`Guests::catch_up`].
pub(super) fn check(guests: &Guests, namespace: &str, guest: &Guest, subject: &Subject) -> Result<(), Refused> {
    let resource = guests.resource("guestrevocations")?;
    let objects = resource.cache().ok_or_else(Status::method_not_supported)?.snapshot();
    let now = Timestamp::now();
    for entry in objects.range(Some(namespace), None) {
        // Fail closed: a revocation that can't be read might be about this person.
        let revocation: GuestRevocation = serde_json::from_slice(&entry.encoded)
            .map_err(|error| Status::internal(format!("GuestRevocation {}: {error}", entry.name)))?;
        if let Some(until) = blocked_until(&revocation, guest, subject).filter(|until| now < *until) {
            let why = format!("GuestRevocation {} blocks new credentials until {until}", entry.name);
            return Err(Refused::new(Refusal::Blocked, why));
        }
    }
    Ok(())
}

fn blocked_until(revocation: &GuestRevocation, guest: &Guest, subject: &Subject) -> Option<Timestamp> {
    let spec = &revocation.spec;
    let is_guest = spec.cluster_ref.uid.as_deref() == Some(&guest.uid);
    let is_subject = match &spec.subject {
        Some(revoked) => revoked.user == subject.user,
        None => spec.all == Some(true),
    };
    (is_guest && is_subject).then_some(spec.block_until.as_ref()?.0)
}
