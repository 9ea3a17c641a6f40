//! A supervisor with our server in it, in either of its modes, as processes of their own.

mod aggregated;
mod embedded;
mod folder;
mod people;
mod second;
mod sso;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

pub use self::aggregated::WHOLE_BODIES;
pub(crate) use self::folder::Folder;
use self::{aggregated::Aggregated, embedded::Embedded};
use crate::{Daemon, Host, Kubectl, host::write_private};

/// How our server is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// One process is the whole supervisor.
    #[default]
    Embedded,
    /// Behind a real kube-apiserver, which each supervisor has for itself.
    Aggregated,
}

/// How a supervisor is started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Embedded or aggregated.
    pub mode: Mode,
    /// Content of the sim driver's configuration.
    pub sim: Option<String>,
    /// `--layers`.
    pub layers: Option<String>,
    /// Where our objects are.
    pub objects: Objects,
    /// `--log`.
    pub log: Option<String>,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// Whether guests have an etcd that Cluster API does not look after: upstream's control planes would, where they manage it.
    pub external_etcd: bool,
    /// Whether neither it nor the host writes an audit log: for measurements.
    pub unaudited: bool,
    /// Variables of our server's environment.
    pub variables: Vec<(&'static str, PathBuf)>,
    /// Further flags of the kube-apiserver that our server runs behind.
    pub host_flags: Vec<String>,
    /// Whether nothing changes objects beside those who send requests, and our server.
    pub without_host_controllers: bool,
    /// Whom kube-apiserver trusts to serve, PEM, where our server is not the one who says it.
    pub ca_bundle: Option<String>,
}

/// Where an aggregated server keeps our objects.
#[derive(Clone, Debug, Default)]
pub enum Objects {
    /// In a file of its own.
    #[default]
    File,
    /// In the etcd of the host, under a prefix of their own.
    HostEtcd,
    /// In an etcd at these addresses.
    Etcd(String),
}

/// A running supervisor; killed when dropped, its folder removed unless the test failed.
#[derive(Debug)]
pub struct Supervisor {
    server: Option<Daemon>,
    deployment: Deployment,
    start: Start,
    root: PathBuf,
    // Last: nobody writes there any more when it is removed.
    folder: Option<Folder>,
}

/// Where our server runs in.
#[derive(Debug)]
enum Deployment {
    Embedded(Embedded),
    Aggregated(Box<Aggregated>),
}

/// VMs whose steps take no time.
pub(crate) const NO_DELAYS: &str = "delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}\n";
/// In the supervisor's folder.
const AUDIT_LOG: &str = "audit.log";
/// Beside it, of a second server.
const SECOND_AUDIT_LOG: &str = "second-audit.log";
/// May do everything.
const ADMINISTRATORS: &str = "system:masters";
/// In the supervisor's folder: the data of a second server.
const SECOND: &str = "second";
/// Longest for our server to come up or to stop, on a machine with much else to do.
const PATIENCE: u64 = 30;
/// The namespace that commands are about unless they name another one.
const NAMESPACE: &str = "team-a";

impl Supervisor {
    /// Starts one with VMs that take no time, and waits until it is ready.
    pub fn fast(mode: Mode) -> Self {
        Self::start(Start {
            mode,
            sim: Some(NO_DELAYS.to_owned()),
            ..Start::default()
        })
    }

    /// Starts one and waits until it is ready.
    pub fn start(start: Start) -> Self {
        let folder = Folder::new();
        let mut supervisor = Self::start_in(folder.path(), start);
        supervisor.folder = Some(folder);
        supervisor
    }

