//! The log as a file: a JSON document a line, written by a thread of its own, rotated by size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::JoinHandle,
};

use parking_lot::Mutex;

/// Events that may wait for the disk.
const WAITING: usize = 8192;

/// When a file is full, and how many full ones are kept.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// Bytes of a file.
    pub bytes: u64,
    /// Full files that are kept, `FILE.1` the newest.
    pub backups: u32,
}

impl Default for Rotation {
    fn default() -> Rotation {
        Rotation {
            bytes: 100 * 1024 * 1024,
            backups: 10,
        }
    }
}

/// An audit log in a file of mode 0600.
pub struct AuditFile {
    lines: Mutex<Option<SyncSender<String>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    written: AtomicU64,
    lost: AtomicU64,
}

impl AuditFile {
    /// Opens the file, to be appended to.
    pub fn open(path: &Path, rotation: Rotation) -> io::Result<AuditFile> {
        let (lines, waiting) = sync_channel(WAITING);
        let counts = Arc::new(Counts::default());
        let mut written = Written::open(path, rotation)?;
        let counted = counts.clone();
        let writer = std::thread::Builder::new()
            .name("audit-log".to_owned())
            .spawn(move || written.all(&waiting, &counted))?;
        Ok(AuditFile {
            lines: Mutex::new(Some(lines)),
            writer: Mutex::new(Some(writer)),
            counts,
        })
    }

    /// Hands an event to the writer. One that finds too many before it is lost and counted: requests don't wait for the disk.
    pub(super) fn write(&self, event: &serde_json::Value) {
        let line = event.to_string();
        let sent = match &*self.lines.lock() {
            Some(lines) => lines.try_send(line).is_ok(),
            None => false,
        };
        if !sent && self.counts.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!("audit events are lost: the audit log is not written fast enough, or not at all");
        }
    }

    pub(super) async fn close(&self) {
        self.lines.lock().take();
        let writer = self.writer.lock().take();
        if let Some(writer) = writer {
            // It panicked, or it ended; in both cases there is nothing left to wait for.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
    }

    pub(super) fn counts(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.counts.written), load(&self.counts.lost))
    }
}

struct Written {
    path: PathBuf,
    rotation: Rotation,
    file: BufWriter<File>,
    bytes: u64,
}

impl Written {
    fn open(path: &Path, rotation: Rotation) -> io::Result<Written> {
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        Ok(Written {
            path: path.to_owned(),
            rotation,
            bytes: file.metadata()?.len(),
            file: BufWriter::new(file),
        })
    }

    /// Writes until nobody sends any more. What waits is written at once; the file is whole whenever nothing does.
    fn all(&mut self, waiting: &Receiver<String>, counts: &Counts) {
        while let Ok(first) = waiting.recv() {
            let mut line = Some(first);
            while let Some(text) = line.take() {
                match self.line(&text) {
                    Ok(()) => counts.written.fetch_add(1, Ordering::Relaxed),
                    Err(error) => {
                        tracing::error!(%error, file = %self.path.display(), "an audit event could not be written");
                        counts.lost.fetch_add(1, Ordering::Relaxed)
                    }
                };
                line = waiting.try_recv().ok();
            }
            if let Err(error) = self.file.flush() {
                tracing::error!(%error, file = %self.path.display(), "the audit log could not be written");
            }
        }
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        let bytes = text.len() as u64 + 1;
        if self.bytes > 0 && self.bytes.saturating_add(bytes) > self.rotation.bytes {
            self.rotate()?;
        }
        self.file.write_all(text.as_bytes())?;
        self.file.write_all(b"\n")?;
        self.bytes += bytes;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file.flush()?;
        let backup = |number: u32| {
            let mut name = self.path.as_os_str().to_owned();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..self.rotation.backups).rev() {
            if backup(number).exists() {
                fs::rename(backup(number), backup(number + 1))?;
            }
        }
        if self.rotation.backups == 0 {
            fs::remove_file(&self.path)?;
        } else {
            fs::rename(&self.path, backup(1))?;
        }
        *self = Written::open(&self.path, self.rotation)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn lines_are_kept_and_old_files_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let rotation = Rotation { bytes: 40, backups: 2 };
        let log = AuditFile::open(&path, rotation).unwrap();
        for number in 0..10 {
            log.write(&json!({"number": number}));
        }
        log.close().await;
        assert_eq!(log.counts(), (10, 0));
        let lines = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(lines("audit.log"), "{\"number\":9}\n");
        assert_eq!(lines("audit.log.1").lines().count(), 3);
        assert_eq!(lines("audit.log.2").lines().next().unwrap(), "{\"number\":3}");
        assert!(!folder.path().join("audit.log.3").exists());
        let again = AuditFile::open(&path, Rotation::default()).unwrap();
        again.write(&json!({"number": 10}));
        again.close().await;
        assert!(lines("audit.log").ends_with("{\"number\":9}\n{\"number\":10}\n"));
        again.write(&json!({}));
        assert_eq!(again.counts(), (1, 1), "nothing is written after the end");
    }
}
