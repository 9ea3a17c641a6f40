//! What a command said, without what differs between any two servers.

use std::{
    fmt::{self, Display, Formatter},
    sync::LazyLock,
};

use regex::{Captures, Regex};
use serde_json::Value;

use crate::compare::{
    difference::{self, Difference},
    normalise::Seen,
};

/// In a table, with the spaces up to the next column, which depend on it.
static AGE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)(^|\s)(?:\d+m)?\d+s( +|$)").unwrap());
static AGE_HEADER: LazyLock<Regex> = LazyLock::new(|| Regex::new("AGE +").unwrap());
/// What `kubectl diff` and `kubectl edit` make, and when they did.
static FILE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(LIVE|MERGED|kubectl-edit)-\d+").unwrap());
static FILE_TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\t\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}").unwrap());

/// Which program says so, and when.
static LOGGED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?m)^([EIW])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ ").unwrap());
/// As `kubectl describe` shows it.
static DESCRIBED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(Resource Version: +)\d+").unwrap());

/// How a command ended.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) code: Option<i32>,
    pub(super) stdout: Said,
    pub(super) stderr: Said,
}

/// What one of its streams said.
#[derive(Debug)]
pub(super) enum Said {
    Lines(Vec<String>),
    Json(Value),
}

/// Makes comparable what was said.
pub(super) fn comparable(seen: &mut Seen, text: &str) -> Said {
    if let Ok(mut value @ Value::Object(_)) = serde_json::from_str(text) {
        seen.normalise(&mut value);
        if let Some(managers) = value
            .pointer_mut("/metadata/managedFields")
            .and_then(Value::as_array_mut)
        {
            // They are in the order of their times, which are the same when a machine is fast.
            managers.sort_by_key(|manager| format!("{} {}", manager["manager"], manager["operation"]));
        }
        return Said::Json(value);
    }
    let text = seen.text(text);
    let text = AGE.replace_all(&text, |found: &Captures<'_>| {
        let further = if found[2].is_empty() { "" } else { " " };
        format!("{}AGE{further}", &found[1])
    });
    let text = AGE_HEADER.replace_all(&text, "AGE ");
    let text = FILE.replace_all(&text, "$1");
    let text = FILE_TIME.replace_all(&text, "");
    let text = LOGGED.replace_all(&text, "$1 ");
    let text = DESCRIBED.replace_all(&text, "${1}N");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    // Several causes of one refusal come in any order: kube-apiserver walks maps.
    for causes in lines.chunk_by_mut(|one, next| one.starts_with("* ") && next.starts_with("* ")) {
        causes.sort();
    }
    Said::Lines(lines)
}

impl Display for Shown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}", self.code)?;
        for said in [&self.stdout, &self.stderr] {
            match said {
                Said::Lines(lines) => lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?,
                Said::Json(value) => writeln!(f, "  {value}")?,
            }
        }
        Ok(())
    }
}

impl Default for Said {
    fn default() -> Self {
        Self::Lines(Vec::new())
    }
}

/// Where two commands differ.
pub(super) fn differences(theirs: &Shown, ours: &Shown) -> Vec<Difference> {
    let mut found = between("stdout", &theirs.stdout, &ours.stdout);
    found.extend(between("stderr", &theirs.stderr, &ours.stderr));
    if theirs.code != ours.code {
        found.push(Difference {
            field: "code".to_owned(),
            theirs: theirs.code.map(Into::into),
            ours: ours.code.map(Into::into),
        });
    }
    found
}

fn between(stream: &str, theirs: &Said, ours: &Said) -> Vec<Difference> {
    match (theirs, ours) {
        (Said::Lines(theirs), Said::Lines(ours)) => lines(stream, theirs, ours),
        (Said::Json(theirs), Said::Json(ours)) => difference::differences(stream, Some(theirs), Some(ours)),
        (theirs, ours) => vec![Difference {
            field: stream.to_owned(),
            theirs: Some(format!("{theirs:?}").into()),
            ours: Some(format!("{ours:?}").into()),
        }],
    }
}

/// The lines between those that are the same at the beginning and at the end, side by side. The field repeats one of them, so that
/// a difference that is meant can be told by it.
fn lines(stream: &str, theirs: &[String], ours: &[String]) -> Vec<Difference> {
    let same =
        |pairs: &mut dyn Iterator<Item = (&String, &String)>| pairs.take_while(|(left, right)| left == right).count();
    let begin = same(&mut theirs.iter().zip(ours));
    let (theirs, ours) = (&theirs[begin..], &ours[begin..]);
    let end = same(&mut theirs.iter().rev().zip(ours.iter().rev()));
    let (theirs, ours) = (&theirs[..theirs.len() - end], &ours[..ours.len() - end]);
    let pairs = (0..theirs.len().max(ours.len())).map(|i| (theirs.get(i), ours.get(i)));
    pairs
        .filter(|(theirs, ours)| theirs != ours)
        .map(|(theirs, ours)| Difference {
            field: format!("{stream}: {}", theirs.or(ours).map_or("", |line| line.trim())),
            theirs: theirs.map(|line| line.as_str().into()),
            ours: ours.map(|line| line.as_str().into()),
        })
        .collect()
}
