//! All resources of one server, and which verb answers a request.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::{
    Names, Resource, ResourceDefinition, definition_ref::DefinitionRef, index::DefinitionIndexer, verbs, versions,
    watching::append_watch_metrics,
};
use crate::{
    admission::{Admission, Chain},
    authz::Access,
    cache::{Cache, Limits, ResourceCache, ResourceSpec},
    metrics::{declare, line},
    negotiate::Accepted,
    request::RequestInfo,
    serve::{Body, Resources},
    status::Status,
    storage::{Revision, Store, StoreError},
};

/// Every served resource over one keyspace.
pub struct Registry {
    /// Every version of every kind.
    versions: Arc<[ResourceDefinition]>,
    /// Each kind once.
    kinds: Arc<[ResourceDefinition]>,
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
            version: definition.names.version.clone(),
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
            kinds: versions::kinds(&definitions),
            versions: definitions,
            cache,
            resources,
            admission,
        }))
    }

    /// Every served resource once, in the version that clients prefer.
    pub fn definitions(&self) -> &Arc<[ResourceDefinition]> {
        &self.kinds
    }

    /// The watch cache under all resources.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// What the watch cache holds of each resource.
    fn append_cache_metrics(&self, page: &mut String) {
        type Read = fn(&ResourceCache, Revision) -> u64;
        let applied = self.cache.revision();
        let all: [(&str, &str, &str, Read); 4] = [
            (
                "apiserver_resource_objects",
                "gauge",
                "Objects that are stored.",
                |cache, _| cache.snapshot().len() as u64,
            ),
            (
                "apiserver_watch_cache_resource_version",
                "gauge",
                "Up to here the watch cache shows the store.",
                |_, applied| applied,
            ),
            (
                "apiserver_watch_cache_capacity",
                "gauge",
                "Changes that are kept for watches that begin in the past.",
                |cache, _| cache.kept_changes() as u64,
            ),
            (
                "apiserver_watch_cache_events_received_total",
                "counter",
                "Changes that the watch cache received.",
                |cache, _| cache.changes(),
            ),
        ];
        for (name, kind, help, read) in all {
            declare(page, name, kind, help);
            for (names, cache) in self.stored() {
                line(page, name, &names.metric_labels(), read(cache, applied));
            }
        }
        let name = "apiserver_storage_objects";
        declare(page, name, "gauge", "Objects that are stored.");
        for (names, cache) in self.stored() {
            let resource = names.group_resource();
            line(page, name, &format!("resource=\"{resource}\""), cache.snapshot().len());
        }
    }

    fn stored(&self) -> impl Iterator<Item = (&Names, &ResourceCache)> {
        let kinds = self.kinds.iter().map(|definition| &definition.names);
        kinds.filter_map(|names| Some((names, &**self.find(&names.group, &names.plural, None)?.cache()?)))
    }

    /// One resource, in the version that clients prefer.
    pub fn resource(&self, group: &str, plural: &str) -> Option<Arc<Resource>> {
        self.find(group, plural, None).cloned()
    }

    fn find(&self, group: &str, plural: &str, version: Option<&str>) -> Option<&Arc<Resource>> {
        let is_it = |resource: &&Arc<Resource>| {
            let names = &resource.definition().names;
            names.plural == plural && names.group == group && version.is_none_or(|version| names.version == version)
        };
        self.resources.iter().find(is_it)
    }
}

#[async_trait]
impl Resources for Registry {
    fn definitions(&self) -> &Arc<[ResourceDefinition]> {
        &self.versions
    }

    fn append_metrics(&self, page: &mut String) {
        self.admission.append_metrics(page);
        let counts = self.resources.iter();
        let counts = counts.map(|resource| (&resource.definition().names, &*resource.watch_counts));
        append_watch_metrics(page, counts);
        self.append_cache_metrics(page);
    }

    async fn handle(&self, info: &RequestInfo, access: Access<'_>, request: Request<Bytes>) -> Response<Body> {
        let errors_as = Accepted::for_status(request.headers());
        let answer = match self.find(&info.group, &info.resource, Some(&info.version)) {
            Some(resource) => verbs::answer(resource, info, access, request).await,
            None => Err(Status::resource_not_served()),
        };
        answer.unwrap_or_else(|status| status.into_response(errors_as))
    }
}
