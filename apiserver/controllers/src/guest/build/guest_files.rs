//! What control-plane nodes have on their disk so that the guest accepts credentials: the public half of the trust key, and the
//! first configurations of kube-apiserver. All of it is public, so it may stand in the object itself; nothing of it names
//! this program's version, which would roll guests.

use guestcluster_credentials::{admission_configuration, audit_policy, authentication_configuration, trust_object};
use guestcluster_types::upstream::kubeadm::{ApiServer, Arg, ControlPlaneComponent, File, HostPathMount};

use crate::guest::plan::{MachinePlan, WITH_AUDIT_LOG, WITH_CONFIGURATIONS, WITH_TRUST_KEY};

/// Names of the volumes in kube-apiserver's pod.
const VOLUME: &str = "guestclusters";
const AUDIT_VOLUME: &str = "audit-log";

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
    if machines.revision >= WITH_AUDIT_LOG {
        files.push(file(trust_object::AUDIT_POLICY_FILE, audit_policy::render().to_owned()));
    }
    files
}

/// The flags that name the files, and the folders in kube-apiserver's pod.
pub(super) fn api_server(machines: &MachinePlan) -> Option<ApiServer> {
    let (mut extra_args, mut extra_volumes) = (Vec::new(), Vec::new());
    if machines.revision >= WITH_CONFIGURATIONS {
        extra_args.extend([
            flag("admission-control-config-file", trust_object::ADMISSION_FILE),
            flag("authentication-config", trust_object::AUTHENTICATION_FILE),
        ]);
        // The folder and no single file, as a file that is replaced by another would not be seen.
        extra_volumes.push(mount(VOLUME, trust_object::FOLDER, Some(true), "Directory"));
    }
    if machines.revision >= WITH_AUDIT_LOG {
        extra_args.extend([
            flag("audit-log-path", trust_object::AUDIT_LOG),
            // Days, files and megabytes: a node keeps a gigabyte of it at most.
            flag("audit-log-maxage", "30"),
            flag("audit-log-maxbackup", "9"),
            flag("audit-log-maxsize", "100"),
            flag("audit-policy-file", trust_object::AUDIT_POLICY_FILE),
        ]);
        extra_volumes.push(mount(
            AUDIT_VOLUME,
            trust_object::AUDIT_FOLDER,
            None,
            "DirectoryOrCreate",
        ));
    }
    (!extra_args.is_empty()).then(|| ApiServer {
        component: ControlPlaneComponent {
            extra_args,
            extra_volumes,
            ..ControlPlaneComponent::default()
        },
        ..ApiServer::default()
    })
}

fn flag(name: &str, value: &str) -> Arg {
    Arg {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

/// A folder of the node, under the same path in the pod.
fn mount(name: &str, folder: &str, read_only: Option<bool>, path_type: &str) -> HostPathMount {
    HostPathMount {
        name: name.to_owned(),
        host_path: folder.to_owned(),
        mount_path: folder.to_owned(),
        read_only,
        path_type: Some(path_type.to_owned()),
    }
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
