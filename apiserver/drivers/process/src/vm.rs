//! The life of one VM: its task runs the guest system while the VM is powered on, and takes everything away with it.

use std::time::Duration;

use guest_system::cloud_init;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use vm_driver::{Blocked, Changed, ObjectUid};

use crate::{
    child::Children,
    files::Disk,
    guest::{GuestSystem, Report},
    processes::Processes,
    state::Wanted,
    trouble::Trouble,
};

/// In a VM's folder.
const LOGS: &str = "logs";
/// How long a control-plane VM that goes tries to leave its guest's etcd in order.
const LEAVING: Duration = Duration::from_secs(30);
/// Between two tries of it, or of the removal of a folder.
const PAUSE: Duration = Duration::from_millis(500);

impl Processes {
    /// Brings about what is wanted of the VM, until it is gone or the driver stops.
    pub(crate) async fn attend(&self, uid: &ObjectUid, mut wanted: watch::Receiver<Wanted>) {
        let mut has_left = false;
        loop {
            let now = *wanted.borrow_and_update();
            match now {
                Wanted::On => has_left = self.run(uid, &mut wanted).await,
                Wanted::Off => self.rest(&mut wanted).await,
                Wanted::Gone => return self.forget(uid, has_left).await,
            }
            if self.0.stop.is_cancelled() {
                return;
            }
        }
    }

    /// Runs the guest system until something else is wanted. Whether the VM left its guest, as one does that is removed.
    async fn run(&self, uid: &ObjectUid, wanted: &mut watch::Receiver<Wanted>) -> bool {
        let system = match self.guest_system(uid) {
            Ok(system) => system,
            Err(trouble) => {
                self.report(uid, Report::Blocked(trouble));
                self.rest(wanted).await;
                return false;
            }
        };
        tokio::select! {
            never = system.run() => match never {},
            _ = wanted.changed() => {}
            () = self.0.stop.cancelled() => {}
        }
        // While it runs: a majority of the members must agree.
        let goes = *wanted.borrow() == Wanted::Gone && self.leave(&system).await;
        if goes {
            system.children.kill().await;
        } else {
            system.children.stop().await;
        }
        self.set_down(uid);
        goes
    }

    /// Waits until something else is wanted.
    async fn rest(&self, wanted: &mut watch::Receiver<Wanted>) {
        tokio::select! {
            // The sender stays until the VM is forgotten, which is done by this task.
            _ = wanted.changed() => {}
            () = self.0.stop.cancelled() => {}
        }
    }

    fn guest_system(&self, uid: &ObjectUid) -> Result<GuestSystem, Trouble> {
        let vm = self.0.state.lock().vms.get(uid).map(|machine| machine.vm.clone());
        let vm = vm.ok_or_else(|| Trouble::failed("the VM is gone"))?;
        let folder = self.0.ledger.folder(uid);
        let logs = folder.join(LOGS);
        crate::files::make_private(&logs).map_err(Trouble::failed)?;
        let (driver, other) = (self.clone(), self.clone());
        let (reported, asking) = (uid.clone(), uid.clone());
        Ok(GuestSystem {
            bootstrap: cloud_init::parse(&vm.user_data).map_err(Trouble::failed)?,
            vm,
            disk: Disk::new(&folder),
            children: Children::new(self.0.spawner.clone(), &logs),
            programs: self.0.programs.clone(),
            etcd_authorities: self.0.etcd_authorities.clone(),
            others: Box::new(move || other.0.state.lock().others(&asking)),
            report: Box::new(move |report| driver.report(&reported, report)),
        })
    }

    /// Takes in how far the VM is, and tells who waits for it.
    fn report(&self, uid: &ObjectUid, report: Report) {
        let key = {
            let mut state = self.0.state.lock();
            let Some(machine) = state.vms.get_mut(uid) else { return };
            let before = (machine.is_up, machine.blocked.clone());
            match report {
                Report::Up => machine.is_up = true,
                Report::Well => machine.blocked = None,
                Report::Blocked(trouble) => machine.blocked = Some(Blocked::from(&trouble)),
            }
            if before == (machine.is_up, machine.blocked.clone()) {
                return;
            }
            machine.vm.key.clone()
        };
        self.announce(Changed::Vm(key));
    }

    fn set_down(&self, uid: &ObjectUid) {
        let key = {
            let mut state = self.0.state.lock();
            let Some(machine) = state.vms.get_mut(uid) else { return };
            (machine.is_up, machine.blocked) = (false, None);
            machine.vm.key.clone()
        };
        self.announce(Changed::Vm(key));
    }

    /// Removes the VM's folder, and forgets it.
    async fn forget(&self, uid: &ObjectUid, has_left: bool) {
        // One that was switched off, or whose removal a restart cut off, is a member yet.
        if !has_left
            && let Ok(system) = self.guest_system(uid)
            && !self.leave(&system).await
        {
            return;
        }
        loop {
            let _held = self.0.changing.lock().await;
            let (ledger, gone) = (self.0.ledger.clone(), uid.clone());
            match tokio::task::spawn_blocking(move || ledger.forget_vm(&gone)).await {
                Ok(Ok(())) => break,
                Ok(Err(error)) => tracing::warn!(%error, "the folder of a VM can't be removed; trying again"),
                Err(error) => tracing::warn!(%error, "removing the folder of a VM"),
            }
            if self.0.stop.run_until_cancelled(sleep(PAUSE)).await.is_none() {
                return;
            }
        }
        let Some(machine) = self.0.state.lock().vms.remove(uid) else {
            return;
        };
        self.0.pool.release(machine.vm.address);
        self.announce(Changed::Vm(machine.vm.key));
    }

    /// Lets the others go on with fewer members; without a majority of them there is nothing to leave. False if the driver
    /// stops before.
    async fn leave(&self, system: &GuestSystem) -> bool {
        let deadline = Instant::now() + LEAVING;
        while let Err(trouble) = system.leave().await {
            if Instant::now() >= deadline {
                tracing::warn!(vm = %system.vm.key.name, %trouble, "the VM goes without having left its guest's etcd");
                return true;
            }
            if self.0.stop.run_until_cancelled(sleep(PAUSE)).await.is_none() {
                return false;
            }
        }
        true
    }
}
