//! What our kinds add to a request's audit events: a closed list.

use std::fmt::Display;

use generic_apiserver::admission::Notes;

/// Bytes of a value; all but users' names are shorter anyway.
const LONGEST: usize = 256;

/// Makes the enum and what is known of each of its values from one table.
macro_rules! annotations {
    ($($name:ident, $key:literal, $value:literal, $when:literal;)*) => {
        /// An annotation. None has a secret, or more of what a client says than a name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Annotation {
            $(#[doc = $value] $name,)*
        }

        impl Annotation {
            /// Its key.
            pub(crate) fn key(self) -> &'static str {
                match self {
                    $(Annotation::$name => concat!("guestclusters.dev/", $key),)*
                }
            }

            /// Every one, with its value and when it is there, in words.
            #[cfg(test)]
            pub(crate) const ALL: &[(Annotation, &str, &str)] = &[$((Annotation::$name, $value, $when),)*];
        }
    };
}

annotations! {
    BlocksUntil, "blocks-until", "when new credentials are given again", "a GuestRevocation with a block is created, or deleted before its end";
    CredentialExpires, "credential-expires", "when the credential ends", "a credential is made";
    CredentialId, "credential-id", "`JTI=` and the UID of its GuestCredential, or `X509SHA256=` and the fingerprint of the certificate, as the guest's own audit log names it", "a credential is made";
    CredentialLevel, "credential-level", "the level that is asked for", "a credential is asked for";
    CredentialName, "credential-name", "the name of its GuestCredential", "a credential is made";
    CredentialResult, "credential-result", "`Made`, `DryRun`, or the code of the refusal", "a credential is asked for";
    GuestUid, "guest-uid", "the guest", "the guest is known: a credential is asked for, or something is revoked";
    IssuedBefore, "issued-before", "credentials that were made until then are refused", "a GuestRevocation is created";
    Revokes, "revokes", "`JTI=` and the UID of a GuestCredential, `user=` and a name, or `everybody`", "a live GuestCredential is deleted (of several, the first one), or a GuestRevocation is created";
}

impl Annotation {
    /// Adds it to the request's events; the first value stays. What is no use in a line of a log is left out, and so is the end of
    /// what is too long.
    pub(crate) fn add(self, notes: &Notes, value: impl Display) {
        let mut value = value.to_string();
        value.retain(|letter| !letter.is_control());
        value.truncate(value.floor_char_boundary(LONGEST));
        notes.annotate(self.key(), &value);
    }
}
