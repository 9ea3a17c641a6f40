//! Answers under `/api` and `/apis` that are discovery.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
};

use super::{
    Documents,
    documents::{Discovery, Tagged},
    legacy,
};
use crate::{
    negotiate::MediaType,
    serve::{Body, answer},
    status::Status,
};

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

const AGGREGATED_YAML: &str = "application/yaml;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// A discovery path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// `/api`
    Core,
    /// `/apis`
    Groups,
    /// `/apis/G`
    Group(&'a str),
    /// `/api/V` (with an empty group) or `/apis/G/V`
    Resources {
        /// API group, empty for core.
        group: &'a str,
        /// API version.
        version: &'a str,
    },
}

impl Documents {
    /// Answers a discovery request. `address` is where the client reaches the server.
    pub fn answer(&self, endpoint: Endpoint<'_>, headers: &HeaderMap, address: &str) -> Result<Response<Body>, Status> {
        let aggregates = matches!(endpoint, Endpoint::Core | Endpoint::Groups);
        let discovery = self.discovery();
        let Some((form, media)) = accepted(headers, aggregates) else {
            return Err(Status::not_acceptable(&["application/json", "application/yaml"]));
        };
        Ok(match (form, endpoint) {
            (Form::Legacy, _) => legacy_answer(discovery, endpoint, address, media),
            (Form::Aggregated, Endpoint::Core) => tagged(&discovery.aggregated_core, headers, media),
            (Form::Aggregated, _) => tagged(&discovery.aggregated_groups, headers, media),
        })
    }
}

fn legacy_answer(discovery: &Discovery, endpoint: Endpoint<'_>, address: &str, media: MediaType) -> Response<Body> {
    let document = match endpoint {
        Endpoint::Core => core_versions(discovery, address),
        Endpoint::Groups => Some(discovery.group_list.clone()),
        Endpoint::Group(group) => discovery.groups.get(group).cloned(),
        Endpoint::Resources { group: "", version } => discovery.resource_lists.get(version).cloned(),
        Endpoint::Resources { group, version } => discovery.resource_lists.get(&format!("{group}/{version}")).cloned(),
    };
    document.map_or_else(answer::page_not_found, |document| written(document, media))
}

fn core_versions(discovery: &Discovery, address: &str) -> Option<Bytes> {
    let versions = &discovery.core_versions;
    (!versions.is_empty()).then(|| format!("{}\n", legacy::api_versions(versions, address)).into())
}

fn written(document: Bytes, media: MediaType) -> Response<Body> {
    let mut response = answer::json_bytes(StatusCode::OK, media.transcode(document));
    let content_type = HeaderValue::from_static(media.content_type());
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// An aggregated document. Its tag is that of the JSON, as its content is the same.
fn tagged(document: &Tagged, headers: &HeaderMap, media: MediaType) -> Response<Body> {
    let unchanged = headers.get(IF_NONE_MATCH) == Some(&document.etag);
    let mut response = if unchanged {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        written(document.body.clone(), media)
    };
    let own = response.headers_mut();
    if !unchanged {
        let content_type = match media {
            MediaType::Json => AGGREGATED,
            MediaType::Yaml => AGGREGATED_YAML,
        };
        own.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    own.insert(ETAG, document.etag.clone());
    own.insert(VARY, HeaderValue::from_static("Accept"));
    own.insert(CACHE_CONTROL, HeaderValue::from_static("public"));
    response
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Legacy,
    Aggregated,
}

/// The form that the client likes best among those that exist.
fn accepted(headers: &HeaderMap, aggregates: bool) -> Option<(Form, MediaType)> {
    let accept: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let accept = accept.join(",");
    if accept.trim().is_empty() {
        return Some((Form::Legacy, MediaType::Json));
    }
    let mut clauses: Vec<Clause<'_>> = accept.split(',').map(Clause::parse).collect();
    clauses.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    clauses
        .iter()
        .filter(|clause| clause.quality > 0.0)
        .find_map(|clause| clause.form(aggregates))
}

struct Clause<'a> {
    media_type: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f32,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Clause<'a> {
        let mut pieces = text.split(';').map(str::trim);
        let media_type = pieces.next().unwrap_or_default();
        let parameters: Vec<(&str, &str)> = pieces.filter_map(|piece| piece.split_once('=')).collect();
        let quality = parameters
            .iter()
            .find(|(key, _)| *key == "q")
            .and_then(|(_, value)| value.parse().ok());
        Clause {
            media_type,
            parameters,
            quality: quality.unwrap_or(1.0),
        }
    }

    fn form(&self, aggregates: bool) -> Option<(Form, MediaType)> {
        let media = match self.media_type {
            "application/json" | "application/*" | "*/*" => MediaType::Json,
            "application/yaml" => MediaType::Yaml,
            _ => return None,
        };
        let form = match self.parameter("as") {
            Some("APIGroupDiscoveryList") if aggregates && self.is_served() => Form::Aggregated,
            None => Form::Legacy,
            // Also an aggregated form that is gone (v2beta1).
            Some(_) => return None,
        };
        Some((form, media))
    }

    fn is_served(&self) -> bool {
        self.parameter("g") == Some("apidiscovery.k8s.io") && self.parameter("v") == Some("v2")
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(accept: &str) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        accepted(&headers, true).map(|(form, _)| form)
    }

    #[test]
    fn the_best_form_that_exists_is_chosen() {
        let beta = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
        let cases = [
            ("", Some(Form::Legacy)),
            ("*/*", Some(Form::Legacy)),
            ("application/json", Some(Form::Legacy)),
            (AGGREGATED, Some(Form::Aggregated)),
            (&format!("{AGGREGATED},{beta},application/json"), Some(Form::Aggregated)),
            (&format!("{AGGREGATED};profile=nopeer"), Some(Form::Aggregated)),
            (&format!("application/json, {AGGREGATED};q=0.5"), Some(Form::Legacy)),
            (
                &format!("application/json;q=0.1, {AGGREGATED};q=0.5"),
                Some(Form::Aggregated),
            ),
            (beta, None),
            ("application/vnd.kubernetes.protobuf", None),
            (
                "application/vnd.kubernetes.protobuf,application/json",
                Some(Form::Legacy),
            ),
            ("application/json;q=0", None),
            ("application/yaml", Some(Form::Legacy)),
            (
                "application/yaml;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
                Some(Form::Aggregated),
            ),
        ];
        for (accept, expected) in cases {
            assert_eq!(form(accept), expected, "{accept}");
        }
        assert_eq!(accepted(&HeaderMap::new(), true), Some((Form::Legacy, MediaType::Json)));
    }
}
