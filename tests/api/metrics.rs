//! The same requests counted by both servers: what `/metrics` of each says of them has the same names, labels and counts.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};

use crate::{
    client::{Server, User},
    compare::servers::Ours,
    servers::Servers,
};

/// Method, path below the group, content type, body, code. On a kind that nobody else asks for.
const REQUESTS: &[(&str, &str, &str, &str, u16)] = &[
    ("POST", "namespaces/default/widgets", JSON, A, 201),
    ("POST", "namespaces/default/widgets?dryRun=All", JSON, B, 201),
    ("POST", "namespaces/default/widgets?dryRun=x", JSON, B, 422),
    ("POST", "namespaces/default/widgets", JSON, A, 409),
    ("POST", "namespaces/nowhere/widgets", JSON, B, 404),
    ("POST", "namespaces/default/widgets", JSON, "{", 400),
    ("GET", "namespaces/default/widgets/a", JSON, "", 200),
    ("GET", "namespaces/default/widgets/missing", JSON, "", 404),
    ("GET", "namespaces/default/widgets", JSON, "", 200),
    ("GET", "namespaces/default/widgets?limit=x", JSON, "", 400),
    ("GET", "widgets", JSON, "", 200),
    ("GET", "widgets?fieldSelector=metadata.name%3Da", JSON, "", 200),
    (
        "GET",
        "namespaces/default/widgets?watch=true&timeoutSeconds=1",
        JSON,
        "",
        200,
    ),
    (
        "GET",
        "widgets?watch=1&timeoutSeconds=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
        JSON,
        "",
        200,
    ),
    (
        "PATCH",
        "namespaces/default/widgets/a",
        MERGE,
        r#"{"spec":{"color":"red"}}"#,
        200,
    ),
    (
        "PATCH",
        "namespaces/default/widgets/a/status",
        MERGE,
        r#"{"status":{"replicas":1}}"#,
        200,
    ),
    ("PATCH", "namespaces/default/widgets/a?fieldManager=m", APPLY, A, 200),
    ("GET", "namespaces/default/widgets/a/scale", JSON, "", 200),
    ("PUT", "namespaces/default/widgets/a", JSON, A, 422),
    ("DELETE", "namespaces/default/widgets/a", JSON, "", 200),
    ("DELETE", "namespaces/default/widgets", JSON, "", 200),
];
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const A: &str = r#"{"apiVersion":"demo.example.io/v1","kind":"Widget","metadata":{"name":"a"},"spec":{"replicas":1}}"#;
const B: &str = r#"{"apiVersion":"demo.example.io/v1","kind":"Widget","metadata":{"name":"b"},"spec":{"replicas":1}}"#;

/// What is compared with its value, as far as the requests raised it; of the others the labels.
const COUNTED: &[&str] = &[
    "apiserver_request_total",
    "apiserver_request_duration_seconds_count",
    "apiserver_request_sli_duration_seconds_count",
    "apiserver_response_sizes_count",
    "apiserver_watch_list_duration_seconds_count",
];
const LABELLED: &[&str] = &[
    "apiserver_request_duration_seconds_bucket",
    "apiserver_request_sli_duration_seconds_bucket",
    "apiserver_response_sizes_bucket",
    "apiserver_watch_events_total",
    "apiserver_watch_events_sizes_bucket",
    "apiserver_watch_list_duration_seconds_bucket",
    "apiserver_watch_cache_resource_version",
    "apiserver_resource_objects",
    "apiserver_longrunning_requests",
];
/// What has the same labels and buckets, whatever was asked for.
const GENERAL: &[&str] = &[
    "apiserver_current_inflight_requests",
    "apiserver_current_inqueue_requests",
    "apiserver_admission_step_admission_duration_seconds_bucket",
    "apiserver_admission_controller_admission_duration_seconds_bucket",
    "apiserver_tls_handshake_errors_total",
    "authenticated_user_requests",
    "authentication_attempts",
    "authentication_duration_seconds_bucket",
    "authorization_attempts_total",
    "authorization_duration_seconds_bucket",
    "kubernetes_build_info",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_open_fds",
    "process_max_fds",
];

type Labels = BTreeMap<String, String>;

/// The samples of a page by name.
struct Page(BTreeMap<String, Vec<(Labels, String)>>);

