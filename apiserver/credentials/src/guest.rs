//! How a guest is named in its tokens. Both names carry the guest UID, so they hold for a guest's whole life, and a cluster of
//! the same name that is made later never accepts them.

/// The `iss` of a guest's tokens. The host never resolves: nothing is ever fetched from it.
pub fn issuer(guest_uid: &str) -> String {
    format!("https://guestclusters.invalid/{guest_uid}")
}

/// The `aud` of a guest's tokens.
pub fn audience(guest_uid: &str) -> String {
    format!("guestcluster:{guest_uid}")
}

/// Whether a guest UID is one: what Kubernetes gives as a UID, and nothing that could end a string or a path.
pub(crate) fn is_uid(guest_uid: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&guest_uid.len()) && guest_uid.bytes().all(plain)
}