    /// Starts one whose files are in this folder, which stays there.
    pub fn start_in(root: &Path, start: Start) -> Self {
        let deployment = match start.mode {
            Mode::Embedded => Deployment::Embedded(Embedded::default()),
            Mode::Aggregated => Deployment::Aggregated(Box::new(Aggregated::prepare(root, &start))),
        };
        let mut supervisor = Self {
            server: None,
            deployment,
            start,
            root: root.to_owned(),
            folder: None,
        };
        supervisor.run();
        match &mut supervisor.deployment {
            Deployment::Embedded(embedded) => embedded.keep_address(&root.join("data")),
            Deployment::Aggregated(aggregated) => {
                if !supervisor.start.without_host_controllers {
                    // Not before: they look for kinds when they start, and then every 30 seconds.
                    aggregated.host_mut().restart_controllers();
                }
                supervisor.apply_catalogue();
            }
        }
        supervisor
    }

    /// Starts our server again after [`Self::kill`] or [`Self::stop`].
    pub fn restart(&mut self) {
        assert!(self.server.is_none(), "it still runs");
        self.run();
    }

    /// Kills our server as a power cut would.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Asks our server to stop and waits until it did; panics when it ends badly.
    pub fn stop(&mut self) {
        let Some(server) = self.server.take() else { return };
        let status = server.stop(PATIENCE);
        assert!(status.success(), "our server ended with {status}\n{}", self.log_tail());
    }

    /// kubectl as the administrator, in namespace team-a unless told otherwise.
    pub fn kubectl(&self) -> Kubectl {
        self.kubectl_with(&self.admin_kubeconfig())
    }

    /// kubectl as a user with a client certificate, in namespace team-a unless told otherwise.
    pub fn kubectl_as(&self, user: &str) -> Kubectl {
        self.kubectl_with(&self.user_kubeconfig(user))
    }

    /// The administrator's kubeconfig.
    pub fn admin_kubeconfig(&self) -> PathBuf {
        match &self.deployment {
            Deployment::Embedded(_) => self.data_dir().join("admin.kubeconfig"),
            Deployment::Aggregated(aggregated) => {
                aggregated
                    .host()
                    .kubeconfig("admin", Some(ADMINISTRATORS), Some(NAMESPACE))
            }
        }
    }

    /// A kubeconfig for a user, by a client certificate.
    pub fn user_kubeconfig(&self, user: &str) -> PathBuf {
        self.kubeconfig_in(NAMESPACE, user, None)
    }

    /// kubectl in this namespace, unless told otherwise: as the administrator, or as a user with a client certificate.
    pub fn kubectl_in(&self, namespace: &str, user: Option<&str>) -> Kubectl {
        let kubeconfig = match user {
            None => self.kubeconfig_in(namespace, "admin", Some(ADMINISTRATORS)),
            Some(user) => self.kubeconfig_in(namespace, user, None),
        };
        self.kubectl_with(&kubeconfig)
    }

    fn kubeconfig_in(&self, namespace: &str, user: &str, group: Option<&str>) -> PathBuf {
        match &self.deployment {
            Deployment::Embedded(_) => embedded::user_kubeconfig(&self.root, user, group, namespace),
            Deployment::Aggregated(aggregated) => aggregated.host().kubeconfig(user, group, Some(namespace)),
        }
    }

    /// A kubeconfig for our server's own port, past the host's kube-apiserver, with somebody's credential or none.
    #[track_caller]
    pub fn direct_kubeconfig(&self, credential: Option<&Kubectl>) -> PathBuf {
        self.kept_private(&aggregated::direct_kubeconfig(self.host(), &self.server(), credential))
    }

    /// A file of its own with this kubeconfig.
    fn kept_private(&self, kubeconfig: &str) -> PathBuf {
        let file = tempfile::Builder::new()
            .suffix(".kubeconfig")
            .tempfile_in(&self.root)
            .and_then(|file| file.keep().map_err(Into::into));
        let (_, file) = file.expect("the folder is ours");
        write_private(&file, kubeconfig);
        file
    }

    /// Sets delays and faults of the simulated VMs.
    #[track_caller]
    pub fn configure_sim(&self, yaml: &str) {
        let patch = json!({"data": {"config.yaml": yaml}}).to_string();
        let map = [
            "-n",
            "guestclusters-system",
            "patch",
            "configmap",
            "sim-driver",
            "--type=merge",
            "-p",
            &patch,
        ];
        self.kubectl().args(&map, None).success();
    }

