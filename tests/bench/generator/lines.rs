//! The lines of a watch, cut without reading them.

/// How much of each line is kept: its type and the first annotations are in there.
const HEAD: usize = 512;

/// Cuts what arrives into lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    head: Vec<u8>,
}

impl Lines {
    /// Takes a piece; tells of each line that ends in it by the line's first bytes.
    pub(crate) fn feed(&mut self, mut piece: &[u8], mut each: impl FnMut(&[u8])) {
        while let Some(end) = memchr::memchr(b'\n', piece) {
            self.keep(&piece[..end]);
            each(&self.head);
            self.head.clear();
            piece = &piece[end + 1..];
        }
        self.keep(piece);
    }

    fn keep(&mut self, piece: &[u8]) {
        let room = HEAD - self.head.len();
        self.head.extend_from_slice(&piece[..piece.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_any_pieces() {
        let long = "x".repeat(HEAD * 2);
        let text = format!("one\n\n{long}\nlast\nopen");
        for size in [1, 3, 511, 4096] {
            let mut lines = Lines::default();
            let mut seen = Vec::new();
            for piece in text.as_bytes().chunks(size) {
                lines.feed(piece, |head| seen.push(String::from_utf8(head.to_vec()).unwrap()));
            }
            assert_eq!(seen, ["one", "", &long[..HEAD], "last"], "{size}");
        }
    }
}
