//! MachineDeployments, and the KubeadmConfigTemplates that their Machines have bootstrap data from.

use guestcluster_types::upstream::{
    capi::MachineDeployment,
    capv::{VSphereMachine, VSphereMachineTemplate},
    kubeadm::{KubeadmConfig, KubeadmConfigTemplate},
};
use serde_json::{Value, json};

use super::{Row, merge, object};
use crate::machine::world::reference;

/// A pool of the cluster that all share, with this in its deployment and in the spec of its configuration.
fn pool(name: &str, deployment: &Value, configuration: &Value, told: &'static str) -> Row {
    let labels = json!({"cluster.x-k8s.io/deployment-name": name, "cluster.x-k8s.io/cluster-name": "dev"});
    let mut spec = json!({
        "clusterName": "dev", "replicas": 1,
        "selector": {"matchLabels": {"cluster.x-k8s.io/deployment-name": name}},
        "template": {"metadata": {"labels": labels}, "spec": {
            "clusterName": "dev", "version": "v1.34.0", "bootstrap": {"configRef": reference::<KubeadmConfigTemplate>(name)},
            "infrastructureRef": reference::<VSphereMachineTemplate>("small-1"),
        }},
    });
    merge(&mut spec, deployment);
    let template = object::<KubeadmConfigTemplate>(name, json!({"template": {"spec": configuration}}));
    let objects = vec![template, object::<MachineDeployment>(name, spec)];
    Row::new(name, objects, told)
}

