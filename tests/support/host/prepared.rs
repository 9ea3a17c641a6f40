//! etcd's data of a host that has come up once: bootstrap roles and upstream's definitions are in it. Each host starts on a copy,
//! which takes a fraction of the time. Kept in the user's cache folder, by what decides the content.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use super::{
    Host,
    components::{Etcd, Sync},
    crds,
    programs::program,
};

/// How the programs are started, and what is done with them here: both decide what is in the data.
const MADE_BY: [&str; 2] = [include_str!("components.rs"), include_str!("prepared.rs")];
/// File in the cache folder.
const LOCK: &str = "lock";
/// Holds the certificate authorities of the host that made it: each kube-apiserver writes its own.
const TRUSTED_BY_THAT_HOST: &str = "/registry/configmaps/kube-system/extension-apiserver-authentication";

/// Puts a copy of the data into this folder, which must not exist. The data is made first when it is missing.
pub(super) fn copy_to(data: &Path) {
    let cache = cache().join("host");
    fs::create_dir_all(&cache).expect("the cache folder can be written");
    // Others wait: for the data, and with its removal until it is copied.
    let lock = File::create(cache.join(LOCK)).expect("the cache folder can be written");
    lock.lock().expect("the file system has locks");
    let prepared = cache.join(format!("{:016x}", key()));
    if !prepared.exists() {
        remove_all_but(&cache, LOCK);
        let making = cache.join("making");
        make(&making);
        fs::rename(making.join("etcd"), &prepared).expect("the same file system");
        fs::remove_dir_all(&making).expect("the folder is ours");
    }
    // Sparse: most of etcd's log is room for what comes.
    let copied = Command::new("cp")
        .args(["-r", "--sparse=always"])
        .arg(prepared)
        .arg(data)
        .status();
    assert!(copied.expect("cp is there").success());
}

/// Brings a host up, and stops it when all is there.
fn make(folder: &Path) {
    let data = folder.join("etcd");
    fs::create_dir_all(folder).expect("the folder is ours");
    let host = Host::start_on(folder, &data, Vec::new());
    let kubectl = host.admin();
    kubectl
        .run_with("apply --server-side -f -", Some(&crds::manifest()))
        .success();
    let wait = format!(
        "wait --for=condition=Established --timeout=60s {}",
        crds::names().join(" ")
    );
    kubectl.run(&wait).success();
    drop(host);
    // kube-apiserver is gone, so that nobody writes it again.
    let etcd = Etcd::start(&data, folder, Sync::No);
    delete_key(etcd.port, TRUSTED_BY_THAT_HOST);
    etcd.daemon.stop(30);
}

/// What decides the content, as one number.
fn key() -> u64 {
    let mut hasher = DefaultHasher::new();
    MADE_BY.hash(&mut hasher);
    crds::manifest().hash(&mut hasher);
    for name in ["etcd", "kube-apiserver"] {
        let path = program(name);
        let file = fs::metadata(&path).expect("it was found");
        let modified = file.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        (path, file.len(), modified).hash(&mut hasher);
    }
    hasher.finish()
}

/// Deletes one key by etcd's JSON gateway.
fn delete_key(port: u16, key: &str) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let body = format!(r#"{{"key":"{}"}}"#, STANDARD.encode(key));
    let request = format!(
        "POST /v3/kv/deleterange HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    connection.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.contains(r#""deleted":"1""#),
        "{answer}"
    );
}

fn remove_all_but(folder: &Path, kept: &str) {
    for entry in fs::read_dir(folder).expect("the folder is ours").flatten() {
        if entry.file_name() != kept {
            fs::remove_dir_all(entry.path()).expect("the folder is ours");
        }
    }
}

fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache");
    std::env::var_os("XDG_CACHE_HOME")
        .map_or_else(home, PathBuf::from)
        .join("guest-clusters")
}
