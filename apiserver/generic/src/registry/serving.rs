//! All resources of one server, and which verb answers a request.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::{Resource, ResourceDefinition, definition_ref::DefinitionRef, index::DefinitionIndexer, verbs};
use crate::{
    admission::{Admission, Chain},
    authz::Access,
    cache::{Cache, Limits, ResourceSpec},
    negotiate::Accepted,
    request::RequestInfo,
    serve::{Body, Resources},
    status::Status,
    storage::{Store, StoreError},
};

/// Every served resource over one keyspace.
pub struct Registry {
    definitions: Arc<[ResourceDefinition]>,
    cache: Arc<Cache>,
    /// One for each definition; so few that a search is quicker than a hash.
    resources: Box<[Arc<Resource>]>,
    admission: Arc<Chain>,
}

impl Registry {
    /// Reads the keyspace into the watch cache and serves `definitions` over it, with the usual history.
    pub async fn start(
        store: Arc<dyn Store>,
        definitions: Arc<[ResourceDefinition]>,
        admission: Vec<Arc<dyn Admission>>,
    ) -> Result<Arc<Registry>, StoreError> {
        Registry::start_with_limits(store, definitions, admission, Limits::default()).await
    }

    /// As [`Registry::start`], with bounds for the history that watches and continued lists read.
    pub async fn start_with_limits(
        store: Arc<dyn Store>,
        definitions: Arc<[ResourceDefinition]>,
        admission: Vec<Arc<dyn Admission>>,
        limits: Limits,
    ) -> Result<Arc<Registry>, StoreError> {
        let stored = DefinitionRef::all(&definitions).filter(|definition| definition.virtual_create.is_none());
        let specs = stored.map(|definition| ResourceSpec {
            prefix: definition.names.key_prefix(),
            indexer: Arc::new(DefinitionIndexer(definition)),
        });
        let cache = Cache::start(store.clone(), specs.collect(), limits).await?;
        let admission = Arc::new(Chain::new(admission));
        let resources = DefinitionRef::all(&definitions).map(|definition| {
            Arc::new(Resource::new(
                definition,
                store.clone(),
                cache.clone(),
                admission.clone(),
            ))
        });
        let resources = resources.collect();
        Ok(Arc::new(Registry {
            definitions,
            cache,
            resources,
            admission,
        }))
    }

    /// Every served resource.
    pub fn definitions(&self) -> &Arc<[ResourceDefinition]> {
        &self.definitions
    }

    /// The watch cache under all resources.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// One resource, whatever its version.
    pub fn resource(&self, group: &str, plural: &str) -> Option<Arc<Resource>> {
        let is_it = |resource: &&Arc<Resource>| {
            let names = &resource.definition().names;
            names.plural == plural && names.group == group
        };
        self.resources.iter().find(is_it).cloned()
    }
}

#[async_trait]
impl Resources for Registry {
    fn definitions(&self) -> &Arc<[ResourceDefinition]> {
        &self.definitions
    }

    fn append_metrics(&self, page: &mut String) {
        self.admission.append_metrics(page);
    }

    async fn handle(&self, info: &RequestInfo, access: Access<'_>, request: Request<Bytes>) -> Response<Body> {
        let errors_as = Accepted::for_status(request.headers());
        let answer = match self.resource(&info.group, &info.resource) {
            Some(resource) => verbs::answer(&resource, info, access, request).await,
            None => Err(Status::resource_not_served()),
        };
        answer.unwrap_or_else(|status| status.into_response(errors_as))
    }
}
