//! Signing in and logging in that can't go on: what a person sees, what is sent to whom, and that nothing is half done.

use std::path::PathBuf;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use guestcluster_tests::{Kubectl, Manifest, Output, Stranger, Team};
use serde_json::{Value, json};

use super::login::{bind, sign_in};
use crate::MODE;

const AUTHORITY: &str = "certificate-authority-data";

/// What somebody does to the cluster and the plugin of a context.
type Change<'a> = &'a dyn Fn(&mut Value, &mut Value);

/// Ann, signed in and logged in to `dev`, with the right to view it.
fn logged_in(team: &Team) -> Kubectl {
    bind(team, &["guestcluster-viewer", "guestcluster-access-view"]);
    team.kubectl().create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    let ann = team.person(&team.user("ann"), &[&team.group("devs")]);
    ann.run(&sign_in(team)).success();
    ann.run("guest login dev").success();
    ann
}

/// The context that a login to `dev` writes.
fn of_guest(team: &Team) -> String {
    format!("127.0.0.1/{}/dev", team.namespace())
}

/// The only error of the plugin in what kubectl printed, which may have run it several times.
#[track_caller]
fn only_error(output: Output) -> String {
    let stderr = output.failure(1);
    let mut lines: Vec<_> = stderr.lines().filter(|line| line.contains("error: ")).collect();
    lines.dedup();
    let [line] = lines[..] else { panic!("{stderr}") };
    assert!(
        stderr.contains("getting credentials: exec: executable kubectl-guest failed"),
        "{stderr}"
    );
    line.to_owned()
}

/// The error of the plugin when it was run alone: one line, and nothing for kubectl.
#[track_caller]
fn one_line(output: Output, code: i32) -> String {
    assert_eq!(output.stdout, "", "{}", output.command);
    let stderr = output.failure(code);
    assert!(stderr.starts_with("error: ") && stderr.lines().count() == 1, "{stderr}");
    stderr.trim_end().to_owned()
}

#[test]
fn an_ended_session_is_told_in_one_line_and_the_command_that_it_names_helps() {
    let team = Team::new(MODE);
    let ann = logged_in(&team);
    let (marked, mark) = ann.with_marking_browser();
    let host = team.login_flags().split(' ').nth(1).unwrap().replace("https://", "");

    // The issuer knows first: it has ended the sessions of a person with another password.
    team.change_password(&team.user("ann"));
    ann.expire_session();
    ann.expire_credential();
    let (plugin, arguments) = marked.as_exec_plugin(&of_guest(&team));
    let told = only_error(marked.run("get --raw /version"));
    let expected = format!(
        "error: your session with {host} has ended. Sign in again: kubectl guest login --server https://{host} "
    );
    assert!(told.starts_with(&expected), "{told}");
    assert_eq!(one_line(plugin.run(&arguments), 4), told);
    let error = marked.run("guest get").failure(4);
    let expected = format!("error: your session with {host} has ended\n\nSign in again: kubectl guest login --server ");
    assert!(error.starts_with(&expected), "{error}");
    assert!(!mark.exists(), "no browser opened");

    // As it is typed, also where the supervisor does not show its authority.
    let (_, command) = told.split_once("Sign in again: kubectl ").unwrap();
    ann.run(command).success();
    ann.run("get --raw /version").success();

    // By the clock alone, as long as nobody asks the issuer.
    ann.edit_kept("sessions", |session| {
        session["idTokenUntil"] = json!("2026-01-01T00:10:00Z");
        session["until"] = json!("2026-01-01T10:00:00Z");
    });
    assert_eq!(only_error(marked.run("get --raw /version")), told);
    marked.run("guest get").refused("has ended");
    assert!(!mark.exists(), "no browser opened");

    ann.run("guest logout").success();
    let told = one_line(plugin.run(&arguments), 4);
    assert!(
        told.starts_with(&format!("error: you are not signed in to {host}. Sign in: ")),
        "{told}"
    );
}

