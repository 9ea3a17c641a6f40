//! Random text that nobody guesses.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Letters and digits that nobody takes for one another.
const READABLE: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz234567890";

/// 256 random bits in base64url: login ids, codes, session ids.
pub(super) fn secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// A password of 100 random bits that a person can type: five groups of four.
pub(super) fn password() -> String {
    let groups = rand::random::<[[u8; 4]; 5]>().map(|group| group.map(letter).iter().collect::<String>());
    groups.join("-")
}

fn letter(byte: u8) -> char {
    // 256 is a multiple of 32, so each letter is as likely as any other.
    char::from(READABLE[usize::from(byte) % READABLE.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_can_be_typed_and_differ() {
        let (one, other) = (password(), password());
        assert_ne!(one, other);
        assert_eq!(one.len(), 24);
        assert!(
            one.chars()
                .all(|c| c == '-' || c.is_ascii_lowercase() || c.is_ascii_digit()),
            "{one}"
        );
    }
}
