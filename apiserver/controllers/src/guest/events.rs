//! Events on a GuestCluster: what began, what ended, and what is in the way. They are for people; losing one loses nothing.

use guestcluster_types::{
    GuestCluster, GuestClusterStatus, Operation, OperationKind,
    conditions::{READY, find},
    labels::GUEST_MANAGER,
};
use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Event, EventSource},
    apimachinery::pkg::apis::meta::v1::{MicroTime, Time},
};
use kube::{Api, Client, Resource, ResourceExt, api::PostParams, core::ObjectMeta};

use super::status::is_trouble;

/// Something worth an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    /// `Normal` or `Warning`.
    pub(super) kind: &'static str,
    /// What was done when it happened.
    pub(super) action: &'static str,
    pub(super) reason: String,
    pub(super) note: String,
}

/// What a new status tells that the one before did not.
pub(super) fn news(before: Option<&GuestClusterStatus>, after: &GuestClusterStatus) -> Vec<News> {
    let earlier = before.and_then(|status| status.operation.as_ref());
    let action = after
        .operation
        .as_ref()
        .map_or("Reconcile", |operation| words(operation.kind).action);
    let mut all = vec![];
    if let Some(operation) = &after.operation {
        all.extend(begun_or_ended(earlier, operation));
    }
    let reason_of = |status: &GuestClusterStatus| {
        let ready = find(&status.conditions, READY).filter(|ready| ready.status == "False");
        ready.map(|ready| (ready.reason.clone(), ready.message.clone()))
    };
    let known = before.and_then(reason_of);
    if let Some((reason, note)) = reason_of(after).filter(|(reason, _)| is_trouble(reason))
        && known.is_none_or(|(known, _)| known != reason)
    {
        all.push(News {
            kind: "Warning",
            action,
            reason,
            note,
        });
    }
    all
}

fn begun_or_ended(before: Option<&Operation>, after: &Operation) -> Option<News> {
    let words = words(after.kind);
    let is_same = |before: &&Operation| before.kind == after.kind && before.since == after.since;
    let (reason, note) = match (before.filter(is_same), after.is_complete()) {
        (None, false) => (words.begun, format!("{} steps to go", after.of)),
        (Some(before), true) if before.is_complete() => return None,
        (_, true) => (words.ended, format!("all {} steps are done", after.of)),
        (Some(_), false) => return None,
    };
    Some(News {
        kind: "Normal",
        action: words.action,
        reason: reason.to_owned(),
        note,
    })
}

/// How an operation is spoken of.
struct Words {
    action: &'static str,
    begun: &'static str,
    ended: &'static str,
}

fn words(kind: OperationKind) -> Words {
    let (action, begun, ended) = match kind {
        OperationKind::Create => ("Create", "Creating", "Created"),
        OperationKind::Scale => ("Scale", "Scaling", "Scaled"),
        OperationKind::Upgrade => ("Upgrade", "Upgrading", "Upgraded"),
        OperationKind::Delete => ("Delete", "Deleting", "Deleted"),
    };
    Words { action, begun, ended }
}

/// Publishes events. What the API server does not take is only logged.
pub(super) async fn publish(client: &Client, guest: &GuestCluster, news: Vec<News>) {
    let api: Api<Event> = Api::namespaced(client.clone(), &guest.namespace().unwrap_or_default());
    for item in news {
        let event = event(guest, item, Timestamp::now());
        if let Err(error) = api.create(&PostParams::default(), &event).await {
            tracing::debug!(guest = %guest.name_any(), %error, "event not published");
        }
    }
}

/// An event about an object. As `core/v1`, which is what `kubectl describe` and `kubectl get events` read.
pub(super) fn event<K: Resource<DynamicType = ()>>(about: &K, news: News, now: Timestamp) -> Event {
    Event {
        metadata: ObjectMeta {
            name: Some(format!("{}.{:x}", about.name_any(), now.as_nanosecond())),
            namespace: about.namespace(),
            ..ObjectMeta::default()
        },
        event_time: Some(MicroTime(now)),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        count: Some(1),
        type_: Some(news.kind.to_owned()),
        action: Some(news.action.to_owned()),
        reason: Some(news.reason),
        message: Some(shortened(news.note)),
        involved_object: about.object_ref(&()),
        source: Some(EventSource {
            component: Some(GUEST_MANAGER.to_owned()),
            host: None,
        }),
        reporting_component: Some(format!("guestclusters.dev/{GUEST_MANAGER}")),
        reporting_instance: Some(GUEST_MANAGER.to_owned()),
        ..Event::default()
    }
}

/// The API allows a kilobyte.
fn shortened(mut note: String) -> String {
    const LONGEST: usize = 1024;
    if note.len() > LONGEST {
        note.truncate(note.floor_char_boundary(LONGEST));
    }
    note
}

#[cfg(test)]
mod tests {
    use guestcluster_types::conditions::{Holds, condition};

    use super::*;

    fn status(kind: OperationKind, step: i32, ready: Option<(&str, &str)>) -> GuestClusterStatus {
        let since = Time(Timestamp::UNIX_EPOCH);
        let operation = Operation {
            kind,
            step,
            of: 10,
            name: String::new(),
            since,
        };
        let (holds, reason, message) = ready.map_or((Holds::True, "AsExpected", ""), |(r, m)| (Holds::False, r, m));
        GuestClusterStatus {
            operation: Some(operation),
            conditions: vec![condition(READY, holds, reason, message, None, Timestamp::UNIX_EPOCH)],
            ..GuestClusterStatus::default()
        }
    }

    fn told(before: Option<&GuestClusterStatus>, after: &GuestClusterStatus) -> Vec<String> {
        news(before, after)
            .into_iter()
            .map(|news| format!("{} {}: {}", news.kind, news.reason, news.note))
            .collect()
    }

    #[test]
    fn beginnings_ends_and_trouble_are_news_once() {
        use OperationKind::{Create, Scale};
        let begun = status(Create, 1, Some(("CreatingObjects", "waiting")));
        assert_eq!(told(None, &begun), ["Normal Creating: 10 steps to go"]);
        let on_its_way = status(Create, 4, Some(("PoweringOn", "waiting")));
        assert_eq!(told(Some(&begun), &on_its_way), Vec::<String>::new());
        let stuck = status(
            Create,
            4,
            Some(("VirtualMachineClassNotFound", "class \"huge\" is not there")),
        );
        assert_eq!(
            told(Some(&on_its_way), &stuck),
            ["Warning VirtualMachineClassNotFound: class \"huge\" is not there"]
        );
        assert_eq!(told(Some(&stuck), &stuck), Vec::<String>::new());
        let done = status(Create, 10, None);
        assert_eq!(told(Some(&stuck), &done), ["Normal Created: all 10 steps are done"]);
        assert_eq!(told(Some(&done), &done), Vec::<String>::new());
        assert_eq!(
            told(Some(&done), &status(Scale, 1, None)),
            ["Normal Scaling: 10 steps to go"]
        );
    }

    #[test]
    fn notes_fit_the_api() {
        let note = shortened("ä".repeat(2000));
        assert!(note.len() <= 1024 && note.chars().all(|letter| letter == 'ä'));
    }
}
