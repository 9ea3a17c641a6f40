//! A real etcd for tests, at the version that `hack/components` pins.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Waits on its standard input and kills the process of that number when the input ends: with this process, at the latest.
const GUARD: &str = r#"read -r told; kill -9 "$0" 2>/dev/null"#;
/// Longest until it serves, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

/// One member on loopback. Killed when dropped, and when this process ends.
pub(crate) struct EtcdServer {
    folder: TempDir,
    ports: (u16, u16),
    flags: Vec<String>,
    scheme: &'static str,
    running: Option<(Child, Child)>,
}

impl EtcdServer {
    /// Starts one and waits until it listens.
    pub(crate) fn start() -> Self {
        Self::start_with("http", Vec::new())
    }

    /// As [`Self::start`], with further flags.
    pub(crate) fn start_with(scheme: &'static str, flags: Vec<String>) -> Self {
        let mut server = Self {
            folder: tempfile::tempdir().unwrap(),
            ports: (free_port(), free_port()),
            flags,
            scheme,
            running: None,
        };
        server.restart();
        server
    }

    /// One for all tests of this process that are content with a prefix of their own.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<EtcdServer> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}", self.scheme, self.ports.0)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some((mut server, mut guard)) = self.running.take() {
            server.kill().unwrap();
            server.wait().unwrap();
            drop(guard.stdin.take());
            guard.wait().unwrap();
        }
    }

    /// Starts it again with what it had, or with nothing after [`Self::forget`].
    pub(crate) fn restart(&mut self) {
        self.kill();
        let (client, peer) = (self.url(), format!("http://127.0.0.1:{}", self.ports.1));
        let log = std::fs::File::create(self.folder.path().join("log")).unwrap();
        let server = Command::new(program())
            .args(["--data-dir".as_ref(), self.folder.path().join("data").as_os_str()])
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("default={peer}"), "--log-level", "warn"])
            .arg("--unsafe-no-fsync")
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let guard = Command::new("sh")
            .args(["-c", GUARD, &server.id().to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        self.running = Some((server, guard));
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.ports.0)).is_err() {
            assert!(started.elapsed() < PATIENCE, "etcd does not listen:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Stops it in its tracks, connections and all, until [`Self::thaw`].
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let (server, _) = self.running.as_ref().unwrap();
        let told = Command::new("kill")
            .args(["-s", name, &server.id().to_string()])
            .status();
        assert!(told.unwrap().success());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for EtcdServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// The program, made by the first test that needs it.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let build = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hack/components/build");
        let output = Command::new(build).stderr(Stdio::inherit()).output().unwrap();
        assert!(
            output.status.success(),
            "hack/components/build failed; it says why above"
        );
        let folders = String::from_utf8(output.stdout).unwrap();
        let mut found = folders.lines().map(|folder| Path::new(folder).join("etcd"));
        found
            .find(|path| path.is_file())
            .expect("hack/components/build makes etcd")
    })
}