    /// kubectl in a guest, by Cluster API's admin kubeconfig.
    pub fn guest_kubectl(&self, namespace: &str, name: &str) -> Kubectl {
        let kubeconfig = self
            .kubectl()
            .run(&format!("guest kubeconfig {name} -n {namespace}"))
            .success();
        let file = self.root.join(format!("{namespace}-{name}.kubeconfig"));
        fs::write(&file, kubeconfig).expect("the folder is ours");
        self.kubectl_with(&file)
    }

    /// kubectl for a server with a bearer token alone; the server's CA is in base64.
    pub fn kubectl_with_token(&self, server: &str, authority: &str, token: &str) -> Kubectl {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "clusters": [{"name": "it", "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": "it", "user": {"token": token}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        });
        self.kubectl_with(&self.kept_private(&config.to_string()))
    }

    /// The real supervisor that our server runs behind.
    #[track_caller]
    pub fn host(&self) -> &Host {
        match &self.deployment {
            Deployment::Aggregated(aggregated) => aggregated.host(),
            Deployment::Embedded(_) => panic!("the embedded mode is the supervisor itself"),
        }
    }

    /// The same, to stop and start parts of it.
    #[track_caller]
    pub fn host_mut(&mut self) -> &mut Host {
        match &mut self.deployment {
            Deployment::Aggregated(aggregated) => aggregated.host_mut(),
            Deployment::Embedded(_) => panic!("the embedded mode is the supervisor itself"),
        }
    }

    /// Puts in what an embedded supervisor has from the beginning, where it is missing or another: namespaces, classes, releases,
    /// the simulated VMs' configuration.
    #[track_caller]
    pub fn apply_catalogue(&self) {
        let Deployment::Aggregated(aggregated) = &self.deployment else {
            panic!("the embedded mode brings it");
        };
        let driver = |argument: &&String| {
            ["--driver=", "--process-programs="]
                .iter()
                .any(|flag| argument.starts_with(flag))
        };
        let driver = self.start.arguments.iter().filter(driver).map(String::as_str);
        let etcd = self.start.external_etcd.then_some("--etcd=external");
        aggregated.apply(&["catalogue"].into_iter().chain(driver).chain(etcd).collect::<Vec<_>>());
        if let Some(sim) = &self.start.sim {
            self.configure_sim(sim);
        }
    }

    /// Makes a further namespace, with the catalogue's VM classes.
    #[track_caller]
    pub fn add_namespace(&self, namespace: &str) {
        let catalogue = crate::team::catalogue_of(namespace);
        let applied = self.kubectl().run_with("apply --server-side -f -", Some(&catalogue));
        applied.success();
    }

    /// `https://host:port` where our own server listens.
    pub fn server(&self) -> String {
        fs::read_to_string(self.data_dir().join("server")).expect("written before it is ready")
    }

    /// The events of our server's audit log so far, and of a second server's.
    pub fn audit_events(&self) -> Vec<Value> {
        self.audit_events_with("").concat()
    }

    /// Those whose lines have this text, apart: of the first server, and of a second one. The logs of a supervisor that many tests
    /// share are long.
    pub fn audit_events_with(&self, text: &str) -> [Vec<Value>; 2] {
        [AUDIT_LOG, SECOND_AUDIT_LOG].map(|log| events(&self.root.join(log), text))
    }

    /// The events of kube-apiserver's audit log so far, which has all requests for our kinds.
    #[track_caller]
    pub fn host_audit_events(&self) -> Vec<Value> {
        self.host_audit_events_with("")
    }

    /// Those whose lines have this text.
    #[track_caller]
    pub fn host_audit_events_with(&self, text: &str) -> Vec<Value> {
        events(&aggregated::host_audit_log(self.host().folder()), text)
    }

