//! Alerts and dashboard ask for what our server counts, and each alert has a runbook.

use std::{collections::BTreeSet, fs};

use guestcluster_tests::{Kubectl, Manifest, Mode, Supervisor, binaries, eventually};
use regex::Regex;
use serde_json::Value;

use crate::{folder, only, rendered};

#[test]
fn what_alerts_and_dashboard_ask_for_is_counted() {
    let supervisor = Supervisor::fast(Mode::Aggregated);
    let admin = supervisor.kubectl();
    admin.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
    let page = scrape(&supervisor, &admin);
    let rendered = rendered(&admin, "production");
    let rules = only(&rendered, "PrometheusRule", "guestcluster-apiserver");
    let dashboard = only(&rendered, "ConfigMap", "guestclusters-dashboard")["data"]["guestclusters.json"]
        .as_str()
        .unwrap();
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let (mut asked, mut missing) = (0, BTreeSet::new());
    for expression in expressions(rules).chain(expressions(&dashboard)) {
        for selector in selectors(&expression) {
            asked += 1;
            if !selector.is_in(&page) {
                missing.insert(selector.to_string());
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?} not in\n{page}");
    assert!(asked > 15, "{asked}");
}

/// The page as Prometheus gets it: from our port, by the token of its service account, with the rights that come along.
fn scrape(supervisor: &Supervisor, admin: &Kubectl) -> String {
    let rights = fs::read_to_string(folder().join("components/monitoring/rights.yaml")).unwrap();
    admin.run_with("apply --server-side -f -", Some(&rights)).success();
    admin.run("create namespace monitoring").success();
    for account in ["prometheus-k8s", "somebody"] {
        admin
            .run(&format!("-n monitoring create serviceaccount {account}"))
            .success();
    }
    let ours = Kubectl::new(&supervisor.direct_kubeconfig(None), admin.home(), &binaries());
    let by = |account: &str| {
        let token = admin.run(&format!("-n monitoring create token {account}")).success();
        ours.with_token(token.trim()).run("get --raw /metrics")
    };
    let refused = by("somebody");
    assert!(refused.code != 0 && refused.stderr.contains("Forbidden"), "{refused:?}");
    let made_up = ours.with_token("made.up.token").run("get --raw /metrics");
    assert!(
        made_up.code != 0 && made_up.stderr.contains("Unauthorized"),
        "{made_up:?}"
    );
    let mut page = String::new();
    // Orphans are counted by who leads, once it has read everything.
    eventually(30, "all is counted", || {
        page = by("prometheus-k8s").success();
        if page.contains("guestcluster_orphans 0") {
            Ok(())
        } else {
            Err(page.clone())
        }
    });
    page
}

#[test]
fn each_alert_has_a_runbook() {
    let folder = tempfile::tempdir().unwrap();
    let kubectl = Kubectl::new(&folder.path().join("none"), folder.path(), &binaries());
    let rendered = rendered(&kubectl, "production");
    let rules = only(&rendered, "PrometheusRule", "guestcluster-apiserver");
    let runbooks = fs::read_to_string(crate::folder().join("../docs/alerts.md")).unwrap();
    let rules = rules["spec"]["groups"][0]["rules"].as_array().unwrap();
    for rule in rules {
        let heading = format!("\n## {}\n", rule["alert"].as_str().unwrap());
        assert!(runbooks.contains(&heading), "docs/alerts.md has no {heading:?}");
    }
    assert_eq!(
        runbooks.matches("\n## ").count(),
        rules.len(),
        "a runbook without an alert"
    );
}

/// Every `expr` below.
fn expressions(value: &Value) -> Box<dyn Iterator<Item = String> + '_> {
    match value {
        Value::Object(fields) => Box::new(fields.iter().flat_map(|(key, value)| match value.as_str() {
            Some(text) if key == "expr" => Box::new(std::iter::once(text.to_owned())),
            _ => expressions(value),
        })),
        Value::Array(items) => Box::new(items.iter().flat_map(expressions)),
        _ => Box::new(std::iter::empty()),
    }
}

/// A metric and the labels that an expression asks for or groups by.
struct Selector {
    metric: String,
    labels: BTreeSet<String>,
}

/// What Prometheus adds itself.
const OF_PROMETHEUS: [&str; 3] = ["job", "pod", "le"];

/// Each metric of our own in an expression. `up` is Prometheus' own.
fn selectors(expression: &str) -> Vec<Selector> {
    let metric = Regex::new(r"([a-z_]+)\{([^}]*)\}").unwrap();
    let label = Regex::new(r"([a-z_]+)(?:=|!=|=~|!~)").unwrap();
    let grouping = Regex::new(r"by \(([^)]*)\)").unwrap();
    let grouped: Vec<&str> = grouping
        .captures_iter(expression)
        .flat_map(|found| found.get(1).unwrap().as_str().split(", "))
        .collect();
    let selectors = metric
        .captures_iter(expression)
        .filter(|found| &found[1] != "up")
        .map(|found| {
            let labels = label
                .captures_iter(found.get(2).unwrap().as_str())
                .map(|found| found[1].to_owned());
            let labels = labels.chain(grouped.iter().map(|&label| label.to_owned()));
            Selector {
                metric: found[1].to_owned(),
                labels: labels
                    .filter(|label| !OF_PROMETHEUS.contains(&label.as_str()))
                    .collect(),
            }
        });
    selectors.collect()
}

impl Selector {
    fn is_in(&self, page: &str) -> bool {
        let is_empty =
            page.contains(&format!("# TYPE {} ", self.metric)) && !page.contains(&format!("\n{}{{", self.metric));
        // Some have no series before something happens.
        is_empty && self.metric.ends_with("_total")
            || page.lines().any(|line| {
                let rest = line.strip_prefix(&self.metric);
                let is_it = |rest: &str| rest.starts_with(' ') || rest.starts_with('{');
                rest.is_some_and(is_it) && self.labels.iter().all(|label| line.contains(&format!("{label}=\"")))
            })
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} by {:?}", self.metric, self.labels)
    }
}
