//! Commands that are shown to be typed.

use std::borrow::Cow;

/// A word as a shell reads it: what comes from a kubeconfig or a path can't end it.
pub(crate) fn word(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:@%+=,".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one() {
        for (text, expected) in [
            ("https://127.0.0.1:6443/a-b_c", "https://127.0.0.1:6443/a-b_c"),
            ("https://[::1]:6443", "'https://[::1]:6443'"),
            ("/home/ann b/config", "'/home/ann b/config'"),
            ("$(id);x", "'$(id);x'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), expected);
        }
    }
}
