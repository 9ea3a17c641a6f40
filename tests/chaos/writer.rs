//! Somebody who writes all the time and remembers what was acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use guestcluster_tests::Kubectl;

/// Creates ConfigMaps, one after the other, until it is stopped.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<String>>,
}

impl Writer {
    /// Starts to write under names that begin with this number.
    pub(crate) fn start(kubectl: &Kubectl, number: u32) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let (kubectl, stopped) = (kubectl.clone(), stop.clone());
        let thread = thread::spawn(move || {
            let mut written = vec![];
            for count in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let output = kubectl.run(&format!(
                    "create configmap w-{number}-{count} --request-timeout=2s -o name"
                ));
                if output.code == 0 {
                    written.push(output.stdout.trim().to_owned());
                }
            }
            written
        });
        Self { stop, thread }
    }

    /// Stops, and tells what was acknowledged, as `configmap/NAME`.
    pub(crate) fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer does not panic")
    }
}
