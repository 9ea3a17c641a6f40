//! Which lines a sequence of states gives. Pure.

use guestcluster_types::{GuestCluster, Operation};
use jiff::Timestamp;
use serde::Serialize;

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(super) enum Line {
    /// A step is done.
    Done {
        /// The step.
        name: String,
        /// How long it took.
        seconds: i64,
    },
    /// A step is being worked on, or waits.
    Working {
        /// Steps done.
        step: i32,
        /// Steps in all.
        of: i32,
        /// The step.
        name: String,
        /// What happens, or what blocks.
        message: String,
    },
}

/// What was told so far.
#[derive(Default)]
pub(super) struct Steps {
    current: Option<Current>,
    message: Option<String>,
}

struct Current {
    operation: Operation,
    since: Timestamp,
}

impl Steps {
    /// What a new state adds to what was told.
    pub(super) fn advance(&mut self, cluster: &GuestCluster, now: Timestamp) -> Vec<Line> {
        let mut lines = Vec::new();
        let Some(status) = &cluster.status else { return lines };
        let Some(operation) = &status.operation else {
            return lines;
        };
        let message = status.message.clone().unwrap_or_default();
        let same = |current: &Current| {
            current.operation.since == operation.since
                && current.operation.kind == operation.kind
                && current.operation.step == operation.step
                && current.operation.name == operation.name
        };
        if self.current.as_ref().is_some_and(same) {
            if !message.is_empty() && self.message.as_ref() != Some(&message) {
                lines.push(working(operation, &message));
            }
        } else {
            lines.extend(self.close(operation, now));
            self.current = Some(Current {
                operation: operation.clone(),
                since: now,
            });
            if !operation.is_complete() {
                lines.push(working(operation, &message));
            }
        }
        self.message = Some(message);
        lines
    }

    /// The last step is done.
    pub(super) fn finish(&mut self, now: Timestamp) -> Option<Line> {
        let current = self.current.take()?;
        (!current.operation.is_complete()).then(|| done(&current, now))
    }

    /// What was last told.
    pub(super) fn message(&self) -> Option<&str> {
        self.message.as_deref().filter(|message| !message.is_empty())
    }

    /// The step before is done, unless another operation began.
    fn close(&mut self, next: &Operation, now: Timestamp) -> Option<Line> {
        let current = self.current.take()?;
        let before = &current.operation;
        let same_operation = before.kind == next.kind && before.since == next.since;
        (same_operation && !before.is_complete() && next.step > before.step).then(|| done(&current, now))
    }
}

fn working(operation: &Operation, message: &str) -> Line {
    let (step, of, name) = (operation.step, operation.of, operation.name.clone());
    Line::Working {
        step,
        of,
        name,
        message: message.to_owned(),
    }
}

fn done(current: &Current, now: Timestamp) -> Line {
    let seconds = now.duration_since(current.since).as_secs();
    Line::Done {
        name: current.operation.name.clone(),
        seconds,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(step: i32, name: &str, message: &str) -> GuestCluster {
        serde_json::from_value(json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "metadata": {"name": "dev"},
            "spec": {
                "distribution": {"version": "v1.34"},
                "topology": {"controlPlane": {"vmClass": "small", "storageClass": "gold"}},
            },
            "status": {
                "message": message,
                "operation": {"kind": "Create", "step": step, "of": 10, "name": name, "since": "2026-01-01T00:00:00Z"},
            },
        }))
        .unwrap()
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_step_is_told_when_it_begins_and_when_it_is_done() {
        let mut steps = Steps::default();
        assert_eq!(steps.advance(&at(3, "powered on", "waiting"), second(0)).len(), 1);
        let lines = steps.advance(&at(4, "address", "waiting for DHCP"), second(4));
        assert_eq!(
            lines[0],
            Line::Done {
                name: "powered on".to_owned(),
                seconds: 4
            }
        );
        assert!(matches!(&lines[1], Line::Working { step: 4, message, .. } if message == "waiting for DHCP"));
    }

    #[test]
    fn the_same_state_again_says_nothing_and_a_new_reason_does() {
        let mut steps = Steps::default();
        steps.advance(&at(3, "address", "a"), second(0));
        assert_eq!(steps.advance(&at(3, "address", "a"), second(1)), []);
        assert_eq!(steps.advance(&at(3, "address", "b"), second(2)).len(), 1);
    }

    #[test]
    fn the_last_step_is_told_as_done() {
        let mut steps = Steps::default();
        steps.advance(&at(9, "login", ""), second(0));
        assert!(matches!(
            &steps.advance(&at(10, "login", ""), second(2))[..],
            [Line::Done { .. }]
        ));
        assert_eq!(steps.finish(second(3)), None);
    }
}
