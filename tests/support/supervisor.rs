//! An embedded supervisor as a process of its own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{Kubectl, eventually};

/// How a supervisor is started.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Content of the sim driver's configuration.
    pub sim: Option<String>,
    /// `--layers`.
    pub layers: Option<String>,
    /// `--log`.
    pub log: Option<String>,
}

/// A running supervisor; killed when dropped, its folder removed unless the test failed.
#[derive(Debug)]
pub struct Supervisor {
    folder: Option<TempDir>,
    root: PathBuf,
    address: String,
    start: Start,
    process: Option<Child>,
}

impl Supervisor {
    /// Starts one with VMs that take no time, and waits until it is ready.
    pub fn fast() -> Self {
        Self::start(Start {
            sim: Some(NO_DELAYS.to_owned()),
            ..Start::default()
        })
    }

    /// Starts one and waits until it is ready.
    pub fn start(start: Start) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("guestclusters-test.")
            .tempdir()
            .expect("a temporary folder");
        let root = folder.path().to_owned();
        let mut supervisor = Self {
            folder: Some(folder),
            root,
            address: "127.0.0.1:0".to_owned(),
            start,
            process: None,
        };
        supervisor.run();
        let server = fs::read_to_string(supervisor.data_dir().join("server")).expect("written before it is ready");
        // A restart serves where the first start did, so that kubeconfigs stay valid.
        server
            .trim_start_matches("https://")
            .clone_into(&mut supervisor.address);
        supervisor
    }

    /// Starts the process again after [`Self::kill`] or [`Self::stop`].
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it still runs");
        self.run();
    }

    /// Kills the process as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("the process is ours");
            process.wait().expect("the process is ours");
        }
    }

    /// Asks the process to stop and waits until it did; panics when it ends badly.
    pub fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let told = Command::new("kill")
            .arg(process.id().to_string())
            .status()
            .expect("kill is there");
        assert!(told.success());
        let status = eventually(30, "the supervisor stops", || match process.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        });
        assert!(
            status.success(),
            "the supervisor ended with {status}\n{}",
            self.log_tail()
        );
    }

    /// kubectl as the administrator, in namespace team-a unless told otherwise.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::new(&self.data_dir().join("admin.kubeconfig"), &self.root, &binaries())
    }

    /// kubectl as a user with a client certificate, in namespace team-a unless told otherwise.
    pub fn kubectl_as(&self, user: &str) -> Kubectl {
        let data_dir = self.data_dir();
        let arguments = [
            "kubeconfig",
            "--data-dir",
            path(&data_dir),
            "--user",
            user,
            "--namespace",
            "team-a",
        ];
        let output = Command::new(binaries().join("guestcluster-apiserver"))
            .args(arguments)
            .output()
            .expect("runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = self.root.join(format!("{user}.kubeconfig"));
        fs::write(&file, output.stdout).expect("the folder is ours");
        Kubectl::new(&file, &self.root, &binaries())
    }

    /// Sets delays and faults of the simulated VMs.
    #[track_caller]
    pub fn configure_sim(&self, yaml: &str) {
        let patch = serde_json::json!({"data": {"config.yaml": yaml}}).to_string();
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
        Kubectl::new(&file, &self.root, &binaries())
    }

    /// Folder of the supervisor's data.
    pub fn data_dir(&self) -> PathBuf {
        self.root.join("data")
    }

    /// A folder for the test's own files.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().expect("it runs").id()
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.root.join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn run(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.root.join("log"))
            .expect("the folder is ours");
        let mut command = Command::new(binaries().join("guestcluster-apiserver"));
        command
            .arg("embedded")
            .arg("--data-dir")
            .arg(self.data_dir())
            .arg("--listen")
            .arg(&self.address);
        if let Some(sim) = &self.start.sim {
            let file = self.root.join("sim.yaml");
            fs::write(&file, sim).expect("the folder is ours");
            command.arg("--sim-config").arg(file);
        }
        if let Some(layers) = &self.start.layers {
            command.arg("--layers").arg(layers);
        }
        if let Some(filter) = &self.start.log {
            command.arg("--log").arg(filter);
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.process = Some(process.expect("hack/test builds the binaries and names their folder"));
        self.await_ready();
    }

    fn await_ready(&mut self) {
        let kubeconfig = self.data_dir().join("admin.kubeconfig");
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(30) {
            let ended = self
                .process
                .as_mut()
                .and_then(|process| process.try_wait().ok().flatten());
            assert!(ended.is_none(), "the supervisor ended: {ended:?}\n{}", self.log_tail());
            if kubeconfig.exists() && self.kubectl().run("get --raw /readyz").code == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the supervisor is not ready after 30 s\n{}", self.log_tail());
    }
}

/// VMs whose steps take no time.
const NO_DELAYS: &str = "delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}\n";

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the supervisor's log ends:\n{}", self.log_tail());
            if let Some(folder) = self.folder.take() {
                eprintln!("its folder is kept: {}", folder.keep().display());
            }
        }
    }
}

/// Where `hack/test` built the binaries.
fn binaries() -> PathBuf {
    match std::env::var_os("GUESTCLUSTERS_BIN") {
        Some(folder) => PathBuf::from(folder),
        // Beside the folder of the test binary itself.
        None => std::env::current_exe()
            .ok()
            .and_then(|file| Some(file.parent()?.parent()?.to_owned()))
            .expect("a test binary lies in a folder"),
    }
}

fn path(path: &Path) -> &str {
    path.to_str().expect("temporary folders have readable names")
}
