//! Signing in to an embedded supervisor: its own issuer, beside the API server, and the issuers of a file.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use generic_apiserver::authn::{AuthenticationConfiguration, IdTokens};
use rustls::ServerConfig;
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    data_dir::DataDir,
    sso::{self, Issuer},
};

/// The issuer of the process.
pub(super) struct SignIn {
    issuer: Arc<Issuer>,
    listener: TcpListener,
    authority_pem: String,
}

impl SignIn {
    /// Binds the issuer's address, and opens what it keeps in the folder.
    pub(super) async fn open(
        dir: &Arc<DataDir>,
        asked: SocketAddr,
        supervisor: SocketAddr,
        authority_pem: &str,
    ) -> anyhow::Result<Self> {
        let listener = bind(ports(asked, supervisor, sso::last_port(dir)?), supervisor)
            .await
            .with_context(|| format!("cannot serve the sign-in page beside {supervisor}"))?;
        let url = sso::issuer_url(listener.local_addr()?);
        let issuer = Arc::new(Issuer::open(dir, url)?);
        sso::record_url(dir, issuer.url())?;
        Ok(Self {
            issuer,
            listener,
            authority_pem: authority_pem.to_owned(),
        })
    }

    /// The issuer's URL.
    pub(super) fn url(&self) -> &str {
        self.issuer.url()
    }

    /// ConfigMap `guestcluster-login`.
    pub(super) fn config_map(&self) -> Value {
        sso::login_config_map(self.url(), &self.authority_pem)
    }

    /// Accepts the ID tokens of the own issuer, and of those of a file.
    pub(super) fn authenticator(&self, others: Option<AuthenticationConfiguration>) -> anyhow::Result<Arc<IdTokens>> {
        let own = sso::authentication_configuration(self.url(), &self.authority_pem).to_string();
        let own = AuthenticationConfiguration::parse(&own).context("the own issuer")?;
        let all = match others {
            Some(others) => own.and(others).context("--authentication-config")?,
            None => own,
        };
        Ok(Arc::new(IdTokens::start(all)))
    }

    /// Serves the sign-in page until `stop`.
    pub(super) fn serve(self, tls: ServerConfig, stop: CancellationToken) -> JoinHandle<()> {
        tokio::spawn(sso::serve(self.issuer, self.listener, Arc::new(tls), stop))
    }
}

/// Ports in order of preference; 0 is any. The one of the last start comes first, so that sessions stay those of the same issuer.
/// Beside a chosen port the next one is easy to remember; where none was chosen it might be another program's soon.
fn ports(asked: SocketAddr, supervisor: SocketAddr, last: Option<u16>) -> Vec<u16> {
    let next = supervisor.port().checked_add(1).filter(|_| asked.port() != 0);
    last.into_iter().chain(next).chain([0]).collect()
}

async fn bind(ports: Vec<u16>, supervisor: SocketAddr) -> std::io::Result<TcpListener> {
    let mut result = Err(std::io::ErrorKind::AddrNotAvailable.into());
    for port in ports {
        result = TcpListener::bind((supervisor.ip(), port)).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_next_to_the_supervisor_and_stays_where_it_was() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(ports(at(6443), at(6443), None), [6444, 0]);
        assert_eq!(ports(at(6443), at(6443), Some(7000)), [7000, 6444, 0]);
        assert_eq!(ports(at(0), at(43_211), Some(7000)), [7000, 0]);
        assert_eq!(ports(at(65_535), at(65_535), None), [0]);
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_passed_over() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = taken.local_addr().unwrap();
        let listener = bind(vec![address.port(), 0], address).await.unwrap();
        assert_ne!(listener.local_addr().unwrap().port(), address.port());
    }
}
