//! kubectl as a person runs it, in an environment of its own.

use std::{
    ffi::OsString,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::host::program;

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
        let mut config = self.json("config view --raw --minify");
        config["users"][0]["user"] = other.json("config view --raw --minify")["users"][0]["user"].clone();
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

    /// Runs `kubectl ARGS` with this standard input.
    pub fn run_with(&self, arguments: &str, input: Option<&str>) -> Output {
        self.args(&arguments.split_whitespace().collect::<Vec<_>>(), input)
    }

    /// Runs kubectl with these arguments as they are.
    pub fn args(&self, arguments: &[&str], input: Option<&str>) -> Output {
        let line = format!("kubectl {}", arguments.join(" "));
        let mut child = self
            .command(arguments)
            .spawn()
            .expect("kubectl is on PATH: hack/test installs it");
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input closes the pipe, which is no failure of ours.
            let _ = stdin.write_all(input.unwrap_or_default().as_bytes());
        }
        finish(line, child)
    }

    /// A command that is not started yet, for what runs in the background.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(&self.program);
        command
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

/// Reads both streams to their end and kills what takes too long.
fn finish(command: String, mut child: Child) -> Output {
    let stdout = read(child.stdout.take());
    let stderr = read(child.stderr.take());
    let deadline = Instant::now() + DEADLINE;
    let status = loop {
        match child.try_wait().expect("the child is ours") {
            Some(status) => break Some(status),
            None if Instant::now() > deadline => {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let code = status.and_then(|status| status.code()).unwrap_or(-1);
    let text = |reader: thread::JoinHandle<String>| reader.join().expect("the reader does not panic");
    Output {
        command,
        code,
        stdout: text(stdout),
        stderr: text(stderr),
    }
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
