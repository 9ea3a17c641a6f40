//! Watch: the objects that exist, where asked, then every change, with bookmarks, until its time is over.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Response, header};
use rand::RngExt as _;
use tokio::time::Instant;

use super::{
    Call,
    list::{candidates, wait_until_fresh},
};
use crate::{
    cache::{Snapshot, Watcher},
    negotiate::{Accepted, Answered},
    registry::{
        Resource,
        selection::Selection,
        watching::{Frames, Scope, WatchCounts, Watching, error_frame},
    },
    request::options::{InitialEvents, ResourceVersion, WatchOptions},
    serve::Body,
    status::Status,
    storage::Revision,
};

/// Longest that a watch may be asked to take; further than this no clock here counts.
const LONGEST: Duration = Duration::from_hours(24 * 365);

pub(super) async fn answer(call: &Call<'_>) -> Result<Response<Body>, Status> {
    let resource = call.resource;
    let accepted = Accepted::negotiate(call.headers, &call.info.query, Answered::Watch)?;
    let options = WatchOptions::parse(&call.info.query)?;
    let selection = Selection::new(
        resource.definition(),
        call.listed_namespace(),
        &call.info.name,
        options.labels.clone(),
        &options.fields,
    )?;
    resource.objects()?;
    let body = match begin(resource, &options).await {
        Ok(beginning) => {
            let frames = Frames::new(resource.shared_definition(), accepted.form);
            let counted = (scope(call), resource.watch_counts.clone());
            Body::stream(watching(beginning, selection, frames, &options, counted).into_stream())
        }
        // Clients read errors of a watch from its stream.
        Err(status) => Body::full(error_frame(&status)),
    };
    let mut response = Response::new(body);
    call.warnings.write(response.headers_mut());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Where a watch begins.
struct Beginning {
    /// The objects that exist, where they are sent.
    initial: Option<Snapshot>,
    watcher: Watcher,
}

async fn begin(resource: &Resource, options: &WatchOptions) -> Result<Beginning, Status> {
    let objects = resource.objects()?;
    let from_version = |revision: Revision| {
        objects
            .watch(revision)
            .map_err(|expired| Status::expired(format!("too old resource version: {revision} ({})", expired.oldest)))
    };
    if let (ResourceVersion::At(revision), InitialEvents::ByVersion | InitialEvents::Skip) =
        (options.resource_version, options.initial_events)
    {
        return Ok(Beginning {
            initial: None,
            watcher: from_version(revision)?,
        });
    }
    wait_until_fresh(resource, options.resource_version).await?;
    let snapshot = objects.snapshot();
    let watcher = from_version(snapshot.revision())?;
    let initial = (options.initial_events != InitialEvents::Skip).then_some(snapshot);
    Ok(Beginning { initial, watcher })
}

fn scope(call: &Call<'_>) -> Scope {
    if !call.info.name.is_empty() {
        Scope::Resource
    } else if call.listed_namespace().is_some_and(|namespace| !namespace.is_empty()) {
        Scope::Namespace
    } else {
        Scope::Cluster
    }
}

fn watching(
    beginning: Beginning,
    selection: Selection,
    frames: Frames,
    options: &WatchOptions,
    counted: (Scope, Arc<WatchCounts>),
) -> Watching {
    // As kube-apiserver: random, so that watches that began together do not end together.
    let timeout = options.timeout.map_or_else(
        || Duration::from_secs(rand::rng().random_range(1800..3600)),
        |asked| asked.min(LONGEST),
    );
    let initial = beginning.initial.map(|snapshot| {
        let matching = candidates(&snapshot, &selection, None).filter(|entry| selection.matches(entry));
        let entries: Vec<_> = matching.cloned().collect();
        (snapshot.revision(), entries)
    });
    Watching::new(
        beginning.watcher,
        initial,
        selection,
        frames,
        options.bookmarks,
        Instant::now() + timeout,
        counted,
    )
}