pub(super) fn rows() -> Vec<Row> {
    let machine = |spec: Value| json!({"template": {"spec": spec}});
    let none = || json!({});
    let usual = || json!({"verbosity": 2});
    let rows = [
        (none(), json!({"format": "ignition"}), "spec.format"),
        (
            none(),
            json!({"ignition": {"containerLinuxConfig": {"strict": true}}}),
            "spec.ignition",
        ),
        (none(), json!({"diskSetup": {"filesystems": []}}), "spec.diskSetup"),
        (
            none(),
            json!({"files": [{"path": "/a", "content": "{{ .a }}", "contentFormat": "Template"}]}),
            "spec.files[0].contentFormat",
        ),
        (
            none(),
            json!({"files": [{"path": "/a", "contentFrom": {"secret": {"name": "nowhere", "key": "a"}}}]}),
            "Secret nowhere with key a",
        ),
        (
            none(),
            json!({"users": [{"name": "ada", "passwdFrom": {"secret": {"name": "nobody", "key": "a"}}}]}),
            "Secret nobody with key a",
        ),
        (
            none(),
            json!({"joinConfiguration": {"discovery": {"file": {"kubeConfigPath": "/a"}}}}),
            "spec.joinConfiguration.discovery.file",
        ),
        (none(), json!({"verbosity": "4"}), "verbosity"),
        (
            none(),
            json!({"joinConfiguration": {"nodeRegistration": {"imagePullPolicy": "Sometimes"}}}),
            "imagePullPolicy",
        ),
        (machine(json!({"version": null})), usual(), "version"),
        (
            machine(json!({"version": "latest"})),
            usual(),
            "spec.template.spec.version is \"latest\": accepted is",
        ),
        (machine(json!({"version": "v1.30.9"})), usual(), "v1.30.9"),
        (
            machine(json!({"infrastructureRef": reference::<VSphereMachineTemplate>("missing-one")})),
            usual(),
            "missing-one",
        ),
        (
            machine(json!({"bootstrap": {"configRef": reference::<KubeadmConfigTemplate>("missing-one")}})),
            usual(),
            "missing-one",
        ),
        (
            machine(json!({"bootstrap": {"configRef": null}})),
            usual(),
            "spec.template.spec.bootstrap",
        ),
        (
            machine(json!({"bootstrap": {"configRef": null, "dataSecretName": "shared"}})),
            usual(),
            "spec.template.spec.bootstrap.configRef names nothing: accepted is a KubeadmConfigTemplate",
        ),
        (
            machine(json!({"infrastructureRef": reference::<VSphereMachine>("small-1")})),
            usual(),
            "spec.template.spec.infrastructureRef names VSphereMachine small-1 of vmware.infrastructure.cluster.x-k8s.io: accepted is a VSphereMachineTemplate",
        ),
        (
            machine(json!({"bootstrap": {"configRef": reference::<KubeadmConfig>("missing-one")}})),
            usual(),
            "spec.template.spec.bootstrap.configRef names KubeadmConfig missing-one of bootstrap.cluster.x-k8s.io: accepted is a KubeadmConfigTemplate",
        ),
        (
            json!({"clusterName": "nowhere", "template": {"spec": {"clusterName": "nowhere"}}}),
            usual(),
            "spec.clusterName: Cluster nowhere does not exist",
        ),
        (
            json!({"selector": {"matchLabels": {"tier": "web"}}}),
            usual(),
            "spec.selector.matchLabels asks for tier=web",
        ),
        (
            json!({"rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "a few"}}}}),
            usual(),
            "maxSurge is \"a few\": accepted is",
        ),
        (
            json!({"rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "some%"}}}}),
            usual(),
            "maxUnavailable is \"some%\": accepted is",
        ),
        (
            json!({"rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": i64::MAX}}}}),
            usual(),
            "maxSurge is \"9223372036854775807\": accepted is",
        ),
        (
            json!({"rollout": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}}}),
            usual(),
            "maxUnavailable is 0 while maxSurge is: no Machine could ever be replaced",
        ),
        (
            json!({"remediation": {"maxInFlight": "-3%"}}),
            usual(),
            "spec.remediation.maxInFlight is \"-3%\": accepted is",
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "a", "operator": "Near", "values": ["b"]}]}}),
            usual(),
            "spec.selector.matchExpressions[0].operator is \"Near\": accepted are",
        ),
        (
            json!({"selector": {"matchExpressions": [{"key": "cluster.x-k8s.io/cluster-name", "operator": "DoesNotExist"}]}}),
            usual(),
            "spec.selector.matchExpressions does not find what spec.template.metadata.labels has",
        ),
        (
            machine(json!({"clusterName": "prod"})),
            usual(),
            "spec.template.spec.clusterName is \"prod\": accepted is spec.clusterName, \"dev\"",
        ),
        (
            json!({"clusterName": "a b", "template": {"spec": {"clusterName": "a b"}}}),
            usual(),
            "spec.clusterName: Cluster a b does not exist",
        ),
        (
            machine(json!({"failureDomain": "zone a"})),
            usual(),
            "spec.template.spec.failureDomain is \"zone a\": accepted is",
        ),
        (
            machine(
                json!({"taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule", "propagation": "Always"}]}),
            ),
            usual(),
            "spec.template.spec.taints[0].key is",
        ),
        (
            json!({"template": {"metadata": {"labels": {"tier": "web server"}}}}),
            usual(),
            "spec.template.metadata.labels[tier] is \"web server\": accepted is",
        ),
        (
            json!({"template": {"metadata": {"annotations": {"a b": "c"}}}}),
            usual(),
            "spec.template.metadata.annotations has the key \"a b\": accepted is",
        ),
        (
            none(),
            json!({"files": [{"path": "/a", "contentFrom": {"secret": {"name": "../up", "key": "a"}}}]}),
            "Secret ../up with key a",
        ),
        (
            none(),
            json!({"joinConfiguration": {"discovery": {"bootstrapToken": {"token": "guess"}}}}),
            "spec.joinConfiguration.discovery.bootstrapToken.token is no bootstrap token: accepted are",
        ),
        (
            none(),
            json!({"files": [{"path": "etc/a", "content": "b"}]}),
            "spec.files[0].path is \"etc/a\": accepted is one that begins with /",
        ),
        (json!({"replicas": -1}), usual(), "replicas"),
        (
            json!({"rollout": {"strategy": {"type": "Sometimes"}}}),
            usual(),
            "strategy",
        ),
        (json!({"deletion": {"order": "Tallest"}}), usual(), "order"),
    ];
    let rows = rows.iter().enumerate();
    rows.map(|(index, (deployment, configuration, told))| {
        pool(&format!("pool{index:02}"), deployment, configuration, told)
    })
    .chain([pool(
        &format!("pool-{}", "a".repeat(42)),
        &none(),
        &usual(),
        "metadata.name has 47 characters: accepted are 46",
    )])
    .collect()
}
