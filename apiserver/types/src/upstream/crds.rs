//! The definitions of the upstream kinds, structure only, as a supervisor without those CRDs serves them.

/// File name and content of each CustomResourceDefinition. Generated: see `hack/schemas`.
pub const CRDS: &[(&str, &str)] = &[
    ("clusters.cluster.x-k8s.io", include_str!("../../schemas/clusters.cluster.x-k8s.io.json")),
    ("clustervirtualmachineimages.vmoperator.vmware.com", include_str!("../../schemas/clustervirtualmachineimages.vmoperator.vmware.com.json")),
    ("kubeadmconfigs.bootstrap.cluster.x-k8s.io", include_str!("../../schemas/kubeadmconfigs.bootstrap.cluster.x-k8s.io.json")),
    ("kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io", include_str!("../../schemas/kubeadmconfigtemplates.bootstrap.cluster.x-k8s.io.json")),
    ("kubeadmcontrolplanes.controlplane.cluster.x-k8s.io", include_str!("../../schemas/kubeadmcontrolplanes.controlplane.cluster.x-k8s.io.json")),
    ("machinedeployments.cluster.x-k8s.io", include_str!("../../schemas/machinedeployments.cluster.x-k8s.io.json")),
    ("machinehealthchecks.cluster.x-k8s.io", include_str!("../../schemas/machinehealthchecks.cluster.x-k8s.io.json")),
    ("machines.cluster.x-k8s.io", include_str!("../../schemas/machines.cluster.x-k8s.io.json")),
    ("machinesets.cluster.x-k8s.io", include_str!("../../schemas/machinesets.cluster.x-k8s.io.json")),
    ("virtualmachineclasses.vmoperator.vmware.com", include_str!("../../schemas/virtualmachineclasses.vmoperator.vmware.com.json")),
    ("virtualmachineimages.vmoperator.vmware.com", include_str!("../../schemas/virtualmachineimages.vmoperator.vmware.com.json")),
    ("virtualmachines.vmoperator.vmware.com", include_str!("../../schemas/virtualmachines.vmoperator.vmware.com.json")),
    ("virtualmachineservices.vmoperator.vmware.com", include_str!("../../schemas/virtualmachineservices.vmoperator.vmware.com.json")),
    ("virtualmachinesetresourcepolicies.vmoperator.vmware.com", include_str!("../../schemas/virtualmachinesetresourcepolicies.vmoperator.vmware.com.json")),
    ("vsphereclusters.vmware.infrastructure.cluster.x-k8s.io", include_str!("../../schemas/vsphereclusters.vmware.infrastructure.cluster.x-k8s.io.json")),
    ("vspheremachines.vmware.infrastructure.cluster.x-k8s.io", include_str!("../../schemas/vspheremachines.vmware.infrastructure.cluster.x-k8s.io.json")),
    ("vspheremachinetemplates.vmware.infrastructure.cluster.x-k8s.io", include_str!("../../schemas/vspheremachinetemplates.vmware.infrastructure.cluster.x-k8s.io.json")),
];
