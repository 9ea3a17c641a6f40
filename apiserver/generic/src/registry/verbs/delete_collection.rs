//! DELETE of a collection: every selected object on its own, not as one transaction.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{
    Call,
    delete::AskedDeletion,
    list::{page, selection},
};
use crate::{
    cache::Entry,
    negotiate::{Accepted, Answered},
    registry::{answer, warnings::Warnings},
    request::options::{ListOptions, WriteOptions},
    serve::Body,
    status::Status,
};

/// How many objects are deleted at one time.
const AT_ONCE: usize = 32;

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    let resource = call.resource;
    let names = &resource.definition().names;
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::List)?;
    let asked = AskedDeletion::parse(call)?;
    let options = ListOptions::parse(&call.info.query)?;
    let selection = selection(call, &options)?;
    let page = page(resource, &selection, &options).await?;
    let deletions = page.entries.into_iter().map(|entry| delete_one(call, &asked, entry));
    let deletions = stream::iter(deletions)
        .buffered(AT_ONCE)
        .try_filter_map(|deleted| async { Ok(deleted) });
    let items: Vec<Value> = resource.within_deadline(deletions.try_collect()).await?;
    let list = json!({
        "kind": format!("{}List", names.kind), "apiVersion": names.api_version(),
        "metadata": {"resourceVersion": page.meta.resource_version.to_string()}, "items": items,
    });
    Ok(answer::value(
        StatusCode::OK,
        &list,
        accepted.media,
        &Warnings::default(),
    ))
}

/// The object, or nothing when somebody else was faster.
async fn delete_one(call: &Call<'_>, asked: &AskedDeletion, entry: Arc<Entry>) -> Result<Option<Value>, Status> {
    let mut request = call.write_request(WriteOptions {
        dry_run: asked.options.dry_run,
        ..WriteOptions::default()
    });
    request.namespace = &entry.namespace;
    match call.resource.remove(&request, &entry.name, &asked.options).await {
        Ok(deleted) => Ok(Some(deleted.object().clone())),
        Err(missing) if missing.code == 404 => Ok(None),
        Err(status) => Err(status),
    }
}
