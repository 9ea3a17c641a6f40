//! Programs that sign in with nobody there: by the credentials of a client, and by a token that is given to them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use guestcluster_tests::{Kubectl, eventually};

use super::provider::{ID_TOKEN_SECONDS, PROGRAM_SECRET, World, session};

const OF_GUEST: &str = "127.0.0.1/team-a/dev";

/// A file that only we can read.
fn private(folder: &Path, content: &str) -> PathBuf {
    let file = folder.join("secret");
    fs::write(&file, content).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    file
}

fn name(program: &Kubectl) -> String {
    let who = program.json("auth whoami");
    who["status"]["userInfo"]["username"].as_str().unwrap().to_owned()
}

#[test]
fn a_client_signs_in_and_stays_so_with_nobody_there() {
    let world = World::shared();
    let (ci, mark) = world.program("ci");
    let secret = private(ci.home(), PROGRAM_SECRET);
    let opaque = ci.run(&world.program_login(&secret)).failure(1);
    assert!(
        opaque.contains("only itself can read") && opaque.contains("--resource URI"),
        "{opaque}"
    );
    let login = format!("{} --resource urn:guestclusters", world.program_login(&secret));
    let told = ci.run(&login);
    for expected in [
        "Signed in to 127.0.0.1:",
        " as sso:ci (groups: sso:devs). The token is good until ",
        &format!(", and the next one comes by {}.", secret.display()),
    ] {
        assert!(told.stderr.contains(expected), "{expected}: {}", told.stderr);
    }
    told.success();
    ci.run("guest login dev").success();
    let in_guest = ci.in_context(OF_GUEST);
    assert_eq!(in_guest.names("nodes").len(), 1);
    assert_eq!(name(&in_guest), "sso:ci");
    let kubeconfig = fs::read_to_string(ci.kubeconfig()).unwrap();
    assert!(
        kubeconfig.contains(&format!("--client-secret-file={}", secret.display())),
        "{kubeconfig}"
    );
    assert!(
        !kubeconfig.contains("eyJ") && !kubeconfig.contains("any+letters"),
        "{kubeconfig}"
    );

    // It goes on by itself when the token ends, in one process of many.
    let token = || session(&ci)["idToken"].as_str().unwrap().to_owned();
    let before = token();
    eventually(2 * ID_TOKEN_SECONDS, "another token is there", || {
        let asked: Vec<_> = (0..4).map(|_| ci.start("guest get")).collect();
        for running in asked {
            running.finish().success();
        }
        if token() == before {
            Err("not yet".to_owned())
        } else {
            Ok(())
        }
    });

    // As in a container that starts anew: there is a kubeconfig, the secret, and nothing else.
    let (fresh, _) = world.program("fresh");
    let fresh = fresh.with_kubeconfig(ci.kubeconfig());
    assert_eq!(fresh.in_context(OF_GUEST).names("nodes").len(), 1);
    assert_eq!(
        fresh.in_context("127.0.0.1").names("guestclusters"),
        ["guestcluster.guestclusters.dev/dev"]
    );
    // Nor can that container keep anything.
    let sealed = fresh
        .in_context(OF_GUEST)
        .with_variable("XDG_CACHE_HOME", "/proc/nowhere");
    let told = sealed.run("get nodes");
    assert!(
        told.stderr.contains("warning: nothing can be kept in /proc/nowhere"),
        "{}",
        told.stderr
    );
    told.success();
    assert!(!mark.exists(), "no browser was opened");

    // What is kept ends with a logout, and the secret signs in again.
    let told = ci.run("guest logout");
    assert!(
        told.stderr.contains(&format!("stays: {}", secret.display())),
        "{}",
        told.stderr
    );
    told.success();
    assert_eq!(in_guest.names("nodes").len(), 1);
}

