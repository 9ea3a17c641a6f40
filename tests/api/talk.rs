//! A case: requests to the servers, one after the other, with what is kept of their answers.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use futures::future::join_all;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::{
    answer::{Answer, Response},
    cases::Theme,
    client::Server,
    compare::{
        normalise::Seen,
        report::{Report, Way},
        servers::Ours,
    },
    difference::between,
    request::{Request, post},
    servers::Servers,
};

/// Longest for one answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a client says that it is; without one the managers of fields would be named by chance.
const USER_AGENT: &str = "differential/1.0";

/// A running case.
pub(crate) struct Talk<'a> {
    servers: &'a Servers,
    report: &'a mut Report,
    name: String,
    number: usize,
    /// Theirs, ours, and further ways to ours.
    sides: Vec<Side<'a>>,
}

/// One of the servers in a case.
struct Side<'a> {
    server: &'a Server,
    /// How one gets there, where that is not directly.
    way: Option<Way>,
    seen: Seen,
    kept: BTreeMap<String, String>,
    last: Value,
    headers: Value,
}

impl<'a> Talk<'a> {
    /// Begins a case in a namespace of its own, which is there on both sides.
    pub(crate) fn new(servers: &'a Servers, theme: &Theme, name: &str, report: &'a mut Report) -> Self {
        let ours = theme.ours;
        let namespace = match ours {
            Ours::Library => name.replace(['/', ' ', '_', ','], "-"),
            // Where there are classes for VMs and storage.
            Ours::Embedded => "team-a".to_owned(),
        };
        let both = [&servers.theirs, servers.ours(ours)].map(|server| (None, server));
        let proxied = servers.proxied(ours).map(|server| (Some(Way::FrontProxy), server));
        let aggregated = servers.aggregated().filter(|_| theme.aggregated);
        let aggregated = aggregated.map(|aggregated| (Some(Way::Aggregator), &aggregated.server));
        let all = both.into_iter().chain(proxied).chain(aggregated);
        let sides = all.map(|(way, server)| Side {
            server,
            way,
            seen: Seen::new(&server.address),
            kept: BTreeMap::from([
                ("ns".to_owned(), namespace.clone()),
                ("core".to_owned(), format!("/api/v1/namespaces/{namespace}")),
                (
                    "widgets".to_owned(),
                    format!("/apis/demo.example.io/v1/namespaces/{namespace}/widgets"),
                ),
                (
                    "guests".to_owned(),
                    format!("/apis/guestclusters.dev/v1alpha1/namespaces/{namespace}/guestclusters"),
                ),
            ]),
            last: Value::Null,
            headers: Value::Null,
        });
        let sides = sides.collect();
        let mut talk = Self {
            servers,
            report,
            name: name.to_owned(),
            number: 0,
            sides,
        };
        talk.quietly(post("/api/v1/namespaces", json!({"metadata": {"name": namespace}})));
        talk
    }

    /// Sends a request to all and compares the answers.
    pub(crate) fn send(&mut self, request: Request) -> &mut Self {
        let responses = self.open(&request);
        self.close(&request, responses)
    }

    /// Sends several.
    pub(crate) fn send_all(&mut self, requests: impl IntoIterator<Item = Request>) -> &mut Self {
        requests.into_iter().for_each(|request| {
            self.send(request);
        });
        self
    }

    /// Sends what a case needs and does not ask about.
    pub(crate) fn quietly(&mut self, request: Request) -> &mut Self {
        let responses = self.open(&request);
        self.read(&request, responses);
        self
    }

    /// Opens a watch, does something, and reads the watch's events.
    pub(crate) fn watching(&mut self, request: Request, meanwhile: impl FnOnce(&mut Self)) -> &mut Self {
        let responses = self.open(&request);
        meanwhile(self);
        self.close(&request, responses)
    }

