//! Which part of the server a request is for.

use http::Method;

use crate::{
    discovery::{Endpoint, subresources},
    registry::{ResourceDefinition, Style},
    request::RequestInfo,
};

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// The registry, for the definition of this index.
    Resource(usize),
    /// `/api`, `/apis` and below.
    Discovery(Endpoint<'a>),
    /// `/`: the list of paths.
    Index,
    /// `/version`
    Version,
    /// `/openapi/v2`
    OpenApiV2,
    /// `/openapi/v3` (empty) or the document of `apis/G/V`, `api/V`.
    OpenApiV3(&'a str),
    /// `/healthz`, `/livez`, `/readyz`, with the name of a single check.
    Health {
        /// `healthz`, `livez` or `readyz`.
        endpoint: &'a str,
        /// The single check.
        check: Option<&'a str>,
    },
    /// `/metrics`
    Metrics,
    /// How health checks end.
    Slis,
    /// 404, a Status: the group version is served, the resource is not.
    NotServed,
    /// 404, plain text: nobody knows the path.
    NotFound,
    /// 405.
    MethodNotAllowed,
}

/// Routes an authorized request.
pub(super) fn route<'a>(method: &Method, info: &'a RequestInfo, definitions: &[ResourceDefinition]) -> Route<'a> {
    let is_core = info.path.starts_with("/api/");
    if info.is_resource {
        return match resource(info, definitions) {
            // Built-in kinds have no handlers for it.
            Route::Resource(index) if *method == Method::HEAD && definitions[index].style != Style::Custom => {
                Route::MethodNotAllowed
            }
            Route::NotFound if is_core => Route::NotServed,
            route => route,
        };
    }
    let route = match path(&info.path) {
        Route::Discovery(Endpoint::Resources { group: "", version }) if !serves_core(version, definitions) => {
            Route::NotServed
        }
        route => route,
    };
    match *method {
        Method::HEAD if route == Route::Version => Route::MethodNotAllowed,
        _ if route == Route::NotFound => route,
        Method::GET | Method::HEAD => route,
        _ if matches!(route, Route::Health { .. }) => route,
        _ => Route::MethodNotAllowed,
    }
}

fn serves_core(version: &str, definitions: &[ResourceDefinition]) -> bool {
    definitions
        .iter()
        .any(|definition| definition.names.group.is_empty() && definition.names.version == version)
}

fn path(path: &str) -> Route<'_> {
    let trimmed = path.strip_prefix('/').unwrap_or(path);
    let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
    let (head, tail) = trimmed
        .split_once('/')
        .map_or((trimmed, None), |(head, tail)| (head, Some(tail)));
    match (head, tail) {
        ("" | "index.html", None) => Route::Index,
        ("version", None) => Route::Version,
        ("metrics", None) => Route::Metrics,
        ("metrics", Some("slis")) => Route::Slis,
        ("openapi", Some("v2")) => Route::OpenApiV2,
        ("openapi", Some("v3")) => Route::OpenApiV3(""),
        ("openapi", Some(tail)) => tail.strip_prefix("v3/").map_or(Route::NotFound, Route::OpenApiV3),
        ("healthz" | "livez" | "readyz", check) => Route::Health { endpoint: head, check },
        ("api", None) => Route::Discovery(Endpoint::Core),
        ("api", Some(version)) if !version.contains('/') => {
            Route::Discovery(Endpoint::Resources { group: "", version })
        }
        ("apis", None) => Route::Discovery(Endpoint::Groups),
        ("apis", Some(tail)) => match tail.split_once('/') {
            None => Route::Discovery(Endpoint::Group(tail)),
            Some((group, version)) if !version.contains('/') => {
                Route::Discovery(Endpoint::Resources { group, version })
            }
            Some(_) => Route::NotFound,
        },
        _ => Route::NotFound,
    }
}

fn resource<'a>(info: &RequestInfo, definitions: &[ResourceDefinition]) -> Route<'a> {
    let in_version = |definition: &ResourceDefinition| {
        definition.names.group == info.group && definition.names.version == info.version
    };
    let found = definitions
        .iter()
        .position(|definition| definition.names.plural == info.resource && in_version(definition));
    let Some(index) = found else {
        return match definitions.iter().find(|definition| in_version(definition)) {
            Some(neighbour) => unknown(neighbour),
            None => Route::NotFound,
        };
    };
    check(info, &definitions[index]).unwrap_or(Route::Resource(index))
}

/// Why a definition does not serve a request for its resource, if it does not.
fn check(info: &RequestInfo, definition: &ResourceDefinition) -> Option<Route<'static>> {
    let names = &definition.names;
    // A namespace itself is named like something in it.
    let is_namespace = info.resource == "namespaces" && names.group.is_empty();
    let in_namespace = !info.namespace.is_empty() && !is_namespace;
    let across_namespaces = matches!(info.verb.as_str(), "list" | "watch");
    let too_long = !info.rest.is_empty() && definition.style != Style::Custom;
    if too_long || (in_namespace && !names.namespaced) {
        return Some(unknown(definition));
    }
    // What is not stored has no objects to name, and nothing outside of its namespaces.
    if definition.virtual_create.is_some() && (!info.name.is_empty() || names.namespaced != in_namespace) {
        return Some(unknown(definition));
    }
    if names.namespaced && !in_namespace && !across_namespaces {
        return Some(unscoped(info, definition));
    }
    if definition.style == Style::Custom {
        // Their handler judges all below their path itself.
        return None;
    }
    let verbs = if info.subresource.is_empty() {
        definition.verbs.names()
    } else {
        match subresources(definition)
            .into_iter()
            .find(|served| served.name == info.subresource)
        {
            Some(subresource) => subresource.verbs,
            None => return Some(unknown(definition)),
        }
    };
    let served = verbs.contains(&info.verb.as_str()) && has_the_right_form(info);
    (!served).then_some(Route::MethodNotAllowed)
}

