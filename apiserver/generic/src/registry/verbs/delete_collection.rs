//! DELETE of a collection: every selected object on its own, not as one transaction.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use http::Response;

use super::{
    Call,
    delete::AskedDeletion,
    list::{page, selection},
};
use crate::{
    cache::Entry,
    negotiate::{Accepted, Answered},
    registry::answer,
    request::options::{ListOptions, WriteOptions},
    serve::Body,
    status::Status,
};

/// How many objects are deleted at one time.
const AT_ONCE: usize = 32;

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    let resource = call.resource;
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::List)?;
    let asked = AskedDeletion::parse(call)?;
    let options = ListOptions::parse(&call.info.query)?;
    let selection = selection(call, &options)?;
    let page = page(resource, &selection, &options).await?;
    let deletions = page.entries.into_iter().map(|entry| delete_one(call, &asked, entry));
    let deletions = stream::iter(deletions)
        .buffered(AT_ONCE)
        .try_filter_map(|deleted| async { Ok(deleted) });
    let deleted: Vec<Arc<Entry>> = resource.within_deadline(deletions.try_collect()).await?;
    // As they were listed.
    Ok(answer::list(
        resource.definition(),
        deleted,
        &page.meta,
        accepted,
        &call.warnings,
    ))
}

/// The object, or nothing when somebody else was faster.
async fn delete_one(call: &Call<'_>, asked: &AskedDeletion, entry: Arc<Entry>) -> Result<Option<Arc<Entry>>, Status> {
    let mut request = call.write_request(WriteOptions {
        dry_run: asked.options.dry_run,
        ..WriteOptions::default()
    });
    request.namespace = &entry.namespace;
    match call.resource.remove(&request, &entry.name, &asked.options).await {
        Ok(_) => Ok(Some(entry)),
        Err(missing) if missing.code == 404 => Ok(None),
        Err(status) => Err(status),
    }
}
