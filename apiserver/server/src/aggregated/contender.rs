//! Under which name this server contends for the Lease.

use std::{fs, os::unix::fs::MetadataExt as _};

use anyhow::Context as _;

use crate::data_dir::DataDir;

const FILE: &str = "lease-holder";

/// The name of whoever has locked the folder, the same after a restart: the lock proves that the process which held the Lease
/// before is gone, so nobody has to wait for its end. A copy of the folder, here or on another machine, proves nothing of the
/// kind and is somebody else.
pub(super) fn of(dir: &DataDir) -> anyhow::Result<String> {
    let place = place(dir)?;
    if let Some(name) = dir.read(FILE)?
        && name.starts_with(&place)
    {
        return Ok(name);
    }
    let name = format!("{place}{}", uuid::Uuid::new_v4());
    dir.write(FILE, &name)?;
    Ok(name)
}

/// The machine's name, for people who read the Lease, and what tells this folder from its copies.
fn place(dir: &DataDir) -> anyhow::Result<String> {
    let lock = dir.file("lock");
    let lock = fs::metadata(&lock).with_context(|| format!("cannot look at {}", lock.display()))?;
    Ok(format!("{}_{}_", hostname(), lock.ino()))
}

fn hostname() -> String {
    std::env::var("HOSTNAME")
        .or_else(|_| std::fs::read_to_string("/proc/sys/kernel/hostname"))
        .map_or_else(|_| "unknown".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_name_and_a_copy_has_another() {
        let folders = tempfile::tempdir().unwrap();
        let (original, copy) = (folders.path().join("a"), folders.path().join("b"));
        let dir = DataDir::open_or_create(&original).unwrap();
        let lock = dir.lock().unwrap();
        let name = of(&dir).unwrap();
        assert!(name.starts_with(&hostname()));
        assert_eq!(of(&dir).unwrap(), name);
        drop(lock);
        let _lock = dir.lock().unwrap();
        assert_eq!(of(&dir).unwrap(), name, "after a restart");

        let copied = DataDir::open_or_create(&copy).unwrap();
        for file in ["lock", FILE] {
            fs::copy(original.join(file), copy.join(file)).unwrap();
        }
        let other = of(&copied).unwrap();
        assert_ne!(other, name);
        assert_eq!(of(&copied).unwrap(), other);
    }
}
