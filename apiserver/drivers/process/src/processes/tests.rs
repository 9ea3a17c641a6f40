//! VMs whose programs are small scripts: what is told of them, and what is left of them.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, time::Duration};

use async_trait::async_trait;
use guestcluster_credentials::x509::{CertificateAuthority, CertifiedKey, generate_key_pair};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use vm_driver::{Driver as _, LoadBalancerSpec, ObjectKey, ObjectUid, Removal, UserData, VmSpec, VmState};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// A driver whose etcd is this script.
fn driver(folder: &Path, etcd: &str) -> Arc<Processes> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).unwrap();
    let version = "[ \"$1\" = --version ]";
    for (name, script) in [
        (
            "etcd",
            format!("#!/bin/sh\n{version} && exec echo 'etcd Version: 3.7.3'\n{etcd}\n"),
        ),
        ("kube-apiserver", "#!/bin/sh\necho Kubernetes v1.37.2\n".to_owned()),
        (
            "kube-controller-manager",
            "#!/bin/sh\necho Kubernetes v1.37.2\n".to_owned(),
        ),
    ] {
        let file = programs.join(name);
        fs::write(&file, script).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    // As the server's own command, but for what binds it to the parent.
    let launcher = Launcher {
        executable: "/bin/sh".into(),
        bound: ["-c", "shift 3; exec \"$@\"", "bound"].map(str::to_owned).into(),
        agent: None,
    };
    let programs = Programs::find(&[programs]).unwrap();
    Processes::start(&folder.join("data"), programs, launcher, Arc::new(NoAuthorities)).unwrap()
}

struct NoAuthorities;

#[async_trait]
impl EtcdAuthorities for NoAuthorities {
    async fn authority(&self, vm: &ObjectKey, _labels: &BTreeMap<String, String>) -> Result<CertifiedKey, String> {
        Err(format!("nobody signs for {}", vm.name))
    }
}

fn control_plane(image: &str) -> VmSpec {
    control_plane_with(image, &json!({"local": {}}))
}

fn control_plane_with(image: &str, etcd: &Value) -> VmSpec {
    let pair = |name: &str| CertificateAuthority::generate(name).unwrap().1;
    let (sa_key, sa_pub) = generate_key_pair().unwrap();
    let mut files = Vec::new();
    let mut put = |name: &str, content: String| {
        files.push(json!({"path": format!("/etc/kubernetes/pki/{name}"), "content": content}));
    };
    for name in ["ca", "etcd/ca", "front-proxy-ca"] {
        let pair = pair(name);
        put(&format!("{name}.crt"), pair.certificate);
        put(&format!("{name}.key"), pair.key);
    }
    put("sa.key", sa_key);
    put("sa.pub", sa_pub);
    let configuration =
        json!({"kind": "ClusterConfiguration", "controlPlaneEndpoint": "127.64.0.9:6443", "etcd": etcd});
    files.push(json!({"path": "/run/kubeadm/kubeadm.yaml", "content": configuration.to_string()}));
    VmSpec {
        uid: ObjectUid("4c5f0e3c-0000".to_owned()),
        namespace: "team-a".to_owned(),
        name: "dev-cp-1".to_owned(),
        labels: BTreeMap::new(),
        class: "small".to_owned(),
        cpus: 2,
        memory_bytes: 1 << 32,
        image: image.to_owned(),
        storage_class: "gold".to_owned(),
        zone: None,
        powered_on: true,
        user_data: Some(UserData(json!({"write_files": files}).to_string().into_bytes())),
    }
}

async fn until(driver: &Processes, spec: &VmSpec, holds: impl Fn(&VmState) -> bool) -> VmState {
    let look = async {
        loop {
            let state = driver.ensure_vm(spec).await.unwrap();
            if holds(&state) {
                return state;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, look).await.expect("the VM comes as far")
}

#[tokio::test]
async fn a_program_that_ends_is_named_with_its_last_words() {
    let folder = tempfile::tempdir().unwrap();
    let driver = driver(folder.path(), "echo first; echo 'no space left on device' >&2; exit 3");
    let spec = control_plane("photon-5-kubernetes-v1.37.2");
    let state = until(&driver, &spec, |state| state.blocked.is_some()).await;
    let blocked = state.blocked.unwrap();
    assert_eq!(blocked.reason, "ProgramNotRunning");
    assert_eq!(blocked.message, "etcd ended (exit status: 3): no space left on device");
    assert_eq!(state.address, None);
    driver.stop().await;
}

#[tokio::test]
async fn a_version_without_programs_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let driver = driver(folder.path(), "exit 0");
    let state = until(&driver, &control_plane("ubuntu-v1.30.0"), |state| {
        state.blocked.is_some()
    })
    .await;
    let message = state.blocked.unwrap().message;
    assert!(message.contains("kube-apiserver v1.30.0"), "{message}");
    driver.stop().await;
}

#[tokio::test]
async fn a_member_whose_authority_nobody_has_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let driver = driver(folder.path(), "exit 0");
    let etcd = json!({"external": {"endpoints": ["https://127.0.0.1:2379"], "caFile": "/etc/kubernetes/pki/ca.crt"}});
    let spec = control_plane_with("photon-5-kubernetes-v1.37.2", &etcd);
    let state = until(&driver, &spec, |state| state.blocked.is_some()).await;
    let blocked = state.blocked.unwrap();
    assert_eq!(
        (blocked.reason.as_str(), blocked.message.as_str()),
        ("Waiting", "nobody signs for dev-cp-1")
    );
    driver.stop().await;
}