#[test]
fn a_credential_goes_to_its_own_server_and_nowhere_else() {
    let team = Team::new(MODE);
    let (ann, of_guest) = (logged_in(&team), of_guest(&team));
    let stranger = Stranger::start(|_, _| None);
    let theirs = json!(STANDARD.encode(stranger.authority()));
    let url = json!(stranger.url());
    let cases: [(Change<'_>, &str); 6] = [
        (
            &|cluster, _| cluster["server"] = url.clone(),
            "the credential is for https://127.",
        ),
        (
            &|cluster, _| {
                cluster["server"] = url.clone();
                cluster[AUTHORITY] = theirs.clone();
            },
            "the credential is for https://127.",
        ),
        (
            &|cluster, _| cluster[AUTHORITY] = theirs.clone(),
            "trusts another certificate authority for https://127.",
        ),
        (
            &|cluster, _| *cluster = json!({"server": url, "insecure-skip-tls-verify": true}),
            "has insecure-skip-tls-verify: its server could be anybody",
        ),
        (
            &|cluster, _| cluster["tls-server-name"] = json!("localhost"),
            "takes the certificate of \"localhost\" for its server's",
        ),
        (
            &|_, exec| exec["provideClusterInfo"] = json!(false),
            "lacks provideClusterInfo: true",
        ),
    ];
    for context in [of_guest.as_str(), "127.0.0.1"] {
        for (change, expected) in &cases {
            let told = only_error(ann.handed_over(context, change).run("get --raw /version"));
            assert!(told.contains(expected), "{context}: {told}");
            assert!(
                told.contains(". Write the context anew: kubectl guest login "),
                "{context}: {told}"
            );
        }
        assert_eq!(stranger.heard(), "", "{context}");
    }
    // kubectl asks no plugin for a server without TLS, and sends no credential.
    let plain = stranger.url().replace("https", "http");
    let plain = ann.handed_over(&of_guest, |cluster, _| *cluster = json!({"server": plain}));
    assert_ne!(plain.run("get --raw /version").code, 0);
    let heard = stranger.heard();
    assert!(
        heard.starts_with("GET /version") && !heard.contains("Authorization"),
        "{heard}"
    );

    // A supervisor that Ann never signed in to gets nothing, and what is named can't lead elsewhere.
    let other = ann.handed_over(&of_guest, |cluster, exec| {
        *cluster = json!({"server": url, AUTHORITY: theirs});
        exec["args"][1] = json!(format!("--supervisor={}", stranger.url()));
    });
    let told = only_error(other.run("get --raw /version"));
    assert!(told.starts_with("error: you are not signed in to 127.0.0.1:"), "{told}");
    let (other, arguments) = other.as_exec_plugin(&of_guest);
    assert_eq!(one_line(other.run(&arguments), 4), told);
    other.run("get").failure(4);
    assert_eq!(stranger.heard(), heard);
    let (plugin, arguments) = ann.as_exec_plugin(&of_guest);
    for (from, to) in [
        ("--cluster=dev", "--cluster=../../team-b/guestclusters/dev"),
        (&format!("--namespace={}", team.namespace()), "--namespace=../team-b"),
        ("--level=view", "--level=owner"),
        ("--ca-sha256=", "--ca-sha256=;"),
    ] {
        let output = plugin.run(&arguments.replace(from, to));
        assert_eq!(output.stdout, "", "{to}");
        output.failure(2);
    }

    let info = |text: &str| plugin.clone().with_variable("KUBERNETES_EXEC_INFO", text);
    let old = json!({"apiVersion": "client.authentication.k8s.io/v1alpha1", "kind": "ExecCredential", "spec": {}});
    for (plugin, expected) in [
        (
            ann.plugin(),
            "this command is called by kubectl, which sets KUBERNETES_EXEC_INFO. Use kubectl",
        ),
        (info(""), "is not what kubectl sets"),
        (info("{\"spec\":"), "is not what kubectl sets"),
        (
            info(&old.to_string()),
            "client.authentication.k8s.io/v1alpha1\" is not supported",
        ),
    ] {
        let told = one_line(plugin.run(&arguments), 1);
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn who_signs_for_a_server_is_never_guessed() {
    let team = Team::new(MODE);
    let (ann, mark) = team.person(&team.user("ann"), &[]).with_marking_browser();
    let flags = team.login_flags();
    let (server, own) = flags.split_once(" --certificate-authority ").unwrap();
    let url = server.replace("--server ", "");
    let stranger = Stranger::start(|url, path| {
        let mut document = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
        });
        match path {
            "/lies/.well-known/openid-configuration" => document["issuer"] = json!("https://sso.example"),
            "/.well-known/openid-configuration" => document["token_endpoint"] = json!("http://sso.example/token"),
            _ => return None,
        }
        Some(document.to_string())
    });
    let file = |name: &str, content: &str| {
        let path = ann.home().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    };
    let other = file("other.crt", stranger.authority());
    let text = file("text.crt", "no certificate");
    let key = file(
        "key.crt",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    let fingerprint = "5d".repeat(32);
    let issuer = |url: String| format!("{flags} --issuer-url {url} --client-id guestclusters");
    let lies = format!(
        "{} --issuer-certificate-authority {other}",
        issuer(format!("{}/lies", stranger.url()))
    );
    let plain = format!("{} --issuer-certificate-authority {other}", issuer(stranger.url()));
    let absent = format!(
        "{} --issuer-certificate-authority {other}",
        issuer(format!("{}/absent", stranger.url()))
    );
    let untrusted = "its certificate is not signed by the certificate authority that is trusted for it\n\n";
    for (flags, code, expected) in [
        (
            format!("{server} --certificate-authority {other}"),
            1,
            format!(
                "error: {url} can't be reached: {untrusted}Ask the supervisor's operator who signs for it, and say so"
            ),
        ),
        (
            server.to_owned(),
            1,
            format!("error: {url} can't be reached: {untrusted}Say who signs for it: --ca-sha256 FINGERPRINT, or"),
        ),
        (
            format!("{server} --ca-sha256 {fingerprint}"),
            1,
            format!("{url} shows no certificate with the fingerprint {fingerprint}: it is another server, or"),
        ),
        (
            format!("{server} --certificate-authority {own}.absent"),
            1,
            format!("error: --certificate-authority {own}.absent: No such file or directory\n\nIt takes a PEM file"),
        ),
        (
            format!("{server} --certificate-authority {text}"),
            1,
            format!("error: --certificate-authority {text}: there is no certificate in it\n\n"),
        ),
        (
            format!("{server} --certificate-authority {key}"),
            1,
            format!("error: --certificate-authority {key}: there is no certificate in it\n\n"),
        ),
        (
            format!("{server} --ca-sha256 5d41"),
            2,
            "invalid value '5d41' for '--ca-sha256 <HEX>': must be a SHA-256 fingerprint".to_owned(),
        ),
        (
            format!("--server {}", url.replace("https", "http")),
            2,
            "for '--server <URL>': must begin with https://".to_owned(),
        ),
        (
            format!("--server https://127.0.0.1:1 --ca-sha256 {fingerprint}"),
            1,
            "error: https://127.0.0.1:1 can't be reached: Connection refused\n\nCheck its address".to_owned(),
        ),
        (
            format!("--server https://127.0.0.1:1 --certificate-authority {own}"),
            1,
            "error: https://127.0.0.1:1 can't be reached: Connection refused\n\nCheck its address".to_owned(),
        ),
        (
            format!("--server {} --certificate-authority {other}", stranger.url()),
            1,
            "does not say where to sign in: its answer is not that of a Kubernetes API\n\n".to_owned(),
        ),
        (
            issuer(stranger.url()),
            1,
            format!(
                "error: {} can't be reached: {untrusted}Say who signs for the issuer",
                stranger.url()
            ),
        ),
        (
            issuer("http://127.0.0.1:1".to_owned()),
            1,
            "error: the issuer http://127.0.0.1:1 can't be used: ".to_owned(),
        ),
        (
            lies,
            1,
            "/lies can't be used: its discovery document is that of \"https://sso.example\"\n\nCheck the issuer's URL"
                .to_owned(),
        ),
        (
            plain,
            1,
            "its token_endpoint: \"http://sso.example/token\" does not begin with https://\n\n".to_owned(),
        ),
        (
            absent,
            1,
            "/absent/.well-known/openid-configuration answers 404 Not Found\n\n".to_owned(),
        ),
        (
            format!("dev -n team-a {flags} --level owner"),
            2,
            "'--level <LEVEL>': \"owner\" is not one of login, view, edit, admin".to_owned(),
        ),
        (
            format!("../dev -n team-a {flags}"),
            2,
            "error: no cluster can be called \"../dev\"\n\n".to_owned(),
        ),
        (
            format!("dev {flags}"),
            2,
            "error: in which namespace the cluster is, is not known\n\nName it with -n.".to_owned(),
        ),
    ] {
        let output = ann.run(&format!("guest login {flags}"));
        assert_eq!(output.stdout, "", "{}", output.command);
        let error = output.failure(code);
        assert!(
            error.contains(&expected),
            "{flags}\nexpected: {expected}\nstderr: {error}"
        );
    }
    assert!(!mark.exists(), "no browser opened");
    assert_eq!(ann.all_kept("sessions"), Vec::<PathBuf>::new());
    assert!(!ann.kubeconfig().exists(), "no context is written");
}

#[test]
fn a_computer_whose_clock_is_a_day_off_signs_in_or_is_told_so() {
    let team = Team::new(MODE);
    bind(&team, &["guestcluster-viewer", "guestcluster-access-view"]);
    team.kubectl().create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    let ann = team.person(&team.user("ann"), &[&team.group("devs")]);
    let (login, of_guest) = (sign_in(&team), of_guest(&team));

    let ahead = ann.with_clock("+1d");
    let output = ahead.run(&login);
    let warnings: Vec<_> = output
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    let [warning] = warnings[..] else {
        panic!("{}", output.stderr)
    };
    assert!(
        warning.starts_with("warning: this computer's clock is 24h ahead of that of https://127.0.0.1:"),
        "{warning}"
    );
    output.success();
    ahead.run("guest login dev").success();
    ahead.run("guest get").success();
    let (plugin, arguments) = ahead.as_exec_plugin(&of_guest);
    for _ in 0..2 {
        let credential: Value = serde_json::from_str(&plugin.run(&arguments).success()).unwrap();
        let of_guest = ann.in_context(&of_guest);
        let token = credential["status"]["token"].as_str().unwrap();
        of_guest.with_token(token).run("get namespaces").success();
        // The next one is exchanged, by a session that is renewed.
        ahead.expire_session();
        ahead.expire_credential();
    }
    // Set right again, what is kept is as good as it was.
    ann.run("get namespaces").success();
    ann.run("guest get").success();

    let behind = ann.with_clock("-1d");
    let (plugin, arguments) = behind.as_exec_plugin(&of_guest);
    let errors = [
        behind.run(&login).failure(1),
        behind.run("guest get").failure(1),
        behind.run("guest login dev").failure(1),
        one_line(plugin.run(&arguments), 1),
    ];
    for error in errors {
        assert!(
            error.contains("its certificate is not valid yet by this computer's clock: is the clock right?"),
            "{error}"
        );
        assert!(
            error.contains("Compare this computer's clock with another one: date"),
            "{error}"
        );
    }
    ann.run("get namespaces").success();
    ann.run("guest get").success();
}
