//! Authorities of our own over time: every server follows them, and the one that leads takes the steps.

use std::{net::IpAddr, pin::pin, sync::Arc, time::Duration};

use futures::StreamExt as _;
use guestcluster_credentials::x509::{self, CertifiedKey};
use jiff::Timestamp;
use k8s_openapi::{api::core::v1::ObjectReference, kube_aggregator::pkg::apis::apiregistration::v1::APIService};
use kube::{
    Api, Client,
    runtime::{
        WatchStreamExt as _,
        events::{self, EventType, Recorder, Reporter},
        watcher::{self, Event, watcher},
    },
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    Authorities, Shown,
    authorities::{Step, renewal},
    secret,
};
use crate::{
    aggregated::failure::reason,
    roles::{API_SERVICE, SERVER, SERVING_SECRET, SYSTEM_NAMESPACE},
};

/// How long a serving certificate lives. A new one is shown after two thirds.
const VALIDITY: Duration = Duration::from_hours(720);
/// How often the leader looks whether a step is due.
const LOOK: Duration = Duration::from_secs(5);
/// Pause before a certificate that could not be made is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// Follows the Secret, and shows a certificate by the authority that signs.
pub(super) struct Follower {
    client: Client,
    address: IpAddr,
    authorities: watch::Sender<Arc<Authorities>>,
    /// When the certificate that is shown is to be renewed.
    renewal: Timestamp,
}

impl Follower {
    /// With the certificate to show first.
    pub(super) fn new(
        client: Client,
        address: IpAddr,
        authorities: Authorities,
    ) -> anyhow::Result<(Self, CertifiedKey)> {
        let pair = issue(&authorities, address)?;
        let follower = Self {
            renewal: renewal(&x509::validity(&pair.certificate)?),
            client,
            address,
            authorities: watch::Sender::new(Arc::new(authorities)),
        };
        Ok((follower, pair))
    }

    /// The authorities as they were last seen.
    pub(super) fn authorities(&self) -> watch::Receiver<Arc<Authorities>> {
        self.authorities.subscribe()
    }

    /// Shows a new certificate when another authority signs, and before the last one ends, for ever.
    pub(super) async fn follow(mut self, shown: &Shown) {
        let only = watcher::Config::default().fields(&format!("metadata.name={SERVING_SECRET}"));
        let mut events = pin!(watcher(secret::secrets(&self.client), only).default_backoff());
        loop {
            match timeout(self.until_renewal(), events.next()).await {
                Err(_) => self.renew(shown),
                Ok(None) => return,
                Ok(Some(Ok(Event::Apply(content) | Event::InitApply(content)))) => match secret::parse(&content) {
                    Ok(found) => self.take(found, shown),
                    Err(error) => tracing::error!(
                        error = format!("{error:#}"),
                        "Secret {SYSTEM_NAMESPACE}/{SERVING_SECRET} can't be used; its last content stays in force"
                    ),
                },
                Ok(Some(Ok(Event::Delete(_)))) => {
                    tracing::warn!("Secret {SYSTEM_NAMESPACE}/{SERVING_SECRET} is gone; who leads writes it again");
                }
                Ok(Some(Ok(Event::Init | Event::InitDone))) => {}
                Ok(Some(Err(error))) => tracing::warn!(%error, "watching Secret {SYSTEM_NAMESPACE}/{SERVING_SECRET}"),
            }
        }
    }

    fn until_renewal(&self) -> Duration {
        let left = self.renewal.duration_since(Timestamp::now());
        Duration::try_from(left).unwrap_or_default()
    }

    fn take(&mut self, found: Authorities, shown: &Shown) {
        let is_new = found.current.certificate != self.authorities.borrow().current.certificate;
        self.authorities.send_replace(Arc::new(found));
        if is_new {
            self.renew(shown);
        }
    }

    fn renew(&mut self, shown: &Shown) {
        let authorities = self.authorities.borrow().clone();
        let renewed = issue(&authorities, self.address).and_then(|pair| {
            let renewal = renewal(&x509::validity(&pair.certificate)?);
            shown.show(pair)?;
            Ok(renewal)
        });
        self.renewal = match renewed {
            Ok(renewal) => {
                tracing::info!(%renewal, "new connections are shown a new certificate");
                renewal
            }
            Err(error) => {
                tracing::error!(%error, "no new certificate can be shown; the last one stays");
                Timestamp::now() + RETRY
            }
        };
    }
}

