//! A store whose values are encrypted, as kube-apiserver does: by an `EncryptionConfiguration`, the first provider of a
//! resource writes, all of them read. An encrypted value begins with `k8s:enc:<provider>:v1:<key name>:`.
//!
//! A value is bound to its keyspace and key, not to the store or the prefix that it lies in: it stays readable when it is moved.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;

mod configuration;
mod file;
mod provider;
#[cfg(test)]
mod tests;

pub use configuration::{EncryptionConfiguration, InvalidEncryption};

use super::{Commit, CommitStream, Item, Outcome, Page, Revision, Store, StoreError, Transaction, Write};

/// A keyspace with encrypted values.
pub struct Encrypted {
    inner: Arc<dyn Store>,
    rules: Arc<Rules>,
}

struct Rules {
    /// Name of the keyspace, which is a part of what values are bound to.
    keyspace: String,
    configuration: EncryptionConfiguration,
}

impl Encrypted {
    /// Encrypts what is written to `inner`, whose name is `keyspace`, and decrypts what is read.
    pub fn over(inner: Arc<dyn Store>, keyspace: &str, configuration: EncryptionConfiguration) -> Arc<dyn Store> {
        let rules = Arc::new(Rules {
            keyspace: keyspace.to_owned(),
            configuration,
        });
        Arc::new(Self { inner, rules })
    }
}

#[async_trait]
impl Store for Encrypted {
    async fn revision(&self) -> Result<Revision, StoreError> {
        self.inner.revision().await
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, StoreError> {
        let found = self.inner.get(key).await?;
        found.map(|item| self.rules.open_item(item)).transpose()
    }

    async fn range(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let page = self.inner.range(prefix, start_after, limit).await?;
        let items = page.items.into_iter().map(|item| self.rules.open_item(item));
        Ok(Page {
            items: items.collect::<Result<_, _>>()?,
            ..page
        })
    }

    async fn transact(&self, mut transaction: Transaction) -> Result<Outcome, StoreError> {
        for write in &mut transaction.write {
            if let Write::Put(key, value) = write {
                *value = self.rules.seal(key, value)?;
            }
        }
        self.inner.transact(transaction).await
    }

    async fn watch(&self, after: Revision) -> Result<CommitStream, StoreError> {
        let rules = self.rules.clone();
        let commits = self.inner.watch(after).await?;
        Ok(commits.map(move |commit| rules.open_commit(commit?)).boxed())
    }
}

impl Rules {
    fn open_item(&self, item: Item) -> Result<Item, StoreError> {
        let (value, stale) = self.open(&item.key, &item.value)?;
        Ok(Item { value, stale, ..item })
    }

    fn open_commit(&self, mut commit: Commit) -> Result<Commit, StoreError> {
        for change in &mut commit.changes {
            if let Some(value) = &mut change.value {
                *value = self.open(&change.key, value)?.0;
            }
        }
        Ok(commit)
    }

    /// The value, and whether it would be written otherwise now.
    fn open(&self, key: &str, stored: &Bytes) -> Result<(Bytes, bool), StoreError> {
        let providers = self.configuration.providers(key);
        for (number, provider) in providers.iter().enumerate() {
            if let Some(sealed) = provider.strip_prefix(stored) {
                let value = provider.open(&sealed, &self.path(key));
                let value = value.ok_or_else(|| unreadable(key, "its key does not fit, or it was changed"))?;
                return Ok((value, number != 0));
            }
        }
        if stored.starts_with(provider::PREFIX) {
            return Err(unreadable(key, "it is encrypted with a key that is not configured"));
        }
        match providers.is_empty() {
            // Nothing is said of this resource.
            true => Ok((stored.clone(), false)),
            false => Err(unreadable(
                key,
                "it is not encrypted, and provider identity is not configured",
            )),
        }
    }

    fn seal(&self, key: &str, value: &Bytes) -> Result<Bytes, StoreError> {
        match self.configuration.providers(key).first() {
            None => Ok(value.clone()),
            Some(provider) => {
                let sealed = provider.seal(value, &self.path(key));
                sealed.ok_or_else(|| StoreError::Unavailable(format!("{key}: it could not be encrypted")))
            }
        }
    }

    /// What a value is bound to.
    fn path(&self, key: &str) -> String {
        ["/", &self.keyspace, key].concat()
    }
}

fn unreadable(key: &str, why: &str) -> StoreError {
    StoreError::Unavailable(format!("{key} can't be read: {why}"))
}
