//! Who got in, and who was let through.

use std::{collections::BTreeMap, time::Duration};

use parking_lot::Mutex;

use super::{Histogram, declare, line};

/// Seconds: each twice as long as the one before.
const BOUNDS: [f64; 15] = [
    0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384,
];
/// Names that are told apart, as kube-apiserver does; all others are people or programs.
const KNOWN: [&str; 5] = [
    "admin",
    "client",
    "kube_proxy",
    "kubelet",
    "system:serviceaccount:kube-system:default",
];

/// How a look at who asks ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Authenticated<'a> {
    /// As this user.
    As(&'a str),
    /// With no credential, where one is needed.
    Nobody,
    /// With a credential that does not count.
    Refused,
}

/// How a look at what somebody may ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Authorized {
    Allowed,
    Denied,
    NoOpinion,
    Failed,
}

#[derive(Default)]
pub(super) struct Gate {
    users: Mutex<BTreeMap<&'static str, u64>>,
    authentications: Mutex<BTreeMap<&'static str, Histogram<{ BOUNDS.len() }>>>,
    authorizations: Mutex<BTreeMap<&'static str, Histogram<{ BOUNDS.len() }>>>,
}

impl Gate {
    pub(super) fn authenticated(&self, outcome: Authenticated<'_>, took: Duration) {
        let result = match outcome {
            Authenticated::As(user) => {
                *self.users.lock().entry(compressed(user)).or_default() += 1;
                "success"
            }
            Authenticated::Nobody => "failure",
            Authenticated::Refused => "error",
        };
        observe(&self.authentications, result, took);
    }

    pub(super) fn authorized(&self, outcome: Authorized, took: Duration) {
        let result = match outcome {
            Authorized::Allowed => "allowed",
            Authorized::Denied => "denied",
            Authorized::NoOpinion => "no-opinion",
            Authorized::Failed => "error",
        };
        observe(&self.authorizations, result, took);
    }

    pub(super) fn append(&self, page: &mut String) {
        declare(
            page,
            "authenticated_user_requests",
            "counter",
            "Requests by kind of user.",
        );
        for (user, count) in &*self.users.lock() {
            line(
                page,
                "authenticated_user_requests",
                &format!("username=\"{user}\""),
                count,
            );
        }
        let looks = [
            (
                &self.authentications,
                "authentication_attempts",
                "authentication_duration_seconds",
            ),
            (
                &self.authorizations,
                "authorization_attempts_total",
                "authorization_duration_seconds",
            ),
        ];
        for (results, attempts, durations) in looks {
            let results = results.lock().clone();
            declare(page, attempts, "counter", "Looks at a request, by what came of it.");
            for (result, took) in &results {
                line(page, attempts, &format!("result=\"{result}\""), took.count());
            }
            declare(page, durations, "histogram", "How long that took.");
            for (result, took) in &results {
                took.render(page, durations, &format!("result=\"{result}\""), &BOUNDS);
            }
        }
    }
}

fn observe(results: &Mutex<BTreeMap<&'static str, Histogram<{ BOUNDS.len() }>>>, result: &'static str, took: Duration) {
    let mut results = results.lock();
    results.entry(result).or_default().observe(&BOUNDS, took.as_secs_f64());
}

fn compressed(user: &str) -> &'static str {
    match KNOWN.into_iter().find(|known| *known == user) {
        Some(known) => known,
        None if user.contains('@') => "email_id",
        None => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_person_is_shown() {
        let gate = Gate::default();
        for user in ["admin", "sso:ana@example.com", "ana", "bob"] {
            gate.authenticated(Authenticated::As(user), Duration::from_millis(3));
        }
        gate.authenticated(Authenticated::Nobody, Duration::ZERO);
        gate.authorized(Authorized::NoOpinion, Duration::ZERO);
        let mut page = String::new();
        gate.append(&mut page);
        for line in [
            "authenticated_user_requests{username=\"admin\"} 1",
            "authenticated_user_requests{username=\"email_id\"} 1",
            "authenticated_user_requests{username=\"other\"} 2",
            "authentication_attempts{result=\"success\"} 4",
            "authentication_attempts{result=\"failure\"} 1",
            "authentication_duration_seconds_bucket{result=\"success\",le=\"0.002\"} 0",
            "authentication_duration_seconds_bucket{result=\"success\",le=\"0.004\"} 4",
            "authorization_attempts_total{result=\"no-opinion\"} 1",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
    }
}
