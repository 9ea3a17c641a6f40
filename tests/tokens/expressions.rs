//! Issuers whose tokens are mapped and judged by expressions: the embedded supervisor takes them for whom kube-apiserver does.

use std::{fs, path::Path};

use guestcluster_tests::{Mode, Start, Supervisor};
use serde_json::{Value, json};

use crate::{
    Asked,
    guest::{Guest, sign},
    keys_server::KeysServer,
};

const AUDIENCE: &str = "supervisor";

/// An issuer, and claims of its tokens beside the usual ones.
struct Case {
    name: &'static str,
    rules: Value,
    tokens: Vec<Value>,
}

/// The `jwt` of a configuration with all issuers.
pub(super) fn issuers(keys: &KeysServer) -> Vec<Value> {
    let issuer = |case: Case| {
        let mut issuer = case.rules;
        issuer["issuer"] = json!({
            "url": url(case.name), "discoveryURL": keys.discovery_of(case.name), "certificateAuthority": keys.authority(),
            "audiences": [AUDIENCE],
        });
        issuer
    };
    cases().into_iter().map(issuer).collect()
}

/// What an embedded supervisor with the same issuers finds otherwise than kube-apiserver.
pub(super) fn differences(theirs: &Asked, guest: &Guest, keys: &KeysServer, folder: &Path) -> Vec<String> {
    let file = folder.join("expressions.json");
    let configuration = json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration", "jwt": issuers(keys),
    });
    fs::write(&file, configuration.to_string()).unwrap();
    let supervisor = Supervisor::start(Start {
        mode: Mode::Embedded,
        layers: Some("none".to_owned()),
        arguments: vec!["--authentication-config".to_owned(), file.display().to_string()],
        ..Start::default()
    });
    let ours = Asked::of(&supervisor.server(), &supervisor.data_dir().join("ca.crt"));
    let (mut wrong, mut accepted, mut refused) = (Vec::new(), 0, 0);
    for case in cases() {
        for claims in &case.tokens {
            let token = token(guest, case.name, claims);
            let (ours, theirs) = (ours.user(&token), theirs.user(&token));
            *(if theirs.is_some() { &mut accepted } else { &mut refused }) += 1;
            if ours != theirs {
                wrong.push(format!(
                    "{}: {claims}: ours {ours:?}, kube-apiserver {theirs:?}",
                    case.name
                ));
            }
        }
    }
    assert!(accepted > 20 && refused > 20, "{accepted} accepted, {refused} refused");
    wrong.extend(intended(&ours, theirs, guest));
    let log = supervisor.log();
    let told = "failed: only projects of the platform group";
    assert!(
        log.contains("an ID token gives no user") && log.contains(told),
        "{}",
        supervisor.log_tail()
    );
    wrong
}

