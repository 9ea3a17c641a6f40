//! `Warning` headers: problems that do not fail a request.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use parking_lot::Mutex;

/// From this many characters on, all warnings of an answer are cut; more than these are never sent.
const TOTAL: usize = 4096;
/// What a cut warning keeps.
const CUT: usize = 256;

/// Collects the warnings of one request; each text is said once, also when the write is tried again. Copies share them.
#[derive(Clone, Default)]
pub(crate) struct Warnings(Arc<Mutex<Vec<String>>>);

impl Warnings {
    pub(crate) fn add(&self, warning: impl Into<String>) {
        let warning = warning.into();
        let mut warnings = self.0.lock();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    pub(super) fn extend(&self, warnings: impl IntoIterator<Item = String>) {
        warnings.into_iter().for_each(|warning| self.add(warning));
    }

    /// Adds the headers.
    pub(super) fn write(&self, headers: &mut HeaderMap) {
        for value in self.headers() {
            headers.append(header::WARNING, value);
        }
    }

    /// The values of the headers: `299 - "text"`.
    pub(super) fn headers(&self) -> Vec<HeaderValue> {
        let warnings = self.0.lock();
        let total: usize = warnings.iter().map(|warning| warning.chars().count()).sum();
        let longest = if total > TOTAL { CUT } else { usize::MAX };
        let (mut written, mut headers) = (0, Vec::new());
        for warning in warnings.iter() {
            let shown: String = warning.chars().take(longest).collect();
            if written >= TOTAL {
                break;
            }
            written += shown.chars().count();
            // What can't stand in a header is left out rather than failing a write that is done.
            headers.extend(HeaderValue::from_bytes(format!("299 - {}", quoted(&shown)).as_bytes()).ok());
        }
        headers
    }
}

fn quoted(text: &str) -> String {
    let printable: String = text.chars().filter(|character| !character.is_control()).collect();
    format!("\"{}\"", printable.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(warnings: &Warnings) -> Vec<String> {
        let mut headers = HeaderMap::new();
        warnings.write(&mut headers);
        headers
            .get_all(header::WARNING)
            .iter()
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn each_warning_is_one_quoted_header() {
        let warnings = Warnings::default();
        warnings.add("unknown field \"spec.bogus\"");
        warnings.add("unknown field \"spec.bogus\"");
        assert_eq!(headers(&warnings), ["299 - \"unknown field \\\"spec.bogus\\\"\""]);
    }

    #[test]
    fn many_long_warnings_are_cut() {
        let warnings = Warnings::default();
        (0..20).for_each(|n| warnings.add(format!("{n}{}", "x".repeat(300))));
        let headers = headers(&warnings);
        assert_eq!(headers.len(), TOTAL / CUT);
        assert!(headers.iter().all(|header| header.len() == CUT + "299 - \"\"".len()));
    }
}