/// A POST goes to a collection or a subresource, a PUT or PATCH to an object.
fn has_the_right_form(info: &RequestInfo) -> bool {
    match info.verb.as_str() {
        "create" => info.name.is_empty() == info.subresource.is_empty(),
        "update" | "patch" => !info.name.is_empty(),
        _ => true,
    }
}

/// As kube-apiserver: what custom resources do not serve is an unknown path, what built-in ones do not serve a Status.
fn unknown(definition: &ResourceDefinition) -> Route<'static> {
    match definition.style {
        Style::Custom => Route::NotFound,
        Style::BuiltIn { .. } => Route::NotServed,
    }
}

/// A verb on one namespace, without a namespace.
fn unscoped(info: &RequestInfo, definition: &ResourceDefinition) -> Route<'static> {
    match definition.style {
        Style::BuiltIn { .. } if info.name.is_empty() => Route::MethodNotAllowed,
        _ => unknown(definition),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::testing::definitions;

    fn ask(line: &str) -> String {
        let (method, uri) = line.split_once(' ').unwrap();
        let method: Method = method.parse().unwrap();
        let info = RequestInfo::parse(&method, &uri.parse().unwrap());
        format!("{:?}", route(&method, &info, &definitions()))
    }

    #[test]
    fn resources() {
        let cases = [
            ("GET /apis/demo.example.io/v1/namespaces/a/widgets", "Resource(0)"),
            ("GET /apis/demo.example.io/v1/widgets?watch=1", "Resource(0)"),
            ("POST /apis/demo.example.io/v1/namespaces/a/widgets", "Resource(0)"),
            (
                "GET /apis/demo.example.io/v1/namespaces/a/widgets/w/scale",
                "Resource(0)",
            ),
            // A custom resource says itself what it does not serve.
            (
                "GET /apis/demo.example.io/v1/namespaces/a/widgets/w/nope",
                "Resource(0)",
            ),
            (
                "GET /apis/demo.example.io/v1/namespaces/a/widgets/w/status/x",
                "Resource(0)",
            ),
            ("GET /apis/demo.example.io/v1/namespaces/a/nopes", "NotFound"),
            ("GET /apis/demo.example.io/v2/widgets", "NotFound"),
            ("GET /apis/other.io/v1/widgets", "NotFound"),
            ("POST /apis/demo.example.io/v1/widgets", "NotFound"),
            ("OPTIONS /apis/demo.example.io/v1/namespaces/a/widgets", "Resource(0)"),
            ("HEAD /apis/demo.example.io/v1/namespaces/a/widgets", "Resource(0)"),
            ("HEAD /api/v1/namespaces/a", "MethodNotAllowed"),
            ("PUT /api/v1/namespaces", "MethodNotAllowed"),
            ("GET /api/v1/namespaces/a", "Resource(1)"),
            ("PUT /api/v1/namespaces/a/status", "Resource(1)"),
            ("GET /api/v1/nopes", "NotServed"),
            ("GET /api/v1/namespaces/a/nopes", "NotServed"),
            ("GET /api/v2/namespaces", "NotServed"),
        ];
        for (line, expected) in cases {
            assert_eq!(ask(line), expected, "{line}");
        }
    }

    #[test]
    fn paths() {
        let cases = [
            ("GET /", "Index"),
            ("GET /version/", "Version"),
            ("HEAD /version", "MethodNotAllowed"),
            ("POST /version", "MethodNotAllowed"),
            ("GET /versions", "NotFound"),
            ("POST /versions", "NotFound"),
            ("GET /api", "Discovery(Core)"),
            ("GET /apis/", "Discovery(Groups)"),
            ("GET /apis/g", "Discovery(Group(\"g\"))"),
            ("GET /apis/g/v", "Discovery(Resources { group: \"g\", version: \"v\" })"),
            ("GET /api/v1", "Discovery(Resources { group: \"\", version: \"v1\" })"),
            ("GET /openapi/v2", "OpenApiV2"),
            ("GET /openapi/v3", "OpenApiV3(\"\")"),
            ("GET /openapi/v3/apis/g/v", "OpenApiV3(\"apis/g/v\")"),
            ("GET /openapi", "NotFound"),
            ("GET /livez", "Health { endpoint: \"livez\", check: None }"),
            (
                "GET /readyz/etcd",
                "Health { endpoint: \"readyz\", check: Some(\"etcd\") }",
            ),
            ("GET /metrics", "Metrics"),
            ("GET /metrics/slis", "Slis"),
        ];
        for (line, expected) in cases {
            assert_eq!(ask(line), expected, "{line}");
        }
    }
}
