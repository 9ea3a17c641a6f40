//! What a credential may do inside a guest.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a credential adds to what bindings in the guest give its person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing: only bindings to the person's own name and groups count.
    Login,
    /// Reads, without Secrets, in namespaces that are not the system's.
    View,
    /// Writes there too.
    Edit,
    /// cluster-admin.
    Admin,
    /// cluster-admin by a client certificate, for when tokens don't work. Never in a token.
    BreakGlass,
}

/// The text is no level.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown level {0:?}: use login, view, edit, admin or break-glass")]
pub struct UnknownLevel(pub String);

impl Level {
    /// Every level.
    pub const ALL: [Level; 5] = [Level::Login, Level::View, Level::Edit, Level::Admin, Level::BreakGlass];

    /// The levels that a token may have.
    pub const OF_TOKENS: [Level; 4] = [Level::Login, Level::View, Level::Edit, Level::Admin];

    /// As the API writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Login => "login",
            Level::View => "view",
            Level::Edit => "edit",
            Level::Admin => "admin",
            Level::BreakGlass => "break-glass",
        }
    }

    /// The RBAC verb on `guestclusters` that allows it.
    pub fn verb(self) -> &'static str {
        match self {
            Level::Login => "guest-login",
            Level::View => "guest-view",
            Level::Edit => "guest-edit",
            Level::Admin => "guest-admin",
            Level::BreakGlass => "guest-break-glass",
        }
    }

    /// The group inside the guest that gives the level its rights. Bindings to the login group have no effect: login adds
    /// nothing, so tokens of that level don't bring it.
    pub fn group(self) -> &'static str {
        match self {
            Level::Login => "guestclusters.dev:login",
            Level::View => "guestclusters.dev:view",
            Level::Edit => "guestclusters.dev:edit",
            Level::Admin => "guestclusters.dev:admin",
            Level::BreakGlass => "guestclusters.dev:break-glass",
        }
    }

    /// Whether tokens of this level carry the person's SSO groups.
    pub fn carries_groups(self) -> bool {
        matches!(self, Level::Login | Level::Admin)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Level, UnknownLevel> {
        let mut levels = Level::ALL.into_iter();
        levels
            .find(|level| level.as_str() == text)
            .ok_or_else(|| UnknownLevel(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_reads_back_in_the_api_and_in_json() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
            assert_eq!(level.verb(), format!("guest-{level}"));
            assert_eq!(level.group(), format!("guestclusters.dev:{level}"));
        }
    }

    #[test]
    fn other_words_are_no_levels() {
        for word in ["", "Admin", "admin ", "owner", "break_glass"] {
            assert_eq!(word.parse::<Level>(), Err(UnknownLevel(word.to_owned())));
        }
    }
}
