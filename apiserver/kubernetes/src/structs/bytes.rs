//! Bytes in text: base64, as Go reads it.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Bits behind the last byte do not matter.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// The form in which bytes are shown; line ends are skipped.
pub(super) fn canonical(text: &str) -> Result<String, String> {
    let joined: String;
    let joined = if text.contains(['\r', '\n']) {
        joined = text.replace(['\r', '\n'], "");
        &joined
    } else {
        text
    };
    let decoded = LENIENT.decode(joined).map_err(|_| {
        let at = corrupt_at(text.as_bytes()).unwrap_or_default();
        format!("illegal base64 data at input byte {at}")
    })?;
    Ok(LENIENT.encode(decoded))
}

/// Where Go's decoder, which reads four letters at a time, says that the data are wrong.
fn corrupt_at(text: &[u8]) -> Option<usize> {
    let skip_line_ends = |mut at: usize| {
        while matches!(text.get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        at
    };
    let mut at = 0;
    loop {
        let mut read = 0;
        while read < 4 {
            let Some(letter) = text.get(at) else {
                return (read > 0).then_some(at - read);
            };
            at += 1;
            match letter {
                b'\r' | b'\n' => {}
                letter if letter.is_ascii_alphanumeric() || matches!(letter, b'+' | b'/') => read += 1,
                b'=' if read >= 2 => {
                    if read == 2 {
                        at = skip_line_ends(at);
                        match text.get(at) {
                            None => return Some(text.len()),
                            Some(b'=') => at += 1,
                            Some(_) => return Some(at - 1),
                        }
                    }
                    at = skip_line_ends(at);
                    return (at < text.len()).then_some(at);
                }
                _ => return Some(at - 1),
            }
        }
    }
}
