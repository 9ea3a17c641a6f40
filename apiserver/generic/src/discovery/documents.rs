//! The discovery and OpenAPI documents, made once and kept as bytes for all servers with the same definitions.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, LazyLock, OnceLock, Weak},
};

use bytes::Bytes;
use http::HeaderValue;
use parking_lot::Mutex;
use serde_json::Value;
use sha2::{Digest as _, Sha512};

use super::{aggregated, groups, legacy, openapi, openapi::OpenApiV3};
use crate::registry::ResourceDefinition;

/// Documents by the address of their definitions, so that thousands of servers in a process share them. A live entry
/// keeps its definitions alive, so an address is never taken by others.
static SHARED: LazyLock<Mutex<HashMap<usize, Weak<Documents>>>> = LazyLock::new(Mutex::default);

/// The discovery and OpenAPI documents of one set of definitions. Each is made when it is first asked for, so that
/// starting a server costs nothing.
pub struct Documents {
    definitions: Arc<[ResourceDefinition]>,
    discovery: OnceLock<Discovery>,
    openapi_v3: OnceLock<OpenApiV3>,
    openapi_v2: OnceLock<Tagged>,
}

/// An encoded document and its entity tag.
pub(crate) struct Tagged {
    pub(crate) body: Bytes,
    /// Upper-case hex of the SHA-512 of the body.
    pub(crate) hash: String,
    /// The hash in quotes.
    pub(crate) etag: HeaderValue,
}

pub(super) struct Discovery {
    /// The versions of the core group; empty when there is none.
    pub(super) core_versions: Vec<String>,
    pub(super) group_list: Bytes,
    pub(super) groups: HashMap<String, Bytes>,
    /// By `group/version`, or `version` for core.
    pub(super) resource_lists: HashMap<String, Bytes>,
    pub(super) aggregated_core: Tagged,
    pub(super) aggregated_groups: Tagged,
}

impl Documents {
    /// The documents of these definitions, shared with everyone who holds the same ones.
    pub fn of(definitions: &Arc<[ResourceDefinition]>) -> Arc<Documents> {
        let address = Arc::as_ptr(definitions).cast::<()>() as usize;
        let mut shared = SHARED.lock();
        if let Some(documents) = shared.get(&address).and_then(Weak::upgrade) {
            return documents;
        }
        shared.retain(|_, documents| documents.strong_count() > 0);
        let documents = Arc::new(Documents {
            definitions: definitions.clone(),
            discovery: OnceLock::new(),
            openapi_v3: OnceLock::new(),
            openapi_v2: OnceLock::new(),
        });
        shared.insert(address, Arc::downgrade(&documents));
        documents
    }

    /// What they describe.
    pub fn definitions(&self) -> &Arc<[ResourceDefinition]> {
        &self.definitions
    }

    pub(super) fn discovery(&self) -> &Discovery {
        self.discovery.get_or_init(|| Discovery::new(&self.definitions))
    }

    pub(super) fn openapi_v3(&self) -> &OpenApiV3 {
        self.openapi_v3.get_or_init(|| OpenApiV3::new(&self.definitions))
    }

    pub(super) fn openapi_v2(&self) -> &Tagged {
        self.openapi_v2.get_or_init(|| openapi::openapi_v2(&self.definitions))
    }
}

impl Discovery {
    fn new(definitions: &[ResourceDefinition]) -> Discovery {
        let groups = groups(definitions);
        let versions = || groups.iter().flat_map(|(_, versions)| versions);
        let core = || groups.iter().filter(|(name, _)| name.is_empty());
        let named = || groups.iter().filter(|(name, _)| !name.is_empty());
        Discovery {
            core_versions: core()
                .flat_map(|(_, versions)| versions)
                .map(|version| version.version.to_owned())
                .collect(),
            group_list: encode(&legacy::group_list(&groups)),
            groups: named()
                .map(|(name, versions)| ((*name).to_owned(), encode(&legacy::group(name, versions))))
                .collect(),
            resource_lists: versions()
                .map(|version| (version.name(), encode(&legacy::resource_list(version))))
                .collect(),
            aggregated_core: Tagged::new(&aggregated::group_discovery_list(core())),
            aggregated_groups: Tagged::new(&aggregated::group_discovery_list(named())),
        }
    }
}

impl Tagged {
    pub(crate) fn new(document: &Value) -> Tagged {
        let body = encode(document);
        let hash = upper_hex(&Sha512::digest(&body));
        let etag = HeaderValue::from_str(&format!("\"{hash}\"")).unwrap_or(HeaderValue::from_static("\"\""));
        Tagged { body, hash, etag }
    }
}

fn upper_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
            // Writing to a string does not fail.
            let _ = write!(hex, "{byte:02X}");
            hex
        })
}

fn encode(document: &Value) -> Bytes {
    format!("{document}\n").into()
}
