//! What of a KubeadmControlPlane's spec cannot be done, beyond what its schema refuses. Pure.

use crate::machine::validate::{self, MACHINE_SUFFIX};
use guestcluster_types::upstream::capv::VSphereMachineTemplate;
use guestcluster_types::upstream::kubeadm::{ClusterConfiguration, KubeadmControlPlane};
use guestcluster_types::version::KubernetesVersion;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

/// Life of authorities that kubeadm makes if nobody says it, in days.
const AUTHORITY_DAYS: i32 = 3650;

/// Why the spec can't be followed, by the field and what is accepted.
pub(super) fn control_plane(object: &KubeadmControlPlane) -> Result<(), String> {
    let spec = &object.spec;
    validate::name(&object.name_any(), MACHINE_SUFFIX)?;
    let none = ClusterConfiguration::default();
    let configuration = spec.kubeadm_config_spec.cluster_configuration.as_ref().unwrap_or(&none);
    let wanted = spec.replicas.unwrap_or(1);
    replicas(wanted, configuration)?;
    let template = &spec.machine_template;
    let reference = &template.spec.infrastructure_ref;
    validate::reference::<VSphereMachineTemplate>("spec.machineTemplate.spec.infrastructureRef", reference)?;
    validate::meta("spec.machineTemplate.metadata", &template.metadata)?;
    validate::version("spec.version", Some(&spec.version))?;
    path(&spec.version, object.status.version.as_deref())?;
    surge(spec.rollout.strategy.rolling_update.max_surge.as_ref(), wanted)?;
    etcd(configuration)?;
    lives(configuration)
}

/// A quorum needs an odd number of members, where they are on these machines.
fn replicas(wanted: i32, configuration: &ClusterConfiguration) -> Result<(), String> {
    let is_external = configuration.has_external_etcd();
    if wanted >= 1 && (is_external || wanted % 2 == 1) {
        return Ok(());
    }
    let accepted = if is_external { "1 or more" } else { "an odd number" };
    Err(format!("spec.replicas is {wanted}: accepted is {accepted}"))
}

/// A control plane is upgraded minor by minor.
fn path(wanted: &str, running: Option<&str>) -> Result<(), String> {
    let parse = |text: &str| text.parse::<KubernetesVersion>().ok();
    let (Some(to), Some(from)) = (parse(wanted), running.and_then(parse)) else {
        return Ok(());
    };
    if to.major() == from.major() && to.minor() > from.minor() + 1 {
        let next = format!("v{}.{}", from.major(), from.minor() + 1);
        return Err(format!(
            "spec.version is \"{wanted}\": of {from}, which runs, accepted is a version up to {next}, one minor at a time"
        ));
    }
    Ok(())
}

fn surge(surge: Option<&IntOrString>, wanted: i32) -> Result<(), String> {
    const FIELD: &str = "spec.rollout.strategy.rollingUpdate.maxSurge";
    match surge {
        None | Some(IntOrString::Int(1)) => Ok(()),
        Some(IntOrString::Int(0)) if wanted >= 3 => Ok(()),
        Some(IntOrString::Int(0)) => Err(format!(
            "{FIELD} is 0 while spec.replicas is {wanted}: without a member more no member can be spared; accepted is 1"
        )),
        Some(IntOrString::Int(other)) => Err(format!("{FIELD} is {other}: accepted is 0 or 1")),
        Some(IntOrString::String(text)) if text == "1" => Ok(()),
        Some(IntOrString::String(text)) if text == "0" && wanted >= 3 => Ok(()),
        Some(IntOrString::String(text)) => Err(format!("{FIELD} is \"{text}\": accepted is 0 or 1")),
    }
}

fn etcd(configuration: &ClusterConfiguration) -> Result<(), String> {
    let etcd = configuration.etcd.as_ref();
    if etcd.is_some_and(|etcd| etcd.local.is_some() && etcd.external.is_some()) {
        return Err(
            "spec.kubeadmConfigSpec.clusterConfiguration.etcd has local and external: accepted is one of them"
                .to_owned(),
        );
    }
    Ok(())
}