#[test]
fn a_secret_that_is_no_secret_or_not_the_clients_is_told() {
    let world = World::shared();
    let (ci, _) = world.program("careless");
    let secret = private(ci.home(), PROGRAM_SECRET);
    let login = format!("{} --resource urn:guestclusters", world.program_login(&secret));
    ci.run(&login).success();
    ci.run("guest login dev").success();
    let in_guest = ci.in_context(OF_GUEST);
    fs::set_permissions(&secret, Permissions::from_mode(0o644)).unwrap();
    ci.run("guest logout").success();
    let error = in_guest.run("get nodes").failure(1);
    for expected in ["can be read by others (mode 0644)", "chmod 600 "] {
        assert!(error.contains(expected), "{error}");
    }
    private(ci.home(), "of last year");
    let error = ci.run("guest get").failure(4);
    assert!(
        error.contains("does not know client \"ci\" with the secret in "),
        "{error}"
    );
    assert!(!error.contains("last year"), "{error}");
    fs::remove_file(&secret).unwrap();
    let error = in_guest.run("get nodes").failure(1);
    assert!(
        error.contains("--client-secret-file /") && error.contains("is not there"),
        "{error}"
    );
    let usage = ci.run("guest login --client-id ci").failure(2);
    assert!(usage.contains("--grant-type client-credentials"), "{usage}");
}

#[test]
fn a_token_that_is_given_is_read_anew_and_never_copied() {
    let world = World::shared();
    let person = world.own_person("tom");
    person
        .run(&format!("guest login {} -n team-a", world.supervisor_flags()))
        .success();
    let token = session(&person)["idToken"].as_str().unwrap().to_owned();

    let (ci, mark) = world.program("runner");
    let file = private(ci.home(), &format!("{token}\n"));
    let login = format!(
        "guest login {} -n team-a --token-file {}",
        world.supervisor_flags(),
        file.display()
    );
    let told = ci.run(&login);
    assert!(
        told.stderr
            .contains(" as sso:tom@guest.local. The token is good until "),
        "{}",
        told.stderr
    );
    told.success();
    ci.run("guest login dev").success();
    let in_guest = ci.in_context(OF_GUEST);
    assert_eq!(in_guest.names("nodes").len(), 1);
    assert_eq!(name(&in_guest), "sso:tom@guest.local");
    let kept = std::process::Command::new("grep")
        .args(["-rlF", &token])
        .arg(ci.home())
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&kept.stdout).trim(),
        file.to_str().unwrap(),
        "it is in its file alone"
    );

    let supervisor = ci.in_context("127.0.0.1");
    let unsigned = |until: u32| {
        let claims = format!(r#"{{"iss":"https://sso","sub":"ci","iat":1700000000,"exp":{until}}}"#);
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
    };
    let (old, foreign) = (unsigned(1_700_000_600), unsigned(4_102_444_800));
    for (content, code, expected) in [
        ("", 1, "is empty"),
        ("ghp_0123456789", 1, "holds no JWT"),
        (&old, 4, "d ago, at 2023-11-14T22:23:20Z"),
        (&foreign, 4, "does not accept the credential"),
    ] {
        private(ci.home(), content);
        let error = ci.run("guest get").failure(code);
        assert!(error.contains(expected), "{content}: {error}");
        let error = supervisor.run("get guestclusters").failure(1);
        // kubectl says itself that it was refused.
        let told = content == foreign || error.contains(expected);
        assert!(told, "{content}: {error}");
        assert!(content.is_empty() || !error.contains(content), "{error}");
    }
    fs::remove_file(&file).unwrap();
    let error = supervisor.run("get guestclusters").failure(1);
    assert!(
        error.contains("--token-file /") && error.contains("is not there"),
        "{error}"
    );
    // The next one counts at once, whoever may read it.
    fs::write(&file, &token).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        supervisor.names("guestclusters"),
        ["guestcluster.guestclusters.dev/dev"]
    );
    let told = ci.run(&login);
    assert!(
        told.stderr.contains("warning: ") && told.stderr.contains("(mode 0644)"),
        "{}",
        told.stderr
    );
    told.success();
    assert!(!mark.exists(), "no browser was opened");
}
