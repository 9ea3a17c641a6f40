//! What control-plane nodes of guests report about credentials: told by who looks into guests, and heard by who tells of guests.

use std::{collections::HashMap, sync::Arc};

use futures::{
    Stream,
    stream::{self, StreamExt as _},
};
use guestcluster_types::GuestCluster;
use kube::{ResourceExt as _, runtime::reflector::ObjectRef};
use parking_lot::Mutex;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_stream::wrappers::ReceiverStream;

/// What is said until there is something to tell.
const AT_FIRST: &str = "waiting for a control-plane node to report that it accepts credentials";
/// News that waits; who tells waits when it is full.
const NEWS: usize = 1024;

/// What is known of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Nobody looks into guests, so nothing will ever be known.
    Unheard,
    /// No node has accepted credentials so far, and why.
    Waiting(String),
    /// One has. That it did once is enough: later changes are told at the records that wait for them.
    InForce,
}

/// Who looks into guests tells here.
#[derive(Clone)]
pub struct Teller {
    known: Arc<Known>,
    news: Sender<ObjectRef<GuestCluster>>,
}

/// Who tells of guests hears here. By default nobody looks into guests.
#[derive(Default)]
pub struct Hearer(Option<(Arc<Known>, Receiver<ObjectRef<GuestCluster>>)>);

/// What was heard.
#[derive(Clone)]
pub(crate) struct Reports(Option<Arc<Known>>);

/// By guest UID.
type Known = Mutex<HashMap<String, Report>>;

/// Both ends.
pub fn channel() -> (Teller, Hearer) {
    let (news, receiver) = mpsc::channel(NEWS);
    let known = Arc::new(Known::default());
    let teller = Teller {
        known: known.clone(),
        news,
    };
    (teller, Hearer(Some((known, receiver))))
}

impl Teller {
    /// Tells of a guest, if it is news.
    pub(crate) async fn tell(&self, guest: &GuestCluster, guest_uid: &str, report: Report) {
        if self.learn(guest_uid, report) {
            let name = ObjectRef::new(&guest.name_any()).within(&guest.namespace().unwrap_or_default());
            // Nobody hears it when that layer stops.
            let _ = self.news.send(name).await;
        }
    }

    /// Whether it is news.
    fn learn(&self, guest_uid: &str, report: Report) -> bool {
        let mut known = self.known.lock();
        let before = known.get(guest_uid);
        if before == Some(&report) || before == Some(&Report::InForce) {
            return false;
        }
        known.insert(guest_uid.to_owned(), report);
        true
    }

    /// Of a guest that goes, nothing is kept.
    pub(crate) fn forget(&self, guest_uid: &str) {
        self.known.lock().remove(guest_uid);
    }
}

impl Hearer {
    /// What is known at each moment, and the guests of which there is news.
    pub(crate) fn split(self) -> (Reports, impl Stream<Item = ObjectRef<GuestCluster>> + Send) {
        match self.0 {
            Some((known, news)) => (Reports(Some(known)), ReceiverStream::new(news).left_stream()),
            None => (Reports(None), stream::pending().right_stream()),
        }
    }
}

impl Reports {
    /// What is known of a guest.
    pub(crate) fn of(&self, guest_uid: &str) -> Report {
        let Some(known) = &self.0 else {
            return Report::Unheard;
        };
        let report = known.lock().get(guest_uid).cloned();
        report.unwrap_or_else(|| Report::Waiting(AT_FIRST.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_news_is_told_once_and_what_was_accepted_stays() {
        let (teller, hearer) = channel();
        let (reports, mut news) = hearer.split();
        let guest = serde_json::json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "metadata": {"name": "dev"},
            "spec": {"distribution": {"version": "v1.34"},
                "topology": {"controlPlane": {"replicas": 1, "vmClass": "x", "storageClass": "x"}, "nodePools": []}},
        });
        let guest: GuestCluster = serde_json::from_value(guest).unwrap();
        let waiting = || Report::Waiting("x".to_owned());
        assert!(matches!(reports.of("u"), Report::Waiting(_)));
        for report in [waiting(), waiting(), Report::InForce, waiting()] {
            teller.tell(&guest, "u", report).await;
        }
        assert_eq!(reports.of("u"), Report::InForce);
        teller.forget("u");
        assert!(matches!(reports.of("u"), Report::Waiting(_)));
        drop(teller);
        let mut told = 0;
        while news.next().await.is_some() {
            told += 1;
        }
        assert_eq!(told, 2);
        let (nobody, _) = Hearer::default().split();
        assert_eq!(nobody.of("u"), Report::Unheard);
    }
}
