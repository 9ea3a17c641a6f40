//! The provider, a supervisor that trusts it, and people with a browser.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use guestcluster_credentials::x509::CertificateAuthority;
use guestcluster_tests::{Kubectl, Manifest, Mode, Start, Supervisor, program};
use serde_json::{Value, json};
use tempfile::TempDir;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../hack/components/oidc-provider");
const CLIENT: &str = "guestclusters";
/// A program that signs in by itself, and what it shows the provider.
pub(crate) const PROGRAM: &str = "ci";
pub(crate) const PROGRAM_SECRET: &str = "a secret: of 100% any+letters";
/// A test waits for one to end.
pub(crate) const ID_TOKEN_SECONDS: u64 = 10;

/// A running provider; it ends when its standard input does, which is with this process.
struct Provider {
    issuer: String,
    authority: PathBuf,
    _input: ChildStdin,
    _child: Child,
    _folder: TempDir,
}

/// The provider and a supervisor with a guest named `dev`, where the provider's group `devs` may view.
pub(crate) struct World {
    provider: Provider,
    supervisor: Supervisor,
}

impl World {
    /// One for all tests of this process.
    pub(crate) fn shared() -> &'static World {
        static WORLD: OnceLock<World> = OnceLock::new();
        WORLD.get_or_init(World::start)
    }

    fn start() -> World {
        let provider = Provider::start(
            &json!({"ann": ["devs"], "carl": ["devs"], "dora": ["devs"], "eve": [], "kim": ["devs"], PROGRAM: ["devs"]}),
        );
        let config = provider.folder().join("authentication-config.json");
        fs::write(&config, provider.authentication_configuration().to_string()).unwrap();
        let supervisor = Supervisor::start(Start {
            mode: Mode::Embedded,
            sim: Some("delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}".to_owned()),
            arguments: vec!["--authentication-config".to_owned(), config.display().to_string()],
            ..Start::default()
        });
        let admin = supervisor.kubectl();
        for role in ["guestcluster-viewer", "guestcluster-access-view"] {
            admin
                .run(&format!(
                    "create rolebinding {role} --clusterrole {role} --group sso:devs"
                ))
                .success();
        }
        admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
        World { provider, supervisor }
    }

    /// kubectl of somebody who is known to the provider alone, with a browser and a home folder of their own.
    pub(crate) fn person(&self, name: &str) -> Kubectl {
        // The supervisor's own issuer knows them, too, and is not asked.
        self.supervisor
            .person(&format!("{name}@guest.local"), &[])
            .with_variable("BROWSER", browser())
            .with_variable("SSO_USER", name)
            .with_variable("NODE_EXTRA_CA_CERTS", &self.provider.authority)
    }

    /// The command by which they sign in.
    pub(crate) fn login(&self) -> String {
        format!(
            "guest login {} -n team-a --issuer-url {} --client-id {CLIENT} --issuer-certificate-authority {}",
            self.supervisor.login_flags(),
            self.provider.issuer,
            self.provider.authority.display()
        )
    }

    /// kubectl of a program: nobody is there, and a browser would leave a mark.
    pub(crate) fn program(&self, name: &str) -> (Kubectl, PathBuf) {
        self.supervisor
            .person(&format!("{name}@guest.local"), &[])
            .with_marking_browser()
    }

    /// The command by which a program signs in with the secret in this file.
    pub(crate) fn program_login(&self, secret: &Path) -> String {
        format!(
            "guest login {} -n team-a --grant-type client-credentials --issuer-url {} --client-id {PROGRAM} --client-secret-file {} --issuer-certificate-authority {}",
            self.supervisor.login_flags(),
            self.provider.issuer,
            secret.display(),
            self.provider.authority.display()
        )
    }

    /// The flags by which the supervisor is named.
    pub(crate) fn supervisor_flags(&self) -> String {
        self.supervisor.login_flags()
    }

    /// Somebody whom the supervisor's own issuer signs in, and who may view.
    pub(crate) fn own_person(&self, name: &str) -> Kubectl {
        let person = format!("{name}@guest.local");
        for role in ["guestcluster-viewer", "guestcluster-access-view"] {
            let bind = format!("create rolebinding {name}-{role} --clusterrole {role} --user sso:{person}");
            self.supervisor.kubectl().run(&bind).success();
        }
        self.supervisor.person(&person, &[])
    }

    /// What somebody does in the browser of another device.
    #[track_caller]
    pub(crate) fn visit(&self, url: &str, name: &str, denies: bool) -> String {
        let mut command = Command::new(browser());
        command
            .arg(url)
            .env("SSO_USER", name)
            .env("NODE_EXTRA_CA_CERTS", &self.provider.authority);
        if denies {
            command.env("SSO_DENIES", "yes");
        }
        let output = command
            .output()
            .expect("Node.js is there: hack/components/build installs it");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{url}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the provider answers to whoever has a refresh token.
    pub(crate) fn refresh(&self, token: &str) -> Value {
        let form = format!("grant_type=refresh_token&client_id={CLIENT}&refresh_token={token}");
        let url = format!("{}/token", self.provider.issuer);
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "20", "--cacert"])
            .arg(&self.provider.authority)
            .args(["--data", &form, &url])
            .output()
            .expect("curl is there: hack/test installs it");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }
}

