//! The authorities that sign serving certificates, and the steps by which one takes the place of another: the new one is trusted
//! before it signs, and the old one stays trusted until nobody shows what it signed.

use std::{fmt::Write as _, time::Duration};

use anyhow::Context as _;
use guestcluster_credentials::x509::{self, CertificateAuthority, CertifiedKey};
use jiff::Timestamp;

/// How long an authority lives. A new one takes over after two thirds.
const VALIDITY: Duration = Duration::from_hours(8760);
/// How long the next authority is trusted before it signs. Every kube-apiserver has read a change long before.
const ANNOUNCED: Duration = Duration::from_secs(30);
/// How long the authority before is trusted. Servers show what the new one signed within seconds.
const KEPT: Duration = Duration::from_hours(1);

/// The authorities of one moment. `Debug` shows no key.
#[derive(Clone, Debug)]
pub(crate) struct Authorities {
    /// Signs what servers show.
    pub(super) current: CertifiedKey,
    /// Will sign next; trusted already.
    pub(super) next: Option<CertifiedKey>,
    /// The certificate of the one that signed before.
    pub(super) previous: Option<String>,
    /// When the last step was taken; none where somebody has removed it.
    pub(super) since: Option<Timestamp>,
    /// Whether an administrator wants a new one.
    pub(super) asked: bool,
}

/// What can be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the next authority, which is trusted from then on.
    Announce,
    /// Let it sign.
    Switch,
    /// Trust the one before no more.
    Forget,
    /// Wait from now on: nobody knows since when.
    Date,
}

impl Authorities {
    /// The first one.
    pub(super) fn generate(now: Timestamp) -> anyhow::Result<Self> {
        Ok(Self {
            current: generate(now)?,
            next: None,
            previous: None,
            since: Some(now),
            asked: false,
        })
    }

    /// Every certificate that kube-apiserver must trust, PEM.
    pub(crate) fn bundle(&self) -> String {
        let next = self.next.as_ref().map(|next| &next.certificate);
        let all = [Some(&self.current.certificate), next, self.previous.as_ref()];
        all.into_iter()
            .flatten()
            .fold(String::new(), |mut bundle, certificate| {
                let _ = writeln!(bundle, "{}", certificate.trim_end());
                bundle
            })
    }

    /// The one that signs.
    pub(super) fn signer(&self) -> anyhow::Result<CertificateAuthority> {
        let CertifiedKey { certificate, key } = &self.current;
        CertificateAuthority::from_pem(certificate, key).context("the serving authority can't be used")
    }

    /// The step that is due, if any. `trusted` is what kube-apiserver trusts at this moment: nothing signs before it is in there.
    pub(super) fn due(&self, now: Timestamp, trusted: Option<&str>) -> Option<Step> {
        if self.since.is_none() && (self.next.is_some() || self.previous.is_some()) {
            return Some(Step::Date);
        }
        let waited = |time: Duration| self.since.is_some_and(|since| now >= since + time);
        if self.next.is_some() {
            let is_trusted = trusted == Some(&self.bundle());
            return (is_trusted && waited(ANNOUNCED)).then_some(Step::Switch);
        }
        if self.previous.is_some() {
            return waited(KEPT).then_some(Step::Forget);
        }
        (self.asked || self.is_old(now)).then_some(Step::Announce)
    }

    /// After this step.
    pub(super) fn after(self, step: Step, now: Timestamp) -> anyhow::Result<Self> {
        let mut after = Self {
            since: Some(now),
            ..self
        };
        match (step, after.next.take()) {
            (Step::Announce, _) => {
                after.next = Some(generate(now)?);
                after.asked = false;
            }
            (Step::Switch, Some(next)) => {
                let before = std::mem::replace(&mut after.current, next);
                after.previous = Some(before.certificate);
            }
            // Nothing to switch to: nothing changes.
            (Step::Switch, None) => {}
            (Step::Date, next) => after.next = next,
            (Step::Forget, next) => {
                after.next = next;
                after.previous = None;
            }
        }
        Ok(after)
    }

