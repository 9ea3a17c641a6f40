//! Signing in and logging in to guests, as a person does it: with a browser, kubectl and the plugin.

use guestcluster_tests::{Kubectl, Manifest, Team, eventually};
use serde_json::Value;

use crate::MODE;

/// Gives SSO's group of developers these roles in the namespace.
pub(super) fn bind(team: &Team, roles: &[&str]) {
    let devs = team.group("devs");
    for role in roles {
        team.kubectl()
            .run(&format!(
                "create rolebinding devs-{role} --clusterrole {role} --group sso:{devs}"
            ))
            .success();
    }
}

/// The command by which somebody signs in.
pub(super) fn sign_in(team: &Team) -> String {
    format!("guest login {} -n {}", team.login_flags(), team.namespace())
}

/// A namespace with these guests, where SSO's developers have these roles; its administrator, and Ann, who is one of them and signed
/// in.
pub(super) fn signed_in(roles: &[&str], guests: &[&str]) -> (Team, Kubectl, Kubectl) {
    let team = Team::new(MODE);
    let admin = team.kubectl();
    bind(&team, roles);
    for name in guests {
        admin.create_guest(&Manifest::new(name, "v1.34", 1, 0));
    }
    let ann = team.person(&team.user("ann"), &[&team.group("devs"), "others"]);
    ann.run(&sign_in(&team)).success();
    (team, admin, ann)
}

/// What a person has in the guest named `dev`, by a login at this level.
fn logged_in(team: &Team, person: &Kubectl, level: &str) -> Kubectl {
    let namespace = team.namespace();
    let login = format!("guest login dev -n {namespace} --level {level} --context-name {level} --no-switch");
    person.run(&login).success();
    person.in_context(level)
}

#[test]
fn a_person_signs_in_creates_a_guest_and_works_there() {
    let team = Team::new(MODE);
    bind(&team, &["guestcluster-editor", "guestcluster-access-admin"]);
    let (namespace, name, devs) = (team.namespace(), team.user("ann"), team.group("devs"));
    let ann = team.person(&name, &[&devs]);

    let login = ann.run(&sign_in(&team));
    for expected in [
        "Signed in to 127.0.0.1:",
        &format!(" as sso:{name} (groups: sso:{devs}). Session until "),
        &format!("Context 127.0.0.1 added and current. Its namespace is {namespace}."),
        &format!("Namespaces you can use: {namespace} (edit)."),
    ] {
        assert!(login.stderr.contains(expected), "{expected}\n{}", login.stderr);
    }
    assert_eq!(login.success(), "");
    let who = ann.json("auth whoami");
    assert_eq!(who["status"]["userInfo"]["username"], format!("sso:{name}"));

    ann.run_with("apply -f -", Some(&Manifest::new("dev", "v1.34", 1, 1).text()))
        .success();
    ann.run("wait guestcluster/dev --for=condition=Ready --timeout=60s")
        .success();
    let login = ann.run("guest login dev");
    let expected = format!(
        "Context 127.0.0.1/{namespace}/dev added and current. You are sso:{name} with admin rights there; credentials last 10 min and renew by themselves.\n"
    );
    assert!(login.stderr.ends_with(&expected), "{}", login.stderr);
    assert_eq!(login.success(), "");
    assert_eq!(ann.names("nodes").len(), 2);
    ann.run("create namespace shop").success();

    // The context of a guest stands for its supervisor.
    assert!(ann.run("guest get").success().contains("v1.34.2"));
    let who = ann.json("guest whoami");
    assert_eq!(who["supervisor"]["userInfo"]["username"], format!("sso:{name}"));
    assert_eq!(who["guest"]["userInfo"]["username"], format!("sso:{name}"));
    assert_eq!(who["guest"]["level"], "admin");
    let records = ann.run("guest credentials dev").success();
    assert!(records.contains(&name) && records.contains("admin"), "{records}");
    let records = ann.json("guest credentials dev");
    assert_eq!(records["items"][0]["spec"]["sourceAddress"], "127.0.0.1");

    let exchange = |event: &Value| {
        let object = &event["objectRef"];
        let is_ours = object["namespace"] == namespace && object["subresource"] == "credential";
        is_ours && event["stage"] == "ResponseComplete"
    };
    let exchanged = eventually(10, "the exchange is in the audit log", || {
        let event = team.audit_events().into_iter().find(exchange);
        event.ok_or_else(|| "none".to_owned())
    });
    assert_eq!(exchanged["user"]["username"], format!("sso:{name}"));
    assert_eq!(exchanged["level"], "Metadata", "whatever the policy says");
    assert!(!exchanged.to_string().contains("eyJ"), "{exchanged}");
    let record = &records["items"][0];
    let said = |name: &str| exchanged["annotations"][format!("guestclusters.dev/{name}")].as_str();
    assert_eq!(
        (said("credential-result"), said("credential-level")),
        (Some("Made"), Some("admin"))
    );
    assert_eq!(said("credential-name"), record["metadata"]["name"].as_str());
    assert_eq!(said("guest-uid"), record["spec"]["clusterRef"]["uid"].as_str());
    assert_eq!(
        said("credential-expires"),
        record["spec"]["expirationTimestamp"].as_str()
    );
    let id = record["metadata"]["uid"].as_str().expect("a UID");
    assert_eq!(said("credential-id"), Some(format!("JTI={id}").as_str()));

    ann.run("guest logout").success();
    let error = ann.run("get nodes").failure(1);
    assert!(error.contains("error: you are not signed in to 127.0.0.1:"), "{error}");
    let error = ann.run("guest get").failure(4);
    assert!(
        error.contains("Sign in: kubectl guest login --server https://127.0.0.1:"),
        "{error}"
    );
}

