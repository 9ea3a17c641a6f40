//! What a program prints: kept in two files of bounded size, and its last line in memory.

use std::{io, path::PathBuf};

use parking_lot::Mutex;
use tokio::{
    fs::{self, File, OpenOptions},
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
};

/// A file is set aside when it is as large; the one set aside before goes.
const LARGEST: u64 = 4 << 20;
/// Characters of the last line that are shown.
const SHOWN: usize = 300;
/// Bytes of a line that are kept until it ends.
const LONGEST: usize = 8 << 10;
/// What no line that is shown may hold.
const SECRETS: [&str; 3] = ["PRIVATE KEY", "Bearer ", "token-secret"];

/// The log of a program.
pub(crate) struct Log {
    path: PathBuf,
    last_line: Mutex<String>,
}

impl Log {
    /// At this path; the older part is beside it, with `.1` behind its name.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            last_line: Mutex::default(),
        }
    }

    /// The last line that has words in it, cut to what a condition can show; empty if it could hold a secret.
    pub(crate) fn last_line(&self) -> String {
        let line = self.last_line.lock();
        let line = line.trim();
        if SECRETS.iter().any(|secret| line.contains(secret)) {
            return String::new();
        }
        line.chars().take(SHOWN).collect()
    }

    /// Keeps what comes until it ends.
    pub(crate) async fn keep(&self, mut printed: impl AsyncRead + Unpin) -> io::Result<()> {
        let (mut file, mut size) = self.open().await?;
        let mut line = Vec::new();
        let mut buffer = vec![0; 16 << 10];
        loop {
            let count = printed.read(&mut buffer).await?;
            if count == 0 {
                return file.flush().await;
            }
            let new = &buffer[..count];
            self.remember(&mut line, new);
            if size >= LARGEST {
                file.flush().await?;
                fs::rename(&self.path, self.path.with_extension("log.1")).await?;
                (file, size) = self.open().await?;
            }
            file.write_all(new).await?;
            size += new.len() as u64;
        }
    }

    async fn open(&self) -> io::Result<(File, u64)> {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&self.path)
            .await?;
        let size = file.metadata().await?.len();
        Ok((file, size))
    }

    fn remember(&self, line: &mut Vec<u8>, new: &[u8]) {
        for part in new.split_inclusive(|byte| *byte == b'\n') {
            let room = LONGEST.saturating_sub(line.len());
            line.extend_from_slice(&part[..part.len().min(room)]);
            if part.ends_with(b"\n") {
                let text = String::from_utf8_lossy(line);
                if !text.trim().is_empty() {
                    *self.last_line.lock() = text.into_owned();
                }
                line.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_bounded_and_the_last_line_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path().join("etcd.log"));
        let printed = format!("{}\nthe end\n\n", "x".repeat(60)).repeat(200_000);
        log.keep(printed.as_bytes()).await.unwrap();
        assert_eq!(log.last_line(), "the end");
        let size = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().len();
        for name in ["etcd.log", "etcd.log.1"] {
            assert!(size(name) < LARGEST + (16 << 10), "{name}: {}", size(name));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[tokio::test]
    async fn a_line_that_may_hold_a_secret_is_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path().join("a.log"));
        log.keep(&b"Authorization: Bearer abc\n"[..]).await.unwrap();
        assert_eq!(log.last_line(), "");
    }
}