    /// Whether two thirds of its life have passed; one that can't be read is.
    fn is_old(&self, now: Timestamp) -> bool {
        x509::validity(&self.current.certificate).map_or(true, |validity| is_due(&validity, now))
    }
}

/// Whether two thirds of a certificate's life have passed.
pub(super) fn is_due(validity: &std::ops::Range<Timestamp>, now: Timestamp) -> bool {
    now >= renewal(validity)
}

/// When two thirds of a certificate's life have passed.
pub(super) fn renewal(validity: &std::ops::Range<Timestamp>) -> Timestamp {
    let life = validity.end.duration_since(validity.start);
    validity.start.saturating_add(life * 2 / 3).unwrap_or(Timestamp::MIN)
}

/// Each has a name of its own, so that none is taken for another.
fn generate(now: Timestamp) -> anyhow::Result<CertifiedKey> {
    let name = format!("guestcluster-apiserver-serving@{}", now.as_second());
    let (_, pair) = CertificateAuthority::generate_for(&name, VALIDITY)?;
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> (Authorities, Timestamp) {
        let now = Timestamp::now();
        (Authorities::generate(now).unwrap(), now)
    }

    fn take(authorities: &Authorities, step: Step, now: Timestamp) -> Authorities {
        authorities.clone().after(step, now).unwrap()
    }

    #[test]
    fn a_young_authority_stays_and_an_old_one_is_followed() {
        let (authorities, now) = fresh();
        assert_eq!(authorities.due(now, None), None);
        assert_eq!(authorities.due(now + VALIDITY / 2, None), None);
        assert_eq!(authorities.due(now + VALIDITY * 3 / 4, None), Some(Step::Announce));
    }

    #[test]
    fn at_every_moment_who_signs_is_trusted_and_so_is_who_signed() {
        let (mut authorities, mut now) = fresh();
        let first = authorities.current.certificate.clone();
        authorities.asked = true;
        assert_eq!(authorities.due(now, None), Some(Step::Announce));
        let before = authorities.bundle();
        let announced = take(&authorities, Step::Announce, now);
        assert!(!announced.asked);
        assert_eq!(announced.current.certificate, first);
        assert!(announced.bundle().starts_with(&before) && announced.bundle() != before);

        let trusted = announced.bundle();
        assert_eq!(announced.due(now, Some(&trusted)), None, "too early");
        now += ANNOUNCED;
        assert_eq!(announced.due(now, Some(&before)), None, "not trusted yet");
        assert_eq!(announced.due(now, None), None, "nobody knows what is trusted");
        assert_eq!(announced.due(now, Some(&trusted)), Some(Step::Switch));

        let switched = take(&announced, Step::Switch, now);
        assert_ne!(switched.current.certificate, first);
        assert!(trusted.contains(switched.current.certificate.trim_end()));
        assert!(switched.bundle().contains(first.trim_end()));
        assert_eq!(switched.due(now, Some(&switched.bundle())), None, "too early");
        now += KEPT;
        assert_eq!(switched.due(now, None), Some(Step::Forget));

        let settled = take(&switched, Step::Forget, now);
        assert_eq!(settled.current.certificate, switched.current.certificate);
        assert!(!settled.bundle().contains(first.trim_end()));
        assert_eq!(settled.due(now, None), None);
    }

    #[test]
    fn without_the_time_of_the_last_step_the_wait_begins_anew() {
        let (authorities, now) = fresh();
        let mut announced = take(&authorities, Step::Announce, now);
        announced.since = None;
        let bundle = announced.bundle();
        assert_eq!(announced.due(now + KEPT, Some(&bundle)), Some(Step::Date));
        let dated = take(&announced, Step::Date, now + KEPT);
        assert_eq!((dated.bundle(), dated.since), (bundle.clone(), Some(now + KEPT)));
        assert_eq!(dated.due(now + KEPT, Some(&bundle)), None);
    }

    #[test]
    fn debug_shows_no_key() {
        assert!(!format!("{:?}", fresh().0).contains("PRIVATE"));
    }
}
