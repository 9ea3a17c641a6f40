//! The exchange itself: the session's person gets a credential from the supervisor.

use std::time::Duration;

use guestcluster_types::{GROUP, GuestCredentialRequest, Level, Refusal, VERSION};
use http::Request;
use jiff::Timestamp;
use k8s_openapi::{ByteString, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use kube::{
    Client,
    core::{Status, response::StatusCause},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Guest, Proof, signing_key::SigningKey};
use crate::{
    error::{Error, Result},
    https,
    session::{Renew, Session},
};

/// A connection that is silent this long is given up.
const SILENCE: Duration = Duration::from_secs(20);

/// A credential as the supervisor gives it. Secret: it has no `Debug`.
pub(super) struct Minted {
    pub(super) guest_uid: String,
    pub(super) server: String,
    pub(super) certificate_authority: String,
    pub(super) proof: Proof,
    /// Name of the GuestCredential that records it.
    pub(super) record: String,
    /// Between two times of the supervisor's clock.
    pub(super) lifetime: Duration,
}

#[derive(Deserialize)]
struct Answer {
    metadata: ObjectMeta,
    #[serde(flatten)]
    request: GuestCredentialRequest,
}

/// What is asked for.
pub(super) struct Wanted<'a> {
    pub(super) level: Level,
    /// How long it shall last; the supervisor decides where none is given.
    pub(super) lifetime: Option<Duration>,
    /// Why the glass is broken: then it is a certificate, and else a token.
    pub(super) reason: Option<&'a str>,
}

/// Asks for a credential, as the person is known to the issuer at this moment. A session whose token is refused is renewed once.
pub(super) async fn exchange(session: &Session, guest: &Guest, wanted: &Wanted<'_>) -> Result<Minted> {
    let supervisor = session.record().await.supervisor;
    let mut config = https::config(&supervisor.server, supervisor.certificate_authority.as_deref())?;
    config.read_timeout = Some(SILENCE);
    let client = session.client(config)?;
    let (token, _) = session.id_token(Renew::Current).await?;
    // Made here, and never sent.
    let key = wanted.reason.map(|_| SigningKey::generate()).transpose()?;
    let mut body = body(wanted, key.as_ref());
    let answer = match ask(&client, guest, &body).await {
        Err(kube::Error::Api(status)) if status.code == 401 => {
            session.id_token(Renew::Refused).await?;
            ask(&client, guest, &body).await?
        }
        Err(kube::Error::Api(status)) if wants_subject_token(&status) => {
            body["spec"]["subjectToken"] = json!(token);
            ask(&client, guest, &body).await?
        }
        answer => answer?,
    };
    minted(answer, key)
}

/// Whether the supervisor requires the token that we are known by in the request as well. It is sent to nobody who did not ask.
fn wants_subject_token(status: &Status) -> bool {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice());
    let of_token = |cause: &StatusCause| cause.reason == Refusal::SubjectTokenRequired.as_str();
    status.code == 422 && causes.unwrap_or_default().iter().any(of_token)
}

fn body(wanted: &Wanted<'_>, key: Option<&SigningKey>) -> Value {
    let mut spec = json!({"level": wanted.level});
    if let (Some(reason), Some(key)) = (wanted.reason, key) {
        spec["reason"] = json!(reason);
        spec["certificateSigningRequest"] = json!(key.request);
    }
    if let Some(lifetime) = wanted.lifetime {
        spec["expirationSeconds"] = json!(lifetime.as_secs());
    }
    json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "GuestCredentialRequest",
        "spec": spec,
    })
}

async fn ask(client: &Client, guest: &Guest, body: &Value) -> std::result::Result<Answer, kube::Error> {
    let path = format!(
        "/apis/{GROUP}/{VERSION}/namespaces/{}/guestclusters/{}/credential",
        guest.namespace, guest.name
    );
    let request = Request::post(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body.to_string().into_bytes())
        .map_err(kube::Error::HttpError)?;
    client.request(request).await
}

fn minted(answer: Answer, key: Option<SigningKey>) -> Result<Minted> {
    let unusable = |what: &str| Error::failed(format!("the supervisor's answer has no {what}"));
    let status = answer.request.status.ok_or_else(|| unusable("status"))?;
    let issued: Timestamp = answer
        .metadata
        .creation_timestamp
        .ok_or_else(|| unusable("creationTimestamp"))?
        .0;
    let text = |data: ByteString, what: &str| String::from_utf8(data.0).map_err(|_| unusable(what));
    let proof = match key {
        None => Proof::Token {
            token: status.token.ok_or_else(|| unusable("token"))?,
        },
        Some(key) => {
            let what = "readable clientCertificateData";
            let certificate = status.client_certificate_data.ok_or_else(|| unusable(what))?;
            Proof::Certificate {
                certificate: text(certificate, what)?,
                private_key: key.private_key,
            }
        }
    };
    Ok(Minted {
        guest_uid: status.guest_uid,
        server: status.server,
        certificate_authority: text(status.certificate_authority_data, "readable certificateAuthorityData")?,
        proof,
        record: status.credential_name,
        lifetime: Duration::try_from(status.expiration_timestamp.0.duration_since(issued)).unwrap_or_default(),
    })
}
