//! What makes a credential: the guest's key for tokens, or Cluster API's authority for break-glass.

use std::sync::Arc;

use guestcluster_credentials::{Claims, Level, SigningRequest, Subject, x509::CertificateAuthority};

use super::{
    guests::{Guest, Guests},
    keys::Keys,
    record::Record,
    refused::Refused,
    request::{Asked, Credential},
};

/// What the name of a break-glass user begins with in a guest: it is nobody's own name there.
const BREAK_GLASS: &str = "break-glass:";

/// Read before the record is written, so that nothing is recorded that can't be made.
pub(super) enum Signer<'a> {
    Token(Arc<Keys>),
    Certificate(Box<CertificateAuthority>, &'a SigningRequest),
}

impl Signer<'_> {
    /// What signs for a guest at this level. The authority of the guest is held for this request only.
    pub(super) async fn of<'a>(
        guests: &Guests,
        namespace: &str,
        guest: &Guest,
        asked: &'a Asked,
    ) -> Result<Signer<'a>, Refused> {
        Ok(match &asked.signing_request {
            None => Signer::Token(guests.keys(guest).await?),
            Some(request) => Signer::Certificate(Box::new(guests.signing_authority(namespace, guest).await?), request),
        })
    }

    /// Makes the credential. The error has no part of a key.
    pub(super) fn sign(
        &self,
        guest: &Guest,
        subject: &Subject,
        asked: &Asked,
        record: &Record,
    ) -> Result<Credential, String> {
        match self {
            Signer::Token(keys) => {
                let claims = Claims::new(
                    &guest.uid,
                    subject,
                    asked.level,
                    &record.uid,
                    record.issued_at,
                    asked.lifetime,
                );
                let token = keys.mint(&claims).map_err(|error| error.to_string())?;
                Ok(Credential::Token(token))
            }
            Signer::Certificate(authority, request) => {
                let user = format!("{BREAK_GLASS}{}", subject.user);
                let group = Level::BreakGlass.group();
                let signed = authority.sign_client(request, &user, Some(group), asked.lifetime);
                signed.map(Credential::Certificate).map_err(|error| error.to_string())
            }
        }
    }
}
