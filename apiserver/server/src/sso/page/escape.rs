//! Text in HTML.

use std::fmt;

/// Prints text so that it is text wherever it stands, in quoted attributes too.
pub(super) struct Escaped<'a>(pub(super) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
            let (before, from) = rest.split_at(at);
            formatter.write_str(before)?;
            formatter.write_str(match from.as_bytes().first() {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&quot;",
                _ => "&#39;",
            })?;
            rest = from.get(1..).unwrap_or_default();
        }
        formatter.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            Escaped(r#"é"><script>'&"#).to_string(),
            "é&quot;&gt;&lt;script&gt;&#39;&amp;"
        );
        assert_eq!(Escaped("").to_string(), "");
    }
}
