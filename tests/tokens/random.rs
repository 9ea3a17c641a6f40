//! Claims that are thrown together: mostly such as could be, each now and then not.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::guest::{AWKWARD, Guest, revoked};

/// Claims by a seed, to be laid over a good token's.
pub(super) fn claims(guest: &Guest, seed: u64) -> Value {
    let mut random = StdRng::seed_from_u64(seed);
    let iat = guest.now + random.random_range(-3100..400);
    let nbf = iat - random.random_range(-10..320);
    let exp = nbf + random.random_range(3300..3950);
    let subjects = [
        "alice",
        "alice",
        "bob",
        "sso:x",
        "system",
        "",
        AWKWARD,
        "system:kube-scheduler",
    ];
    let levels = [
        "view",
        "edit",
        "login",
        "admin",
        "login",
        "admin",
        "break-glass",
        "View",
    ];
    json!({
        "iat": iat, "nbf": nbf, "exp": exp,
        "sub": one_of(&mut random, &subjects),
        "level": one_of(&mut random, &levels),
        "groups": groups(&mut random),
        "jti": revoked(random.random_range(2800..5000)),
        "uid": if random.random_bool(0.5) { json!("u-2") } else { Value::Null },
    })
}

fn groups(random: &mut StdRng) -> Vec<&'static str> {
    let names = [
        "devs@corp.example",
        "sso:devs",
        "guestclusters.dev:admin",
        "",
        "\u{e9}quipe",
        "a b",
        "system",
        "x",
    ];
    let mut groups: Vec<_> = (0..random.random_range(0..5)).map(|_| one_of(random, &names)).collect();
    if random.random_bool(0.05) {
        groups.push("system:masters");
    }
    if random.random_bool(0.1) {
        groups.resize(random.random_range(120..136), "x");
    }
    groups
}

fn one_of<'a>(random: &mut StdRng, values: &[&'a str]) -> &'a str {
    values[random.random_range(0..values.len())]
}
