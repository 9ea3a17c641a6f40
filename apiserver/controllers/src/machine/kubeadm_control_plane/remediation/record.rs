//! What is recorded of a replacement: at the control plane while it goes on, then at the Machine that replaces.

use guestcluster_types::conditions::whole_seconds;
use guestcluster_types::upstream::capi::Machine;
use guestcluster_types::upstream::kubeadm::{
    KubeadmControlPlane, LastRemediation, REMEDIATION_FOR_ANNOTATION, REMEDIATION_IN_PROGRESS_ANNOTATION,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use serde::{Deserialize, Serialize};

/// One replacement, as Cluster API writes it into annotations.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// The Machine that is replaced.
    pub(crate) machine: String,
    /// When.
    pub(crate) timestamp: Time,
    /// How often a replacement was unwell before.
    #[serde(default)]
    pub(crate) retry_count: i32,
}

impl Record {
    pub(crate) fn new(machine: &str, now: Timestamp, retry_count: i32) -> Self {
        Self {
            machine: machine.to_owned(),
            timestamp: Time(whole_seconds(now)),
            retry_count,
        }
    }

    /// Of the replacement that goes on; what can't be read counts as none.
    pub(crate) fn in_progress(object: &KubeadmControlPlane) -> Option<Self> {
        serde_json::from_str(object.annotations().get(REMEDIATION_IN_PROGRESS_ANNOTATION)?).ok()
    }

    /// Of the replacement that a Machine came from.
    pub(crate) fn behind(machine: &Machine) -> Option<Self> {
        serde_json::from_str(machine.annotations().get(REMEDIATION_FOR_ANNOTATION)?).ok()
    }

    /// As the annotations keep it.
    pub(crate) fn text(&self) -> String {
        // Two strings and a number can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The replacement that goes on, or else the latest that is remembered at a Machine.
pub(crate) fn last<'a>(
    object: &KubeadmControlPlane,
    machines: impl IntoIterator<Item = &'a Machine>,
) -> Option<LastRemediation> {
    let behind = machines.into_iter().filter_map(Record::behind);
    let record = Record::in_progress(object).or_else(|| behind.max_by_key(|record| record.timestamp.0))?;
    Some(LastRemediation {
        machine: record.machine,
        time: record.timestamp,
        retry_count: record.retry_count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_record_is_the_json_that_cluster_api_reads_and_nonsense_is_none() {
        let record = Record::new("dev-cp-a", "2026-01-02T03:04:05.678Z".parse().unwrap(), 2);
        let text = r#"{"machine":"dev-cp-a","timestamp":"2026-01-02T03:04:05Z","retryCount":2}"#;
        assert_eq!(record.text(), text);
        let machine = |text: &str| -> Machine {
            serde_json::from_value(json!({"metadata": {"name": "m", "annotations": {REMEDIATION_FOR_ANNOTATION: text}}, "spec": {"clusterName": "", "bootstrap": {}, "infrastructureRef": {}}})).unwrap()
        };
        assert_eq!(Record::behind(&machine(text)), Some(record));
        assert_eq!(Record::behind(&machine("{")), None);
    }
}
