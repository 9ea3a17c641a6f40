//! Somebody who writes all the time and remembers what was acknowledged.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use guestcluster_tests::{Kubectl, eventually};

/// Creates ConfigMaps, one after the other, until it is stopped.
pub(crate) struct Writer {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<String>>,
}

impl Writer {
    /// Starts to write under names that begin with this number; returns when something was acknowledged.
    pub(crate) fn start(kubectl: &Kubectl, number: u32) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let acknowledged = Arc::<AtomicUsize>::default();
        let (kubectl, stopped, count_up) = (kubectl.clone(), stop.clone(), acknowledged.clone());
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
                    count_up.fetch_add(1, Ordering::Relaxed);
                }
            }
            written
        });
        eventually(30, "a first write", || match acknowledged.load(Ordering::Relaxed) {
            0 => Err("nothing was acknowledged".to_owned()),
            _ => Ok(()),
        });
        Self { stop, thread }
    }

    /// Stops, and tells what was acknowledged, as `configmap/NAME`.
    pub(crate) fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer does not panic")
    }
}
