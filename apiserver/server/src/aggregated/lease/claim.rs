//! Whether a lease may be claimed, from what one contender has seen of it. No IO, and the clock is given.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use tokio::time::Instant;

/// The times that all contenders keep to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// How long nobody else may claim the lease after its holder was seen to renew it. Whole seconds, at least one.
    pub(super) duration: Duration,
    /// How long the holder trusts in its last renewal: less than the duration, so that it has stopped before another begins.
    pub(super) renew_within: Duration,
    /// How often the holder renews.
    pub(super) renew_every: Duration,
    /// How long to wait after a try that failed or came too early.
    pub(super) retry: Duration,
}

/// The lease as one contender saw it last. Others' clocks are not believed: only how long it has not changed counts.
#[derive(Debug)]
pub(super) struct Seen {
    lease: Option<Lease>,
    /// Since when it is like this, by the clock of whoever looks.
    since: Instant,
}

/// What to do with a lease.
#[derive(Debug, PartialEq)]
pub(super) enum Claim {
    /// There is none: create it.
    Create(LeaseSpec),
    /// It is free or one's own: write it, guarded by the revision that was seen.
    Write(LeaseSpec),
    /// Somebody holds it at least until then.
    Wait(Instant),
}

impl Seen {
    /// Nothing.
    pub(super) fn nothing() -> Seen {
        Seen {
            lease: None,
            since: Instant::now(),
        }
    }

    /// Takes in what was read, at a moment that is not before the read was answered.
    pub(super) fn look(&mut self, lease: Option<Lease>, now: Instant) {
        if spec(lease.as_ref()) != spec(self.lease.as_ref()) {
            self.since = now;
        }
        self.lease = lease;
    }

    /// Who holds the lease; none if it is free.
    pub(super) fn holder(&self) -> Option<&str> {
        let holder = spec(self.lease.as_ref())?.holder_identity.as_deref()?;
        (!holder.is_empty()).then_some(holder)
    }

    /// The revision that guards a write.
    pub(super) fn resource_version(&self) -> Option<&str> {
        self.lease.as_ref()?.metadata.resource_version.as_deref()
    }

    /// What a contender may do; `time` is what others will read in the lease, and nobody relies on.
    pub(super) fn claim(&self, contender: &str, terms: &Terms, now: Instant, time: Timestamp) -> Claim {
        let Some(spec) = spec(self.lease.as_ref()) else {
            let new = claimed(contender, terms, time);
            return if self.lease.is_some() {
                Claim::Write(new)
            } else {
                Claim::Create(new)
            };
        };
        match self.holder() {
            Some(holder) if holder == contender => Claim::Write(LeaseSpec {
                acquire_time: spec.acquire_time.clone(),
                lease_transitions: spec.lease_transitions,
                ..claimed(contender, terms, time)
            }),
            Some(_) if now < self.expires(spec, terms) => Claim::Wait(self.expires(spec, terms)),
            _ => Claim::Write(LeaseSpec {
                lease_transitions: Some(spec.lease_transitions.unwrap_or_default().saturating_add(1)),
                ..claimed(contender, terms, time)
            }),
        }
    }

    /// When the holder's claim ends unless it is seen to renew.
    fn expires(&self, spec: &LeaseSpec, terms: &Terms) -> Instant {
        let said = spec
            .lease_duration_seconds
            .and_then(|seconds| u64::try_from(seconds).ok());
        let duration = said
            .filter(|seconds| *seconds > 0)
            .map_or(terms.duration, Duration::from_secs);
        self.since + duration
    }
}

fn spec(lease: Option<&Lease>) -> Option<&LeaseSpec> {
    lease.and_then(|lease| lease.spec.as_ref())
}

