//! The exchange itself: the session's person gets a credential from the supervisor.

use std::time::Duration;

use guestcluster_types::{GROUP, GuestCredentialRequest, Level, VERSION};
use http::Request;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use serde::Deserialize;
use serde_json::json;

use super::Guest;
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
    pub(super) token: String,
    /// Between two times of the supervisor's clock.
    pub(super) lifetime: Duration,
}

#[derive(Deserialize)]
struct Answer {
    metadata: ObjectMeta,
    #[serde(flatten)]
    request: GuestCredentialRequest,
}

/// Asks for a credential, as the person is known to the issuer at this moment. A session whose token is refused is renewed once.
pub(super) async fn exchange(session: &Session, guest: &Guest, level: Level) -> Result<Minted> {
    let supervisor = session.record().await.supervisor;
    let mut config = https::config(&supervisor.server, supervisor.certificate_authority.as_deref())?;
    config.read_timeout = Some(SILENCE);
    let client = session.client(config)?;
    session.id_token(Renew::Current).await?;
    match ask(&client, guest, level).await {
        Err(kube::Error::Api(status)) if status.code == 401 => {
            session.id_token(Renew::Refused).await?;
            ask(&client, guest, level).await?
        }
        answer => answer?,
    }
    .try_into()
}

async fn ask(client: &Client, guest: &Guest, level: Level) -> std::result::Result<Answer, kube::Error> {
    let body = json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": "GuestCredentialRequest",
        "spec": {"level": level},
    });
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

impl TryFrom<Answer> for Minted {
    type Error = Error;

    fn try_from(answer: Answer) -> Result<Self> {
        let unusable = |what: &str| Error::failed(format!("the supervisor's answer has no {what}"));
        let status = answer.request.status.ok_or_else(|| unusable("status"))?;
        let issued: Timestamp = answer
            .metadata
            .creation_timestamp
            .ok_or_else(|| unusable("creationTimestamp"))?
            .0;
        let authority = String::from_utf8(status.certificate_authority_data.0);
        Ok(Self {
            guest_uid: status.guest_uid,
            server: status.server,
            certificate_authority: authority.map_err(|_| unusable("readable certificateAuthorityData"))?,
            token: status.token,
            lifetime: Duration::try_from(status.expiration_timestamp.0.duration_since(issued)).unwrap_or_default(),
        })
    }
}