#[test]
fn metrics_count_what_kube_apiserver_counts() {
    let servers = Servers::start(false);
    let pages = [&servers.theirs, servers.ours(Ours::Library)].map(|server| {
        servers.running.runtime.block_on(async {
            let before = Page::of(server, "/metrics").await;
            for request in REQUESTS {
                ask(server, request).await;
            }
            let mut page = Page::of(server, "/metrics").await;
            page.subtract(&before);
            page
        })
    });
    let [theirs, ours] = &pages;
    let mut problems = Vec::new();
    for (names, values) in [(COUNTED, true), (LABELLED, false)] {
        for name in names {
            let (found, expected) = (ours.of_widgets(name, values), theirs.of_widgets(name, values));
            for (sample, which) in difference(&found, &expected) {
                problems.push(format!("{which}: {name}{sample}"));
            }
            if found.is_empty() {
                problems.push(format!("nothing is said of {name}"));
            }
        }
    }
    for name in GENERAL {
        let [of_ours, of_theirs] = [ours, theirs].map(|page| page.form(name));
        if of_ours != of_theirs {
            problems.push(format!("{name}: ours {of_ours:?}, theirs {of_theirs:?}"));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let slis = [&servers.theirs, servers.ours(Ours::Library)].map(|server| {
        servers.running.runtime.block_on(async {
            let health = ("GET", "/readyz", JSON, "", 200);
            send(server, &health).await;
            Page::of(server, "/metrics/slis").await
        })
    });
    let [theirs, ours] = &slis;
    for name in ["kubernetes_healthcheck", "kubernetes_healthchecks_total"] {
        assert_eq!(ours.label_names(name), theirs.label_names(name), "{name}");
        assert!(ours.label_values(name, "type").contains("readyz"), "{name}");
    }
}

/// What only one of them says.
fn difference(ours: &BTreeSet<String>, theirs: &BTreeSet<String>) -> Vec<(String, &'static str)> {
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>, which| {
        one.difference(other)
            .map(|sample| (sample.clone(), which))
            .collect::<Vec<_>>()
    };
    [only(ours, theirs, "only ours"), only(theirs, ours, "only theirs")].concat()
}

async fn ask(server: &Server, (method, path, content_type, body, code): &(&str, &str, &str, &str, u16)) {
    let path = format!("/apis/demo.example.io/v1/{path}");
    send(server, &(method, &path, content_type, body, *code)).await;
}

async fn send(server: &Server, (method, path, content_type, body, code): &(&str, &str, &str, &str, u16)) -> String {
    let request = http::Request::builder()
        .method(*method)
        .uri(*path)
        .header("content-type", *content_type)
        .body(Full::new(Bytes::from((*body).to_owned())))
        .unwrap();
    let (head, body) = server.send(User::Admin, request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(head.status, *code, "{method} {path} on {}: {text}", server.address);
    text
}

impl Page {
    async fn of(server: &Server, path: &str) -> Self {
        let text = send(server, &("GET", path, JSON, "", 200)).await;
        let mut samples: BTreeMap<String, Vec<(Labels, String)>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, labels, value) = sample(line);
            samples.entry(name).or_default().push((labels, value));
        }
        Self(samples)
    }

    /// Leaves of what is counted the difference.
    fn subtract(&mut self, before: &Self) {
        for name in COUNTED {
            let Some(samples) = self.0.get_mut(*name) else { continue };
            for (labels, value) in samples.iter_mut() {
                let earlier = before.0.get(*name).into_iter().flatten();
                let earlier = earlier
                    .filter(|(other, _)| other == labels)
                    .map(|(_, value)| value.parse::<f64>().unwrap());
                *value = (value.parse::<f64>().unwrap() - earlier.sum::<f64>()).to_string();
            }
            samples.retain(|(labels, value)| value != "0" || labels.contains_key("request_kind"));
        }
    }

    /// What is said of widgets, with values or without.
    fn of_widgets(&self, name: &str, values: bool) -> BTreeSet<String> {
        let samples = self.0.get(name).into_iter().flatten();
        let of_widgets = samples.filter(|(labels, _)| labels.get("resource").is_some_and(|it| it == "widgets"));
        of_widgets
            .map(|(labels, value)| format!("{labels:?} {}", if values { value } else { "" }))
            .collect()
    }

    /// Whether it is there, its labels and its buckets.
    fn form(&self, name: &str) -> (bool, BTreeSet<&str>, BTreeSet<&str>) {
        let is_there = self.0.contains_key(name);
        (is_there, self.label_names(name), self.label_values(name, "le"))
    }

    fn label_names(&self, name: &str) -> BTreeSet<&str> {
        let samples = self.0.get(name).into_iter().flatten();
        samples
            .flat_map(|(labels, _)| labels.keys().map(String::as_str))
            .collect()
    }

    fn label_values(&self, name: &str, label: &str) -> BTreeSet<&str> {
        let samples = self.0.get(name).into_iter().flatten();
        samples
            .filter_map(|(labels, _)| labels.get(label).map(String::as_str))
            .collect()
    }
}

/// `name{label="value",...} value`
fn sample(line: &str) -> (String, Labels, String) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let labels = labels
        .trim_end_matches('}')
        .split("\",")
        .filter(|label| !label.is_empty());
    let labels = labels.map(|label| {
        let (name, value) = label.split_once("=\"").unwrap();
        (name.to_owned(), number(value.trim_end_matches('"')))
    });
    (name.to_owned(), labels.collect(), number(value))
}

/// Numbers have more than one form.
fn number(text: &str) -> String {
    text.parse::<f64>()
        .map_or_else(|_| text.to_owned(), |number| number.to_string())
}
