//! Tokens in the system's keyring: a real one, on a bus of its own.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use guestcluster_tests::{Daemon, Kubectl, eventually};
use serde_json::Value;
use tempfile::TempDir;

use super::provider::{ID_TOKEN_SECONDS, World, session};

/// Longest until a program of the desktop is there.
const PATIENCE: u64 = 20;

/// A session bus with a keyring.
struct Desktop {
    bus: PathBuf,
    _daemons: Vec<Daemon>,
    _folder: TempDir,
}

impl Desktop {
    fn start(unlocked: bool) -> Desktop {
        let folder = tempfile::tempdir().unwrap();
        let bus = folder.path().join("bus");
        let mut command = Command::new("dbus-daemon");
        command.args([
            "--session",
            "--nofork",
            &format!("--address=unix:path={}", bus.display()),
        ]);
        let mut dbus = Daemon::start("dbus", command, folder.path());
        dbus.await_that(PATIENCE, "it listens", || bus.exists());
        let password = folder.path().join("password");
        fs::write(&password, "of the desktop").unwrap();
        let flags = if unlocked { "--unlock" } else { "" };
        let script = format!("exec gnome-keyring-daemon --foreground --components=secrets {flags} <\"$0\"");
        let mut command = Command::new("sh");
        command
            .args(["-c", &script])
            .arg(&password)
            .env("DBUS_SESSION_BUS_ADDRESS", address(&bus));
        for (variable, name) in [("HOME", "home"), ("XDG_DATA_HOME", "data"), ("XDG_RUNTIME_DIR", "run")] {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
            command.env(variable, path);
        }
        let mut keyring = Daemon::start("keyring", command, folder.path());
        keyring.await_that(PATIENCE, "it is on the bus", || is_on(&bus));
        Desktop {
            bus,
            _daemons: vec![keyring, dbus],
            _folder: folder,
        }
    }

    /// The same person with this desktop.
    fn of(&self, person: Kubectl) -> Kubectl {
        person.with_variable("DBUS_SESSION_BUS_ADDRESS", address(&self.bus))
    }
}

fn address(bus: &Path) -> String {
    format!("unix:path={}", bus.display())
}

fn is_on(bus: &Path) -> bool {
    let listed = Command::new("dbus-send")
        .arg(format!("--bus={}", address(bus)))
        .args([
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus.ListNames",
        ])
        .output()
        .expect("dbus-send is there: hack/test installs it");
    String::from_utf8_lossy(&listed.stdout).contains("org.freedesktop.secrets")
}

fn in_file(person: &Kubectl) -> (PathBuf, String) {
    let folder = person.home().join(".cache/kubectl-guest/sessions");
    let files = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|file| Some(file.ok()?.path()));
    let file = files
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "json"));
    let file = file.expect("a session");
    let text = fs::read_to_string(&file).unwrap();
    (file, text)
}

#[test]
fn a_session_whose_tokens_are_in_the_keyring_goes_on_and_ends_there() {
    let world = World::shared();
    let desktop = Desktop::start(true);
    let kim = desktop.of(world.person("kim"));
    let login = format!("{} --token-store keyring", world.login());
    let told = kim.run(&login);
    assert!(
        told.stderr.contains("Its tokens are in the system's keyring."),
        "{}",
        told.stderr
    );
    told.success();
    kim.run("guest login dev --no-switch").success();
    let in_guest = kim.in_context("127.0.0.1/team-a/dev");
    in_guest.run("get nodes").success();
    let (file, text) = in_file(&kim);
    let record: Value = serde_json::from_str(&text).unwrap();
    assert!(
        !text.contains("eyJ") && record["refreshToken"].is_null(),
        "no token is in the file"
    );
    assert_eq!(record["tokenStore"], "keyring");

    // Renewed by rotation, many at once.
    let until = || session(&kim)["idTokenUntil"].clone();
    let before = until();
    eventually(2 * ID_TOKEN_SECONDS, "the session is renewed", || {
        let asked: Vec<_> = (0..4).map(|_| kim.start("auth whoami")).collect();
        for running in asked {
            running.finish().success();
        }
        if until() == before {
            Err("not yet".to_owned())
        } else {
            Ok(())
        }
    });
    assert!(!in_file(&kim).1.contains("eyJ"), "no token is in the file");

    // Elsewhere, where no keyring answers, the session is of no use, and that is told.
    let elsewhere = kim
        .clone()
        .with_variable("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    let error = elsewhere.run("auth whoami").failure(1);
    for expected in ["the system's keyring can't be used", "--token-store file"] {
        assert!(error.contains(expected), "{error}");
    }

    let kept = fs::read(&file).unwrap();
    kim.run("guest logout").success();
    // What is put back of the file alone is nothing.
    fs::write(&file, kept).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let error = kim.run("auth whoami").failure(1);
    assert!(
        error.contains("your session with 127.0.0.1:") && error.contains("has ended"),
        "{error}"
    );
}

#[test]
fn where_no_keyring_answers_nobody_signs_in_for_nothing() {
    let world = World::shared();
    let (lea, mark) = world.person("lea").with_marking_browser();
    let login = format!("{} --token-store keyring", world.login());
    let without = lea
        .clone()
        .with_variable("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    let error = without.run(&login).failure(1);
    assert!(
        error.contains("error: the system's keyring can't be used: no keyring answers"),
        "{error}"
    );
    assert!(
        error.contains("\n\nSee that a keyring runs") && error.contains("--token-store file"),
        "{error}"
    );

    // One that is locked, and has nobody to ask for its password.
    let desktop = Desktop::start(false);
    let began = std::time::Instant::now();
    let error = desktop.of(lea).run(&login).failure(1);
    assert!(error.contains("error: the system's keyring can't be used: "), "{error}");
    assert!(began.elapsed().as_secs() < 60);
    assert!(!mark.exists(), "no browser was opened");
}
