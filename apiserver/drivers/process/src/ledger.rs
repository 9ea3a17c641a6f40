//! The durable ledger: a folder for each VM, which is its disk too, and a file for each load balancer. A restart doubles and
//! loses nothing.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use vm_driver::ObjectUid;

use crate::{
    files::{make_private, remove_folder, write_private},
    record::{LoadBalancer, Vm},
};

const VMS: &str = "vms";
const LOAD_BALANCERS: &str = "load-balancers";
/// In the folder of a VM.
const RECORD: &str = "vm.json";
/// Longest UID of an object that is taken.
const LONGEST_UID: usize = 64;

/// The ledger.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    root: PathBuf,
}

/// The ledger can't be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LedgerError {
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    #[error("{0} can't be read: {1}")]
    Record(PathBuf, serde_json::Error),
    #[error("the UID {0:?} has other characters than letters, digits and dashes, or is too long")]
    Uid(String),
}

impl Ledger {
    /// In this folder, which is made.
    pub(crate) fn open(root: &Path) -> Result<Self, LedgerError> {
        for part in [VMS, LOAD_BALANCERS] {
            let folder = root.join(part);
            make_private(&folder).map_err(at(&folder))?;
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Everything in it.
    pub(crate) fn load(&self) -> Result<(Vec<Vm>, Vec<LoadBalancer>), LedgerError> {
        let mut vms = Vec::new();
        for folder in entries(&self.root.join(VMS))? {
            match read(&folder.join(RECORD))? {
                Some(vm) => vms.push(vm),
                // A removal that was cut off, or a creation before anyone was told of it.
                None => remove_folder(&folder).map_err(at(&folder))?,
            }
        }
        let files = entries(&self.root.join(LOAD_BALANCERS))?;
        let balancers = files.iter().filter_map(|file| read(file).transpose());
        Ok((vms, balancers.collect::<Result<_, _>>()?))
    }

    /// The folder of a VM.
    pub(crate) fn folder(&self, uid: &ObjectUid) -> PathBuf {
        self.root.join(VMS).join(&uid.0)
    }

    /// Keeps a VM.
    pub(crate) fn keep_vm(&self, vm: &Vm) -> Result<(), LedgerError> {
        check(&vm.uid)?;
        write(&self.folder(&vm.uid).join(RECORD), vm)
    }

    /// Forgets a VM, with its disk.
    pub(crate) fn forget_vm(&self, uid: &ObjectUid) -> Result<(), LedgerError> {
        let folder = self.folder(uid);
        remove_folder(&folder).map_err(at(&folder))
    }

    /// Keeps a load balancer.
    pub(crate) fn keep_load_balancer(&self, balancer: &LoadBalancer) -> Result<(), LedgerError> {
        check(&balancer.uid)?;
        write(&self.load_balancer(&balancer.uid), balancer)
    }

    /// Forgets a load balancer.
    pub(crate) fn forget_load_balancer(&self, uid: &ObjectUid) -> Result<(), LedgerError> {
        let file = self.load_balancer(uid);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LedgerError::Io(file, error)),
            _ => Ok(()),
        }
    }

    fn load_balancer(&self, uid: &ObjectUid) -> PathBuf {
        self.root.join(LOAD_BALANCERS).join(format!("{}.json", uid.0))
    }
}

/// A UID names a file.
fn check(uid: &ObjectUid) -> Result<(), LedgerError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if uid.0.is_empty() || uid.0.len() > LONGEST_UID || !uid.0.bytes().all(is_plain) {
        return Err(LedgerError::Uid(uid.0.clone()));
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let entries = fs::read_dir(folder).map_err(at(folder))?;
    let paths = entries.map(|entry| Ok(entry.map_err(at(folder))?.path()));
    paths.collect()
}

fn read<T: DeserializeOwned>(file: &Path) -> Result<Option<T>, LedgerError> {
    let text = match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(at(file))?,
    };
    let record = serde_json::from_slice(&text).map_err(|error| LedgerError::Record(file.to_owned(), error))?;
    Ok(Some(record))
}

fn write(file: &Path, record: &impl Serialize) -> Result<(), LedgerError> {
    let text = serde_json::to_vec(record).map_err(|error| LedgerError::Record(file.to_owned(), error))?;
    write_private(file, &text).map_err(at(file))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> LedgerError + use<> {
    let path = path.to_owned();
    move |error| LedgerError::Io(path, error)
}
