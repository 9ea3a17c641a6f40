//! What signing in leaves on a person's computer: files that are private or not used, kubeconfigs in which everything of others
//! stays, and nothing at all where it is stopped.

use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use guestcluster_tests::{Kubectl, Manifest, Supervisor, eventually};
use serde_json::{Value, json};

use crate::MODE;

const ANN: &str = "ann@guest.local";
const OF_GUEST: &str = "127.0.0.1/team-a/dev";
const VERSION: &str = "get --raw /version";

/// What somebody does to a file.
type Spoil<'a> = &'a dyn Fn(&Path);

/// A supervisor with a guest, and Ann, who may view it and is not signed in.
fn supervisor_and_ann() -> (Supervisor, Kubectl) {
    let supervisor = Supervisor::fast(MODE);
    let admin = supervisor.kubectl();
    for role in ["guestcluster-viewer", "guestcluster-access-view"] {
        admin
            .run(&format!(
                "create rolebinding {role} --clusterrole {role} --group sso:devs"
            ))
            .success();
    }
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 0));
    let ann = supervisor.person(ANN, &["devs"]);
    (supervisor, ann)
}

fn login(supervisor: &Supervisor) -> String {
    format!("guest login {} -n team-a", supervisor.login_flags())
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// The command behind the last colon of an error: what it says to do.
fn remedy(error: &str) -> String {
    let line = error.lines().last().unwrap();
    line.rsplit_once(": ").unwrap().1.to_owned()
}

/// Does what an error says to do.
fn follow(person: &Kubectl, remedy: &str) {
    for command in remedy.split("; ") {
        match command.strip_prefix("kubectl ") {
            Some(arguments) => {
                person.run(arguments).success();
            }
            None => assert!(Command::new("sh").args(["-c", command]).status().unwrap().success()),
        }
    }
}

#[test]
fn what_is_kept_is_used_only_where_it_is_private_and_whole() {
    let (supervisor, ann) = supervisor_and_ann();
    ann.run(&login(&supervisor)).success();
    ann.run("guest login dev").success();
    let of_file: [(&str, Spoil<'_>); 4] = [
        ("can be read by others (mode 0644)", &|path| set_mode(path, 0o644)),
        ("is a symbolic link", &|path| {
            let other = path.with_extension("other");
            fs::rename(path, &other).unwrap();
            symlink(&other, path).unwrap();
        }),
        ("has a second name (a hard link)", &|path| {
            let _ = fs::remove_file(path.with_extension("other"));
            fs::hard_link(path, path.with_extension("other")).unwrap();
        }),
        ("can be written by others (mode 0777)", &|path| {
            set_mode(path.parent().unwrap(), 0o777);
        }),
    ];
    for (expected, spoil) in of_file {
        for folder in ["sessions", "credentials"] {
            spoil(&ann.kept(folder));
            let (plugin, arguments) = ann.as_exec_plugin(OF_GUEST);
            let output = plugin.run(&arguments);
            assert_eq!(output.stdout, "", "{expected}: {folder}");
            let error = output.failure(1);
            assert!(error.starts_with("error: ") && error.lines().count() == 1, "{error}");
            assert!(error.contains(expected) && error.contains(folder), "{error}");
            assert_ne!(ann.run(VERSION).code, 0);
            follow(&ann, &remedy(&error));
            ann.run(VERSION).success();
        }
    }
    // A session that others could have read ends all the same, and a new one begins.
    set_mode(&ann.kept("sessions"), 0o644);
    let said = ann.run("guest login dev");
    assert!(
        said.stderr.contains("note: ") && said.stderr.contains("can be read by others"),
        "{}",
        said.stderr
    );
    said.success();
    set_mode(&ann.kept("sessions"), 0o644);
    let said = ann.run("guest logout");
    let expected = "on this computer; the session goes on at the issuer until it ends by itself: ";
    assert!(said.stderr.contains(expected), "{}", said.stderr);
    said.success();
    assert!(ann.all_kept("sessions").is_empty() && ann.all_kept("credentials").is_empty());

    ann.run("guest login dev").success();
    fs::write(ann.kept("credentials"), "{\"token\": \"a").unwrap();
    let healed = ann.run(VERSION);
    assert!(healed.stderr.starts_with("note: ") && healed.stderr.contains(" is broken and is not used"));
    healed.success();
    assert_eq!(ann.run(VERSION).stderr, "");
    fs::write(ann.kept("sessions"), "").unwrap();
    let error = ann.run("guest get").failure(4);
    assert!(
        error.contains("is broken and is not used\nerror: you are not signed in to 127.0.0.1:"),
        "{error}"
    );
    follow(&ann, &remedy(&error));
    ann.run(VERSION).success();

    // A lock is as good as the process that holds it.
    let lock = ann.kept("credentials").with_extension("lock");
    let mut holder = Command::new("flock");
    holder
        .arg("--no-fork")
        .arg(&lock)
        .args(["sleep", "600"])
        .stdout(Stdio::null());
    let mut holder = holder.spawn().unwrap();
    eventually(10, "the lock is held", || match File::open(&lock).unwrap().try_lock() {
        Err(_) => Ok(()),
        Ok(()) => Err("it is free".to_owned()),
    });
    ann.expire_credential();
    let waits = ann.start(VERSION);
    eventually(10, "the plugin waits", || {
        waiting_plugin(&lock).ok_or_else(|| "it does not".to_owned())
    });
    holder.kill().unwrap();
    holder.wait().unwrap();
    let started = Instant::now();
    waits.finish().success();
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// Whether a plugin has this file open.
fn waiting_plugin(lock: &Path) -> Option<()> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let mut plugins =
        processes.filter(|path| fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "kubectl-guest"));
    plugins.find_map(|path| {
        let files = fs::read_dir(path.join("fd")).ok()?.flatten();
        let mut files = files.filter_map(|entry| fs::read_link(entry.path()).ok());
        files.find(|file| file == lock).map(|_| ())
    })
}

#[test]
fn a_home_that_can_not_be_written_is_told_before_anybody_signs_in() {
    let (supervisor, ann) = supervisor_and_ann();
    let login = login(&supervisor);
    ann.run(&login).success();
    ann.run("guest login dev").success();
    ann.run(VERSION).success();
    let (ann, mark) = ann.with_marking_browser();
    let authority = ann.home().join("ca.crt");
    fs::copy(login.split(' ').nth(5).unwrap(), &authority).unwrap();
    let login = login.replace(login.split(' ').nth(5).unwrap(), authority.to_str().unwrap());
    let ann = ann.unprivileged();
    let all_folders = |mode: &str| {
        let mut change = Command::new("find");
        change
            .arg(ann.home())
            .args(["-type", "d", "-exec", "chmod", mode, "{}", "+"]);
        assert!(change.status().unwrap().success());
    };
    all_folders("u-w");

    // What is there works without a word, and what must be had anew is used once, with one.
    let output = ann.run(VERSION);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    ann.run("guest get").success();
    ann.expire_credential();
    let output = ann.run(VERSION);
    let warning =
        "/.cache/kubectl-guest/credentials: Permission denied. Make the folder writable, or set XDG_CACHE_HOME";
    assert!(
        output.stderr.starts_with("warning: nothing can be kept in ") && output.stderr.contains(warning),
        "{}",
        output.stderr
    );
    assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    output.success();
    let error = ann.run("guest logout").failure(1);
    assert!(
        error.contains("error: the session has ended at the issuer, but ") && error.contains("can't be removed"),
        "{error}"
    );

    let kubeconfig = format!(
        "error: kubeconfig {} can't be changed: Permission denied\n\nName another file",
        ann.kubeconfig().display()
    );
    let elsewhere = std::env::temp_dir().join(format!("guestclusters-{}.kubeconfig", std::process::id()));
    let cache = "error: nothing can be kept in ";
    for (command, expected) in [
        (login.clone(), kubeconfig.as_str()),
        ("guest login dev".to_owned(), kubeconfig.as_str()),
        (format!("{login} --print"), cache),
        (format!("{login} --kubeconfig {}", elsewhere.display()), cache),
    ] {
        let output = ann.run(&command);
        assert_eq!(output.stdout, "", "{command}");
        let error = output.failure(1);
        assert!(error.starts_with(expected), "{command}: {error}");
    }
    let nowhere = ann.clone().with_variable("XDG_CACHE_HOME", "/dev/null");
    let error = nowhere.run(&format!("{login} --print")).failure(1);
    assert!(
        error.starts_with("error: nothing can be kept in /dev/null/kubectl-guest/sessions: Not a directory\n\n"),
        "{error}"
    );
    nowhere.run("guest get").failure(4);
    assert!(
        !mark.exists() && !elsewhere.exists(),
        "no browser opened, nothing was written"
    );
    all_folders("u+w");
}

#[test]
fn a_login_leaves_alone_what_others_wrote_into_kubeconfigs() {
    let (supervisor, ann) = supervisor_and_ann();
    let login = login(&supervisor);
    // What YAML reads in more than one way, and fields of tomorrow.
    let strings = json!([
        "yes",
        "No",
        "on",
        "null",
        "~",
        "",
        " ",
        "0x1F",
        "010",
        "1e3",
        "1_000",
        "12:30:00",
        "2026-01-01",
        ".inf",
        "=",
        "<<",
        "- a",
        "a: b",
        "# c",
        "'",
        "\"",
        "\n",
        "line\nline\n",
        "é\u{1F600}",
        "a\tb",
        "{}",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
    ]);
    let numbers = json!([0, -1, 1.5, 1e300, 9_007_199_254_740_993_i64, true, null]);
    let first = json!({
        "apiVersion": "v1", "kind": "Config", "future": {"field": strings},
        "preferences": {"colors": true}, "current-context": "",
        "clusters": [
            {"name": "127.0.0.1", "cluster": {"server": "https://127.0.0.1:1", "extensions": [{"name": "e", "extension": strings}]}},
        ],
        "users": [{"name": "somebody", "user": {"token": "secret"}}],
        "contexts": [{"name": "theirs", "context": {"cluster": "127.0.0.1", "user": "somebody", "future": numbers}}],
    });
    let second = json!({"clusters": [], "users": [], "contexts": [], "current-context": "theirs"});
    let file = |name: &str| ann.home().join(name);
    fs::write(file("first"), first.to_string()).unwrap();
    fs::write(file("second"), second.to_string()).unwrap();
    let list = format!(
        "{}:{}:{}",
        file("absent").display(),
        file("first").display(),
        file("second").display()
    );
    let several = ann.with_kubeconfig(&list);
    let before = several.json("config view --raw");

    several.run(&login).success();
    assert!(!file("absent").exists());
    let after = several.json("config view --raw");
    for list in ["clusters", "users", "contexts"] {
        for entry in before[list].as_array().unwrap() {
            assert!(after[list].as_array().unwrap().contains(entry), "{entry}\n{after}");
        }
    }
    let port = login.split(' ').nth(3).unwrap().rsplit_once(':').unwrap().1.to_owned();
    let ours = format!("127.0.0.1:{port}");
    assert_eq!(
        after["current-context"],
        ours.as_str(),
        "the name 127.0.0.1 is somebody's cluster"
    );
    let read = |name: &str| several.with_kubeconfig(file(name)).json("config view --raw");
    assert_eq!(read("second")["current-context"], ours.as_str(), "where it was");
    assert_eq!(
        read("first")["contexts"].as_array().unwrap().len(),
        2,
        "new entries go into the first file"
    );
    let extension = |config: &Value| config["clusters"][0]["cluster"]["extensions"].clone();
    assert_eq!(extension(&before), extension(&after));
    let text = fs::read_to_string(file("first")).unwrap();
    assert_eq!(text.matches("future:").count(), 2, "fields that kubectl does not know");

    // What the person sets stays at the next login.
    for command in [
        format!("config set-context {ours} --namespace mine"),
        format!("config set clusters.{ours}.proxy-url http://proxy.example"),
        "config use-context theirs".to_owned(),
    ] {
        several.run(&command).success();
    }
    several
        .run(&format!("guest login {} --no-switch", supervisor.login_flags()))
        .success();
    let after = several.json("config view --raw");
    let entry = |list: &str| {
        let entries = after[list].as_array().unwrap();
        entries
            .iter()
            .find(|entry| entry["name"] == ours.as_str())
            .unwrap()
            .clone()
    };
    assert_eq!(entry("contexts")["context"]["namespace"], "mine");
    assert_eq!(after["current-context"], "theirs");
    several
        .run(&format!("config unset clusters.{ours}.proxy-url"))
        .success();

    // Names of others are not ours, and files that can't be read are named.
    let whole = |path: &Path| fs::read_to_string(path).unwrap();
    let unchanged = whole(&file("first"));
    let (marked, mark) = several.with_marking_browser();
    let error = marked.run(&format!("{login} --context-name theirs")).failure(1);
    assert!(
        error.starts_with("error: the kubeconfig has a context \"theirs\" for something else\n\nChoose another name"),
        "{error}"
    );
    for (content, expected) in [("a: [", "it is no YAML: "), ("- a", "it is no kubeconfig")] {
        fs::write(file("broken"), content).unwrap();
        let broken = marked.with_kubeconfig(format!("{list}:{}", file("broken").display()));
        for command in [login.as_str(), "guest get"] {
            let error = broken.run(command).failure(1);
            assert!(
                error.contains(&format!("error: kubeconfig {}: ", file("broken").display())),
                "{error}"
            );
            assert!(command == "guest get" || error.contains(expected), "{error}");
            assert_eq!(error.lines().count(), 3, "{error}");
        }
        assert_eq!(whole(&file("broken")), content);
    }
    let lock = file("first.lock");
    fs::write(&lock, "").unwrap();
    let error = marked.run(&login).failure(1);
    let expected = format!(
        "error: {lock} is there: another program is changing the kubeconfig, or has left it behind\n\nIf no other program runs: rm {lock}\n",
        lock = lock.display()
    );
    assert_eq!(error, expected);
    fs::remove_file(&lock).unwrap();
    assert!(!mark.exists(), "no browser opened");
    assert_eq!(whole(&file("first")), unchanged);

    // One file of its own, and none.
    let alone = file("alone");
    let by_ours = format!("guest login dev -n team-a --context {ours}");
    several
        .run(&format!("{by_ours} --kubeconfig {}", alone.display()))
        .success();
    let only = ann.with_kubeconfig(&alone);
    assert_eq!(
        only.run("config get-contexts -o name").success(),
        format!("{OF_GUEST}\n")
    );
    only.run("get namespaces").success();
    only.run("guest get").success();
    let unchanged = (whole(&file("first")), whole(&file("second")));
    let printed = several.run(&format!("{by_ours} --print")).success();
    assert_eq!((whole(&file("first")), whole(&file("second"))), unchanged);
    fs::write(file("printed"), printed).unwrap();
    ann.with_kubeconfig(file("printed")).run("get namespaces").success();

    // Through a link, with the locks of the link and of the file.
    symlink(&alone, file("link")).unwrap();
    ann.with_kubeconfig(file("link")).run("guest login dev").success();
    assert!(file("link").is_symlink());

    let without_plugin = only.without_plugin();
    let error = without_plugin.run("get namespaces").failure(1);
    assert!(
        error.contains("kubectl-guest is missing: install the plugin of Guest Clusters, in a folder of PATH."),
        "{error}"
    );
}

#[test]
fn logins_at_once_lose_nothing_of_each_other_nor_of_kubectl() {
    const EDITS: usize = 30;
    const LOGINS: usize = 8;
    let (supervisor, ann) = supervisor_and_ann();
    ann.run(&login(&supervisor)).success();
    let edits = {
        let ann = ann.clone();
        std::thread::spawn(move || {
            for number in 0..EDITS {
                // kubectl does not wait for a lock.
                eventually(20, "kubectl gets the lock", || {
                    let output = ann.run(&format!("config set-context edit-{number} --namespace n"));
                    assert!(
                        output.code == 0 || output.stderr.contains("file exists"),
                        "{}",
                        output.stderr
                    );
                    if output.code == 0 { Ok(()) } else { Err(output.stderr) }
                });
            }
        })
    };
    log_in_at_once(&ann, "beside", LOGINS);
    edits.join().unwrap();
    let after = contexts(&ann);
    // Not that each login is there: kubectl reads before it locks, and takes away what came in between.
    for number in 0..EDITS {
        assert!(after.contains(&format!("edit-{number}")), "{after:?}");
    }

    log_in_at_once(&ann, "alone", LOGINS);
    let logins = contexts(&ann).into_iter().filter(|name| name.starts_with("alone"));
    assert_eq!(logins.count(), LOGINS);
    ann.in_context("alone-1-0").run("get namespaces").success();
    let left = fs::read_dir(ann.kubeconfig().parent().unwrap()).unwrap().flatten();
    let left: BTreeSet<_> = left.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["cache", "config"].map(str::to_owned).into(), "no lock is left");
}

