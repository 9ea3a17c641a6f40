//! kubectl as a person runs it, in an environment of its own.

use std::{
    ffi::OsString,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use guestcluster_credentials::x509::CertifiedKey;
use serde_json::{Value, json};

use crate::{eventually, host::program, leaks};

/// Longest a single command may take.
const DEADLINE: Duration = Duration::from_mins(2);

/// kubectl with one kubeconfig, and the plugin on its path.
#[derive(Clone, Debug)]
pub struct Kubectl {
    program: PathBuf,
    kubeconfig: PathBuf,
    home: PathBuf,
    binaries: PathBuf,
    environment: Vec<(String, OsString)>,
    flags: Vec<String>,
    /// The command that runs it as another user.
    through: Vec<String>,
}

/// A command that runs. Killed when dropped.
#[derive(Debug)]
#[must_use = "wait until it ends"]
pub struct Running {
    line: String,
    child: Child,
}

/// How a command ended.
#[derive(Clone, Debug)]
#[must_use = "assert how the command ended"]
pub struct Output {
    /// The command line, for messages.
    pub command: String,
    /// Exit code; -1 when it was killed.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Kubectl {
    /// kubectl with this kubeconfig; `home` keeps its caches.
    pub fn new(kubeconfig: &Path, home: &Path, binaries: &Path) -> Self {
        Self {
            program: "kubectl".into(),
            kubeconfig: kubeconfig.to_owned(),
            home: home.to_owned(),
            binaries: binaries.to_owned(),
            environment: Vec::new(),
            flags: Vec::new(),
            through: Vec::new(),
        }
    }

    /// The same with a further variable of the environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The file that it reads, and that logins write.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The home folder that it runs in.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The same in a context of the kubeconfig.
    #[must_use]
    pub fn in_context(&self, context: &str) -> Self {
        self.with_flag(&format!("--context={context}"))
    }

    /// The same with a bearer token in place of what the kubeconfig says.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        self.with_flag(&format!("--token={token}"))
    }

    /// The same with other kubeconfig files.
    #[must_use]
    pub fn with_kubeconfig(&self, files: impl Into<PathBuf>) -> Self {
        Self {
            kubeconfig: files.into(),
            ..self.clone()
        }
    }

    /// The same person with a browser that signs nobody in and leaves a mark, and the mark.
    #[must_use]
    pub fn with_marking_browser(&self) -> (Self, PathBuf) {
        use std::os::unix::fs::PermissionsExt as _;
        let (browser, mark) = (self.home.join("browser"), self.home.join("mark"));
        let script = format!("#!/bin/sh\ntouch '{}'\n", mark.display());
        let written = std::fs::write(&browser, script);
        written
            .and_then(|()| std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)))
            .expect("the folder is ours");
        (self.clone().with_variable("BROWSER", browser), mark)
    }

    /// kubectl without the plugin on its path.
    #[must_use]
    pub fn without_plugin(&self) -> Self {
        Self {
            binaries: self.home.clone(),
            ..self.clone()
        }
    }

    /// The plugin itself, without kubectl.
    #[must_use]
    pub fn plugin(&self) -> Self {
        Self {
            program: self.binaries.join("kubectl-guest"),
            ..self.clone()
        }
    }

    /// The same on a computer whose clock is off, such as `-1d`. kubectl itself does not notice, the plugin does.
    #[must_use]
    pub fn with_clock(&self, offset: &str) -> Self {
        let library = faketime().expect("libfaketime is there: hack/test installs it");
        self.clone()
            .with_variable("LD_PRELOAD", library)
            .with_variable("FAKETIME", offset)
            .with_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1")
    }

    /// The same as a user whom file permissions hold back, to whom the home folder is given. A test that is not run by root is such
    /// a user already.
    #[must_use]
    pub fn unprivileged(&self) -> Self {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        const NOBODY: &str = "65534";
        let own = std::fs::metadata("/proc/self").expect("this process is there");
        if own.uid() != 0 {
            return self.clone();
        }
        // Programs may lie below the home folder of root, where nobody else comes in.
        let binaries = self.home.join("bin");
        std::fs::create_dir_all(&binaries).expect("the folder is ours");
        for program in [on_path("kubectl"), self.binaries.join("kubectl-guest")] {
            let copy = binaries.join(program.file_name().expect("a program has a name"));
            std::fs::copy(&program, &copy).expect("the folder is ours");
        }
        let above = self.home.ancestors().skip(1);
        for folder in above.take_while(|folder| *folder != std::env::temp_dir()) {
            let passable = std::fs::Permissions::from_mode(0o711);
            std::fs::set_permissions(folder, passable).expect("the folder is ours");
        }
        let given = Command::new("chown")
            .args(["-R", &format!("{NOBODY}:{NOBODY}")])
            .arg(&self.home)
            .status();
        assert!(given.expect("chown is there").success());
        let ids = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"];
        Self {
            program: binaries.join("kubectl"),
            binaries,
            through: ["setpriv"].into_iter().chain(ids).map(str::to_owned).collect(),
            ..self.clone()
        }
    }

    fn with_flag(&self, flag: &str) -> Self {
        let mut other = self.clone();
        other.flags.push(flag.to_owned());
        other
    }

    /// The kubectl of the newest Kubernetes that we know, which `hack/components` builds, in place of the system's.
    #[must_use]
    pub fn newest(&self) -> Self {
        Self {
            program: program("kubectl"),
            ..self.clone()
        }
    }

    /// The same server with the credential that another one uses.
    #[track_caller]
    #[must_use]
    pub fn with_credential_of(&self, other: &Self) -> Self {
        self.with_user(other.json("config view --raw --minify")["users"][0]["user"].take())
    }

    /// The same server with this client certificate.
    #[track_caller]
    #[must_use]
    pub fn with_identity(&self, identity: &CertifiedKey) -> Self {
        self.with_user(json!({
            "client-certificate-data": BASE64_STANDARD.encode(&identity.certificate),
            "client-key-data": BASE64_STANDARD.encode(&identity.key),
        }))
    }

    #[track_caller]
    fn with_user(&self, user: Value) -> Self {
        let mut config = self.json("config view --raw --minify");
        config["users"][0]["user"] = user;
        let kubeconfig = self.kubeconfig.with_extension("other-credential");
        std::fs::write(&kubeconfig, config.to_string()).expect("the folder is ours");
        Self {
            kubeconfig,
            ..self.clone()
        }
    }

    /// Runs `kubectl ARGS`, words split at spaces.
    pub fn run(&self, arguments: &str) -> Output {
        self.run_with(arguments, None)
    }

    /// Runs `kubectl ARGS` until it succeeds; what it says then.
    #[track_caller]
    pub fn await_success(&self, seconds: u64, arguments: &str) -> String {
        eventually(seconds, arguments, || {
            let output = self.run(arguments);
            if output.code == 0 {
                Ok(output.stdout)
            } else {
                Err(output.stderr)
            }
        })
    }

    /// Runs `kubectl ARGS` with this standard input.
    pub fn run_with(&self, arguments: &str, input: Option<&str>) -> Output {
        self.args(&arguments.split_whitespace().collect::<Vec<_>>(), input)
    }

    /// Runs kubectl with these arguments as they are.
    pub fn args(&self, arguments: &[&str], input: Option<&str>) -> Output {
        let mut running = self.start_args(arguments);
        if let Some(mut stdin) = running.child.stdin.take() {
            // A command that does not read its input closes the pipe, which is no failure of ours.
            let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
        }
        running.finish()
    }

    /// Starts `kubectl ARGS`, words split at spaces.
    pub fn start(&self, arguments: &str) -> Running {
        self.start_args(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    fn start_args(&self, arguments: &[&str]) -> Running {
        let program = self.program.file_name().unwrap_or_default().to_string_lossy();
        let child = self.command(arguments).spawn();
        Running {
            line: format!("{program} {}", arguments.join(" ")),
            child: child.expect("kubectl is on PATH: hack/test installs it"),
        }
    }

    /// A command that is not started yet, for what runs in the background.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut whole = self
            .through
            .iter()
            .map(OsString::from)
            .chain([self.program.clone().into()]);
        let mut command = Command::new(whole.next().expect("the program is the last of it"));
        command
            .args(whole)
            .args(&self.flags)
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{}:{path}", self.binaries.display()))
            .env("HOME", &self.home)
            .env("KUBECONFIG", &self.kubeconfig)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs `kubectl ARGS -o json` and reads the answer.
    #[track_caller]
    pub fn json(&self, arguments: &str) -> Value {
        let output = self.run(&format!("{arguments} -o json")).success();
        serde_json::from_str(&output).unwrap_or_else(|error| panic!("kubectl {arguments}: {error}: {output}"))
    }

    /// Names of what `kubectl get WHAT` lists.
    #[track_caller]
    pub fn names(&self, what: &str) -> Vec<String> {
        let output = self.run(&format!("get {what} -o name")).success();
        output.lines().map(str::to_owned).collect()
    }
}

impl Output {
    /// Runs another program until it ends.
    #[track_caller]
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().expect("it can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        leaks::assert_none("stderr", &text(&output.stderr));
        Self {
            command: format!("{command:?}"),
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// The standard output of a command that must succeed.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(
            self.code, 0,
            "{}\nstdout: {}\nstderr: {}",
            self.command, self.stdout, self.stderr
        );
        self.stdout
    }

    /// The standard error of a command that must fail with this code.
    #[track_caller]
    pub fn failure(self, code: i32) -> String {
        assert_eq!(
            self.code, code,
            "{}\nstdout: {}\nstderr: {}",
            self.command, self.stdout, self.stderr
        );
        self.stderr
    }

    /// Asserts that the command failed and says this.
    #[track_caller]
    pub fn refused(self, text: &str) {
        assert_ne!(self.code, 0, "{} was accepted\nstdout: {}", self.command, self.stdout);
        assert!(
            self.stderr.contains(text),
            "{}\nexpected: {text}\nstderr: {}",
            self.command,
            self.stderr
        );
    }
}

impl Running {
    /// Interrupts it as Ctrl-C does.
    pub fn interrupt(&self) {
        let told = Command::new("kill")
            .args(["-s", "INT", &self.child.id().to_string()])
            .status();
        assert!(told.expect("kill is there").success());
    }

    /// Reads both streams to their end and kills what takes too long.
    pub fn finish(mut self) -> Output {
        let stdout = read(self.child.stdout.take());
        let stderr = read(self.child.stderr.take());
        let deadline = Instant::now() + DEADLINE;
        let status = loop {
            match self.child.try_wait().expect("the child is ours") {
                Some(status) => break Some(status),
                None if Instant::now() > deadline => {
                    let _ = self.child.kill();
                    let _ = self.child.wait();
                    break None;
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let code = status.and_then(|status| status.code()).unwrap_or(-1);
        let text = |reader: thread::JoinHandle<String>| reader.join().expect("the reader does not panic");
        let (stdout, stderr) = (text(stdout), text(stderr));
        leaks::assert_none("stderr", &stderr);
        Output {
            command: self.line.clone(),
            code,
            stdout,
            stderr,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn on_path(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file());
    found.expect("hack/test installs it")
}

/// Debian's libfaketime, for programs with threads.
pub fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let mut files = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    files.find(|file| file.is_file())
}

fn read(stream: Option<impl std::io::Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before an error is shown.
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