fn claimed(contender: &str, terms: &Terms, time: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(contender.to_owned()),
        lease_duration_seconds: Some(i32::try_from(terms.duration.as_secs()).unwrap_or(i32::MAX)),
        acquire_time: Some(MicroTime(time)),
        renew_time: Some(MicroTime(time)),
        lease_transitions: Some(0),
        ..LeaseSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms {
        duration: Duration::from_secs(15),
        renew_within: Duration::from_secs(10),
        renew_every: Duration::from_secs(5),
        retry: Duration::from_secs(2),
    };

    fn lease(holder: Option<&str>, seconds: Option<i32>, renewed: i64) -> Lease {
        let mut lease = Lease {
            spec: Some(LeaseSpec {
                holder_identity: holder.map(str::to_owned),
                lease_duration_seconds: seconds,
                lease_transitions: Some(3),
                renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
                acquire_time: Some(MicroTime(Timestamp::from_second(1).unwrap())),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        };
        lease.metadata.resource_version = Some(renewed.to_string());
        lease
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn claim(seen: &Seen, now: Instant) -> Claim {
        seen.claim("me", &TERMS, now, Timestamp::from_second(100).unwrap())
    }

    fn transitions(claim: &Claim) -> Option<i32> {
        match claim {
            Claim::Write(spec) => {
                assert_eq!(spec.holder_identity.as_deref(), Some("me"));
                assert_eq!(spec.lease_duration_seconds, Some(15));
                spec.lease_transitions
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn another_holders_time_counts_from_when_its_last_renewal_was_seen() {
        let start = Instant::now();
        let mut seen = Seen::nothing();
        // However old its own timestamp is: its clock may be wrong.
        seen.look(Some(lease(Some("you"), Some(15), 5)), start);
        assert_eq!(claim(&seen, start), Claim::Wait(start + seconds(15)));
        seen.look(Some(lease(Some("you"), Some(15), 5)), start + seconds(10));
        assert_eq!(claim(&seen, start + seconds(10)), Claim::Wait(start + seconds(15)));
        seen.look(Some(lease(Some("you"), Some(15), 6)), start + seconds(14));
        assert_eq!(claim(&seen, start + seconds(28)), Claim::Wait(start + seconds(29)));
        assert_eq!(transitions(&claim(&seen, start + seconds(29))), Some(4));
    }

    #[test]
    fn the_holder_says_for_how_long() {
        let start = Instant::now();
        for (said, counts) in [(Some(60), 60), (Some(1), 1), (Some(0), 15), (Some(-1), 15), (None, 15)] {
            let mut seen = Seen::nothing();
            seen.look(Some(lease(Some("you"), said, 5)), start);
            assert_eq!(claim(&seen, start), Claim::Wait(start + seconds(counts)), "{said:?}");
        }
    }

    #[test]
    fn a_change_beside_the_holders_own_words_does_not_prolong() {
        let start = Instant::now();
        let mut seen = Seen::nothing();
        seen.look(Some(lease(Some("you"), Some(15), 5)), start);
        let mut annotated = lease(Some("you"), Some(15), 5);
        annotated.metadata.resource_version = Some("99".to_owned());
        seen.look(Some(annotated), start + seconds(14));
        assert_eq!(seen.resource_version(), Some("99"));
        assert_eq!(transitions(&claim(&seen, start + seconds(15))), Some(4));
    }

    #[test]
    fn what_is_free_is_taken_and_what_is_ours_is_renewed() {
        let start = Instant::now();
        let mut seen = Seen::nothing();
        match claim(&seen, start) {
            Claim::Create(spec) => assert_eq!(spec.lease_transitions, Some(0)),
            other => panic!("{other:?}"),
        }
        for free in [None, Some("")] {
            seen.look(Some(lease(free, Some(15), 5)), start);
            assert_eq!(transitions(&claim(&seen, start)), Some(4));
        }
        seen.look(Some(lease(Some("me"), Some(15), 5)), start);
        let renewal = claim(&seen, start);
        assert_eq!(transitions(&renewal), Some(3));
        let Claim::Write(spec) = renewal else { panic!() };
        assert_eq!(spec.acquire_time, Some(MicroTime(Timestamp::from_second(1).unwrap())));
        assert_eq!(spec.renew_time, Some(MicroTime(Timestamp::from_second(100).unwrap())));
        seen.look(Some(Lease::default()), start);
        assert_eq!(transitions(&claim(&seen, start)), Some(0));
    }
}