/// Logs in this often, in two halves at a time, with contexts called `PREFIX-HALF-NUMBER`.
fn log_in_at_once(person: &Kubectl, prefix: &str, logins: usize) {
    let halves = [0, 1].map(|half| {
        let (person, prefix) = (person.clone(), prefix.to_owned());
        std::thread::spawn(move || {
            for number in 0..logins / 2 {
                let name = format!("{prefix}-{half}-{number}");
                person
                    .run(&format!("guest login dev --no-switch --context-name {name}"))
                    .success();
            }
        })
    });
    for half in halves {
        half.join().unwrap();
    }
}

fn contexts(person: &Kubectl) -> BTreeSet<String> {
    let names = person.run("config get-contexts -o name").success();
    names.lines().map(str::to_owned).collect()
}

#[test]
fn a_sign_in_that_is_stopped_leaves_nothing() {
    let (supervisor, ann) = supervisor_and_ann();
    let (ann, mark) = ann.with_marking_browser();
    let login = login(&supervisor);
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let authority = login.split(' ').nth(5).unwrap();
    let slow = [
        format!("guest login --server {url} --certificate-authority {authority}"),
        format!("guest login --server {url} --ca-sha256 {}", "5d".repeat(32)),
    ]
    .map(|command| ann.start(&command));

    let waits = ann.start(&login);
    eventually(10, "the browser opens", || {
        if mark.exists() {
            Ok(())
        } else {
            Err("it did not".to_owned())
        }
    });
    let started = Instant::now();
    waits.interrupt();
    let stopped = waits.finish();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!((stopped.code, stopped.stdout.as_str()), (-1, ""), "{}", stopped.stderr);
    assert!(!stopped.stderr.contains("panicked"), "{}", stopped.stderr);

    let error = ann.run(&format!("{login} --timeout 1s")).failure(3);
    let expected = "\nerror: nobody signed in within 1s\n\nStart it again; --timeout gives more time.\n";
    assert!(error.ends_with(expected), "{error}");
    for running in slow {
        let error = running.finish().failure(1);
        assert_eq!(
            error,
            format!(
                "error: {url} can't be reached: it does not answer in time\n\nCheck its address, that it runs, and that this computer reaches it.\n"
            )
        );
    }
    assert!(
        ann.all_kept("sessions").is_empty() && !ann.kubeconfig().exists(),
        "nothing was written"
    );
    let left: Vec<_> = fs::read_dir(ann.home().join(".cache/kubectl-guest/sessions"))
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