#[test]
fn each_level_can_do_what_its_name_promises_and_no_more() {
    let (team, _admin, ann) = signed_in(&["guestcluster-access-admin"], &["dev"]);
    let at = |level: &str| logged_in(&team, &ann, level);
    let (all, login, view, edit) = (at("admin"), at("login"), at("view"), at("edit"));

    all.run("create namespace shop").success();
    all.run("-n shop create secret generic s --from-literal=a=b").success();
    edit.await_success(20, "-n shop create configmap c --from-literal=a=b");
    view.run("get nodes").success();
    view.run("-n shop get configmap c").success();
    for (kubectl, command) in [
        (&login, "get nodes"),
        (&login, "-n shop get configmaps"),
        (&view, "-n shop get secrets"),
        (&view, "-n shop create configmap d"),
        (&view, "-n kube-system get configmaps"),
        (&edit, "-n kube-system create configmap d"),
        (&edit, "-n kube-system get secrets"),
        (&edit, "-n kube-system create serviceaccount up"),
        (&edit, "-n guestclusters-system get secrets"),
        (
            &edit,
            "-n shop create rolebinding up --clusterrole cluster-admin --user x",
        ),
        (
            &edit,
            "-n kube-system create rolebinding up --clusterrole edit --user x",
        ),
        (
            &edit,
            "create clusterrolebinding up --clusterrole cluster-admin --user x",
        ),
        (&edit, "label namespace shop guestclusters.dev/system=true"),
        (&edit, "create namespace other"),
        (&edit, "get nodes --as admin --as-group system:masters"),
    ] {
        kubectl.run(command).refused("forbidden");
    }
    // A level is what is added to the person's own rights.
    let (name, devs) = (team.user("ann"), team.group("devs"));
    all.run(&format!(
        "-n shop create rolebinding ann --clusterrole view --user sso:{name}"
    ))
    .success();
    login.run("-n shop get configmap c").success();
    all.run(&format!(
        "create clusterrolebinding devs --clusterrole view --group sso:{devs}"
    ))
    .success();
    login.run("-n kube-system get configmaps").success();
    view.run("-n kube-system get configmaps").refused("forbidden");

    // Revoked, the person is nobody there, and what they made is.
    all.run("-n shop create serviceaccount ci").success();
    let secret = r#"{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/service-account-token",
        "metadata":{"name":"ci-token","namespace":"shop","annotations":{"kubernetes.io/service-account.name":"ci"}}}"#;
    all.run_with("create -f -", Some(secret)).success();
    bind(&team, &["guestcluster-access-manager"]);
    let (namespace, name) = (team.namespace(), team.user("ann"));
    let revoke = format!("guest revoke dev -n {namespace} --user {name} --list-service-accounts");
    let told = ann.await_success(20, &revoke);
    let rows: Vec<Vec<_>> = told.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(
        rows.iter()
            .any(|row| row.starts_with(&["shop", "ServiceAccount", "ci"])),
        "{told}"
    );
    assert!(
        rows.iter()
            .any(|row| row.starts_with(&["shop", "Secret", "ci-token", "ci"])),
        "{told}"
    );
    assert!(!told.contains("default"), "Kubernetes made those: {told}");
}

