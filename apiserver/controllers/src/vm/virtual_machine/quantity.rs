//! Quantities of memory, as Kubernetes writes them.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// The bytes, rounded up; none if it is no quantity, or nothing, or more than there can be.
pub(super) fn bytes(quantity: &Quantity) -> Option<u64> {
    let text = quantity.0.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let (factor, power) = scale(suffix)?;
    let power = power.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let ten = 10_u128.checked_pow(power.unsigned_abs());
    let digits = digits.checked_mul(factor)?;
    let bytes = match (power < 0, ten) {
        (true, Some(ten)) => digits.div_ceil(ten),
        (true, None) => digits.min(1),
        (false, ten) => digits.checked_mul(ten?)?,
    };
    u64::try_from(bytes).ok().filter(|bytes| *bytes > 0)
}

/// Suffixes of powers of ten.
const DECIMAL: [(&str, i32); 10] = [
    ("", 0),
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// What a suffix multiplies by: a power of two, and the exponent of a power of ten.
fn scale(suffix: &str) -> Option<(u128, i32)> {
    let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]
        .iter()
        .position(|known| *known == suffix);
    if let Some(index) = binary {
        return Some((1 << (10 * (index + 1)), 0));
    }
    if let Some((_, power)) = DECIMAL.iter().find(|(known, _)| *known == suffix) {
        return Some((1, *power));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((1, exponent.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, expected) in [
            ("4Gi", 4 << 30),
            ("+4Gi", 4 << 30),
            ("1.5Gi", 3 << 29),
            (".5Ki", 512),
            ("4294967296", 1 << 32),
            ("2G", 2_000_000_000),
            ("1e3", 1000),
            ("1E-3", 1),
            ("1E", 1_000_000_000_000_000_000),
            ("1500m", 2),
            ("1n", 1),
            ("1.k", 1000),
            ("1e-99", 1),
        ] {
            assert_eq!(bytes(&Quantity(text.to_owned())), Some(expected), "{text}");
        }
        for text in [
            "",
            "0",
            "0Gi",
            "-1",
            "four",
            "4Xi",
            "4 Gi",
            "1e99",
            "99Ei",
            "1e",
            "1.2.3",
            "9999999999999999999999999999999999999999",
            "1e-99999999999",
        ] {
            assert_eq!(bytes(&Quantity(text.to_owned())), None, "{text}");
        }
    }
}
