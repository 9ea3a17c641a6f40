//! HTTP to one of the servers, as one of the users: nothing is added to a request, followed or repeated.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use http::HeaderValue;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use kube::{
    Config,
    client::ConfigExt as _,
    config::{KubeConfigOptions, Kubeconfig},
};

use crate::answer::Response;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum User {
    /// Of group system:masters.
    Admin,
    /// A user without any right of their own.
    Dev,
    /// No credential.
    Nobody,
    /// The front proxy, which says in headers for whom it asks.
    FrontProxy,
    /// A certificate of the same authority with a name that is not the front proxy's.
    OtherProxy,
    /// A certificate with the front proxy's name, of the authority for users.
    FalseProxy,
}

impl User {
    pub(crate) const ALL: [Self; 6] = [
        Self::Admin,
        Self::Dev,
        Self::Nobody,
        Self::FrontProxy,
        Self::OtherProxy,
        Self::FalseProxy,
    ];

    /// Name of the user in certificates.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Dev => "dev",
            Self::Nobody => "nobody",
            Self::FrontProxy | Self::FalseProxy => "front-proxy-client",
            Self::OtherProxy => "other-proxy",
        }
    }

    /// The headers in which a front proxy says who asks, as kube-apiserver writes them; none for who writes their own.
    fn identity(self) -> Option<&'static [(&'static str, &'static str)]> {
        match self {
            Self::Admin => Some(&[
                ("x-remote-user", "admin"),
                ("x-remote-group", "system:masters"),
                ("x-remote-group", "system:authenticated"),
                (CREDENTIAL_ID, CREDENTIAL),
            ]),
            Self::Dev => Some(&[
                ("x-remote-user", "dev"),
                ("x-remote-group", "system:authenticated"),
                (CREDENTIAL_ID, CREDENTIAL),
            ]),
            Self::Nobody => Some(&[
                ("x-remote-user", "system:anonymous"),
                ("x-remote-group", "system:unauthenticated"),
            ]),
            Self::FrontProxy | Self::OtherProxy | Self::FalseProxy => None,
        }
    }
}

/// kube-apiserver tells by which certificate a user came.
const CREDENTIAL_ID: &str = "x-remote-extra-authentication.kubernetes.io%2fcredential-id";
const CREDENTIAL: &str = "X509SHA256=0000000000000000000000000000000000000000000000000000000000000000";

type Send =
    Box<dyn Fn(http::Request<Full<Bytes>>) -> BoxFuture<'static, Result<Response, String>> + std::marker::Send + Sync>;

/// A server with a connection pool for each user.
pub(crate) struct Server {
    /// `host:port`.
    pub(crate) address: String,
    users: BTreeMap<User, Send>,
    behind_front_proxy: bool,
}

impl Server {
    /// One that these kubeconfigs lead to.
    pub(crate) fn new(configs: BTreeMap<User, Config>) -> Self {
        let address = configs[&User::Admin].cluster_url.authority().unwrap().to_string();
        let users = configs
            .into_iter()
            .map(|(user, config)| (user, connect(user, &config)))
            .collect();
        Self {
            address,
            users,
            behind_front_proxy: false,
        }
    }

    /// The same, whose users all come through the front proxy's connections.
    pub(crate) fn behind_front_proxy(configs: BTreeMap<User, Config>) -> Self {
        Self {
            behind_front_proxy: true,
            ..Self::new(configs)
        }
    }

    pub(crate) async fn send(&self, user: User, mut request: http::Request<Full<Bytes>>) -> Result<Response, String> {
        let path = request.uri().to_string();
        *request.uri_mut() = format!("https://{}{path}", self.address)
            .parse()
            .map_err(|_| format!("no URI: {path}"))?;
        let identity = user.identity().filter(|_| self.behind_front_proxy);
        let Some(identity) = identity else {
            return self.users[&user](request).await;
        };
        for (name, value) in identity {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        self.users[&User::FrontProxy](request).await
    }
}

/// What a kubeconfig says, for a user; for nobody without its credential.
pub(crate) async fn config(file: &Path, user: User) -> Config {
    let kubeconfig = Kubeconfig::read_from(file).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    if user == User::Nobody {
        config.auth_info = kube::config::AuthInfo::default();
    }
    config
}

fn connect(user: User, config: &Config) -> Send {
    let connector = config.rustls_https_connector().unwrap();
    let client = Client::builder(TokioExecutor::new())
        // As Go writes the names of headers.
        .http1_title_case_headers(user == User::FrontProxy)
        .build::<_, Full<Bytes>>(connector);
    Box::new(move |request| {
        let response = client.request(request);
        async move {
            let response = response
                .await
                .map_err(|error| format!("{error}: {:?}", std::error::Error::source(&error)))?;
            Ok(response.map(|body| body.map_err(|error| error.to_string()).boxed()))
        }
        .boxed()
    })
}
