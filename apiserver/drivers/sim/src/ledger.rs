//! The durable ledger: every VM and load balancer, so that a restart doubles and loses nothing.

use std::sync::Arc;

use bytes::Bytes;
use generic_apiserver::storage::{Store, StoreError, Transaction, Write};
use serde::{Serialize, de::DeserializeOwned};
use vm_driver::ObjectUid;

use crate::record::{LoadBalancer, Vm};

const VMS: &str = "vm/";
const LOAD_BALANCERS: &str = "lb/";
/// What a guest's control plane trusted last, as its nodes keep it on disk.
const TRUST: &str = "trust/";
/// Records that one read brings.
const PAGE: usize = 1_000;

/// The ledger, one record a key.
#[derive(Clone)]
pub(crate) struct Ledger {
    store: Arc<dyn Store>,
}

/// A record of the ledger can't be read, which only another program can have caused.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record is not ours.
    #[error("ledger record {key} can't be read: {reason}")]
    Record {
        /// Key in the ledger.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Ledger {
    /// The ledger in a keyspace of its own.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// Everything in it.
    pub(crate) async fn load(&self) -> Result<(Vec<Vm>, Vec<LoadBalancer>), LedgerError> {
        Ok((self.all(VMS).await?, self.all(LOAD_BALANCERS).await?))
    }

    /// Keeps a VM.
    pub(crate) async fn keep_vm(&self, vm: &Vm) -> Result<(), LedgerError> {
        self.put(VMS, &vm.uid, vm).await
    }

    /// Forgets a VM.
    pub(crate) async fn forget_vm(&self, uid: &ObjectUid) -> Result<(), LedgerError> {
        self.delete(VMS, uid).await
    }

    /// Keeps a load balancer.
    pub(crate) async fn keep_load_balancer(&self, balancer: &LoadBalancer) -> Result<(), LedgerError> {
        self.put(LOAD_BALANCERS, &balancer.uid, balancer).await
    }

    /// Forgets a load balancer.
    pub(crate) async fn forget_load_balancer(&self, uid: &ObjectUid) -> Result<(), LedgerError> {
        self.delete(LOAD_BALANCERS, uid).await
    }

    /// The trust object that a guest took last.
    pub(crate) async fn trust(&self, guest: &ObjectUid) -> Result<Option<String>, LedgerError> {
        let key = format!("{TRUST}{}", guest.0);
        let item = self.store.get(&key).await?;
        item.map(|item| serde_json::from_slice(&item.value).map_err(|error| unreadable(&key, &error)))
            .transpose()
    }

    /// Keeps the trust object that a guest took.
    pub(crate) async fn keep_trust(&self, guest: &ObjectUid, jws: &str) -> Result<(), LedgerError> {
        self.put(TRUST, guest, &jws).await
    }

    /// Forgets it, with the last disk of the guest's control plane.
    pub(crate) async fn forget_trust(&self, guest: &ObjectUid) -> Result<(), LedgerError> {
        self.delete(TRUST, guest).await
    }

    async fn all<T: DeserializeOwned>(&self, prefix: &str) -> Result<Vec<T>, LedgerError> {
        let mut records = Vec::new();
        let mut last: Option<Arc<str>> = None;
        loop {
            let page = self.store.range(prefix, last.as_deref(), PAGE).await?;
            for item in &page.items {
                let record = serde_json::from_slice(&item.value).map_err(|error| unreadable(&item.key, &error))?;
                records.push(record);
            }
            last = page.items.last().map(|item| item.key.clone());
            if !page.more || last.is_none() {
                return Ok(records);
            }
        }
    }

    async fn put<T: Serialize>(&self, prefix: &str, uid: &ObjectUid, record: &T) -> Result<(), LedgerError> {
        let key = format!("{prefix}{}", uid.0);
        let value = serde_json::to_vec(record).map_err(|error| unreadable(&key, &error))?;
        self.write(Write::Put(key, Bytes::from(value))).await
    }

    async fn delete(&self, prefix: &str, uid: &ObjectUid) -> Result<(), LedgerError> {
        self.write(Write::Delete(format!("{prefix}{}", uid.0))).await
    }

    async fn write(&self, write: Write) -> Result<(), LedgerError> {
        // No comparison, so it can't conflict: each record has one writer, its VM's own lock.
        self.store
            .transact(Transaction {
                compare: Vec::new(),
                write: vec![write],
            })
            .await?;
        Ok(())
    }
}

fn unreadable(key: &str, error: &serde_json::Error) -> LedgerError {
    LedgerError::Record {
        key: key.to_owned(),
        reason: error.to_string(),
    }
}