/// What the plugin keeps of the session.
pub(crate) fn session(person: &Kubectl) -> Value {
    let folder = person.home().join(".cache/kubectl-guest/sessions");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let found = files
        .filter_map(|file| serde_json::from_slice(&fs::read(file.ok()?.path()).ok()?).ok())
        .find(|content: &Value| content["issuer"].is_object());
    found.unwrap_or_else(|| panic!("no session in {}", folder.display()))
}

impl Provider {
    fn start(groups: &Value) -> Provider {
        let folder = tempfile::tempdir().unwrap();
        let (authority, pair) = CertificateAuthority::generate("provider").unwrap();
        let serving = authority
            .issue_server(
                "127.0.0.1",
                &[],
                &[IpAddr::V4(Ipv4Addr::LOCALHOST)],
                Duration::from_hours(24),
            )
            .unwrap();
        let write = |name: &str, content: &str| {
            let file = folder.path().join(name);
            fs::write(&file, content).unwrap();
            file
        };
        let authority = write("ca.crt", &pair.certificate);
        let modules = program("node_modules");
        let settings = json!({
            "certificate": write("tls.crt", &serving.certificate), "key": write("tls.key", &serving.key),
            "modules": modules.parent(), "groups": groups, "idTokenSeconds": ID_TOKEN_SECONDS,
            "programs": {PROGRAM: PROGRAM_SECRET},
        });
        let mut child = Command::new("node")
            .arg(Path::new(SCRIPTS).join("provider.mjs"))
            .arg(write("settings.json", &settings.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js is there: hack/components/build installs it");
        let mut issuer = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        while !issuer.starts_with("https://") {
            issuer.clear();
            let read = output.read_line(&mut issuer).unwrap();
            assert!(read > 0, "the provider ended: {:?}", child.wait());
        }
        std::thread::spawn(move || output.lines().for_each(drop));
        Provider {
            issuer: issuer.trim().to_owned(),
            authority,
            _input: child.stdin.take().expect("piped"),
            _child: child,
            _folder: folder,
        }
    }

    fn folder(&self) -> &Path {
        self.authority.parent().expect("it is in a folder")
    }

    /// As the supervisor's operator writes it.
    fn authentication_configuration(&self) -> Value {
        json!({
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration",
            "jwt": [{
                "issuer": {
                    "url": self.issuer, "audiences": [CLIENT],
                    "certificateAuthority": fs::read_to_string(&self.authority).unwrap(),
                },
                "claimMappings": {
                    "username": {"claim": "sub", "prefix": "sso:"},
                    "groups": {"claim": "groups", "prefix": "sso:"},
                },
            }],
        })
    }
}

fn browser() -> PathBuf {
    Path::new(SCRIPTS).join("person.mjs")
}
