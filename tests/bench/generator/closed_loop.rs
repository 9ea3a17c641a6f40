//! Clients that each send their next request when the last one is answered.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::{Connection, Endpoint, Samples};

/// Some clients with a connection each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClosedLoop {
    /// How many.
    pub(crate) clients: usize,
    /// How long they go on.
    pub(crate) until: Until,
}

/// When clients stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this time; each client finishes what it is doing, and does at least one thing.
    Time(Duration),
    /// When so many operations are done together.
    Count(usize),
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// Number of the client.
    pub(crate) client: usize,
    /// Number of the operation, over all clients.
    pub(crate) number: usize,
}

/// What is measured: one or more requests, with a check of their answers.
pub(crate) trait Operation: Send + Sync + 'static {
    /// Does it once.
    fn perform(&self, connection: &mut Connection, turn: Turn) -> impl Future<Output = anyhow::Result<()>> + Send;
}

impl ClosedLoop {
    /// Connects all clients, lets each perform once for nothing where `warm`, then measures.
    pub(crate) async fn run(&self, endpoint: &Endpoint, operation: impl Operation) -> anyhow::Result<Samples> {
        let mut connections = Vec::new();
        for _ in 0..self.clients {
            connections.push(endpoint.connect().await.context("connect")?);
        }
        let operation = Arc::new(operation);
        let next = Arc::new(AtomicUsize::new(0));
        let begin = Instant::now();
        let mut clients = JoinSet::new();
        for (client, connection) in connections.into_iter().enumerate() {
            let (operation, next, until) = (operation.clone(), next.clone(), self.until);
            clients.spawn(async move { until.go_on(&*operation, connection, client, &next, begin).await });
        }
        let mut samples = Samples::default();
        while let Some(finished) = clients.join_next().await {
            samples.add(finished.context("a client panicked")?);
        }
        samples.finish(begin.elapsed());
        Ok(samples)
    }
}

impl Until {
    async fn go_on(
        self,
        operation: &impl Operation,
        mut connection: Connection,
        client: usize,
        next: &AtomicUsize,
        begin: Instant,
    ) -> Samples {
        let mut samples = Samples::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let over = match self {
                Self::Time(time) => begin.elapsed() >= time && !samples.is_empty(),
                Self::Count(count) => number >= count,
            };
            if over {
                return samples;
            }
            let sent = Instant::now();
            match operation.perform(&mut connection, Turn { client, number }).await {
                Ok(()) => samples.push(sent.elapsed()),
                Err(error) => samples.fail(&error),
            }
            if samples.is_hopeless() {
                return samples;
            }
        }
    }
}
