//! How long admission took, under kube-apiserver's names.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;

use super::{Operation, Step};
use crate::metrics::{Histogram, declare};

const BOUNDS: [f64; 6] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5];
const STEP: &str = "apiserver_admission_step_admission_duration_seconds";
const PLUGIN: &str = "apiserver_admission_controller_admission_duration_seconds";

/// By labels. As many as there are plug-ins, steps and operations at most.
#[derive(Default)]
pub(super) struct Durations(Mutex<BTreeMap<Labels, Histogram<{ BOUNDS.len() }>>>);

/// Name of the plug-in (none for the step as a whole), step, operation, and whether the write was refused.
type Labels = (Option<&'static str>, &'static str, Operation, bool);

impl Durations {
    pub(super) fn of_plugin(
        &self,
        plugin: &'static str,
        step: Step,
        operation: Operation,
        rejected: bool,
        took: Duration,
    ) {
        self.observe((Some(plugin), name(step), operation, rejected), took);
    }

    pub(super) fn of_step(&self, step: Step, operation: Operation, rejected: bool, took: Duration) {
        self.observe((None, name(step), operation, rejected), took);
    }

    pub(super) fn append(&self, page: &mut String) {
        let observed = self.0.lock().clone();
        for (metric, is_plugin, help) in [
            (STEP, false, "How long a step of admission took."),
            (PLUGIN, true, "How long an admission plug-in took."),
        ] {
            declare(page, metric, "histogram", help);
            for ((plugin, step, operation, rejected), histogram) in &observed {
                if plugin.is_some() != is_plugin {
                    continue;
                }
                let of = plugin.map_or_else(String::new, |plugin| format!("name=\"{plugin}\","));
                let operation = operation.as_str();
                let labels = format!("{of}type=\"{step}\",operation=\"{operation}\",rejected=\"{rejected}\"");
                histogram.render(page, metric, &labels, &BOUNDS);
            }
        }
    }

    fn observe(&self, labels: Labels, took: Duration) {
        let mut observed = self.0.lock();
        observed.entry(labels).or_default().observe(&BOUNDS, took.as_secs_f64());
    }
}

/// As kube-apiserver's label `type` has it.
fn name(step: Step) -> &'static str {
    match step {
        Step::Admit => "admit",
        Step::Validate => "validate",
    }
}
