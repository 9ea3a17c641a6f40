//! `supervisor FOLDER [MACHINE VM]`: a real supervisor with our server behind it, the same as in the tests, for a person to use. With
//! MACHINE (ours or upstream) and VM (sim or process) one with these layers. Runs until it is told to stop; `FOLDER/ready` is there when
//! it can be used and says how. `hack/supervisor` and `hack/layers` start and stop it.

use std::{fs, path::Path};

use anyhow::{Context as _, Error, bail};
use guestcluster_tests::{Kubectl, Mix, Mode, Start, Supervisor};
use tokio::signal::unix::{SignalKind, signal};

/// User, and the role it has in namespace team-a.
const USERS: [(&str, &str); 2] = [("editor", "guestcluster-editor"), ("viewer", "guestcluster-viewer")];
/// The first user's group, and what it may do in namespace team-a.
const TEAM: &str = "team-a-developers";
const TEAM_ROLES: [&str; 2] = ["guestcluster-editor", "guestcluster-access-admin"];

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let usage = "usage: supervisor FOLDER [MACHINE VM]";
    let folder = fs::canonicalize(arguments.first().context(usage)?)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let running = match &arguments[1..] {
        [] => Running::Plain(Box::new(Supervisor::start_in(
            &folder,
            Start {
                mode: Mode::Aggregated,
                ..Start::default()
            },
        ))),
        [machine, vm] => {
            let machine = machine.parse().map_err(Error::msg)?;
            let vm = vm.parse().map_err(Error::msg)?;
            Running::Mix(Box::new(Mix::start_in(&folder, machine, vm)))
        }
        _ => bail!(usage),
    };
    fs::write(folder.join("ready"), usable(running.supervisor(), &folder))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop();
    Ok(())
}

/// What runs.
enum Running {
    Plain(Box<Supervisor>),
    Mix(Box<Mix>),
}

impl Running {
    fn supervisor(&self) -> &Supervisor {
        match self {
            Self::Plain(supervisor) => supervisor,
            Self::Mix(mix) => mix.supervisor(),
        }
    }

    fn stop(self) {
        match self {
            Self::Plain(mut supervisor) => supervisor.stop(),
            Self::Mix(mix) => mix.stop(),
        }
    }
}

/// Gives the users their rights; what to type next.
fn usable(supervisor: &Supervisor, folder: &Path) -> String {
    let admin = supervisor.kubectl();
    let mut text = format!(
        "A supervisor runs on {}, our server behind it on {}. Kubeconfigs:\n",
        supervisor.host().server(),
        supervisor.server()
    );
    let mut line = |user: &str, what: &str, kubeconfig: &Path| {
        text += &format!("  {user:8}{what:32}{}\n", kubeconfig.display());
    };
    line("admin", "may do everything", &supervisor.admin_kubeconfig());
    for (user, role) in USERS {
        let bind = format!("create rolebinding {user} --clusterrole {role} --user {user}");
        admin.run(&bind).success();
        line(user, &format!("{role} in team-a"), &supervisor.user_kubeconfig(user));
    }
    for role in TEAM_ROLES {
        let bind = format!("create rolebinding {TEAM}-{role} --clusterrole {role} --group sso:{TEAM}");
        admin.run(&bind).success();
    }
    text += &format!(
        "People sign in with:
  kubectl guest login {} -n team-a
The first is dev@guest.local, whose password is in {}
",
        supervisor.login_flags(),
        supervisor.sso_dir().join("sso-dev.password").display()
    );
    text + &format!(
        "Logs are in {}. Next, signed in or with a kubeconfig of the above:
  kubectl guest create dev --version {} --workers 2 --vm-class best-effort-small --storage-class gold
  kubectl get guestclusters,machines,virtualmachines
  kubectl guest login dev && kubectl get nodes
",
        folder.display(),
        oldest(&admin)
    )
}

/// The oldest release that there is: the others can be upgraded to.
fn oldest(admin: &Kubectl) -> String {
    let releases = admin.json("get guestclusterreleases --sort-by=.spec.version");
    releases["items"][0]["spec"]["version"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}
