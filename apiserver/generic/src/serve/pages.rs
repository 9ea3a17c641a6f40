//! The paths that are no resources.

use http::{HeaderValue, Response, StatusCode, header::HOST, request::Parts};
use serde_json::{Value, json};

use super::{ApiServer, Body, VersionInfo, answer, route::Route};
use crate::{discovery::accepts_json, health, request::RequestInfo, status::Status};

impl ApiServer {
    /// Answers what the registry does not.
    pub(super) fn answer(&self, route: Route<'_>, info: &RequestInfo, head: &Parts) -> Result<Response<Body>, Status> {
        Ok(match route {
            Route::Discovery(endpoint) => self.documents.answer(endpoint, &head.headers, &address(head))?,
            Route::Index => answer::json(StatusCode::OK, &self.index()),
            Route::Version if !accepts_json(&head.headers) => return Err(Status::only_json()),
            Route::Version => answer::json(StatusCode::OK, &self.version_document()),
            Route::OpenApiV2 => self.documents.answer_openapi_v2(&head.headers),
            Route::OpenApiV3(path) => self
                .documents
                .answer_openapi_v3(path, info.query.first("hash"), &head.headers),
            Route::Health { endpoint, check } => self.health(endpoint, check, info),
            Route::Metrics => exposition(self.metrics_page()),
            Route::Slis => exposition(self.slis.page(|endpoint| self.checks_of(endpoint))),
            Route::NotServed => return Err(Status::resource_not_served()),
            Route::MethodNotAllowed => return Err(Status::method_not_supported()),
            Route::NotFound | Route::Resource(_) => answer::page_not_found(),
        })
    }

    fn health(&self, endpoint: &str, check: Option<&str>, info: &RequestInfo) -> Response<Body> {
        let response = health::answer(endpoint, check, &info.query, self.checks_of(endpoint), &self.slis);
        response.unwrap_or_else(answer::page_not_found)
    }

    /// What a restart does not mend, as that it goes away, concerns only those who send requests.
    fn checks_of(&self, endpoint: &str) -> impl Iterator<Item = &health::Check> + use<'_> {
        let more = (endpoint == "readyz").then_some(&self.ready_checks);
        self.checks.iter().chain(more.into_iter().flatten())
    }

    fn metrics_page(&self) -> String {
        let definitions = self.documents.definitions();
        let mut page = self.metrics.render(definitions, self.in_flight.load(), &self.version);
        self.resources.append_metrics(&mut page);
        for append in &self.metrics_pages {
            append(&mut page);
        }
        page
    }

    fn version_document(&self) -> Value {
        let version = &self.version;
        let before = version.minor.parse::<u32>().ok().and_then(|minor| minor.checked_sub(1));
        json!({
            "major": version.major,
            "minor": version.minor,
            "emulationMajor": version.major,
            "emulationMinor": version.minor,
            "minCompatibilityMajor": version.major,
            "minCompatibilityMinor": before.map_or_else(|| version.minor.clone(), |minor| minor.to_string()),
            "gitVersion": version.git_version,
            "gitCommit": "",
            "gitTreeState": "clean",
            "buildDate": "1970-01-01T00:00:00Z",
            "goVersion": "",
            "compiler": "rustc",
            "platform": VersionInfo::platform(),
        })
    }

    fn index(&self) -> Value {
        let fixed = [
            "/apis",
            "/healthz",
            "/livez",
            "/metrics",
            "/metrics/slis",
            "/openapi/v2",
            "/openapi/v3",
            "/readyz",
            "/version",
        ];
        let mut paths: Vec<String> = fixed.into_iter().map(str::to_owned).collect();
        for definition in self.documents.definitions().iter() {
            let names = &definition.names;
            match names.group.as_str() {
                "" => paths.extend(["/api".to_owned(), format!("/api/{}", names.version)]),
                group => paths.extend([format!("/apis/{group}"), format!("/apis/{group}/{}", names.version)]),
            }
        }
        for endpoint in ["healthz", "livez", "readyz"] {
            paths.extend(self.checks.iter().map(|check| format!("/{endpoint}/{}", check.name())));
        }
        paths.sort();
        paths.dedup();
        json!({"paths": paths})
    }
}

/// A page in the text exposition format.
fn exposition(page: String) -> Response<Body> {
    let mut response = answer::plain_text(StatusCode::OK, page);
    let media_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, media_type);
    response
}

/// Where the client reached the server.
fn address(head: &Parts) -> String {
    let host = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    host.or(authority).unwrap_or("localhost").to_owned()
}
