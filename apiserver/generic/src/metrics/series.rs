//! The labels of a request: few values, and none that a client can make up.

use crate::{discovery::subresources, registry::ResourceDefinition, request::RequestInfo};

/// The labels of a request, by position in the definitions. Requests for what is not served count together, so the number
/// of series is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    pub(super) verb: &'static str,
    served: Option<Served>,
    /// Of paths that are no resources, and that kube-apiserver counts by name.
    page: &'static str,
    scope: &'static str,
    pub(super) dry_run: &'static str,
}

/// Positions of a definition and, from 1, of its subresource; 0 is the resource itself.
type Served = (usize, usize);

impl Series {
    /// The series of a request to a server of these definitions; `applies` when a patch is a server-side apply.
    pub fn of(info: &RequestInfo, applies: bool, definitions: &[ResourceDefinition]) -> Series {
        let served = locate(info, definitions);
        let scope = scope(info);
        let verb = match verb(&info.verb, scope) {
            "PATCH" if applies => "APPLY",
            verb => verb,
        };
        Series {
            verb,
            served,
            page: page(info),
            scope: if served.is_some() { scope } else { "" },
            dry_run: if served.is_some() { dry_run(info) } else { "" },
        }
    }

    /// The labels that say what was asked: group, version, resource, subresource, scope.
    pub(super) fn what(&self, definitions: &[ResourceDefinition]) -> String {
        let Series {
            served, scope, page, ..
        } = self;
        let definition = served.and_then(|(index, _)| definitions.get(index));
        let (group, version, resource) = definition.map_or(("", "", ""), |definition| {
            (
                &definition.names.group,
                &definition.names.version,
                &definition.names.plural,
            )
        });
        let subresources = definition.map(subresources).unwrap_or_default();
        let position = served.and_then(|(_, position)| position.checked_sub(1));
        let subresource = position
            .and_then(|position| subresources.get(position))
            .map_or(*page, |subresource| subresource.name);
        // The values come from served definitions and fixed words: none needs escaping.
        format!(
            "group=\"{group}\",version=\"{version}\",resource=\"{resource}\",subresource=\"{subresource}\",scope=\"{scope}\""
        )
    }

    /// `component`, which health endpoints leave empty.
    pub(super) fn component(&self) -> &'static str {
        if self.page.is_empty() || self.page.starts_with("/openapi") {
            "apiserver"
        } else {
            ""
        }
    }
}

/// Where the definitions serve what a request names, if they do.
fn locate(info: &RequestInfo, definitions: &[ResourceDefinition]) -> Option<Served> {
    let index = definitions.iter().position(|definition| {
        let names = &definition.names;
        names.plural == info.resource && names.group == info.group && names.version == info.version
    })?;
    if info.subresource.is_empty() {
        return Some((index, 0));
    }
    let served = subresources(&definitions[index]);
    let position = served
        .iter()
        .position(|subresource| subresource.name == info.subresource)?;
    Some((index, position + 1))
}

/// In the words of HTTP, with what Kubernetes tells apart. A list of one object by its name is a GET, a collection is deleted by
/// DELETE.
fn verb(verb: &str, scope: &str) -> &'static str {
    match verb {
        "get" | "head" | "list" if scope.is_empty() || scope == "resource" => "GET",
        "get" | "head" | "list" => "LIST",
        "watch" => "WATCH",
        "create" | "post" => "POST",
        "update" | "put" => "PUT",
        "patch" => "PATCH",
        "delete" | "deletecollection" => "DELETE",
        _ => "other",
    }
}

fn scope(info: &RequestInfo) -> &'static str {
    if !info.is_resource {
        ""
    } else if !info.name.is_empty() || info.verb == "create" {
        "resource"
    } else if !info.namespace.is_empty() {
        "namespace"
    } else {
        "cluster"
    }
}

fn dry_run(info: &RequestInfo) -> &'static str {
    let mut values = info.query.all("dryRun").peekable();
    if values.peek().is_none() {
        ""
    } else if values.all(|value| value == "All") {
        "All"
    } else {
        "invalid"
    }
}

fn page(info: &RequestInfo) -> &'static str {
    const PAGES: [&str; 4] = ["/healthz", "/livez", "/readyz", "/openapi/v3"];
    if info.is_resource {
        return "";
    }
    let is_it =
        |page: &&str| info.path == *page || info.path.strip_prefix(*page).is_some_and(|rest| rest.starts_with('/'));
    PAGES.into_iter().find(is_it).unwrap_or_default()
}