#[tokio::test]
async fn nothing_is_left_of_a_vm_that_is_removed_and_all_of_one_whose_driver_stops() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let script = script_that_stays(folder.path());
    let spec = control_plane("photon-5-kubernetes-v1.37.2");
    let first = driver(folder.path(), &script);
    let known = first.ensure_vm(&spec).await.unwrap();
    let pid = started(folder.path()).await;
    first.stop().await;
    assert!(!is_alive(&pid), "{pid}");
    drop(first);

    let again = driver(folder.path(), &script);
    assert_eq!(again.vms().await.unwrap(), std::slice::from_ref(&spec.uid));
    let known_again = again.ensure_vm(&spec).await.unwrap();
    assert_eq!(known_again.bios_uuid, known.bios_uuid);
    let pid = started(folder.path()).await;
    assert!(is_alive(&pid));
    let removed = async {
        while again.remove_vm(&spec.uid).await.unwrap() == Removal::InProgress {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, removed).await.expect("it goes");
    assert!(!is_alive(&pid), "{pid}");
    assert_eq!(fs::read_dir(data.join("vms")).unwrap().count(), 0);
    again.stop().await;
}

#[tokio::test]
async fn a_vm_runs_while_it_is_powered_on() {
    let folder = tempfile::tempdir().unwrap();
    let script = script_that_stays(folder.path());
    let driver = driver(folder.path(), &script);
    let mut spec = control_plane("photon-5-kubernetes-v1.37.2");
    driver.ensure_vm(&spec).await.unwrap();
    let pid = started(folder.path()).await;
    spec.powered_on = false;
    let state = driver.ensure_vm(&spec).await.unwrap();
    assert!(state.created && !state.powered_on);
    let ended = async {
        while is_alive(&pid) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, ended).await.expect("the program ends");
    spec.powered_on = true;
    driver.ensure_vm(&spec).await.unwrap();
    assert_ne!(started(folder.path()).await, pid);
    driver.stop().await;
}

#[tokio::test]
async fn a_load_balancer_keeps_its_address_even_while_another_process_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let spec = LoadBalancerSpec {
        uid: ObjectUid("5d6f".to_owned()),
        namespace: "team-a".to_owned(),
        name: "dev".to_owned(),
        selector: BTreeMap::new(),
        port: 6443,
        target_port: 6443,
    };
    let first = driver(folder.path(), "exit 0");
    let address = first.ensure_load_balancer(&spec).await.unwrap().address.unwrap();
    first.stop().await;
    drop(first);
    let taken = TcpListener::bind((address, 6443)).await.unwrap();
    let again = driver(folder.path(), "exit 0");
    let state = again.ensure_load_balancer(&spec).await.unwrap();
    assert_eq!(
        (state.address, state.blocked.unwrap().reason.as_str()),
        (None, "NoAddress")
    );
    drop(taken);
    assert_eq!(again.ensure_load_balancer(&spec).await.unwrap().address, Some(address));
    assert_eq!(again.remove_load_balancer(&spec.uid).await.unwrap(), Removal::Gone);
    assert_ne!(again.ensure_load_balancer(&spec).await.unwrap().address, Some(address));
    again.stop().await;
}

/// Tells its process id and stays.
fn script_that_stays(folder: &Path) -> String {
    let file = folder.join("pid");
    format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000", file.display())
}

/// The process that the script became, which is told once.
async fn started(folder: &Path) -> String {
    let file = folder.join("pid");
    let look = async {
        loop {
            if let Ok(pid) = fs::read_to_string(&file) {
                return pid.trim().to_owned();
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    let pid = timeout(PATIENCE, look).await.expect("the program starts");
    fs::remove_file(file).unwrap();
    pid
}

fn is_alive(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}