#[test]
fn who_may_make_guests_may_not_enter_them_and_who_left_the_group_no_more() {
    let (team, admin, ann) = signed_in(&["guestcluster-editor"], &["dev"]);
    let namespace = team.namespace();
    for name in ["dev", "absent"] {
        let error = ann.run(&format!("guest login {name}")).failure(1);
        let expected = format!("error: you may not log in to {namespace}/{name}\n\nAsk an administrator");
        assert!(error.starts_with(&expected), "{error}");
        let error = ann.run(&format!("guest login {name} --level view")).failure(1);
        assert!(
            error.contains(&format!("you may not log in to {namespace}/{name} at level view")),
            "{error}"
        );
    }
    assert_eq!(ann.run("config get-contexts -o name").success(), "127.0.0.1\n");
    assert_eq!(admin.names("guestcredentials"), Vec::<String>::new());

    bind(&team, &["guestcluster-access-view"]);
    ann.await_success(20, "guest login dev");
    ann.run("get namespaces").success();
    let error = ann.run("guest login dev --level admin").failure(1);
    assert!(error.contains("You may at: login, view"), "{error}");
    let error = ann.run("guest login absent --level view").failure(1);
    assert!(
        error.contains("guestclusters.guestclusters.dev \"absent\" not found (GuestNotFound)\n\nAudit ID "),
        "{error}"
    );

    team.empty_group(&team.group("devs"));
    admin.run("delete guestcredentials --all --timeout=30s").success();
    eventually(30, "the group counts no more", || {
        let output = ann.run("get namespaces");
        let refused = output
            .stderr
            .contains("error: guestclusters.guestclusters.dev \"dev\" is forbidden");
        if refused { Ok(()) } else { Err(output.stderr) }
    });
    let error = ann.run("get namespaces").failure(1);
    assert!(error.contains("guestcluster-access-login"), "whom to ask: {error}");
}

#[test]
fn a_token_is_for_one_guest_and_the_session_for_none() {
    let (team, admin, ann) = signed_in(&["guestcluster-access-admin"], &["dev", "other"]);
    let namespace = team.namespace();
    let (of_dev, of_other) = (
        format!("127.0.0.1/{namespace}/dev"),
        format!("127.0.0.1/{namespace}/other"),
    );
    ann.run("guest login other").success();
    ann.run("guest login dev").success();
    let token_of_dev = token(&ann, "dev");
    let session = session(&ann);
    let id_token = session["idToken"].as_str().unwrap();
    for (context, credential) in [
        (of_other.as_str(), token_of_dev.as_str()),
        (&of_other, id_token),
        (&of_dev, id_token),
        (&of_dev, session["refreshToken"].as_str().unwrap()),
        ("127.0.0.1", &token_of_dev),
    ] {
        let other = ann.in_context(context).with_token(credential);
        other
            .run("get namespaces")
            .refused("You must be logged in to the server");
    }
    ann.in_context(&of_dev)
        .with_token(&token_of_dev)
        .run("get namespaces")
        .success();
    assert!(
        !std::fs::read_to_string(ann.kubeconfig())
            .unwrap()
            .contains(&token_of_dev),
        "no secret in a kubeconfig"
    );

    admin.run("delete guestcluster dev --timeout=60s").success();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    // The old context is for another guest of this name: the plugin says so, and its server is another one.
    let error = ann.in_context(&of_dev).run("get namespaces");
    assert_ne!(error.code, 0, "{}", error.stdout);
    ann.run(&format!("guest login dev -n {namespace} --context 127.0.0.1"))
        .success();
    let again = ann.in_context(&of_dev);
    again.run("get namespaces").success();
    again
        .with_token(&token_of_dev)
        .run("get namespaces")
        .refused("You must be logged in to the server");
}

