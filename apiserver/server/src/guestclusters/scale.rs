//! The scale of a GuestCluster: with one node pool its replicas; with several, their sum, and no writes.

use generic_apiserver::{
    registry::ScaleValues,
    status::{FieldError, Status},
};
use guestcluster_types::labels;
use serde_json::{Value, json};

/// The numbers of the scale subresource.
pub(super) fn read(cluster: &Value) -> ScaleValues {
    let replicas = |pool: &Value| pool["replicas"].as_i64().unwrap_or_default();
    let name = cluster["metadata"]["name"].as_str().unwrap_or_default();
    ScaleValues {
        desired: pools(cluster).iter().map(replicas).sum(),
        observed: cluster["status"]["replicas"].as_i64().unwrap_or_default(),
        selector: format!("{}={name}", labels::CLUSTER_NAME),
    }
}

/// Sets the replicas of the only pool; with any other number of pools it is 422.
pub(super) fn write(cluster: &mut Value, replicas: i64) -> Result<(), Status> {
    let name = cluster["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if let [pool] = pools_mut(cluster) {
        pool["replicas"] = json!(replicas);
        return Ok(());
    }
    let pools: Vec<_> = pools(cluster).iter().filter_map(|pool| pool["name"].as_str()).collect();
    let detail = match pools.as_slice() {
        [] => "the cluster has no node pool; add one to spec.topology.nodePools".to_owned(),
        several => format!(
            "the cluster has {} node pools ({}); use: kubectl guest scale {name} --pool NAME --workers {replicas}",
            several.len(),
            several.join(", ")
        ),
    };
    let error = FieldError::invalid("spec.replicas", json!(replicas), detail);
    Err(Status::invalid("Scale", "autoscaling", &name, vec![error]))
}

fn pools(cluster: &Value) -> &[Value] {
    cluster["spec"]["topology"]["nodePools"]
        .as_array()
        .map_or(&[], Vec::as_slice)
}

fn pools_mut(cluster: &mut Value) -> &mut [Value] {
    match cluster.pointer_mut("/spec/topology/nodePools") {
        Some(Value::Array(pools)) => pools,
        _ => &mut [],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(pools: &Value) -> Value {
        json!({"metadata": {"name": "dev"}, "spec": {"topology": {"nodePools": pools}}, "status": {"replicas": 4}})
    }

    #[test]
    fn one_pool_is_the_scale() {
        let mut cluster = cluster(&json!([{"name": "default", "replicas": 2}]));
        write(&mut cluster, 5).unwrap();
        assert_eq!((read(&cluster).desired, read(&cluster).observed), (5, 4));
    }

    #[test]
    fn several_pools_are_summed_and_refuse_a_write_with_the_command() {
        let mut cluster = cluster(&json!([{"name": "a", "replicas": 2}, {"name": "b", "replicas": 3}]));
        assert_eq!(read(&cluster).desired, 5);
        let refused = write(&mut cluster, 7).unwrap_err();
        assert_eq!(refused.code, 422);
        assert!(
            refused
                .message
                .contains("kubectl guest scale dev --pool NAME --workers 7"),
            "{}",
            refused.message
        );
        assert_eq!(read(&cluster).desired, 5);
    }
}
