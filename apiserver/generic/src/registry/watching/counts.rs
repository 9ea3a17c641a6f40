//! What the watches of one resource sent, under kube-apiserver's names.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

use crate::{
    metrics::{Histogram, declare, line},
    registry::Names,
};

/// Bytes of an event.
const SIZES: [f64; 8] = [1024.0, 2048.0, 4096.0, 8192.0, 16384.0, 32768.0, 65536.0, 131_072.0];
/// Seconds until all objects that existed were sent.
const DURATIONS: [f64; 25] = [
    0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0,
    90.0, 120.0, 180.0, 300.0,
];

/// What the watches of one resource sent.
#[derive(Default)]
pub(in crate::registry) struct WatchCounts {
    sizes: Mutex<Histogram<{ SIZES.len() }>>,
    lists: Mutex<BTreeMap<Scope, Histogram<{ DURATIONS.len() }>>>,
    initial: AtomicU64,
    terminated: AtomicU64,
}

/// What a watch is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::registry) enum Scope {
    Cluster,
    Namespace,
    Resource,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Scope::Cluster => "cluster",
            Scope::Namespace => "namespace",
            Scope::Resource => "resource",
        }
    }
}

/// What one watch sent since it was counted last: kept apart, as many watches send at one time.
#[derive(Default)]
pub(super) struct Tally {
    sizes: Histogram<{ SIZES.len() }>,
    initial: u64,
}

impl Tally {
    /// Notes an event of this many bytes.
    pub(super) fn event(&mut self, bytes: usize) {
        if bytes > 0 {
            self.sizes
                .observe(&SIZES, f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)));
        }
    }

    /// Notes an object that existed when the watch began.
    pub(super) fn initial(&mut self, bytes: usize) {
        self.initial += 1;
        self.event(bytes);
    }
}

impl WatchCounts {
    /// Takes over what one watch noted.
    pub(super) fn take(&self, tally: &mut Tally) {
        let Tally { sizes, initial } = std::mem::take(tally);
        if sizes.count() > 0 {
            self.sizes.lock().add(&sizes);
        }
        if initial > 0 {
            self.initial.fetch_add(initial, Ordering::Relaxed);
        }
    }

    /// Counts a watch that was too slow.
    pub(super) fn terminated(&self) {
        self.terminated.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a watch that has sent all objects that existed.
    pub(super) fn listed(&self, scope: Scope, took: Duration) {
        let mut lists = self.lists.lock();
        lists.entry(scope).or_default().observe(&DURATIONS, took.as_secs_f64());
    }
}

/// Finds a counter.
type Read = fn(&WatchCounts) -> &AtomicU64;

/// The metrics of all resources.
pub(in crate::registry) fn append<'r>(
    page: &mut String,
    all: impl Iterator<Item = (&'r Names, &'r WatchCounts)> + Clone,
) {
    let labels = |names: &Names| {
        let Names {
            group, version, plural, ..
        } = names;
        format!("group=\"{group}\",version=\"{version}\",resource=\"{plural}\"")
    };
    let sizes = all.clone().map(|(names, counts)| (labels(names), *counts.sizes.lock()));
    let sizes: Vec<_> = sizes.filter(|(_, sizes)| sizes.count() > 0).collect();
    let name = "apiserver_watch_events_total";
    declare(page, name, "counter", "Events that watches sent.");
    for (labels, sizes) in &sizes {
        line(page, name, labels, sizes.count());
    }
    let name = "apiserver_watch_events_sizes";
    declare(page, name, "histogram", "Bytes of the events that watches sent.");
    for (labels, sizes) in &sizes {
        sizes.render(page, name, labels, &SIZES);
    }
    let name = "apiserver_watch_list_duration_seconds";
    let help = "How long watches took to send all objects that existed.";
    declare(page, name, "histogram", help);
    for (names, counts) in all.clone() {
        for (scope, list) in &*counts.lists.lock() {
            let labels = format!("{},scope=\"{}\"", labels(names), scope.as_str());
            list.render(page, name, &labels, &DURATIONS);
        }
    }
    let counters: [(&str, &str, Read); 2] = [
        (
            "apiserver_init_events_total",
            "Objects that existed when watches began.",
            |counts| &counts.initial,
        ),
        (
            "apiserver_terminated_watchers_total",
            "Watches that ended because they were too slow.",
            |counts| &counts.terminated,
        ),
    ];
    for (name, help, read) in counters {
        declare(page, name, "counter", help);
        for (names, counts) in all.clone() {
            let count = read(counts).load(Ordering::Relaxed);
            if count > 0 {
                line(page, name, &names.metric_labels(), count);
            }
        }
    }
}
