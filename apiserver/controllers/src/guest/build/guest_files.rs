//! What control-plane nodes have on their disk so that the guest accepts credentials: the public half of the trust key, and the
//! first configurations of kube-apiserver. All of it is public, so it may stand in the object itself; nothing of it names
//! this program's version, which would roll guests.

use guestcluster_credentials::{admission_configuration, authentication_configuration, trust_object};
use guestcluster_types::upstream::kubeadm::{ApiServer, Arg, ControlPlaneComponent, File, HostPathMount};

use crate::guest::plan::{MachinePlan, WITH_CONFIGURATIONS, WITH_TRUST_KEY};

/// Name of the volume in kube-apiserver's pod.
const VOLUME: &str = "guestclusters";

/// The files, which `kubeadm init` and `kubeadm join` find there.
pub(super) fn files(machines: &MachinePlan, trust_key: Option<&str>) -> Vec<File> {
    let mut files = Vec::new();
    if let Some(key) = trust_key
        && machines.revision >= WITH_TRUST_KEY
    {
        files.push(file(trust_object::PUBLIC_KEY_FILE, key.to_owned()));
    }
    if machines.revision >= WITH_CONFIGURATIONS {
        // Nobody has a token before the agent has seen what the guest trusts.
        let minor = u32::try_from(machines.version.minor()).unwrap_or(u32::MAX);
        let first = authentication_configuration::first(minor);
        files.push(file(trust_object::AUTHENTICATION_FILE, first));
        files.push(file(trust_object::ADMISSION_FILE, admission_configuration::render()));
    }
    files
}

/// The flags that name the files, and the folder in kube-apiserver's pod: the folder and no single file, as a file that is
/// replaced by another would not be seen.
pub(super) fn api_server(machines: &MachinePlan) -> Option<ApiServer> {
    let flag = |name: &str, value: &str| Arg {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    (machines.revision >= WITH_CONFIGURATIONS).then(|| ApiServer {
        component: ControlPlaneComponent {
            extra_args: vec![
                flag("admission-control-config-file", trust_object::ADMISSION_FILE),
                flag("authentication-config", trust_object::AUTHENTICATION_FILE),
            ],
            extra_volumes: vec![HostPathMount {
                name: VOLUME.to_owned(),
                host_path: trust_object::FOLDER.to_owned(),
                mount_path: trust_object::FOLDER.to_owned(),
                read_only: Some(true),
                path_type: Some("Directory".to_owned()),
            }],
            ..ControlPlaneComponent::default()
        },
        ..ApiServer::default()
    })
}

fn file(path: &str, content: String) -> File {
    File {
        path: path.to_owned(),
        owner: Some("root:root".to_owned()),
        permissions: Some("0644".to_owned()),
        content: Some(content),
        ..File::default()
    }
}
