//! The API server library by itself: its example, which serves one kind from a file, and kubectl.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::Command,
};

use guestcluster_tests::{Daemon, Kubectl, binaries, eventually};
use serde_json::json;

const PATIENCE: u64 = 30;

/// Starts the example; it writes a kubeconfig when it can be used.
fn bookshelf(folder: &Path) -> (Daemon, Kubectl) {
    let program = binaries().join("examples").join("bookshelf");
    assert!(
        program.exists(),
        "cargo build -p generic-apiserver --example bookshelf makes {}",
        program.display()
    );
    let mut command = Command::new(program);
    command.arg(folder.join("data"));
    let kubeconfig = folder.join("data").join("kubeconfig");
    let mut server = Daemon::start("bookshelf", command, folder);
    let kubectl = Kubectl::new(&kubeconfig, folder, &binaries());
    server.await_that(PATIENCE, "serves", || {
        kubeconfig.exists() && kubectl.run("get --raw /readyz").code == 0
    });
    (server, kubectl)
}

fn book(title: &str) -> String {
    json!({
        "apiVersion": "library.example.com/v1", "kind": "Book",
        "metadata": {"name": "dune"}, "spec": {"title": title, "authors": ["Herbert"]},
    })
    .to_string()
}

#[test]
fn kubectl_explains_lists_watches_and_applies_a_kind_of_forty_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (server, kubectl) = bookshelf(folder.path());
    assert!(
        kubectl
            .run("api-resources")
            .success()
            .contains("library.example.com/v1")
    );
    let explained = kubectl.run("explain book.spec.copies").success();
    assert!(explained.contains("How many there are."), "{explained}");

    let mut watch = kubectl
        .command(&["get", "books", "--watch", "-o", "name"])
        .spawn()
        .unwrap();
    let mut seen = BufReader::new(watch.stdout.take().unwrap()).lines();
    kubectl
        .run_with("apply --server-side -f -", Some(&book("Dune")))
        .success();
    assert_eq!(seen.next().unwrap().unwrap(), "book.library.example.com/dune");
    watch.kill().unwrap();
    watch.wait().unwrap();

    let applied = kubectl.json("get book dune");
    assert_eq!(applied["spec"]["copies"], 1, "the schema's default");
    kubectl
        .run_with("apply --server-side -f -", Some(&book("Dune")))
        .success();
    let again = kubectl.json("get book dune");
    assert_eq!(
        again["metadata"]["resourceVersion"],
        applied["metadata"]["resourceVersion"]
    );
    let table = kubectl.run("get bk").success();
    assert_eq!(table, "NAME   TITLE   COPIES\ndune   Dune    1\n");

    for (patch, refused) in [
        (r#"{"spec":{"copies":-1}}"#, "spec.copies: Invalid value: -1"),
        (
            r#"{"spec":{"authors":["a","a"]}}"#,
            "spec.authors[1]: Duplicate value: \"a\"",
        ),
        (r#"{"spec":{"title":""}}"#, "spec.title: Invalid value"),
    ] {
        kubectl
            .args(&["patch", "book", "dune", "--type=merge", "-p", patch], None)
            .refused(refused);
    }

    // What was answered is in the file.
    drop(server);
    std::fs::remove_file(kubectl.kubeconfig()).unwrap();
    let (_server, kubectl) = bookshelf(folder.path());
    assert_eq!(
        kubectl.json("get book dune")["metadata"]["uid"],
        applied["metadata"]["uid"]
    );
    kubectl.run("delete book dune").success();
    eventually(5, "it is gone", || match kubectl.names("books").len() {
        0 => Ok(()),
        left => Err(left.to_string()),
    });
}
