//! The kinds of guestclusters.dev, as both modes serve them.

use std::sync::{Arc, OnceLock};

use generic_apiserver::{
    authz::Authorizer,
    registry::{Registry, ResourceDefinition},
};
use guestcluster_credentials::SubjectPolicy;
use tokio_util::sync::CancellationToken;

use crate::{
    exchange::{Counts, Exchange, Guests, SubjectTokens},
    guestclusters::{self, Rules},
    records, releases,
};

/// Our kinds, whose rules look other objects up once the server runs that they are part of.
#[derive(Default)]
pub(crate) struct Kinds {
    rules: Arc<Rules>,
    guests: Arc<OnceLock<Guests>>,
    counts: Arc<Counts>,
}

/// The clients that the rules look other objects up by.
pub(crate) struct Clients {
    /// Reads what a GuestCluster names.
    pub(crate) guest: kube::Client,
    /// Reads the Secrets that a credential takes.
    pub(crate) credential: kube::Client,
}

impl Kinds {
    /// Their definitions. `policy` says who may have credentials, `reviews` decides at which level where the server's own
    /// authorizer remembers answers.
    pub(crate) fn definitions(
        &self,
        policy: SubjectPolicy,
        reviews: Option<Arc<dyn Authorizer>>,
        subject_tokens: SubjectTokens,
    ) -> anyhow::Result<Vec<ResourceDefinition>> {
        let exchange = Exchange::new(
            policy,
            self.guests.clone(),
            reviews,
            subject_tokens,
            self.counts.clone(),
        );
        Ok(vec![
            guestclusters::definition(self.rules.clone(), exchange)?,
            releases::definition()?,
            records::credentials(self.guests.clone())?,
            records::revocations(self.guests.clone())?,
        ])
    }

    /// Appends what the exchange counts to a page of metrics.
    pub(crate) fn metrics(&self) -> impl Fn(&mut String) + Send + Sync + use<> {
        let (counts, guests) = (self.counts.clone(), self.guests.clone());
        move |page| {
            let recorded = guests.get().map(Guests::credentials);
            counts.render(page, &recorded.unwrap_or_default());
        }
    }

    /// Looks up by these from now on; only the first call counts.
    pub(crate) fn start(&self, registry: &Arc<Registry>, clients: Clients) {
        self.rules.look_up_with(clients.guest, registry);
        // A second registry would be a wiring mistake that the first one's users must not notice.
        let _ = self.guests.set(Guests::new(registry, clients.credential));
    }

    /// Follows what is looked up most, until `stop`. Needed after [`Kinds::start`], for speed alone.
    pub(crate) fn follow(&self, stop: CancellationToken) -> impl Future<Output = ()> + Send + use<> {
        let rules = self.rules.clone();
        async move { rules.follow(stop).await }
    }
}
