//! Who a front proxy says that asks, and everybody else who says so: each server has one, and believes nobody else.

use serde_json::{Value, json};

use super::widget;
use crate::{
    client::User,
    request::{Request, get, post},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("users", users),
    ("groups", groups),
    ("extra", extra),
    ("rights", rights),
    ("impersonation", impersonation),
    ("nobody named", nobody_named),
    ("forged", forged),
];

/// Answers with the user that the server took the client for.
fn who() -> Request {
    post("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({}))
}

/// The same, through the front proxy.
fn who_is(user: &str) -> Request {
    who().by(User::FrontProxy).and_header("x-remote-user", user)
}

fn users(talk: &mut Talk<'_>) {
    for user in [
        "ana",
        "sso:ana@example.com",
        "system:admin",
        "a b",
        "größe",
        "a,b",
        "%41",
        "\"",
        " ana ",
    ] {
        talk.send(who_is(user));
    }
    talk.send_all([
        who_is("ana").and_header("x-remote-user", "eve"),
        who_is("ana").and_header("x-remote-user", ""),
        who_is("ana").and_header("x-remote-uid", "42"),
        who_is("ana")
            .and_header("x-remote-uid", "42")
            .and_header("x-remote-uid", "43"),
        who_is("ana").and_header("x-remote-uid", ""),
        who_is("ana").and_header("x-remote-user-name", "eve"),
        // Headers of other names, as older proxies had them.
        who_is("ana")
            .and_header("x-user", "eve")
            .and_header("remote-user", "eve"),
    ]);
}

fn groups(talk: &mut Talk<'_>) {
    let with = |groups: &[&'static str]| {
        let all = groups.iter();
        all.fold(who_is("ana"), |request, group| {
            request.and_header("x-remote-group", *group)
        })
    };
    talk.send_all([
        with(&["a"]),
        with(&["a", "b", "a"]),
        with(&["a, b"]),
        with(&["", "a"]),
        with(&["größe"]),
        with(&["system:authenticated"]),
        with(&["system:unauthenticated"]),
        with(&["system:masters"]),
        who_is("system:anonymous"),
        with(&["a"]).header("x-remote-user", "system:anonymous"),
        who_is("ana").and_header("x-remote-groups", "a"),
    ]);
}

fn extra(talk: &mut Talk<'_>) {
    for name in [
        "x-remote-extra-scopes",
        "X-Remote-Extra-Scopes",
        "x-remote-extra-acme.com%2fproject",
        "x-remote-extra-acme.com%2Fproject",
        "x-remote-extra-%41",
        "x-remote-extra-a%252fb",
        "x-remote-extra-gr%c3%b6%c3%9fe",
        "x-remote-extra-a+b",
        "x-remote-extra-%",
        "x-remote-extra-%4",
        "x-remote-extra-%41%zz",
        "x-remote-extra-",
        "x-remote-extra",
    ] {
        talk.send(who_is("ana").and_header(name, "a"));
    }
    talk.send_all([
        who_is("ana")
            .and_header("x-remote-extra-a", "1")
            .and_header("x-remote-extra-a", "2"),
        who_is("ana")
            .and_header("x-remote-extra-a%2fb", "1")
            .and_header("x-remote-extra-a%2Fb", "2"),
        who_is("ana").and_header("x-remote-extra-a", ""),
        who_is("ana").and_header("x-remote-extra-a", "1, 2"),
        who_is("ana").and_header("x-remote-extra-a", "größe"),
    ]);
}

fn rights(talk: &mut Talk<'_>) {
    talk.quietly(post("$widgets", widget("a", json!({}))));
    let by = |user: &str| get("$widgets/a").by(User::FrontProxy).header("x-remote-user", user);
    talk.send_all([
        by("dev"),
        by("dev").header("x-remote-group", "system:masters"),
        by("system:anonymous").header("x-remote-group", "system:unauthenticated"),
        by("dev").header("authorization", "Bearer nonsense"),
        get("/apis/demo.example.io")
            .by(User::FrontProxy)
            .header("x-remote-user", "dev"),
        get("/healthz").by(User::FrontProxy).header("x-remote-user", "dev"),
        get("/metrics").by(User::FrontProxy).header("x-remote-user", "dev"),
        get("/nothing").by(User::FrontProxy).header("x-remote-user", "dev"),
    ]);
}

fn impersonation(talk: &mut Talk<'_>) {
    talk.send_all([
        who_is("dev").header("impersonate-user", "eve"),
        who_is("dev").header("impersonate-group", "g"),
        who_is("dev")
            .header("x-remote-group", "system:masters")
            .header("impersonate-user", "eve"),
        who_is("dev")
            .header("x-remote-group", "system:masters")
            .header("x-remote-extra-a", "b")
            .header("impersonate-user", "eve")
            .header("impersonate-extra-c", "d"),
    ]);
}

/// kube-apiserver has more than one right to impersonate, and names one or another that is missing: it remembers by which of them
/// somebody of this name did it last.
fn only_reason(body: &mut Value) {
    if body["kind"] == "Status" {
        *body = body["reason"].take();
    }
}

/// The proxy's own certificate is nobody's credential.
fn nobody_named(talk: &mut Talk<'_>) {
    let silent = || who().by(User::FrontProxy);
    talk.send_all([
        silent(),
        silent().header("x-remote-user", ""),
        silent()
            .and_header("x-remote-user", "")
            .and_header("x-remote-user", "ana"),
        silent().header("x-remote-group", "system:masters"),
        silent().header("x-remote-uid", "42"),
        silent().header("x-remote-extra-a", "b"),
        silent().header("authorization", "Bearer nonsense"),
        get("/healthz").by(User::FrontProxy),
        get("$widgets").by(User::FrontProxy).header("impersonate-user", "eve"),
    ]);
}

/// Who is not the front proxy asks as who they are, if they are anybody.
fn forged(talk: &mut Talk<'_>) {
    for user in [User::Nobody, User::Dev, User::Admin, User::OtherProxy, User::FalseProxy] {
        let claim = |request: Request| {
            let request = request.by(user).header("x-remote-user", "eve");
            request
                .header("x-remote-uid", "42")
                .header("x-remote-group", "system:masters")
                .header("x-remote-extra-scopes", "all")
        };
        talk.send_all([
            claim(who()),
            claim(get("$widgets")),
            claim(get("/healthz")),
            claim(get("/nothing")),
            claim(who()).header("x-remote-user", ""),
            claim(who()).header("x-remote-user", "system:anonymous"),
            claim(who()).header("authorization", "Bearer nonsense"),
            claim(who()).header("impersonate-user", "ana").view(only_reason),
            claim(who()).without("x-remote-user"),
            who().by(user),
            who().by(user).header("x-remote-group", "system:masters"),
            who().by(user).header("x-remote-extra-scopes", "all"),
            get("/healthz").by(user),
        ]);
    }
}
