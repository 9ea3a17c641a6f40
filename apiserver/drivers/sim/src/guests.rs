//! The guests: for each load balancer of a control plane its address, and the API server while a majority of VMs run.

use std::{collections::HashMap, net::Ipv4Addr, sync::Arc};

use generic_apiserver::storage::redb::Engine;
use guest_system::{address::Reservation, cloud_init::Authority};
use guestcluster_credentials::x509::X509Error;
use tokio::sync::Mutex;
use vm_driver::ObjectUid;

use crate::{
    guest::{ControlPlane, GuestError, GuestServer, LastGood, ServerOptions},
    ledger::{Ledger, LedgerError},
};

/// Every guest of this process.
pub(crate) struct Guests {
    engine: Arc<Engine>,
    ledger: Ledger,
    // One lock a guest, so that a slow start of one holds up no other.
    slots: parking_lot::Mutex<HashMap<ObjectUid, Arc<Mutex<Slot>>>>,
}

/// What a guest has now.
#[derive(Default)]
struct Slot {
    held: Option<Reservation>,
    server: Option<GuestServer>,
}

/// How a guest shall be.
pub(crate) struct Wanted {
    /// Address of its load balancer.
    pub(crate) address: Ipv4Addr,
    /// Port of its load balancer.
    pub(crate) port: u16,
    /// The server that shall run; none while there is no majority.
    pub(crate) server: Option<Serving>,
}

/// The server that shall run.
pub(crate) struct Serving {
    /// The guest's authority.
    pub(crate) authority: Authority,
    /// The Kubernetes version that it shows.
    pub(crate) version: String,
    /// Its control-plane nodes.
    pub(crate) nodes: ControlPlane,
}

/// A guest could not be brought to what is wanted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuestsError {
    /// The address can't be used.
    #[error("cannot serve on {0}: {1}")]
    Address(Ipv4Addr, std::io::Error),
    /// The server did not start.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The guest's authority can't be used.
    #[error(transparent)]
    Authority(#[from] X509Error),
}

impl Guests {
    /// No guests yet.
    pub(crate) fn new(engine: Arc<Engine>, ledger: Ledger) -> Self {
        Self {
            engine,
            ledger,
            slots: parking_lot::Mutex::default(),
        }
    }

    /// Holds the address for a guest, so that no other process takes it before its server starts.
    pub(crate) async fn reserve(&self, guest: &ObjectUid, address: Ipv4Addr, port: u16) -> Result<(), GuestsError> {
        let slot = self.slot(guest);
        let mut slot = slot.lock().await;
        if slot.held.is_none() && slot.server.is_none() {
            let held = Reservation::new(address, port).map_err(|error| GuestsError::Address(address, error))?;
            slot.held = Some(held);
        }
        Ok(())
    }

    /// Starts, restarts or stops the guest's server, as wanted.
    pub(crate) async fn bring(&self, guest: &ObjectUid, wanted: Wanted) -> Result<(), GuestsError> {
        let slot = self.slot(guest);
        let mut slot = slot.lock().await;
        let version = wanted.server.as_ref().map(|serving| serving.version.as_str());
        if slot.server.as_ref().map(GuestServer::version) == version {
            if let (Some(server), Some(serving)) = (&slot.server, wanted.server) {
                server.run_by(serving.nodes);
            }
            return Ok(());
        }
        if let Some(server) = slot.server.take() {
            server.stop().await;
        }
        let held = match slot.held.take() {
            Some(held) => held,
            None => Reservation::new(wanted.address, wanted.port)
                .map_err(|error| GuestsError::Address(wanted.address, error))?,
        };
        let Some(serving) = wanted.server else {
            slot.held = Some(held);
            return Ok(());
        };
        let options = ServerOptions {
            store: self.engine.keyspace(&keyspace(guest)),
            address: wanted.address,
            authority: serving.authority,
            version: serving.version,
            nodes: serving.nodes,
            last_good: LastGood::new(self.ledger.clone(), guest.clone()),
        };
        let listener = held
            .listen()
            .map_err(|error| GuestsError::Address(wanted.address, error))?;
        slot.server = Some(GuestServer::start(options, listener).await?);
        Ok(())
    }

    /// Runs something with the guest's server, if it serves.
    pub(crate) async fn with_server<T>(
        &self,
        guest: &ObjectUid,
        action: impl AsyncFnOnce(&GuestServer) -> T,
    ) -> Option<T> {
        let slot = self.slot(guest);
        let slot = slot.lock().await;
        match &slot.server {
            Some(server) => Some(action(server).await),
            None => None,
        }
    }

    /// Stops the guest's server and removes its data, as when the last disk of its control plane is gone.
    pub(crate) async fn erase(&self, guest: &ObjectUid) -> Result<(), LedgerError> {
        let slot = self.slot(guest);
        let mut slot = slot.lock().await;
        if let Some(server) = slot.server.take() {
            server.stop().await;
        }
        self.engine.remove_keyspace(&keyspace(guest)).await?;
        self.ledger.forget_trust(guest).await
    }

    /// Erases the guest and gives its address back.
    pub(crate) async fn remove(&self, guest: &ObjectUid) -> Result<(), LedgerError> {
        self.erase(guest).await?;
        self.slots.lock().remove(guest);
        Ok(())
    }

    /// Stops every server; the data stays.
    pub(crate) async fn stop(&self) {
        let slots: Vec<_> = self.slots.lock().drain().map(|(_, slot)| slot).collect();
        futures::future::join_all(slots.iter().map(async |slot| {
            if let Some(server) = slot.lock().await.server.take() {
                server.stop().await;
            }
        }))
        .await;
    }

    fn slot(&self, guest: &ObjectUid) -> Arc<Mutex<Slot>> {
        self.slots.lock().entry(guest.clone()).or_default().clone()
    }
}

fn keyspace(guest: &ObjectUid) -> String {
    format!("guest/{}/", guest.0)
}
