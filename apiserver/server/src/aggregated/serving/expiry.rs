//! Until when the certificate is valid: a gauge, and a readiness check.

use std::{
    fmt::Write as _,
    ops::Range,
    sync::atomic::{AtomicI64, Ordering::Relaxed},
};

use anyhow::Context as _;
use guestcluster_credentials::x509::{self, CertifiedKey};
use jiff::Timestamp;

const NAME: &str = "guestcluster_serving_certificate_expiration_timestamp_seconds";

/// The validity of what is shown now, in seconds since 1970.
pub(crate) struct Expiry {
    not_before: AtomicI64,
    not_after: AtomicI64,
}

impl Expiry {
    pub(super) fn of(pair: &CertifiedKey) -> anyhow::Result<Self> {
        let Range { start, end } = validity(pair)?;
        Ok(Self {
            not_before: start.as_second().into(),
            not_after: end.as_second().into(),
        })
    }

    pub(super) fn replace(&self, pair: &CertifiedKey) -> anyhow::Result<()> {
        let Range { start, end } = validity(pair)?;
        self.not_before.store(start.as_second(), Relaxed);
        self.not_after.store(end.as_second(), Relaxed);
        Ok(())
    }

    /// Whether clients can accept the certificate now.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.check_at(Timestamp::now())
    }

    /// From when until when they can.
    pub(super) fn validity(&self) -> Range<Timestamp> {
        let time = |seconds: &AtomicI64| Timestamp::from_second(seconds.load(Relaxed)).unwrap_or(Timestamp::MAX);
        time(&self.not_before)..time(&self.not_after)
    }

    fn check_at(&self, now: Timestamp) -> Result<(), String> {
        let Range {
            start: not_before,
            end: not_after,
        } = self.validity();
        if now < not_before {
            return Err(format!(
                "the serving certificate is not valid before {not_before}; it is {now}"
            ));
        }
        if now > not_after {
            return Err(format!("the serving certificate has expired at {not_after}"));
        }
        Ok(())
    }

    /// Appends the gauge to a page in Prometheus' text format.
    pub(crate) fn render(&self, page: &mut String) {
        let _ = writeln!(
            page,
            "# HELP {NAME} When the certificate that the server shows expires."
        );
        let _ = writeln!(page, "# TYPE {NAME} gauge");
        let _ = writeln!(page, "{NAME} {}", self.not_after.load(Relaxed));
    }
}

fn validity(pair: &CertifiedKey) -> anyhow::Result<Range<Timestamp>> {
    x509::validity(&pair.certificate).context("the serving certificate can't be read")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use guestcluster_credentials::x509::CertificateAuthority;

    use super::*;

    #[test]
    fn an_expired_certificate_is_not_ready() {
        let (authority, _) = CertificateAuthority::generate("test").unwrap();
        let issue = |validity| authority.issue_server("test", &["localhost"], &[], validity).unwrap();
        let expiry = Expiry::of(&issue(Duration::from_hours(1))).unwrap();
        let in_hours = |hours| Timestamp::now() + Duration::from_hours(hours);
        assert_eq!(expiry.check(), Ok(()));
        let refused = expiry.check_at(in_hours(2)).unwrap_err();
        assert!(refused.contains("expired at"), "{refused}");
        let refused = expiry.check_at(Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(refused.contains("not valid before"), "{refused}");

        expiry.replace(&issue(Duration::from_hours(3))).unwrap();
        assert_eq!(expiry.check_at(in_hours(2)), Ok(()));
        let mut page = String::new();
        expiry.render(&mut page);
        let value = page.lines().last().unwrap().strip_prefix(NAME).unwrap().trim();
        assert!(value.parse::<i64>().unwrap() > in_hours(2).as_second());
    }
}
