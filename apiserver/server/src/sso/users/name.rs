//! User names: `local@domain`, in lower case.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a name without a domain belongs.
const DEFAULT_DOMAIN: &str = "guest.local";
const LONGEST: usize = 253;

/// A user's name. One way to write each: two names that differ only in case are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct UserName {
    text: String,
    at: usize,
}

/// A name that nobody can have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user name is letters, digits, '.', '_' and '-', then '@' and a domain, such as dev@guest.local")]
pub(crate) struct InvalidUserName;

impl UserName {
    /// `dev@guest.local`.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// `dev`.
    pub(crate) fn local(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// `guest.local`.
    pub(crate) fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }
}

impl FromStr for UserName {
    type Err = InvalidUserName;

    /// Lowers the case, and completes a name without a domain.
    fn from_str(text: &str) -> Result<Self, InvalidUserName> {
        let mut text = text.trim().to_ascii_lowercase();
        if !text.contains('@') {
            text = format!("{text}@{DEFAULT_DOMAIN}");
        }
        let at = text.find('@').ok_or(InvalidUserName)?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        let valid = text.len() <= LONGEST && is_part(local, b"._-") && is_part(domain, b".-");
        if valid {
            Ok(Self { text, at })
        } else {
            Err(InvalidUserName)
        }
    }
}

impl TryFrom<String> for UserName {
    type Error = InvalidUserName;

    fn try_from(text: String) -> Result<Self, InvalidUserName> {
        text.parse()
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.text
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn is_part(part: &str, also: &[u8]) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || also.contains(&byte);
    part.bytes().all(inside)
        && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.ends_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_written_in_one_way() {
        for text in ["dev@guest.local", " Dev@Guest.Local ", "dev"] {
            let name: UserName = text.parse().unwrap();
            assert_eq!(
                (name.as_str(), name.local(), name.domain()),
                ("dev@guest.local", "dev", "guest.local")
            );
        }
    }

    #[test]
    fn nothing_else_is_a_name() {
        let long = "a".repeat(300);
        for text in [
            "",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "system:admin",
            "a b@c",
            "é@c",
            "a@c/..",
            "-a@c",
            "a@.c",
            "a\n@c",
            "a\u{0}@c",
            &long,
        ] {
            assert_eq!(text.parse::<UserName>(), Err(InvalidUserName), "{text:?}");
        }
    }
}
