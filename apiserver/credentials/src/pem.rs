//! Writes PEM (RFC 7468).

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Characters of a line.
const LINE: usize = 64;

/// The text encoding of a DER structure.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut pem = format!("-----BEGIN {label}-----\n");
    for start in (0..encoded.len()).step_by(LINE) {
        pem.push_str(&encoded[start..encoded.len().min(start + LINE)]);
        pem.push('\n');
    }
    pem.push_str(&format!("-----END {label}-----\n"));
    pem
}
