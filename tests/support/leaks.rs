//! No secret in what programs print and log: each test looks, whatever it is about.

use std::{fs, path::Path};

/// Of everybody whom tests add to our issuer.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// How much is shown around what is found.
const SHOWN: usize = 60;
/// Letters of the first part of a token: less is no header.
const SHORTEST_HEADER: usize = 16;

/// Panics where a text has a token, a private key or a password in it.
#[track_caller]
pub(crate) fn assert_none(what: &str, text: &str) {
    if let Some((secret, at)) = find(text) {
        let start = text.floor_char_boundary(at.saturating_sub(SHOWN));
        let end = text.floor_char_boundary(at + 3);
        panic!("{what} has {secret}, after: {}", &text[start..end]);
    }
}

/// The same of each log at the top of a folder. A test that fails anyway says why it did.
pub(crate) fn assert_none_in_logs(folder: &Path) {
    if std::thread::panicking() {
        return;
    }
    for file in fs::read_dir(folder).into_iter().flatten().flatten() {
        if file.path().extension().is_some_and(|extension| extension == "log") {
            assert_none_in(&file.path());
        }
    }
}

/// The same of one log.
pub(crate) fn assert_none_in(log: &Path) {
    if std::thread::panicking() {
        return;
    }
    let content = fs::read(log).unwrap_or_default();
    assert_none(&log.display().to_string(), &String::from_utf8_lossy(&content));
}

/// What it is and where it begins.
fn find(text: &str) -> Option<(&'static str, usize)> {
    let token = text.match_indices("eyJ").find(|(at, _)| is_token(&text[*at..]));
    let token = token.map(|(at, _)| ("a token", at));
    let key = text.find("PRIVATE KEY-----").map(|at| ("a private key", at));
    token
        .or(key)
        .or_else(|| text.find(PASSWORD).map(|at| ("a password", at)))
}

/// Two objects in base64url with a dot between them: a JWT, whole or cut.
fn is_token(text: &str) -> bool {
    let ends = text.find(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
    let Some((header, rest)) = ends.map(|at| text.split_at(at)) else {
        return false;
    };
    header.len() >= SHORTEST_HEADER && rest.starts_with(".eyJ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_and_what_looks_like_them_is_not() {
        let token = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJzdWIiOiJhbm4ifQ.c2ln";
        for (text, expected) in [
            (format!("Bearer {token}\n"), Some("a token")),
            (format!("eyJ {}", &token[..50]), Some("a token")),
            ("-----BEGIN EC PRIVATE KEY-----\nMHc".to_owned(), Some("a private key")),
            (format!("password={PASSWORD}"), Some("a password")),
            (format!("sha256:{}", token.replace('.', "")), None),
            ("eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ".to_owned(), None),
            ("-----BEGIN CERTIFICATE-----".to_owned(), None),
        ] {
            assert_eq!(find(&text).map(|(what, _)| what), expected, "{text}");
        }
    }
}