/// A certificate does not outlive its authority.
fn lives(configuration: &ClusterConfiguration) -> Result<(), String> {
    let authority = configuration.ca_certificate_validity_period_days;
    let (days, most) = (
        configuration.certificate_validity_period_days.unwrap_or_default(),
        authority.unwrap_or(AUTHORITY_DAYS),
    );
    if days <= most {
        return Ok(());
    }
    Err(format!(
        "spec.kubeadmConfigSpec.clusterConfiguration.certificateValidityPeriodDays is {days}: accepted are at most {most}, those of the authority (caCertificateValidityPeriodDays)"
    ))
}

#[cfg(test)]
mod tests {
    use guestcluster_types::upstream::ContractReference;
    use guestcluster_types::upstream::capv::VSphereMachineTemplate;
    use serde_json::{Value, json};

    fn refused(change: Value, running: &str) -> String {
        let reference = ContractReference::to::<VSphereMachineTemplate>("a");
        let mut spec =
            json!({"replicas": 3, "version": "v1.34.0", "machineTemplate": {"spec": {"infrastructureRef": reference}}});
        for (key, value) in change.as_object().unwrap() {
            spec[key] = value.clone();
        }
        let object = json!({"metadata": {"name": "dev-cp"}, "spec": spec, "status": {"version": running}});
        super::control_plane(&serde_json::from_value(object).unwrap())
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_done_is_named_with_what_can() {
        let surge = |surge: Value| json!({"rollout": {"strategy": {"rollingUpdate": {"maxSurge": surge}}}});
        let configuration =
            |configuration: Value| json!({"kubeadmConfigSpec": {"clusterConfiguration": configuration}});
        let external = json!({"external": {"endpoints": ["https://a"]}});
        for (change, told) in [
            (json!({}), ""),
            (json!({"replicas": 2}), "spec.replicas is 2: accepted is an odd number"),
            (json!({"replicas": 0}), "spec.replicas is 0: accepted is an odd number"),
            (
                json!({"replicas": 0, "kubeadmConfigSpec": {"clusterConfiguration": {"etcd": external}}}),
                "spec.replicas is 0: accepted is 1 or more",
            ),
            (
                json!({"replicas": 2, "kubeadmConfigSpec": {"clusterConfiguration": {"etcd": external}}}),
                "",
            ),
            (json!({"version": "1.34"}), "spec.version is \"1.34\": accepted is"),
            (json!({"version": "v1.35.0"}), ""),
            (
                json!({"version": "v1.36.0"}),
                "spec.version is \"v1.36.0\": of v1.34.0, which runs, accepted is a version up to v1.35",
            ),
            (surge(json!(0)), ""),
            (surge(json!("1")), ""),
            (surge(json!(2)), "rollingUpdate.maxSurge is 2: accepted is 0 or 1"),
            (surge(json!("50%")), "maxSurge is \"50%\": accepted is 0 or 1"),
            (
                json!({"replicas": 1, "rollout": surge(json!(0))["rollout"]}),
                "maxSurge is 0 while spec.replicas is 1",
            ),
            (
                configuration(json!({"etcd": {"local": {}, "external": external["external"]}})),
                "clusterConfiguration.etcd has local and external",
            ),
            (configuration(json!({"certificateValidityPeriodDays": 3650})), ""),
            (
                configuration(json!({"certificateValidityPeriodDays": 31, "caCertificateValidityPeriodDays": 30})),
                "certificateValidityPeriodDays is 31: accepted are at most 30",
            ),
        ] {
            let message = refused(change.clone(), "v1.34.0");
            assert!(
                message.contains(told) && message.is_empty() == told.is_empty(),
                "{change}: {message}"
            );
        }
    }
}