/// A certificate for the name that kube-apiserver asks for, whatever address it dials, and for those who connect directly.
fn issue(authorities: &Authorities, address: IpAddr) -> anyhow::Result<CertifiedKey> {
    let service = format!("{SERVER}.{SYSTEM_NAMESPACE}.svc");
    let names = ["localhost", &service, &format!("{service}.cluster.local")];
    let addresses = [address, IpAddr::from([127, 0, 0, 1])];
    Ok(authorities
        .signer()?
        .issue_server(SERVER, &names, &addresses, VALIDITY)?)
}

/// Takes each step when it is due, for ever. Only who leads does; what another one wrote meanwhile is left as it is.
pub(crate) async fn keep(client: Client, authorities: watch::Receiver<Arc<Authorities>>) {
    let recorder = Recorder::new(client.clone(), Reporter::from(SERVER));
    let mut told = None;
    loop {
        let last = authorities.borrow().clone();
        match take_step(&client, &last).await {
            Ok(None) => told = None,
            Ok(Some((reason, done))) => {
                tracing::info!("{done}");
                tell(&recorder, reason, done).await;
                told = None;
            }
            Err(error) => {
                if told.as_ref() != Some(&error) {
                    tracing::warn!(
                        error,
                        "Secret {SYSTEM_NAMESPACE}/{SERVING_SECRET} is not kept; trying again"
                    );
                    told = Some(error);
                }
            }
        }
        sleep(LOOK).await;
    }
}

/// What was done, if anything, with an event's reason. `last` is what this server knows, for a Secret that is gone.
async fn take_step(client: &Client, last: &Authorities) -> Result<Option<(&'static str, &'static str)>, String> {
    let failed = |error: kube::Error| reason(&error);
    let Some(found) = secret::read(client).await.map_err(failed)? else {
        secret::write(client, last, None).await.map_err(failed)?;
        let done = "the serving authority is written again: its Secret was gone";
        return Ok(Some(("ServingAuthorityRestored", done)));
    };
    let authorities = secret::parse(&found).map_err(|error| format!("{error:#}"))?;
    let registration = Api::<APIService>::all(client.clone())
        .get_opt(API_SERVICE)
        .await
        .map_err(failed)?;
    let trusted = registration.and_then(|found| found.spec?.ca_bundle);
    let trusted = trusted.and_then(|bundle| String::from_utf8(bundle.0).ok());
    let now = Timestamp::now();
    let Some(step) = authorities.due(now, trusted.as_deref()) else {
        return Ok(None);
    };
    let after = authorities.after(step, now).map_err(|error| format!("{error:#}"))?;
    secret::write(client, &after, Some(&found)).await.map_err(failed)?;
    Ok(Some(match step {
        Step::Announce => (
            "ServingAuthorityAnnounced",
            "the next serving authority is made; it signs when kube-apiserver trusts it",
        ),
        Step::Switch => (
            "ServingAuthoritySwitched",
            "the next serving authority signs from now on; the one before stays trusted for an hour",
        ),
        Step::Forget => (
            "ServingAuthorityForgotten",
            "the serving authority before is trusted no more",
        ),
        Step::Date => (
            "ServingAuthorityUndated",
            "nobody knows when the last step was taken: the wait begins anew",
        ),
    }))
}

/// An event at the Secret. What the host does not take is in the log already.
async fn tell(recorder: &Recorder, reason: &str, note: &str) {
    let secret = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Secret".to_owned()),
        name: Some(SERVING_SECRET.to_owned()),
        namespace: Some(SYSTEM_NAMESPACE.to_owned()),
        ..ObjectReference::default()
    };
    let event = events::Event {
        type_: EventType::Normal,
        reason: reason.to_owned(),
        note: Some(note.to_owned()),
        action: "Rotate".to_owned(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, &secret).await {
        tracing::debug!(%error, "event not published");
    }
}
