//! What new connections are shown: the certificate, and whose client certificates are known.

use std::sync::Arc;

use arc_swap::ArcSwap;
use generic_apiserver::serve::tls;
use guestcluster_credentials::x509::CertifiedKey;
use parking_lot::Mutex;
use rustls::ServerConfig;

use super::expiry::Expiry;
use crate::aggregated::authentication::Delegated;

/// The TLS configuration of new connections. Those that are open keep theirs, so no request notices a change.
pub(crate) struct Shown {
    tls: Arc<ArcSwap<ServerConfig>>,
    /// Held while a new configuration is made, so that of two changes the later one stays.
    pair: Mutex<CertifiedKey>,
    delegated: Arc<Delegated>,
    expiry: Expiry,
}

impl Shown {
    pub(super) fn new(pair: CertifiedKey, delegated: Arc<Delegated>) -> anyhow::Result<Self> {
        Ok(Self {
            tls: Arc::new(ArcSwap::from_pointee(config(&pair, &delegated)?)),
            expiry: Expiry::of(&pair)?,
            pair: Mutex::new(pair),
            delegated,
        })
    }

    /// For the listener.
    pub(crate) fn tls(&self) -> Arc<ArcSwap<ServerConfig>> {
        self.tls.clone()
    }

    /// Until when the certificate is valid.
    pub(crate) fn expiry(&self) -> &Expiry {
        &self.expiry
    }

    /// Shows this certificate from now on. One that can't be used changes nothing.
    pub(super) fn show(&self, pair: CertifiedKey) -> anyhow::Result<()> {
        let mut shown = self.pair.lock();
        let config = config(&pair, &self.delegated)?;
        self.expiry.replace(&pair)?;
        self.tls.store(Arc::new(config));
        *shown = pair;
        Ok(())
    }

    /// Tells new connections whose client certificates are known now.
    pub(crate) fn client_authorities_changed(&self) {
        let shown = self.pair.lock();
        match config(&shown, &self.delegated) {
            Ok(config) => self.tls.store(Arc::new(config)),
            Err(error) => tracing::warn!(%error, "new client authorities can't be offered to clients"),
        }
    }
}

fn config(pair: &CertifiedKey, delegated: &Delegated) -> anyhow::Result<ServerConfig> {
    let cas = delegated.client_cas();
    let config = tls::server_config(pair.certificate.as_bytes(), pair.key.as_bytes(), Some(&cas));
    Ok(config?)
}
