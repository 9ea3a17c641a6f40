//! HTTP to one of the servers, as one of the users: nothing is added to a request, followed or repeated.

use std::{collections::BTreeMap, path::Path};

use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
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
}

impl User {
    pub(crate) const ALL: [Self; 3] = [Self::Admin, Self::Dev, Self::Nobody];

    /// Name of the user in certificates.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Dev => "dev",
            Self::Nobody => "nobody",
        }
    }
}

type Send =
    Box<dyn Fn(http::Request<Full<Bytes>>) -> BoxFuture<'static, Result<Response, String>> + std::marker::Send + Sync>;

/// A server with a connection pool for each user.
pub(crate) struct Server {
    /// `host:port`.
    pub(crate) address: String,
    users: BTreeMap<User, Send>,
}

impl Server {
    /// One that these kubeconfigs lead to.
    pub(crate) fn new(configs: BTreeMap<User, Config>) -> Self {
        let address = configs[&User::Admin].cluster_url.authority().unwrap().to_string();
        let users = configs
            .into_iter()
            .map(|(user, config)| (user, connect(&config)))
            .collect();
        Self { address, users }
    }

    pub(crate) async fn send(&self, user: User, mut request: http::Request<Full<Bytes>>) -> Result<Response, String> {
        let path = request.uri().to_string();
        *request.uri_mut() = format!("https://{}{path}", self.address)
            .parse()
            .map_err(|_| format!("no URI: {path}"))?;
        self.users[&user](request).await
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

fn connect(config: &Config) -> Send {
    let connector = config.rustls_https_connector().unwrap();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
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
