//! GET of a collection: consistent or at a revision, whole or in pages of one snapshot.

use std::{sync::Arc, time::Duration};

use http::Response;

use super::Call;
use crate::{
    cache::{Entry, Snapshot},
    negotiate::{Accepted, Answered},
    registry::{Resource, answer, answer::ListMeta, continue_token::ContinueToken, selection::Selection},
    request::options::{ListOptions, ResourceVersion, VersionMatch},
    serve::Body,
    status::Status,
    storage::Revision,
};

/// How long a read waits for a revision that has not happened yet.
const FRESHNESS: Duration = Duration::from_secs(3);

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::List)?;
    let options = ListOptions::parse(&call.info.query)?;
    let selection = selection(call, &options)?;
    let page = page(call.resource, &selection, &options).await?;
    Ok(answer::list(
        call.resource.definition(),
        page.entries,
        &page.meta,
        accepted,
        &call.warnings,
    ))
}

/// What a list or deletecollection selects.
pub(super) fn selection(call: &Call<'_>, options: &ListOptions) -> Result<Selection, Status> {
    Selection::new(
        call.resource.definition(),
        call.listed_namespace(),
        &call.info.name,
        options.labels.clone(),
        &options.fields,
    )
}

/// One answer's worth of a list.
pub(super) struct Page {
    pub(super) entries: Vec<Arc<Entry>>,
    pub(super) meta: ListMeta,
}

/// Finds the objects of one page.
pub(super) async fn page(resource: &Resource, selection: &Selection, options: &ListOptions) -> Result<Page, Status> {
    let start = options
        .continue_token
        .as_deref()
        .map(ContinueToken::decode)
        .transpose()?;
    let snapshot = match &start {
        Some(token) => continued(resource, token).await?,
        None => snapshot(resource, options).await?,
    };
    // As kube-apiserver's cache: a list from any state is never chunked.
    let chunked = options.resource_version != ResourceVersion::Any;
    let limit = options.limit.filter(|_| chunked).unwrap_or(usize::MAX);
    let after = start
        .as_ref()
        .map(|token| (token.namespace.as_str(), token.name.as_str()));
    Ok(take_page(&snapshot, selection, after, limit))
}

/// The snapshot that a fresh list shows.
async fn snapshot(resource: &Resource, options: &ListOptions) -> Result<Snapshot, Status> {
    wait_until_fresh(resource, options.resource_version).await?;
    let exact = match (options.resource_version, options.version_match) {
        (ResourceVersion::At(revision), Some(VersionMatch::Exact)) => Some(revision),
        // Old clients mean the exact revision when they list in chunks.
        (ResourceVersion::At(revision), None) if options.limit.is_some() => Some(revision),
        _ => None,
    };
    let objects = resource.objects()?;
    match exact {
        None => Ok(objects.snapshot()),
        Some(revision) => objects
            .snapshot_at(revision)
            .map_err(|_| Status::expired("The resourceVersion for the provided list is too old.")),
    }
}

/// The snapshot that all pages of a list show; the newest one for a list whose own has expired.
async fn continued(resource: &Resource, token: &ContinueToken) -> Result<Snapshot, Status> {
    let objects = resource.objects()?;
    let Some(revision) = token.revision else {
        wait_until_fresh(resource, ResourceVersion::Newest).await?;
        return Ok(objects.snapshot());
    };
    wait_until_fresh(resource, ResourceVersion::At(revision)).await?;
    objects.snapshot_at(revision).map_err(|_| {
        let mut status = Status::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
             results. Continuing with the provided token results in an inconsistent list - objects that were created, \
             modified, or deleted between the time the first chunk was returned and now may show up in the list.",
        );
        status.continue_token = Some(ContinueToken { revision: None, ..token.clone() }.encode());
        status
    })
}

/// Waits until the cache shows what the client asks for. 504 for a revision that does not come.
pub(super) async fn wait_until_fresh(resource: &Resource, version: ResourceVersion) -> Result<(), Status> {
    match version {
        ResourceVersion::Any => Ok(()),
        ResourceVersion::Newest => {
            let current = resource.cache.wait_current().await;
            current
                .map(|_| ())
                .map_err(|error| resource.store_failed("list", &error))
        }
        ResourceVersion::At(revision) => {
            if resource.cache.wait_for(revision, FRESHNESS).await {
                return Ok(());
            }
            Err(too_large(resource, revision))
        }
    }
}

fn too_large(resource: &Resource, revision: Revision) -> Status {
    Status::too_large_resource_version(revision, resource.cache.revision())
}

fn take_page(snapshot: &Snapshot, selection: &Selection, after: Option<(&str, &str)>, limit: usize) -> Page {
    let namespace = selection.namespace.as_deref();
    let mut matching = candidates(snapshot, selection, after).filter(|entry| selection.matches(entry));
    let entries: Vec<Arc<Entry>> = matching.by_ref().take(limit).cloned().collect();
    let more = entries.len() == limit && matching.next().is_some();
    drop(matching);
    let mut meta = ListMeta {
        resource_version: snapshot.revision(),
        ..ListMeta::default()
    };
    if let Some(last) = entries.last().filter(|_| more) {
        let token = ContinueToken {
            revision: Some(snapshot.revision()),
            namespace: last.namespace.to_string(),
            name: last.name.to_string(),
        };
        meta.continue_token = Some(token.encode());
        // Counted only where it costs nothing, as kube-apiserver does.
        if selection.is_everything() {
            meta.remaining = Some(snapshot.count(namespace, Some((&last.namespace, &last.name))));
        }
    }
    Page { entries, meta }
}

/// The entries among which the matching ones are: a single one where the selection names it, few where it asks for a label.
pub(super) fn candidates<'a>(
    snapshot: &'a Snapshot,
    selection: &'a Selection,
    after: Option<(&'a str, &'a str)>,
) -> Box<dyn Iterator<Item = &'a Arc<Entry>> + 'a> {
    let namespace = selection.namespace.as_deref();
    match (namespace, selection.single_name(), selection.single_label()) {
        (Some(namespace), Some(name), _) if after.is_none() => Box::new(snapshot.get(namespace, name).into_iter()),
        (_, _, Some(label)) => Box::new(snapshot.labelled(namespace, after, label)),
        _ => Box::new(snapshot.range(namespace, after)),
    }
}
