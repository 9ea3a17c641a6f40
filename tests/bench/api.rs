//! `bench api`: the same objects and loads on kube-apiserver and on ours, one after the other, in one run.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::{
    generator::{ClosedLoop, Endpoint, Operation, Prepared, Until},
    limit, loads, objects,
    plan::Plan,
    servers::Server,
    start,
    table::{Figures, Table},
};

/// Clients that put in the objects.
const FILLERS: usize = 64;

/// Both servers with the same objects.
pub(crate) struct Bench {
    pub(crate) plan: Plan,
    pub(crate) theirs: Server,
    pub(crate) ours: Server,
    /// How many objects they hold.
    held: usize,
    /// Bytes of one of them, as ours shows it.
    size: usize,
    // Last: nobody writes there any more when it is removed.
    folder: TempDir,
}

/// Runs the plan and prints the table.
pub(crate) async fn run(plan: Plan) -> anyhow::Result<()> {
    let begin = Instant::now();
    let folder = tempfile::Builder::new().prefix("guestclusters-bench.").tempdir()?;
    let mut bench = Bench {
        theirs: peer(&plan, &folder.path().join("host")).await?,
        ours: Server::ours(&folder.path().join("ours"), &start::program()?).await?,
        held: 0,
        size: 0,
        plan,
        folder,
    };
    let mut table = Table::default();
    for name in bench.plan.loads.clone() {
        eprintln!("{name}, after {} s", begin.elapsed().as_secs());
        let rows = loads::run(name, &mut bench).await.context(name)?;
        eprint!("{}", Table(rows.clone()));
        table.0.extend(rows);
    }
    println!(
        "{} objects of {} bytes, {} s",
        bench.plan.objects,
        bench.size,
        begin.elapsed().as_secs()
    );
    print!("{table}");
    Ok(())
}

/// What ours is compared with.
async fn peer(plan: &Plan, folder: &Path) -> anyhow::Result<Server> {
    match &plan.against {
        None => Server::theirs(folder),
        Some(program) => Server::ours(folder, program).await,
    }
}

impl Bench {
    /// Replaces both servers by new ones without objects.
    pub(crate) async fn renew(&mut self) -> anyhow::Result<()> {
        if self.held > 0 {
            self.theirs = peer(&self.plan, &self.file("another-host")).await?;
            self.ours = Server::ours(&self.file("another-of-ours"), &start::program()?).await?;
            self.held = 0;
        }
        Ok(())
    }

    /// Creates objects until there are this many on both servers.
    pub(crate) async fn fill(&mut self, number: usize) -> anyhow::Result<()> {
        for server in [&self.theirs, &self.ours] {
            self.fill_one(server, self.held, number).await?;
        }
        self.held = self.held.max(number);
        let endpoint = &self.ours.endpoint;
        let one = Prepared::get().request(&endpoint.uri(&objects::GUESTS.path(0))?, "");
        self.size = endpoint.connect().await?.whole(one).await?.len();
        Ok(())
    }

    /// Creates objects on one server, which has the first ones already, until there are this many.
    pub(crate) async fn fill_one(&self, server: &Server, held: usize, number: usize) -> anyhow::Result<()> {
        let missing = number.saturating_sub(held);
        let filling = ClosedLoop {
            clients: FILLERS,
            until: Until::Count(missing),
        };
        let create = loads::create(server, objects::LOADED, held)?;
        let samples = filling.run(&server.endpoint, create).await?;
        ensure!(samples.count() == missing, "{:?}", samples.failures());
        Ok(())
    }

    /// Puts clients on one server for the time of the plan.
    pub(crate) async fn measure(
        &self,
        server: &Server,
        clients: usize,
        operation: impl Operation,
    ) -> anyhow::Result<Figures> {
        let before = server.usage()?;
        let samples = self.closed_loop(clients).run(&server.endpoint, operation).await?;
        let after = server.usage()?;
        let figures = Figures::of_samples(&samples);
        Ok(figures.with_usage(before, after, samples.elapsed()))
    }

    /// The same on a server that is only a limit: how often in a second.
    pub(crate) async fn measure_limit(
        &self,
        endpoint: &Endpoint,
        clients: usize,
        operation: impl Operation,
    ) -> anyhow::Result<f64> {
        let samples = self.closed_loop(clients).run(endpoint, operation).await?;
        ensure!(samples.failures().is_none(), "the limit: {:?}", samples.failures());
        Ok(samples.per_second())
    }

    /// A bare server that gives this answer at `/answer`.
    pub(crate) fn bare(&self, name: &str, answer: &[u8]) -> anyhow::Result<Server> {
        limit::start(&self.file(name), &[("answer", answer)])
    }

    /// A folder for a further server.
    pub(crate) fn new_folder(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.file(name);
        std::fs::create_dir(&folder)?;
        Ok(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn closed_loop(&self, clients: usize) -> ClosedLoop {
        ClosedLoop {
            clients,
            until: Until::Time(self.plan.time),
        }
    }
}
