//! Where in an object: kept on the stack while walking, written out only for an error.

use std::fmt::{self, Display, Formatter};

/// A path, as a chain of steps on the stack.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    /// The object itself.
    Root,
    /// A field: `parent.name`.
    Field(&'a Path<'a>, &'a str),
    /// An entry of a map, as field errors write it: `parent[name]`.
    Key(&'a Path<'a>, &'a str),
    /// An item of a list: `parent[0]`.
    Index(&'a Path<'a>, usize),
}

impl Display for Path<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Path::Root => Ok(()),
            Path::Field(Path::Root, name) => f.write_str(name),
            Path::Field(parent, name) => write!(f, "{parent}.{name}"),
            Path::Key(parent, name) => write!(f, "{parent}[{name}]"),
            Path::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// How much is reported of one object. A body of some megabytes can hold a problem at every second byte, each with a path
/// as long as the body; what is beyond this is left out.
pub(super) struct Allowance {
    count: usize,
    bytes: usize,
}

impl Allowance {
    const COUNT: usize = 1000;
    const BYTES: usize = 256 << 10;

    pub(super) fn new() -> Allowance {
        Allowance {
            count: Self::COUNT,
            bytes: Self::BYTES,
        }
    }

    /// Whether anything more may be reported.
    pub(super) fn is_left(&self) -> bool {
        self.count > 0 && self.bytes > 0
    }

    /// Takes one report of this many bytes out.
    pub(super) fn take(&mut self, bytes: usize) {
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// Paths that were found, as many as the allowance holds.
pub(super) struct Paths {
    found: Vec<String>,
    allowance: Allowance,
}

impl Paths {
    pub(super) fn new() -> Paths {
        Paths {
            found: Vec::new(),
            allowance: Allowance::new(),
        }
    }

    pub(super) fn add(&mut self, path: Path<'_>) {
        if !self.allowance.is_left() {
            return;
        }
        let path = path.to_string();
        self.allowance.take(path.len());
        self.found.push(path);
    }

    pub(super) fn into_found(self) -> Vec<String> {
        self.found
    }
}