    /// Keeps what is at this JSON pointer of the last answers.
    pub(crate) fn keep(&mut self, name: &str, pointer: &str) -> &mut Self {
        for side in &mut self.sides {
            let value = match side.last.pointer(pointer) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => "missing".to_owned(),
            };
            side.kept.insert(name.to_owned(), value);
        }
        self
    }

    /// Keeps a header of the last answers.
    pub(crate) fn keep_header(&mut self, name: &str, header: &str) -> &mut Self {
        for side in &mut self.sides {
            let value = side.headers[header].as_str().unwrap_or("missing").to_owned();
            side.kept.insert(name.to_owned(), value);
        }
        self
    }

    /// Repeats a request until it is no more forbidden on either side, and compares nothing.
    pub(crate) fn until_allowed(&mut self, request: Request) -> &mut Self {
        guestcluster_tests::eventually(PATIENCE.as_secs(), "the right is known", || {
            self.quietly(request.clone());
            if self.sides.iter().any(|side| side.last["code"] == 403) {
                Err(String::new())
            } else {
                Ok(())
            }
        });
        self
    }

    /// Repeats a request until it is forbidden on both sides, and compares nothing.
    pub(crate) fn until_forbidden(&mut self, request: Request) -> &mut Self {
        guestcluster_tests::eventually(PATIENCE.as_secs(), "the refusal is known", || {
            self.quietly(request.clone());
            if self.sides.iter().all(|side| side.last["code"] == 403) {
                Ok(())
            } else {
                Err(String::new())
            }
        });
        self
    }

    fn open(&self, request: &Request) -> Vec<Result<Response, String>> {
        self.mirror(request);
        let sent = self.asked(request).iter().map(|side| {
            let send = side.server.send(request.user, side.filled(request));
            async {
                tokio::time::timeout(PATIENCE, send)
                    .await
                    .unwrap_or_else(|_| Err("no answer".to_owned()))
            }
        });
        self.servers.running.runtime.block_on(join_all(sent))
    }

    /// What happens to namespaces, where kube-apiserver keeps them, happens to those of the library behind it.
    fn mirror(&self, request: &Request) {
        let Some(aggregated) = self.servers.aggregated() else {
            return;
        };
        let Some(side) = self.sides.iter().find(|side| side.way == Some(Way::Aggregator)) else {
            return;
        };
        let path = side.fill(&request.path);
        let is_about_namespaces = path
            .strip_prefix("/api/v1/namespaces")
            .is_some_and(|rest| rest.matches('/').count() <= 1);
        if request.method == "GET" || !is_about_namespaces || request.shows_a_credential() {
            return;
        }
        let sent = aggregated.namespaces.send(request.user, side.filled(request));
        // As wrong there as it is here.
        drop(self.servers.running.runtime.block_on(sent));
    }

    /// A front proxy judges credentials itself: what comes behind it has none.
    fn asked(&self, request: &Request) -> &[Side<'a>] {
        let all = self.sides.len();
        let asked = if request.shows_a_credential() { all.min(2) } else { all };
        &self.sides[..asked]
    }

    fn close(&mut self, request: &Request, responses: Vec<Result<Response, String>>) -> &mut Self {
        let shown = self.read(request, responses);
        self.number += 1;
        if std::env::var_os("DIFFERENTIAL_SHOW").is_some() {
            println!("{} {}: {}", self.name, self.number, request.line());
            for (side, shown) in self.sides.iter().zip(&shown) {
                println!("  {} {:?}: {shown}", side.server.address, side.way);
            }
        }
        let further = self
            .sides
            .iter()
            .zip(&shown)
            .filter_map(|(side, shown)| Some((side, side.way?, shown)));
        let compared = further.filter(|(side, way, _)| *way == Way::FrontProxy || self.travels(side, request));
        let ways = compared
            .map(|(_, way, answer)| (way, between(&shown[0], answer)))
            .collect();
        let found = between(&shown[0], &shown[1]);
        self.report.add(&self.name, self.number, request.line(), found, ways);
        self
    }

    /// Whether kube-apiserver sends a request on to one of ours.
    fn travels(&self, side: &Side<'_>, request: &Request) -> bool {
        let path = side.fill(&request.path);
        let aggregated = self.servers.aggregated();
        aggregated.is_some_and(|aggregated| aggregated.registered.is_served(&path))
    }

    /// Reads all answers and makes them comparable.
    fn read(&mut self, request: &Request, responses: Vec<Result<Response, String>>) -> Vec<Value> {
        let read = responses.into_iter().map(|response| async {
            let read = Answer::read(response?, request.events);
            tokio::time::timeout(PATIENCE, read)
                .await
                .map_err(|_| "the answer does not end".to_owned())
        });
        let answers = self.servers.running.runtime.block_on(join_all(read));
        let sides = self.sides.iter_mut().zip(answers);
        sides.map(|(side, answer)| side.shown(request, answer)).collect()
    }
}

impl Side<'_> {
    /// The request with what was kept in place of its words.
    fn filled(&self, request: &Request) -> http::Request<Full<Bytes>> {
        let mut built = http::Request::builder()
            .method(request.method)
            .uri(encoded(&self.fill(&request.path)));
        for (name, value) in &request.headers {
            built = built.header(*name, self.fill(value));
        }
        if !request.headers.iter().any(|(name, _)| *name == "user-agent") {
            built = built.header("user-agent", USER_AGENT);
        }
        let body = request.body.as_deref().map(|body| self.fill(body)).unwrap_or_default();
        built
            .body(Full::new(Bytes::from(body)))
            .unwrap_or_else(|error| panic!("{}: {error}", request.line()))
    }

    fn fill(&self, text: &str) -> String {
        // Longer words first: `$rv2` is not `$rv` and a 2.
        let mut words: Vec<_> = self.kept.iter().collect();
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        words.into_iter().fold(text.to_owned(), |text, (word, value)| {
            text.replace(&format!("${word}"), value)
        })
    }

    fn shown(&mut self, request: &Request, answer: Result<Answer, String>) -> Value {
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => return json!({"failure": error}),
        };
        self.last = answer.data(request.events.is_some());
        let headers = answer.headers.iter();
        self.headers = headers
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let mut body = self.last.clone();
        if let Some(view) = request.view {
            view(&mut body);
        }
        let mut shown = json!({"status": answer.status, "header": answer.shown_headers(), "body": body});
        self.seen.normalise(&mut shown);
        shown
    }
}

/// Characters that a request line can't have.
fn encoded(path: &str) -> String {
    let encode = |c: char| match c {
        ' ' => "%20".to_owned(),
        '<' => "%3C".to_owned(),
        '>' => "%3E".to_owned(),
        other => other.to_string(),
    };
    path.chars().map(encode).collect()
}
