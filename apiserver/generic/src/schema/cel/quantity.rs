//! Quantities such as `1.5Gi`, as exact as kube-apiserver's: whole nanos, up to 2^63 - 1.

use std::cmp::Ordering;

/// A quantity, in billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::schema) struct Quantity(i128);

const NANOS: i128 = 1_000_000_000;
/// 2^63 - 1 in nanos: what is larger counts as this.
const MAX: i128 = i64::MAX as i128 * NANOS;
/// What no exponent changes any more: beyond it, a number is capped or rounded.
const MAX_EXPONENT: i32 = 400;

impl Quantity {
    /// Reads one; none for what is no quantity.
    pub(super) fn parse(text: &str) -> Option<Quantity> {
        let (negative, number) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = number
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(number.len());
        let (digits, suffix) = number.split_at(end);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (binary, exponent) = scale(suffix)?;
        let nanos = nanos(whole, fraction, binary, exponent);
        Some(Quantity(if negative { -nanos } else { nanos }))
    }

    pub(super) fn whole(number: i64) -> Quantity {
        Quantity(i128::from(number) * NANOS)
    }

    pub(super) fn add(self, other: Quantity) -> Quantity {
        Quantity((self.0 + other.0).clamp(-MAX, MAX))
    }

    pub(super) fn sub(self, other: Quantity) -> Quantity {
        Quantity((self.0 - other.0).clamp(-MAX, MAX))
    }

    pub(super) fn sign(self) -> i64 {
        match self.0.cmp(&0) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        }
    }

    /// The whole number that it is; none for a fraction.
    pub(super) fn integer(self) -> Option<i64> {
        (self.0 % NANOS == 0).then(|| i64::try_from(self.0 / NANOS).ok())?
    }

    #[allow(clippy::cast_precision_loss, reason = "asked for as an approximation")]
    pub(super) fn approximate(self) -> f64 {
        self.0 as f64 / NANOS as f64
    }
}

/// What a suffix multiplies by: a power of two, and a power of ten.
fn scale(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "" => (0, 0),
        "Ki" => (10, 0),
        "Mi" => (20, 0),
        "Gi" => (30, 0),
        "Ti" => (40, 0),
        "Pi" => (50, 0),
        "Ei" => (60, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            (0, exponent.clamp(-MAX_EXPONENT, MAX_EXPONENT))
        }
    })
}

/// The number in nanos, rounded up and capped.
fn nanos(whole: &str, fraction: &str, binary: u32, exponent: i32) -> i128 {
    // As many digits as can't overflow; nothing sensible has more.
    let significant = if binary > 0 { 19 } else { 28 };
    let digits = whole.bytes().chain(fraction.bytes()).skip_while(|digit| *digit == b'0');
    let (mut mantissa, mut left_out, mut inexact) = (0_i128, 0_i32, false);
    for (at, digit) in digits.enumerate() {
        if at < significant {
            mantissa = mantissa * 10 + i128::from(digit - b'0');
        } else {
            left_out = left_out.saturating_add(1);
            inexact |= digit != b'0';
        }
    }
    mantissa <<= binary;
    let fraction = i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    let place = (exponent + 9).saturating_sub(fraction).saturating_add(left_out);
    let power = 10_i128.checked_pow(place.unsigned_abs());
    let nanos = match (place < 0, power) {
        (false, Some(power)) => mantissa.checked_mul(power).unwrap_or(MAX),
        (false, None) => mantissa.signum() * MAX,
        (true, Some(power)) => {
            inexact |= mantissa % power != 0;
            mantissa / power
        }
        (true, None) => {
            inexact |= mantissa != 0;
            0
        }
    };
    nanos.saturating_add(i128::from(inexact)).min(MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_exactly() {
        let table = [
            ("1", NANOS),
            ("-1.5", -NANOS * 3 / 2),
            ("100m", NANOS / 10),
            ("1.5Gi", 1536 * 1024 * 1024 * NANOS),
            ("1e3", 1000 * NANOS),
            ("12E", 9_223_372_036_854_775_807 * NANOS),
            ("1n", 1),
            ("0.1n", 1),
            ("1e-400", 1),
            ("1e400", MAX),
            ("00.50", NANOS / 2),
            (".5", NANOS / 2),
            ("5.", 5 * NANOS),
            ("0.000000000000000000001Ei", 1_152_922),
        ];
        for (text, nanos) in table {
            assert_eq!(Quantity::parse(text), Some(Quantity(nanos)), "{text}");
        }
        for text in ["", "-", ".", "1.2.3", "1KI", "1e", "e1", "1 Gi", "Gi", "1ki"] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }
}
