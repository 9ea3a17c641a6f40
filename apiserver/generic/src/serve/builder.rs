//! How an [`ApiServer`] is put together.

use std::{sync::Arc, time::Duration};

use super::{ApiServer, Resources, listener::Bounds};
use crate::{audit::Auditor, authn::Authenticator, authz::Authorizer, health::Check};

/// What `/version` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionInfo {
    /// Such as `v1.37.2`; clients parse it as semver.
    pub git_version: String,
    /// Such as `1`.
    pub major: String,
    /// Such as `37`.
    pub minor: String,
}

impl VersionInfo {
    /// System and processor, as clients of Kubernetes call them: `linux/amd64`.
    pub(crate) fn platform() -> String {
        let processor = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        format!("{}/{processor}", std::env::consts::OS)
    }
}

/// Bounds of one server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests that only read, at one time.
    pub reads: usize,
    /// Requests that write, at one time.
    pub writes: usize,
    /// Longest a request may take, watches excepted.
    pub deadline: Duration,
    /// Longest request body in bytes.
    pub body_bytes: usize,
    /// Longest that a request body may take to arrive.
    pub body: Duration,
    /// Bytes of request bodies that have not arrived wholly.
    pub arriving: usize,
    /// Such bytes of a single user's.
    pub arriving_of_a_user: usize,
    /// What clients may take of the listener.
    pub listener: Bounds,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            reads: 400,
            writes: 200,
            deadline: Duration::from_mins(1),
            body_bytes: 3 * 1024 * 1024,
            body: Duration::from_secs(30),
            arriving: 256 * 1024 * 1024,
            arriving_of_a_user: 64 * 1024 * 1024,
            listener: Bounds::default(),
        }
    }
}

/// Writes further metrics, in the text exposition format.
pub(super) type MetricsPage = Box<dyn Fn(&mut String) + Send + Sync>;

/// Builds an [`ApiServer`].
pub struct ApiServerBuilder {
    pub(super) resources: Arc<dyn Resources>,
    pub(super) authenticators: Vec<Arc<dyn Authenticator>>,
    pub(super) authorizers: Vec<Arc<dyn Authorizer>>,
    pub(super) always_allowed: Vec<String>,
    pub(super) anonymous: bool,
    pub(super) impersonation: bool,
    pub(super) version: Arc<VersionInfo>,
    pub(super) checks: Vec<Check>,
    pub(super) ready_checks: Vec<Check>,
    pub(super) metrics_pages: Vec<MetricsPage>,
    pub(super) limits: Limits,
    pub(super) auditor: Option<Arc<Auditor>>,
}

impl ApiServerBuilder {
    pub(super) fn new(resources: Arc<dyn Resources>) -> ApiServerBuilder {
        let version = VersionInfo {
            git_version: "v1.37.0".into(),
            major: "1".into(),
            minor: "37".into(),
        };
        ApiServerBuilder {
            resources,
            authenticators: Vec::new(),
            authorizers: Vec::new(),
            always_allowed: Vec::new(),
            anonymous: false,
            impersonation: true,
            version: Arc::new(version),
            checks: Vec::new(),
            ready_checks: Vec::new(),
            metrics_pages: Vec::new(),
            limits: Limits::default(),
            auditor: None,
        }
    }

    /// Writes an audit log; who builds the server closes it when the server has stopped.
    #[must_use]
    pub fn auditor(self, auditor: Option<Arc<Auditor>>) -> ApiServerBuilder {
        let Some(auditor) = auditor else { return self };
        let counted = auditor.clone();
        let mut builder = self.metrics(move |page| counted.append_metrics(page));
        builder.auditor = Some(auditor);
        builder
    }

    /// Adds an authenticator; they are tried in order.
    #[must_use]
    pub fn authenticator(mut self, authenticator: Arc<dyn Authenticator>) -> ApiServerBuilder {
        self.authenticators.push(authenticator);
        self
    }

    /// Adds an authorizer after the built-in ones (`system:masters`, health paths). With none, nobody else may do anything.
    #[must_use]
    pub fn authorizer(mut self, authorizer: Arc<dyn Authorizer>) -> ApiServerBuilder {
        self.authorizers.push(authorizer);
        self
    }

    /// Allows paths to everyone, beside the health ones: exact, or all below a prefix when it ends with `*`. No authorizer is
    /// asked about them. Who shows no credential reaches them only where [`ApiServerBuilder::anonymous`] is on.
    #[must_use]
    pub fn always_allow(mut self, paths: &[&str]) -> ApiServerBuilder {
        self.always_allowed.extend(paths.iter().map(|&path| path.to_owned()));
        self
    }

    /// Whether a request may act as somebody else by `Impersonate-*` headers, where its user may (on by default). Where it is off,
    /// such a request is refused with 400: behind a front proxy that does it, nobody honest sends them.
    #[must_use]
    pub fn impersonation(mut self, impersonation: bool) -> ApiServerBuilder {
        self.impersonation = impersonation;
        self
    }

    /// Whether a request without a credential goes on as `system:anonymous` (off by default).
    #[must_use]
    pub fn anonymous(mut self, anonymous: bool) -> ApiServerBuilder {
        self.anonymous = anonymous;
        self
    }

    /// What `/version` says.
    #[must_use]
    pub fn version(mut self, version: impl Into<Arc<VersionInfo>>) -> ApiServerBuilder {
        self.version = version.into();
        self
    }

    /// Adds a health check, shown under `name` by `/healthz`, `/livez` and `/readyz`.
    #[must_use]
    pub fn check(
        mut self,
        name: &str,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> ApiServerBuilder {
        self.checks.push(Check::new(name, check));
        self
    }

    /// Adds a check that `/readyz` alone shows: of what a restart does not mend.
    #[must_use]
    pub fn ready_check(
        mut self,
        name: &str,
        check: impl Fn() -> Result<(), String> + Send + Sync + 'static,
    ) -> ApiServerBuilder {
        self.ready_checks.push(Check::new(name, check));
        self
    }

    /// Adds what `page` appends to `/metrics`: whole lines in the text exposition format.
    #[must_use]
    pub fn metrics(mut self, page: impl Fn(&mut String) + Send + Sync + 'static) -> ApiServerBuilder {
        self.metrics_pages.push(Box::new(page));
        self
    }

    /// Other bounds than the default ones.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> ApiServerBuilder {
        self.limits = limits;
        self
    }

    /// The server, ready to answer.
    pub fn build(self) -> Arc<ApiServer> {
        ApiServer::from_builder(self)
    }
}