    /// Folder of our server's data.
    pub fn data_dir(&self) -> PathBuf {
        self.root.join("data")
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Our server's process, to send it signals and see how it ends.
    pub fn process(&mut self) -> &mut Daemon {
        self.server.as_mut().expect("it runs")
    }

    /// Process id of our server.
    pub fn pid(&self) -> u32 {
        self.server.as_ref().expect("it runs").pid()
    }

    /// Our server's log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.root.join(format!("{SERVER}.log"))).expect("written from the start on")
    }

    /// The end of our server's log.
    pub fn log_tail(&self) -> String {
        crate::daemon::log_tail(&self.root.join(format!("{SERVER}.log")))
    }

    /// Shows whoever looks for the reason of a failure how the logs end.
    pub(crate) fn show_logs(&self) {
        eprintln!("our server's log ends:\n{}", self.log_tail());
        if let Deployment::Aggregated(aggregated) = &self.deployment {
            eprintln!("kube-apiserver's log ends:\n{}", aggregated.host().log_tail());
        }
    }

    pub(crate) fn kubectl_with(&self, kubeconfig: &Path) -> Kubectl {
        Kubectl::new(kubeconfig, &self.root, &binaries())
    }

    /// Starts our server and waits until it is ready.
    fn run(&mut self) {
        let mut command = Command::new(binaries().join(SERVER));
        let data_dir = self.data_dir();
        match &self.deployment {
            Deployment::Embedded(embedded) => embedded.arguments(&mut command, &self.root, &self.start),
            Deployment::Aggregated(aggregated) => aggregated.arguments(&mut command, &self.root, !self.start.unaudited),
        }
        command.arg("--data-dir").arg(data_dir);
        if let Some(filter) = &self.start.log {
            command.arg("--log").arg(filter);
        }
        command.args(&self.start.arguments);
        command.envs(self.start.variables.iter().cloned());
        let mut server = Daemon::start(SERVER, command, &self.root);
        match &self.deployment {
            Deployment::Embedded(_) => {
                let kubeconfig = self.data_dir().join("admin.kubeconfig");
                let kubectl = self.kubectl_with(&kubeconfig);
                server.await_that(PATIENCE, "is ready", || {
                    kubeconfig.exists() && kubectl.run("get --raw /readyz").code == 0
                });
            }
            Deployment::Aggregated(aggregated) => aggregated.await_available(&mut server),
        }
        self.server = Some(server);
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            self.show_logs();
        }
    }
}

/// Our server's program.
const SERVER: &str = "guestcluster-apiserver";

/// Where `hack/test` built the binaries.
pub fn binaries() -> PathBuf {
    match std::env::var_os("GUESTCLUSTERS_BIN") {
        Some(folder) => PathBuf::from(folder),
        // Beside the folder of the test binary itself.
        None => std::env::current_exe()
            .ok()
            .and_then(|file| Some(file.parent()?.parent()?.to_owned()))
            .expect("a test binary lies in a folder"),
    }
}

/// Lets our server write an audit log of this name with as much as it ever keeps.
fn audited(command: &mut Command, root: &Path, log: &str) {
    const ALL: &str = "{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: RequestResponse}]}";
    let policy = root.join("audit-policy.yaml");
    fs::write(&policy, ALL).expect("the folder is ours");
    command.arg("--audit-policy-file").arg(policy);
    command.arg("--audit-log-path").arg(root.join(log));
}

/// The events of an audit log, none where there is no such file.
fn events(log: &Path, with: &str) -> Vec<Value> {
    // kube-apiserver writes bytes of requests as they came, also those that are no UTF-8.
    let text = fs::read(log).unwrap_or_default();
    // The last line may not be whole yet.
    String::from_utf8_lossy(&text)
        .lines()
        .filter(|line| line.contains(with))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// What our server prints when it is asked to.
pub(crate) fn printed(arguments: &[&str]) -> String {
    let output = Command::new(binaries().join(SERVER)).args(arguments).output();
    let output = output.expect("hack/test builds the binaries and names their folder");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{SERVER} {}: {stderr}", arguments.join(" "));
    String::from_utf8(output.stdout).expect("text")
}
