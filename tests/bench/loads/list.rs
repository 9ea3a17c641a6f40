//! Lists of all objects by one client: whole, in other forms, by label, in pages.

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use http::{Uri, uri::PathAndQuery};
use serde_json::Value;

use crate::{
    api::Bench,
    generator::{Connection, Endpoint, Expect, Operation, Prepared, Single, Turn},
    goals::Goal,
    objects::SLICES,
    servers::Server,
    table::{Figures, Row, Unit},
};

const JSON: &str = "application/json";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const METADATA: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
/// Objects of a page, as client-go and kubectl ask for.
const PAGE: usize = 500;

/// A way to list.
pub(super) struct Form {
    pub(super) name: &'static str,
    accept: &'static str,
    query: &'static str,
    /// One object in so many is listed.
    one_in: usize,
    goals: &'static [Goal],
}

/// The whole list first.
pub(super) const FORMS: [Form; 4] = [
    Form {
        name: "list, 1 client",
        accept: JSON,
        query: "",
        one_in: 1,
        goals: &[Goal::Times(50.0), Goal::OfLimit(0.7)],
    },
    Form {
        name: "list as Table",
        accept: TABLE,
        query: "",
        one_in: 1,
        goals: &[Goal::Times(15.0)],
    },
    Form {
        name: "list as PartialObjectMetadata",
        accept: METADATA,
        query: "",
        one_in: 1,
        goals: &[Goal::Times(40.0)],
    },
    Form {
        name: "list 1 % by label",
        accept: JSON,
        query: "?labelSelector=slice%3D7",
        one_in: SLICES,
        goals: &[Goal::Times(40.0)],
    },
];

pub(super) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for form in &FORMS {
        rows.push(one_form(bench, form).await.context(form.name)?);
    }
    let theirs = bench
        .measure(&bench.theirs, 1, Paged::new(bench, &bench.theirs).await?)
        .await?;
    let ours = bench
        .measure(&bench.ours, 1, Paged::new(bench, &bench.ours).await?)
        .await?;
    rows.push(Row::new("list in pages of 500", Unit::PerSecond, ours, theirs));
    Ok(rows)
}

async fn one_form(bench: &Bench, form: &Form) -> anyhow::Result<Row> {
    let (_, theirs) = measure(bench, &bench.theirs, form).await?;
    let (whole, ours) = measure(bench, &bench.ours, form).await?;
    let mut row = Row::new(form.name, Unit::PerSecond, ours, theirs).with_goals(form.goals);
    if form.one_in == 1 {
        let bare = bench.bare(form.name, &whole)?;
        let operation = single(&bare.endpoint, "/answer", form.accept, whole.len())?;
        row.limit = Some(bench.measure_limit(&bare.endpoint, 1, operation).await?);
    }
    Ok(row)
}

/// Checks one answer wholly, then measures; ages in tables make later ones a little longer or shorter.
pub(super) async fn measure(bench: &Bench, server: &Server, form: &Form) -> anyhow::Result<(Bytes, Figures)> {
    let path = format!("{}{}", server.kind.all, form.query);
    let request = Prepared::get_as(form.accept).request(&server.endpoint.uri(&path)?, "");
    let whole = server.endpoint.connect().await?.whole(request).await?;
    let listed = count(&whole)?;
    let expected = bench.plan.objects / form.one_in;
    ensure!(listed == expected, "{listed} items in place of {expected}");
    let operation = single(&server.endpoint, &path, form.accept, whole.len() / 20 * 19)?;
    Ok((whole, bench.measure(server, 1, operation).await?))
}

fn single(endpoint: &Endpoint, path: &str, accept: &'static str, least: usize) -> anyhow::Result<impl Operation> {
    let (uri, list) = (endpoint.uri(path)?, Prepared::get_as(accept));
    Ok(Single {
        request: move |_| list.request(&uri, ""),
        expect: Expect::ok(least),
    })
}

fn count(list: &[u8]) -> anyhow::Result<usize> {
    let list: Value = serde_json::from_slice(list)?;
    let items = list["items"].as_array().or_else(|| list["rows"].as_array());
    Ok(items.context("no list")?.len())
}

/// All pages of a list, one after the other.
struct Paged {
    endpoint: Endpoint,
    first: Uri,
    pages: usize,
}

impl Paged {
    /// Checks one page wholly.
    async fn new(bench: &Bench, server: &Server) -> anyhow::Result<Self> {
        let paged = Self {
            first: server.endpoint.uri(&format!("{}?limit={PAGE}", server.kind.all))?,
            endpoint: server.endpoint.clone(),
            pages: bench.plan.objects.div_ceil(PAGE),
        };
        let request = Prepared::get().request(&paged.first, "");
        let listed = count(&server.endpoint.connect().await?.whole(request).await?)?;
        ensure!(listed == PAGE, "{listed} items in place of {PAGE}");
        Ok(paged)
    }
}

impl Operation for Paged {
    async fn perform(&self, connection: &mut Connection, _: Turn) -> anyhow::Result<()> {
        let first = self.first.path_and_query().map_or("", PathAndQuery::as_str);
        let mut page = self.first.clone();
        for left in (0..self.pages).rev() {
            let whole = connection.whole(Prepared::get().request(&page, "")).await?;
            match continue_token(&whole) {
                Some(token) => page = self.endpoint.uri(&format!("{first}&continue={token}"))?,
                None => ensure!(left == 0, "{left} pages are missing"),
            }
        }
        Ok(())
    }
}

/// The token in the metadata of a list, without parsing its items.
fn continue_token(list: &[u8]) -> Option<&str> {
    const KEY: &[u8] = b"\"continue\":\"";
    let begin = memchr::memmem::rfind(list, KEY)? + KEY.len();
    let length = memchr::memchr(b'"', &list[begin..])?;
    // On the last page of custom resources it is there and empty.
    let token = std::str::from_utf8(&list[begin..begin + length]).ok()?;
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        assert_eq!(
            continue_token(br#"{"items":[],"metadata":{"continue":"abc","x":1}}"#),
            Some("abc")
        );
        assert_eq!(continue_token(br#"{"items":[],"metadata":{}}"#), None);
        assert_eq!(continue_token(br#"{"items":[],"metadata":{"continue":""}}"#), None);
    }
}
