//! The steps of a deletion that take time: how long each may take, and when it is looked at again. Pure.

use crate::machine::engine::Next;
use guestcluster_types::upstream::capi::{Machine, MachineDeletionStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use std::time::Duration;

/// The pauses between two looks into a guest whose pods or volumes tell nobody that they are gone.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(20);

/// What a deletion waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    PreDrainHook,
    Drain,
    Volumes,
    PreTerminateHook,
    Infrastructure,
    Bootstrap,
    Node,
}

impl Step {
    /// As the condition Deleting names it.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::PreDrainHook => "WaitingForPreDrainHook",
            Self::Drain => "DrainingNode",
            Self::Volumes => "WaitingForVolumeDetach",
            Self::PreTerminateHook => "WaitingForPreTerminateHook",
            Self::Infrastructure => "WaitingForInfrastructureDeletion",
            Self::Bootstrap => "WaitingForBootstrapDeletion",
            Self::Node => "DeletingNode",
        }
    }

    /// Where its beginning is kept, if it is.
    pub(super) fn start(self, deletion: &mut MachineDeletionStatus) -> Option<&mut Option<Time>> {
        match self {
            Self::PreDrainHook => Some(&mut deletion.wait_for_pre_drain_hook_start_time),
            Self::Drain => Some(&mut deletion.node_drain_start_time),
            Self::Volumes => Some(&mut deletion.wait_for_node_volume_detach_start_time),
            Self::PreTerminateHook => Some(&mut deletion.wait_for_pre_terminate_hook_start_time),
            Self::Infrastructure | Self::Bootstrap | Self::Node => None,
        }
    }

    /// When it is looked at again: what takes long is looked at less often, and not later than its time ends.
    pub(super) fn next(self, clock: Clock) -> Next {
        if !matches!(self, Self::Drain | Self::Volumes) {
            return Next::Event;
        }
        let pause = (clock.taken / 10).clamp(SHORTEST, LONGEST);
        Next::After(clock.left.map_or(pause, |left| pause.min(left.max(SHORTEST))))
    }
}

/// How long a step took already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Clock {
    taken: Duration,
    /// What is left of its time; none if it may take for ever.
    left: Option<Duration>,
}

impl Clock {
    pub(super) fn of(machine: &Machine, step: Step, now: Timestamp) -> Self {
        let mut deletion = machine.status.deletion.clone().unwrap_or_default();
        let began = step.start(&mut deletion).and_then(Option::take);
        let taken = began.map_or(0, |began| now.as_second() - began.0.as_second());
        let taken = Duration::from_secs(u64::try_from(taken).unwrap_or_default());
        let bounds = &machine.spec.deletion;
        let bound = match step {
            Step::Drain => bounds.node_drain_timeout_seconds,
            Step::Volumes => bounds.node_volume_detach_timeout_seconds,
            _ => None,
        };
        let bound = bound
            .and_then(|seconds| u64::try_from(seconds).ok())
            .filter(|seconds| *seconds > 0);
        Self {
            taken,
            left: bound.map(|bound| Duration::from_secs(bound).saturating_sub(taken)),
        }
    }

    /// Whether it took as long as it may.
    pub(super) fn is_over(self) -> bool {
        self.left.is_some_and(|left| left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A Machine whose drain and wait for volumes began at second 1000, bound as given.
    fn machine(drain: i32, volumes: i32) -> Machine {
        let began = Timestamp::from_second(1000).unwrap().to_string();
        let deletion = json!({"nodeDrainTimeoutSeconds": drain, "nodeVolumeDetachTimeoutSeconds": volumes});
        serde_json::from_value(json!({
            "metadata": {"name": "m"},
            "spec": {"clusterName": "dev", "bootstrap": {}, "infrastructureRef": {}, "deletion": deletion},
            "status": {"deletion": {"nodeDrainStartTime": began, "waitForNodeVolumeDetachStartTime": began}},
        }))
        .unwrap()
    }

    #[test]
    fn each_step_has_its_own_bound_and_zero_is_none() {
        let over =
            |machine: &Machine, step, now| Clock::of(machine, step, Timestamp::from_second(now).unwrap()).is_over();
        let both = machine(60, 90);
        assert!(!over(&both, Step::Drain, 1059) && over(&both, Step::Drain, 1060));
        assert!(!over(&both, Step::Volumes, 1060) && over(&both, Step::Volumes, 1090));
        assert!(!over(&machine(0, 0), Step::Drain, 9_999_999));
        let mut new = both;
        new.status.deletion = None;
        assert!(!over(&new, Step::Drain, 9_999_999), "it has not begun");
    }

    #[test]
    fn pauses_grow_with_what_it_took_and_end_with_the_time() {
        let next = |bound, step: Step, now: i64| {
            step.next(Clock::of(
                &machine(bound, 0),
                step,
                Timestamp::from_second(1000 + now).unwrap(),
            ))
        };
        let after = |seconds| Next::After(Duration::from_secs(seconds));
        assert_eq!(next(0, Step::Drain, 0), after(1));
        assert_eq!(next(0, Step::Drain, 50), after(5));
        assert_eq!(next(0, Step::Drain, 5000), after(20));
        assert_eq!(next(100, Step::Drain, 98), after(2));
        assert_eq!(next(0, Step::PreDrainHook, 50), Next::Event);
    }
}
