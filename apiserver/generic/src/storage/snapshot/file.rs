//! The file of a snapshot: a line of JSON that says what it is, one for each item, and one with the digest of all before it.

use std::io::{self, BufRead, Write};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Snapshot;
use crate::storage::Revision;

const KIND: &str = "GuestClustersSnapshot";
const VERSION: u32 = 1;
/// Longest line: an object is 3 MiB at most, and base64 a third longer.
const LONGEST: u64 = 8 << 20;

#[derive(Serialize, Deserialize)]
struct Header {
    kind: String,
    version: u32,
    revision: Revision,
    items: usize,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    value: String,
}

#[derive(Serialize, Deserialize)]
struct Footer {
    sha256: String,
}

/// Why a file is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The system's own words.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The line and what is wrong with it.
    #[error("line {line}: {what}")]
    Line {
        /// From 1 on.
        line: usize,
        /// What is wrong; never what is there.
        what: String,
    },
}

impl Snapshot {
    /// Writes it in the form that [`Snapshot::read`] reads.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let mut digest = Sha256::new();
        let header = Header {
            kind: KIND.to_owned(),
            version: VERSION,
            revision: self.revision,
            items: self.items.len(),
        };
        put(out, &mut digest, &header)?;
        for (key, value) in &self.items {
            let value = BASE64_STANDARD.encode(value);
            put(
                out,
                &mut digest,
                &Line {
                    key: key.clone(),
                    value,
                },
            )?;
        }
        let sha256 = hex(&digest.finalize());
        put(out, &mut Sha256::new(), &Footer { sha256 })
    }

    /// Reads it back, and believes nothing of a file that is not whole.
    ///
    /// # Errors
    /// [`Unreadable`] with the line that is wrong.
    pub fn read(input: impl BufRead) -> Result<Self, Unreadable> {
        let mut lines = Lines {
            input,
            number: 0,
            digest: Sha256::new(),
        };
        let header: Header = lines.next()?;
        if header.kind != KIND || header.version != VERSION {
            return Err(lines.wrong(format!("this is no {KIND} of version {VERSION}")));
        }
        let mut snapshot = Self {
            revision: header.revision,
            items: Default::default(),
        };
        for _ in 0..header.items {
            let Line { key, value } = lines.next()?;
            let value = BASE64_STANDARD
                .decode(value)
                .map_err(|_| lines.wrong("the value is no base64"))?;
            if snapshot.items.insert(key, Bytes::from(value)).is_some() {
                return Err(lines.wrong("the key was there before"));
            }
        }
        let expected = hex(&lines.digest.clone().finalize());
        let footer: Footer = lines.next()?;
        if footer.sha256 != expected {
            return Err(lines.wrong("the digest is another one: the file was changed or damaged"));
        }
        Ok(snapshot)
    }
}

fn put(out: &mut impl Write, digest: &mut Sha256, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    digest.update(&text);
    out.write_all(&text)
}

struct Lines<R> {
    input: R,
    number: usize,
    /// Of all lines so far.
    digest: Sha256,
}

impl<R: BufRead> Lines<R> {
    fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T, Unreadable> {
        self.number += 1;
        let mut line = Vec::new();
        io::Read::take(&mut self.input, LONGEST).read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Err(self.wrong("the file ends too early"));
        }
        self.digest.update(&line);
        serde_json::from_slice(&line)
            .map_err(|error| self.wrong(format!("not as it must be, at column {}", error.column())))
    }

    fn wrong(&self, what: impl Into<String>) -> Unreadable {
        Unreadable::Line {
            line: self.number,
            what: what.into(),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
