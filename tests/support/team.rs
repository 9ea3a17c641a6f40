//! A supervisor that the tests of a process share, each in a namespace of its own.

use std::{
    collections::BTreeMap,
    io::Write as _,
    ops::Deref,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;

use crate::{
    Daemon, Kubectl, Mode, Objects, Start, Supervisor, leaks,
    supervisor::{Folder, NO_DELAYS, printed},
};

/// Waits on its standard input and removes a folder when that ends, unless it was told a word before: the input ends in any case
/// when the process at its other end does. Who writes into the folder is killed at that moment, too.
const SWEEPER: &str = r#"read -r told || for try in 1 2 3 4 5; do rm -rf "$0" && break; sleep 1; done"#;

/// A namespace of its own, with the catalogue's VM classes, on the supervisor that the tests of this process share: in the form
/// that is run in production, where that is [`Mode::Aggregated`], with two replicas that keep our objects in the host's etcd.
///
/// For tests that disturb nobody else: what they write is in their namespace or named after it, and they neither stop nor
/// configure what is shared. Others start a [`Supervisor`] of their own.
#[derive(Debug)]
pub struct Team {
    shared: &'static Shared,
    namespace: String,
}

/// What the simulated VMs of one namespace are asked for.
#[derive(Debug, Default)]
struct Sim {
    /// Patterns of VM names, and how those fail.
    faults: Vec<(String, String)>,
    /// VM classes without room.
    full: Vec<String>,
}

/// What runs until this process ends. It is never dropped, as no static is: the guard of each process kills it.
#[derive(Debug)]
struct Shared {
    supervisor: Supervisor,
    /// A second replica, where there can be one.
    _second: Option<Daemon>,
    /// By namespace.
    sims: Mutex<BTreeMap<String, Sim>>,
    sweeper: Mutex<Option<Child>>,
}

impl Team {
    /// A namespace of a new name. The first one of a process starts the supervisor.
    pub fn new(mode: Mode) -> Self {
        static EMBEDDED: OnceLock<Shared> = OnceLock::new();
        static AGGREGATED: OnceLock<Shared> = OnceLock::new();
        static TEAMS: AtomicUsize = AtomicUsize::new(1);
        let shared = match mode {
            Mode::Embedded => &EMBEDDED,
            Mode::Aggregated => &AGGREGATED,
        };
        let team = Self {
            shared: shared.get_or_init(|| Shared::start(mode)),
            namespace: format!("team-{}", TEAMS.fetch_add(1, Ordering::Relaxed)),
        };
        let catalogue = catalogue_of(&team.namespace);
        team.kubectl()
            .run_with("apply --server-side -f -", Some(&catalogue))
            .success();
        team
    }

    /// Its name.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// kubectl as the administrator, in this namespace unless told otherwise.
    pub fn kubectl(&self) -> Kubectl {
        self.shared.supervisor.kubectl_in(&self.namespace, None)
    }

    /// kubectl as a user with a client certificate, in this namespace unless told otherwise.
    pub fn kubectl_as(&self, user: &str) -> Kubectl {
        self.shared.supervisor.kubectl_in(&self.namespace, Some(user))
    }

    /// kubectl in a guest of this namespace, by Cluster API's admin kubeconfig.
    pub fn guest_kubectl(&self, name: &str) -> Kubectl {
        self.shared.supervisor.guest_kubectl(&self.namespace, name)
    }

    /// Lets VMs of these names fail in these ways, and no other VM of these classes find room, in place of what this namespace asked
    /// for before. The simulation knows no namespaces: no other test may have such VMs.
    #[track_caller]
    pub fn set_faults(&self, faults: &[(&str, &str)], full: &[&str]) {
        let faults = faults
            .iter()
            .map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()));
        let sim = Sim {
            faults: faults.collect(),
            full: full.iter().map(|class| (*class).to_owned()).collect(),
        };
        let mut sims = self.shared.sims.lock();
        sims.insert(self.namespace.clone(), sim);
        self.shared.supervisor.configure_sim(&configuration(sims.values()));
    }

    /// A name at SSO that only this namespace has, such as `ann@team-1.local`.
    pub fn user(&self, name: &str) -> String {
        format!("{name}@{}.local", self.namespace)
    }

    /// A group at SSO that only this namespace has, such as `team-1-devs`.
    pub fn group(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace)
    }
}

impl Deref for Team {
    type Target = Supervisor;

    fn deref(&self) -> &Supervisor {
        &self.shared.supervisor
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.supervisor.show_logs();
            self.shared.keep_folder();
        }
        leaks::assert_none_in_logs(self.shared.supervisor.folder());
    }
}

impl Shared {
    fn start(mode: Mode) -> Self {
        let folder = Folder::new();
        let supervisor = Supervisor::start_in(
            folder.path(),
            Start {
                mode,
                sim: Some(NO_DELAYS.to_owned()),
                objects: Objects::HostEtcd,
                ..Start::default()
            },
        );
        let second = (mode == Mode::Aggregated).then(|| supervisor.second_replica());
        Self {
            supervisor,
            _second: second,
            sims: Mutex::default(),
            sweeper: Mutex::new(Some(sweep(&folder.released()))),
        }
    }

    /// Keeps all logs for whoever looks for the reason of a failure.
    fn keep_folder(&self) {
        let Some(mut sweeper) = self.sweeper.lock().take() else {
            return;
        };
        if let Some(mut stdin) = sweeper.stdin.take() {
            let _ = stdin.write_all(b"keep\n");
        }
        let _ = sweeper.wait();
        eprintln!("all logs are kept in {}", self.supervisor.folder().display());
    }
}

/// Removes the folder when this process has ended.
fn sweep(folder: &Path) -> Child {
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new("sh");
    // In a group of its own: an interrupt at the terminal ends the test, not the sweeper.
    command.args(["-c", SWEEPER]).arg(folder).process_group(0);
    let sweeper = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    sweeper.expect("sh is there")
}

/// What all namespaces ask for together, YAML.
fn configuration<'a>(sims: impl Iterator<Item = &'a Sim> + Clone) -> String {
    let faults = sims.clone().flat_map(|sim| &sim.faults);
    let faults: Vec<_> = faults
        .map(|(name, kind)| format!("{{name: '{name}', kind: {kind}}}"))
        .collect();
    let full: Vec<_> = sims
        .flat_map(|sim| &sim.full)
        .map(|class| format!("{class}: 0"))
        .collect();
    format!(
        "{NO_DELAYS}faults: [{}]\ncapacity: {{{}}}\n",
        faults.join(", "),
        full.join(", ")
    )
}

/// What the catalogue has in team-a, for another namespace.
pub(crate) fn catalogue_of(namespace: &str) -> String {
    static CATALOGUE: OnceLock<String> = OnceLock::new();
    let catalogue = CATALOGUE.get_or_init(|| printed(&["catalogue"]));
    let objects = catalogue.split("---\n").filter(|object| object.contains(": team-a\n"));
    let objects: Vec<_> = objects
        .map(|object| object.replace(": team-a\n", &format!(": {namespace}\n")))
        .collect();
    objects.join("---\n")
}
