//! Whether somebody runs the controllers.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{Api, Client};

use super::{Finding, found};
use crate::roles::{SERVER, SYSTEM_NAMESPACE};

const CHECK: &str = "leader";

pub(super) async fn check(client: &Client) -> kube::Result<Vec<Finding>> {
    let leases: Api<Lease> = Api::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let lease = found(leases.get(SERVER)).await?.and_then(|lease| lease.spec);
    Ok(vec![judge(lease.as_ref(), Timestamp::now())])
}

fn judge(lease: Option<&LeaseSpec>, now: Timestamp) -> Finding {
    let place = format!("Lease {SYSTEM_NAMESPACE}/{SERVER}");
    let holder = lease
        .and_then(|lease| lease.holder_identity.as_deref())
        .unwrap_or_default();
    let renewed = lease.and_then(|lease| lease.renew_time.as_ref());
    let (false, Some(renewed)) = (holder.is_empty(), renewed) else {
        return Finding::failed(
            CHECK,
            format!("nobody holds {place}: no replica of our server runs, so nothing is reconciled"),
        );
    };
    let age = now.duration_since(renewed.0).as_secs();
    let lasts = lease.and_then(|lease| lease.lease_duration_seconds).unwrap_or_default();
    if age > i64::from(lasts) {
        let detail = format!(
            "{holder} has not renewed {place} for {age} s, and nobody else has taken it: nothing is reconciled"
        );
        return Finding::failed(CHECK, detail);
    }
    Finding::ok(CHECK, format!("{holder} runs the controllers"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;

    use super::{super::Severity, *};

    #[test]
    fn a_lease_that_ran_out_is_nobodys() {
        let now = Timestamp::now();
        let lease = LeaseSpec {
            holder_identity: Some("one".to_owned()),
            renew_time: Some(MicroTime(now)),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        };
        assert_eq!(judge(Some(&lease), now).severity, Severity::Ok);
        let late = judge(Some(&lease), now + Duration::from_secs(20));
        assert_eq!(late.severity, Severity::Failed);
        assert!(late.detail.starts_with("one has not renewed"), "{}", late.detail);
        let released = LeaseSpec {
            holder_identity: Some(String::new()),
            ..lease
        };
        for nobody in [None, Some(&released)] {
            assert!(judge(nobody, now).detail.starts_with("nobody holds"));
        }
    }
}