#[test]
fn a_revoked_credential_is_replaced_by_the_next_command_unless_the_right_is_gone() {
    let (team, admin, ann) = signed_in(&["guestcluster-access-view"], &["dev"]);
    let name = team.user("ann");
    ann.run("guest login dev").success();
    ann.run("get namespaces").success();
    let revoked = token(&ann, "dev");

    let said = admin.run(&format!("guest revoke dev --user {name}"));
    assert!(
        said.stderr.contains(&format!(
            "{name} can get new ones for dev as long as the right is there"
        )),
        "{}",
        said.stderr
    );
    said.success();
    ann.with_token(&revoked)
        .run("get namespaces")
        .refused("You must be logged in to the server");
    // The command that finds out fails, and brings the new one for the next; exchanges are five seconds apart at least.
    eventually(15, "a new credential", || {
        let output = ann.run("get namespaces");
        assert!(
            output.code == 0 || output.stderr.contains("You must be logged in"),
            "{}",
            output.stderr
        );
        if output.code == 0 { Ok(()) } else { Err(output.stderr) }
    });
    assert_ne!(token(&ann, "dev"), revoked);

    // Who has no sign-in is told that it is done, and what is missing.
    let told = admin
        .run(&format!("guest revoke dev --user {name} --list-service-accounts"))
        .failure(1);
    assert!(
        told.contains("error: the revocation is in force, and what outlives it could not be listed: the guest is asked with a credential of your own"),
        "{told}"
    );
    let said = admin.run(&format!("guest revoke dev --user {name} --block 1h"));
    assert!(
        said.stderr
            .contains(&format!("{name} gets no new ones for dev until the block ends")),
        "{}",
        said.stderr
    );
    said.success();
    eventually(20, "the block is told", || {
        let output = ann.run("get namespaces");
        let blocked = output.code != 0 && output.stderr.contains("blocks new credentials until");
        if blocked { Ok(()) } else { Err(output.stderr) }
    });
    admin.run("delete guestrevocations --all").success();
    ann.await_success(15, "get namespaces");
    admin.run("guest revoke dev --all").success();
    admin.run("delete rolebinding devs-guestcluster-access-view").success();
    eventually(30, "the right is gone", || {
        let output = ann.run("get namespaces");
        let gone = output.code != 0
            && output
                .stderr
                .contains("cannot create resource \"guestclusters/credential\"");
        if gone { Ok(()) } else { Err(output.stderr) }
    });
}

#[test]
fn fifty_at_once_with_an_expired_credential_exchange_once() {
    let (_team, admin, ann) = signed_in(&["guestcluster-access-view"], &["dev"]);
    ann.run("guest login dev").success();
    assert_eq!(admin.names("guestcredentials").len(), 1);
    expire(&ann);
    let commands: Vec<_> = (0..50)
        .map(|_| {
            let ann = ann.clone();
            std::thread::spawn(move || ann.run("get namespaces"))
        })
        .collect();
    for command in commands {
        command.join().unwrap().success();
    }
    assert_eq!(admin.names("guestcredentials").len(), 2, "one exchange for all");
}

/// The kept credential of a guest, as JSON, and its file.
fn kept(person: &Kubectl, cluster: &str) -> (std::path::PathBuf, Value) {
    let folder = person.home().join(".cache/kubectl-guest/credentials");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let contents = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| (serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap(), path));
    let (content, path) = contents
        .filter(|(content, _): &(Value, _)| content["cluster"] == cluster)
        // A guest that was made anew has a newer one.
        .max_by_key(|(content, _)| content["since"].as_str().unwrap().to_owned())
        .unwrap();
    (path, content)
}

fn token(person: &Kubectl, cluster: &str) -> String {
    kept(person, cluster).1["token"].as_str().unwrap().to_owned()
}

fn session(person: &Kubectl) -> Value {
    let folder = person.home().join(".cache/kubectl-guest/sessions");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let path = files
        .find(|path| path.extension().is_some_and(|extension| extension == "json"))
        .unwrap();
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Lets the kept credential of `dev` be over, as if time had passed.
fn expire(person: &Kubectl) {
    let (path, mut content) = kept(person, "dev");
    content["since"] = "2026-01-01T00:00:00Z".into();
    content["until"] = "2026-01-01T00:10:00Z".into();
    std::fs::write(path, content.to_string()).unwrap();
}
