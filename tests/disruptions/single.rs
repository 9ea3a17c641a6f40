//! What is disturbed where it is one server alone: with its objects in a file on a small disk, a clock of its own, all layers,
//! and two guests that nothing may harm.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::ensure;
use guestcluster_tests::{Kubectl, Manifest, Mode, Start, Supervisor};
use tempfile::TempDir;

use crate::{clock::Clock, condition::await_that, disk::Disk, snapshot};

/// VMs whose steps take no time.
const NO_DELAYS: &str = "delays: {create: 0, powerOn: 0, boot: 0, join: 0, remove: 0}\n";

/// Everything that runs. In the order in which it is stopped.
pub(crate) struct Single {
    pub(crate) supervisor: Supervisor,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    /// Somebody who is logged in to the guest `kept`.
    person: Kubectl,
    machines: BTreeSet<String>,
    folder: TempDir,
}

impl Single {
    /// With a snapshot that knows the guest `kept`, and not `later`.
    pub(crate) fn prepare() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("guestclusters-disruptions.")
            .tempdir()?;
        let root = folder.path().join("supervisor");
        let disk = Disk::mount(&root.join("data"))?;
        let clock = Clock::new(folder.path())?;
        let start = Start {
            mode: Mode::Aggregated,
            sim: Some(NO_DELAYS.to_owned()),
            variables: clock.variables()?,
            ..Start::default()
        };
        let supervisor = Supervisor::start_in(&root, start);
        supervisor.kubectl().create_guest(&Manifest::new("kept", "v1.34", 1, 1));
        let person = logged_in(&supervisor, "kept");
        let mut single = Self {
            supervisor,
            disk,
            clock,
            person,
            machines: BTreeSet::new(),
            folder,
        };
        single.supervisor.stop();
        snapshot::save(&single);
        single.supervisor.restart();
        single.admin().create_guest(&Manifest::new("later", "v1.34", 1, 1));
        single.machines = single.machines();
        single.check()?;
        Ok(single)
    }

    pub(crate) fn admin(&self) -> Kubectl {
        self.supervisor.kubectl()
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.supervisor.admin_kubeconfig()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until people come in to a guest; fails when one of the guests lost a machine or got another.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        await_that("people come in to the guest", || {
            Ok(self.person.run("get nodes").code == 0)
        })?;
        self.admin().await_ready("kept");
        let (before, now) = (&self.machines, self.machines());
        ensure!(
            *before == now,
            "guests were harmed: their machines were {before:?} and are {now:?}"
        );
        Ok(())
    }

    /// VMs by name and uid.
    fn machines(&self) -> BTreeSet<String> {
        const SHOW: &str =
            r#"get virtualmachines -o jsonpath={range.items[*]}{.metadata.name}/{.metadata.uid}{"\n"}{end}"#;
        let shown = self.admin().run(SHOW).success();
        shown.lines().map(str::to_owned).collect()
    }
}

/// kubectl of somebody in a guest.
fn logged_in(supervisor: &Supervisor, guest: &str) -> Kubectl {
    for role in ["guestcluster-editor", "guestcluster-access-admin"] {
        let bind = format!("create rolebinding devs-{role} --clusterrole {role} --group sso:devs");
        supervisor.kubectl().run(&bind).success();
    }
    let person = supervisor.person("ann@guest.local", &["devs"]);
    let flags = supervisor.login_flags();
    person.run(&format!("guest login {flags} -n team-a")).success();
    let login = format!("guest login {guest} -n team-a --context-name {guest} --no-switch");
    person.run(&login).success();
    person.in_context(guest)
}