/// What is meant to differ: names of the system are refused here whatever a configuration says; and a list that a function of
/// texts made is as good as any other, where kube-apiserver knows only those of JSON and of macros.
fn intended(ours: &Asked, theirs: &Asked, guest: &Guest) -> Vec<String> {
    let differs = |name, claims: Value, accepted: (bool, bool)| {
        let token = token(guest, name, &claims);
        let found = (ours.user(&token), theirs.user(&token));
        ((found.0.is_some(), found.1.is_some()) != accepted).then(|| format!("{name}: {claims}: {found:?}"))
    };
    [
        differs("bare", json!({"sub": "system:admin"}), (false, true)),
        differs("split", json!({"roles": "a,b"}), (true, false)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn url(name: &str) -> String {
    format!("https://{name}.invalid")
}

fn token(guest: &Guest, issuer: &str, claims: &Value) -> String {
    let mut all = json!({
        "iss": url(issuer), "aud": AUDIENCE, "sub": "ann", "iat": guest.now, "nbf": guest.now - 60, "exp": guest.now + 3600,
        "jti": "t-1", "groups": ["devs", "ops"], "email": "ann@corp.example", "email_verified": true,
    });
    for (name, value) in claims.as_object().unwrap() {
        match value {
            Value::String(text) if text == "-" => drop(all.as_object_mut().unwrap().remove(name)),
            value => all[name] = value.clone(),
        }
    }
    sign(&guest.key, &guest.header(), &all.to_string())
}

/// The rules that docs/ci.md gives operators to start from.
fn documented() -> [Value; 3] {
    let text = include_str!("../../docs/ci.md");
    let (_, block) = text.split_once("```yaml\n").unwrap();
    let (block, _) = block.split_once("```").unwrap();
    let mut file: Value = serde_saphyr::from_str(block).unwrap();
    let issuers = file["jwt"].as_array_mut().unwrap();
    for issuer in issuers.iter_mut() {
        issuer.as_object_mut().unwrap().remove("issuer");
    }
    std::mem::take(issuers).try_into().unwrap()
}

fn cases() -> Vec<Case> {
    let sub = json!({"claim": "sub", "prefix": "sso:"});
    let case = |name, rules, tokens| Case { name, rules, tokens };
    let username = |expression: &str| json!({"claimMappings": {"username": {"expression": expression}}});
    let rule = |expression: &str| json!({"claimMappings": {"username": sub}, "claimValidationRules": [{"expression": expression, "message": "no"}]});
    let groups = |expression: &str| json!({"claimMappings": {"username": sub, "groups": {"expression": expression}}});
    let extra = |expression: &str| json!({"claimMappings": {"username": sub, "extra": [{"key": "corp.example/x", "valueExpression": expression}]}});
    let user = |expression: &str| {
        json!({
            "claimMappings": {"username": sub, "groups": {"claim": "groups", "prefix": ""}, "uid": {"expression": "claims.?id.orValue('')"}},
            "userValidationRules": [{"expression": expression}],
        })
    };
    let [gitlab, actions, pods] = documented();
    vec![
        case(
            "gitlab",
            gitlab,
            vec![
                json!({"namespace_path": "platform", "project_path": "platform/shop", "ref_protected": "true"}),
                json!({"namespace_path": "platform", "project_path": "platform/shop", "ref_protected": "false"}),
                json!({"namespace_path": "others", "project_path": "others/shop", "ref_protected": "true"}),
            ],
        ),
        case(
            "actions",
            actions,
            vec![
                json!({"repository": "corp/shop", "repository_owner": "corp", "ref": "refs/heads/main"}),
                json!({"repository": "corp/shop", "repository_owner": "corp", "ref": "refs/heads/other"}),
            ],
        ),
        case(
            "pods",
            pods,
            vec![
                json!({"sub": "system:serviceaccount:ci:runner"}),
                json!({"sub": "system:serviceaccount:default:runner"}),
                json!({"sub": "system:admin"}),
            ],
        ),
        // Two issuers: the prefix tells their people apart, and a rule that the first one names nobody of the second.
        case(
            "first",
            json!({
                "claimMappings": {"username": sub, "groups": {"claim": "groups", "prefix": "sso:"}},
                "claimValidationRules": [
                    {"expression": "!claims.sub.startsWith('corp:')"},
                    {"expression": "dyn(claims.groups).all(g, !g.startsWith('corp:'))"},
                ],
            }),
            vec![json!({}), json!({"sub": "corp:ann"}), json!({"groups": ["corp:devs"]})],
        ),
        case(
            "corp",
            json!({"claimMappings": {"username": {"claim": "sub", "prefix": "sso:corp:"}, "groups": {"claim": "groups", "prefix": "sso:corp:"}}}),
            vec![json!({})],
        ),
        case(
            "bare",
            username("claims.sub"),
            vec![
                json!({}),
                json!({"sub": ""}),
                json!({"sub": 7}),
                json!({"sub": "-"}),
                json!({"sub": null}),
                json!({"sub": ["a"]}),
            ],
        ),
        case(
            "joined",
            username("'sso:' + claims.sub + ':' + claims.tenant.name"),
            vec![
                json!({"tenant": {"name": "t"}}),
                json!({"tenant": {}}),
                json!({"tenant": "t"}),
                json!({}),
            ],
        ),
        case(
            "mail",
            username("claims.email_verified ? claims.email.lowerAscii() : ''"),
            vec![
                json!({"email": "Ann@Corp.Example"}),
                json!({"email_verified": false}),
                json!({"email_verified": "true"}),
                json!({"email_verified": "-"}),
            ],
        ),
        case(
            "escaped",
            username("claims.corp__dot__example__slash__name"),
            vec![
                json!({"corp.example/name": "x"}),
                json!({"corp__dot__example__slash__name": "x"}),
            ],
        ),
        case(
            "numbers",
            username("string(claims.n)"),
            vec![
                json!({"n": 7}),
                json!({"n": 7.5}),
                json!({"n": 100_000}),
                json!({"n": 1_000_000}),
                json!({"n": 1_234_567.5}),
                json!({"n": 1_795_364_000}),
                json!({"n": 1e21}),
                json!({"n": -0.0001}),
                json!({"n": true}),
                json!({"n": "x"}),
                json!({"n": null}),
                json!({"n": [1]}),
            ],
        ),
        case(
            "typed",
            username(
                "type(claims.n) == double ? 'double' : type(claims.n) == int ? 'int' : type(claims.n) == null_type ? 'null' : 'other'",
            ),
            vec![json!({"n": 7}), json!({"n": 7.5}), json!({"n": null}), json!({"n": {}})],
        ),
        case(
            "sums",
            username("string(claims.exp - claims.iat)"),
            vec![json!({}), json!({"iat": "-"})],
        ),
        case("mixed", username("string(claims.exp + 1)"), vec![json!({})]),
        case(
            "listed",
            groups("dyn(claims.groups).map(g, 'sso:' + g)"),
            vec![
                json!({}),
                json!({"groups": []}),
                json!({"groups": "devs"}),
                json!({"groups": ["a", 7]}),
                json!({"groups": "-"}),
                json!({"groups": {"a": "b"}}),
                json!({"groups": ["a", ""]}),
            ],
        ),
        case(
            "plain",
            groups("claims.?groups.orValue([])"),
            vec![
                json!({}),
                json!({"groups": "devs"}),
                json!({"groups": ""}),
                json!({"groups": ["", "a"]}),
                json!({"groups": "-"}),
                json!({"groups": null}),
                json!({"groups": 7}),
                json!({"groups": ["a", ["b"]]}),
            ],
        ),
        case(
            "split",
            groups("claims.roles.split(',')"),
            vec![json!({"roles": ["a"]}), json!({})],
        ),
        case(
            "mapped",
            groups("claims.roles.split(',').map(r, 'role-' + r)"),
            vec![
                json!({"roles": "a,b,,c"}),
                json!({"roles": ""}),
                json!({"roles": ["a"]}),
            ],
        ),
        case(
            "extras",
            extra("claims.?x.orValue(null)"),
            vec![
                json!({}),
                json!({"x": "a"}),
                json!({"x": ""}),
                json!({"x": ["a", "b", ""]}),
                json!({"x": []}),
                json!({"x": {"a": 1}}),
                json!({"x": true}),
            ],
        ),
        case(
            "uids",
            json!({"claimMappings": {"username": sub, "uid": {"expression": "claims.id"}}}),
            vec![json!({"id": "u-1"}), json!({"id": ""}), json!({"id": 7}), json!({})],
        ),
        case(
            "lifetimes",
            rule("claims.exp - claims.nbf <= 3660"),
            vec![json!({}), json!({"nbf": "-"}), json!({"iat": 5, "nbf": 5})],
        ),
        case(
            "present",
            rule("has(claims.tenant) && claims.tenant == 'ours'"),
            vec![
                json!({"tenant": "ours"}),
                json!({"tenant": "theirs"}),
                json!({"tenant": null}),
                json!({}),
            ],
        ),
        case(
            "either",
            rule("claims.a == 'x' || claims.b == 'y'"),
            vec![
                json!({"a": "x"}),
                json!({"b": "y"}),
                json!({"a": "z"}),
                json!({"a": 1, "b": 2}),
            ],
        ),
        case(
            "members",
            rule("'devs' in claims.groups && size(claims.groups) < 3"),
            vec![
                json!({}),
                json!({"groups": ["ops"]}),
                json!({"groups": ["devs", "b", "c"]}),
                json!({"groups": "devs"}),
                json!({"groups": {"devs": 1}}),
            ],
        ),
        case(
            "all",
            rule("dyn(claims.groups).all(g, g.matches('^[a-z]+$'))"),
            vec![
                json!({}),
                json!({"groups": ["A"]}),
                json!({"groups": []}),
                json!({"groups": [7]}),
                json!({"groups": "x"}),
            ],
        ),
        case(
            "hosts",
            rule("isURL(claims.site) && url(claims.site).getHostname() == 'corp.example'"),
            vec![
                json!({"site": "https://corp.example/a"}),
                json!({"site": "https://evil.example"}),
                json!({"site": 7}),
                json!({}),
            ],
        ),
        case(
            "equal",
            rule("claims.n == 7 && claims.n != 'x'"),
            vec![json!({"n": 7}), json!({"n": 7.0}), json!({"n": "7"}), json!({"n": 8})],
        ),
        case(
            "required",
            json!({"claimMappings": {"username": sub}, "claimValidationRules": [{"claim": "hd", "requiredValue": "corp"}, {"expression": "claims.hd.size() == 4"}]}),
            vec![json!({"hd": "corp"}), json!({"hd": "corporation"}), json!({})],
        ),
        case(
            "users",
            user("user.username.startsWith('sso:') && !user.groups.exists(g, g.startsWith('x-'))"),
            vec![json!({}), json!({"groups": ["x-1"]}), json!({"groups": "-"})],
        ),
        case(
            "ids",
            user("user.uid != '' && user.uid.size() < 5"),
            vec![json!({"id": "u-1"}), json!({"id": "u-12345"}), json!({})],
        ),
        case(
            "credentials",
            user("user.extra['authentication.kubernetes.io/credential-id'] == ['JTI=t-1'] && !has(user.extra.other)"),
            vec![json!({}), json!({"jti": "t-2"}), json!({"jti": "-"})],
        ),
    ]
}
