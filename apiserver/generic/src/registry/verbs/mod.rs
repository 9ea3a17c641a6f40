//! One verb a file: reads from the cache, writes through the pipeline.

mod apply;
mod create;
mod create_only;
mod delete;
mod delete_collection;
mod get;
mod list;
mod patch;
mod protobuf;
mod scale;
mod update;
mod watch;

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};

use super::{
    Resource, ResourceDefinition, Style,
    warnings::Warnings,
    write::{Part, WriteRequest},
};
use crate::{
    admission::Notes,
    audit::{Annotations, AuditId},
    authn::Source,
    authz::Access,
    discovery::subresources,
    request::{RequestInfo, options::WriteOptions},
    serve::Body,
    status::Status,
};

/// A request that has found its resource.
pub(super) struct Call<'a> {
    pub(super) resource: &'a Arc<Resource>,
    pub(super) info: &'a RequestInfo,
    pub(super) access: Access<'a>,
    pub(super) headers: &'a HeaderMap,
    /// Where the request came from; none for calls within the process.
    pub(super) source: Option<IpAddr>,
    /// What is added to the request's audit events; none where it is not under audit.
    annotations: Option<&'a Annotations>,
    /// Under which the request is found in logs; none where it came by no server.
    audit_id: Option<&'a AuditId>,
    pub(super) body: &'a Bytes,
    /// Also sent when the request fails.
    pub(super) warnings: Warnings,
}

/// Answers a request with its verb.
pub(super) async fn answer(
    resource: &Arc<Resource>,
    info: &RequestInfo,
    access: Access<'_>,
    request: Request<Bytes>,
) -> Result<Response<Body>, Status> {
    let (parts, body) = protobuf::as_json(resource.definition(), request)?.into_parts();
    let call = Call {
        resource,
        info,
        access,
        headers: &parts.headers,
        source: parts.extensions.get().map(|Source(address)| *address),
        annotations: parts.extensions.get(),
        audit_id: parts.extensions.get(),
        body: &body,
        warnings: Warnings::default(),
    };
    if let Some(deprecation) = &resource.definition().deprecation {
        call.warnings.add(&**deprecation);
    }
    verb(&call).await.map_err(|status| Status {
        warnings: call.warnings.headers(),
        ..status
    })
}

async fn verb(call: &Call<'_>) -> Result<Response<Body>, Status> {
    let (resource, info) = (call.resource, call.info);
    if resource.definition().style == Style::Custom {
        refuse_unserved(resource.definition(), info)?;
    }
    match (info.verb.as_str(), info.subresource.as_str()) {
        ("create", _) if resource.definition().virtual_create.is_some() => create_only::virtual_resource(call).await,
        (_, "scale") => scale::answer(call).await,
        ("get", _) => get::answer(call).await,
        ("list", "") => list::answer(call).await,
        ("watch", "") => watch::answer(call).await,
        ("create", "") => create::answer(call).await,
        ("create", _) => create_only::subresource(call).await,
        ("update", _) => update::answer(call).await,
        ("patch", _) => patch::answer(call).await,
        ("delete", "") => delete::answer(call).await,
        ("deletecollection", "") => delete_collection::answer(call).await,
        _ => Err(Status::method_not_supported()),
    }
}

/// What a custom resource says to requests that it does not serve.
fn refuse_unserved(definition: &ResourceDefinition, info: &RequestInfo) -> Result<(), Status> {
    let names = &definition.names;
    let served = subresources(definition)
        .into_iter()
        .find(|served| served.name == info.subresource);
    let verbs = match (info.subresource.as_str(), served) {
        ("", _) => definition.verbs.names(),
        (_, Some(subresource)) if info.rest.is_empty() => subresource.verbs,
        _ => return Err(Status::not_found(names, &info.name)),
    };
    if !verbs.contains(&info.verb.as_str()) {
        return Err(Status::not_supported_by(names, &info.verb));
    }
    if info.name.is_empty() && matches!(info.verb.as_str(), "update" | "patch") {
        return Err(Status::bad_request("name must be provided"));
    }
    Ok(())
}

impl<'a> Call<'a> {
    /// Empty for a cluster-scoped resource, also where the path of a namespace object names one.
    pub(super) fn namespace(&self) -> &'a str {
        if self.resource.definition().names.namespaced {
            &self.info.namespace
        } else {
            ""
        }
    }

    /// The namespace of a list or watch; none for all.
    pub(super) fn listed_namespace(&self) -> Option<&'a str> {
        match self.namespace() {
            "" if self.resource.definition().names.namespaced => None,
            namespace => Some(namespace),
        }
    }

    pub(super) fn user_agent(&self) -> &'a str {
        self.headers
            .get(http::header::USER_AGENT)
            .and_then(|agent| std::str::from_utf8(agent.as_bytes()).ok())
            .unwrap_or_default()
    }

    /// The part of the object that the path names. 404 for one that is not served.
    pub(super) fn part(&self) -> Result<Part, Status> {
        let definition = self.resource.definition();
        match self.info.subresource.as_str() {
            "" => Ok(Part::Main),
            "status" if definition.status => Ok(Part::Status),
            other => definition
                .update_subresources
                .iter()
                .find(|name| **name == other)
                .map(|name| Part::Subresource(name))
                .ok_or_else(Status::resource_not_served),
        }
    }

    pub(super) fn write_request(&self, options: WriteOptions) -> WriteRequest<'a> {
        WriteRequest {
            user: self.access.user(),
            access: Some(self.access),
            source: self.source,
            namespace: self.namespace(),
            subresource: &self.info.subresource,
            options,
            notes: Notes::of(self.annotations.cloned(), self.audit_id.cloned()).with(self.warnings.clone()),
        }
    }
}
