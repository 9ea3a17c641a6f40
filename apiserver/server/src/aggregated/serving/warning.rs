//! Events about a certificate that nobody renews.

use std::{ops::Range, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::{
    Client,
    runtime::events::{self, EventType, Recorder, Reporter},
};
use tokio::time::sleep;

use super::Shown;
use crate::roles::{SERVER, SYSTEM_NAMESPACE};

/// From one look to the next.
const LOOK: Duration = Duration::from_secs(10);
/// It is told again after so long: a supervisor forgets events after an hour.
const AGAIN: Duration = Duration::from_mins(50);
/// Everybody renews before only this part of its life is left.
const LAST_PART: i64 = 10;

/// Tells of a certificate that ends soon, or has ended, at the Service by which it is shown; for ever.
pub(super) async fn warn(client: Client, shown: &Shown) {
    let recorder = Recorder::new(client, Reporter::from(SERVER));
    let mut told = None;
    loop {
        let now = Timestamp::now();
        match note(&shown.expiry().validity(), now) {
            Some(note) if told.is_none_or(|told| now.duration_since(told).unsigned_abs() >= AGAIN) => {
                tracing::error!(note, "the serving certificate is not renewed");
                tell(&recorder, note).await;
                told = Some(now);
            }
            Some(_) => {}
            None => told = None,
        }
        sleep(LOOK).await;
    }
}

/// What there is to tell, if anything.
fn note(validity: &Range<Timestamp>, now: Timestamp) -> Option<String> {
    let end = validity.end;
    if now > end {
        return Some(format!(
            "The serving certificate has expired at {end}: kube-apiserver does not reach this server by new connections."
        ));
    }
    let life = end.duration_since(validity.start);
    let left = end.duration_since(now);
    (left.as_secs() <= life.as_secs() / LAST_PART)
        .then(|| format!("The serving certificate expires at {end} and was not renewed."))
}

async fn tell(recorder: &Recorder, note: String) {
    let service = ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Service".to_owned()),
        namespace: Some(SYSTEM_NAMESPACE.to_owned()),
        name: Some(SERVER.to_owned()),
        ..ObjectReference::default()
    };
    let event = events::Event {
        type_: EventType::Warning,
        reason: "ServingCertificateExpires".to_owned(),
        note: Some(note),
        action: "Serve".to_owned(),
        secondary: None,
    };
    if let Err(error) = recorder.publish(&event, &service).await {
        tracing::debug!(%error, "event not published");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tenth_of_a_life_is_told_of_and_its_end() {
        let at = |day: i64| Timestamp::from_second(day * 24 * 3600).unwrap();
        let validity = at(0)..at(30);
        assert_eq!(note(&validity, at(26)), None);
        assert!(note(&validity, at(27)).unwrap().contains("expires at 1970-01-31"));
        assert!(note(&validity, at(31)).unwrap().contains("has expired"));
    }
}
