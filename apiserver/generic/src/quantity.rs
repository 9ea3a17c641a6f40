//! `resource.Quantity`: exact amounts such as `5`, `1500m`, `2Gi`, `1e3`, and the one text of each.

use std::{fmt, str::FromStr};

use serde_json::Value;

const NANO: i128 = 1_000_000_000;
/// The largest amount of a binary quantity, as kube-apiserver caps it.
const LARGEST_BINARY: i128 = i64::MAX as i128 * NANO;
/// No amount is larger than this, so that sums never overflow.
const LARGEST: i128 = i128::MAX / 4;
const DECIMAL: [(&str, i32); 10] = [
    ("E", 18),
    ("P", 15),
    ("T", 12),
    ("G", 9),
    ("M", 6),
    ("k", 3),
    ("", 0),
    ("m", -3),
    ("u", -6),
    ("n", -9),
];
/// Digits of a number that count: the others are too small to matter, or too many.
const SIGNIFICANT: usize = 37;
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// An amount, to the billionth part.
#[derive(Clone, Copy, Debug)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

/// How a quantity was written, and is written again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// `1500m`, `2k`
    Decimal,
    /// `2Gi`
    Binary,
    /// `2e3`
    Exponent,
}

/// Why a text is no quantity, in apimachinery's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoQuantity {
    /// Neither sign, digits nor suffix.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Form,
    /// An unknown suffix.
    #[error("unable to parse quantity's suffix")]
    Suffix,
    /// A number that is none.
    #[error("unable to parse numeric part of quantity")]
    Number,
}

impl Quantity {
    /// Nothing.
    pub const ZERO: Quantity = Quantity::count(0);

    /// So many.
    pub const fn count(count: u32) -> Quantity {
        Quantity {
            nano: count as i128 * NANO,
            format: Format::Decimal,
        }
    }

    /// The same of any whole number.
    pub(crate) fn whole(number: i64) -> Quantity {
        Quantity {
            nano: i128::from(number) * NANO,
            format: Format::Decimal,
        }
    }

    /// Of a JSON string or number.
    pub fn read(value: &Value) -> Result<Quantity, NoQuantity> {
        match value {
            Value::String(text) => text.parse(),
            Value::Number(number) => number.to_string().parse(),
            _ => Err(NoQuantity::Form),
        }
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.nano == 0
    }

    /// Whether it is less than nothing.
    pub fn is_negative(self) -> bool {
        self.nano < 0
    }

    /// Whether it is whole to the thousandth part, which is as closely as kube-apiserver looks.
    pub fn is_integer(self) -> bool {
        self.nano.div_euclid(NANO / 1000) % 1000 == 0
    }

    /// The sum, in the form of the first that is not zero.
    #[must_use]
    pub fn plus(self, other: Quantity) -> Quantity {
        Quantity {
            nano: (self.nano + other.nano).clamp(-LARGEST, LARGEST),
            format: if self.is_zero() { other.format } else { self.format },
        }
    }

    /// The difference, in the form of the first that is not zero.
    #[must_use]
    pub(crate) fn minus(self, other: Quantity) -> Quantity {
        self.plus(Quantity {
            nano: -other.nano,
            ..other
        })
    }

    /// -1, 0 or 1.
    pub(crate) fn sign(self) -> i64 {
        self.cmp(&Quantity::ZERO) as i64
    }

    /// The whole number that it is; none for a fraction.
    pub(crate) fn integer(self) -> Option<i64> {
        (self.nano % NANO == 0).then(|| i64::try_from(self.nano / NANO).ok())?
    }

    /// The nearest floating-point number, nearly.
    #[allow(clippy::cast_precision_loss, reason = "asked for as an approximation")]
    pub(crate) fn approximate(self) -> f64 {
        self.nano as f64 / NANO as f64
    }

    /// The difference, or zero where it would be less.
    #[must_use]
    pub fn minus_down_to_zero(self, other: Quantity) -> Quantity {
        if self > other {
            Quantity {
                nano: self.nano - other.nano,
                ..self
            }
        } else {
            Quantity::ZERO
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.nano.cmp(&other.nano)
    }
}

impl FromStr for Quantity {
    type Err = NoQuantity;

    fn from_str(text: &str) -> Result<Quantity, NoQuantity> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let number_end = unsigned
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(number_end);
        if number.is_empty() || !is_suffix(suffix) {
            return Err(NoQuantity::Form);
        }
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') {
            return Err(NoQuantity::Form);
        }
        if whole.is_empty() && fraction.is_empty() {
            return Err(NoQuantity::Number);
        }
        let (format, factor) = scale(suffix).ok_or(NoQuantity::Suffix)?;
        let amount = amount(whole, fraction, factor);
        let amount = if format == Format::Binary {
            amount.min(LARGEST_BINARY)
        } else {
            amount
        };
        Ok(Quantity {
            nano: if text.starts_with('-') { -amount } else { amount },
            format,
        })
    }
}

/// What a suffix multiplies with: a power of ten, or of two.
#[derive(Clone, Copy)]
enum Factor {
    Ten(i32),
    Two(u32),
}

fn is_suffix(suffix: &str) -> bool {
    let rest = suffix.trim_start_matches(|character| "eEinumkKMGTP".contains(character));
    let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn scale(suffix: &str) -> Option<(Format, Factor)> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some((Format::Decimal, Factor::Ten(*exponent)));
    }
    if let Some(position) = BINARY.iter().position(|name| *name == suffix) {
        return Some((Format::Binary, Factor::Two(u32::try_from(position).ok()? * 10)));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some((Format::Exponent, Factor::Ten(exponent)))
}

/// In billionths, rounded up; never more than the largest.
fn amount(whole: &str, fraction: &str, factor: Factor) -> i128 {
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let (counted, further) = digits.split_at(digits.len().min(SIGNIFICANT));
    // So few digits always are a number.
    let mantissa: i128 = counted.parse().unwrap_or(0);
    if mantissa == 0 {
        return 0;
    }
    let (binary, decimal) = match factor {
        Factor::Ten(exponent) => (0, exponent),
        Factor::Two(exponent) => (exponent, 0),
    };
    let Some(mantissa) = mantissa.checked_mul(1 << binary) else {
        return LARGEST;
    };
    let length = |digits: &str| i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let exponent = i64::from(decimal) + 9 + length(further) - length(fraction);
    let power = u32::try_from(exponent.unsigned_abs())
        .ok()
        .and_then(|power| 10_i128.checked_pow(power));
    let is_rounded = further.bytes().any(|digit| digit != b'0');
    let scaled = match power {
        Some(power) if exponent >= 0 => mantissa
            .checked_mul(power)
            .and_then(|scaled| scaled.checked_add(i128::from(is_rounded))),
        Some(power) => Some(mantissa / power + i128::from(is_rounded || mantissa % power != 0)),
        None if exponent < 0 => Some(1),
        None => None,
    };
    scaled.unwrap_or(LARGEST).min(LARGEST)
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nano = self.nano;
        if nano == 0 {
            return formatter.write_str("0");
        }
        if self.format == Format::Binary && nano % NANO == 0 && nano.abs() >= 1024 * NANO {
            let (mut number, mut suffix) = (nano / NANO, 0);
            while number % 1024 == 0 && suffix + 1 < BINARY.len() {
                number /= 1024;
                suffix += 1;
            }
            return write!(formatter, "{number}{}", BINARY[suffix]);
        }
        let fits = |exponent: i32| 10_i128.pow(exponent.unsigned_abs()) * NANO;
        for (suffix, exponent) in DECIMAL {
            let unit = if exponent < 0 {
                NANO / 10_i128.pow(exponent.unsigned_abs())
            } else {
                fits(exponent)
            };
            if nano % unit != 0 {
                continue;
            }
            let number = nano / unit;
            return match (self.format, exponent) {
                (Format::Exponent, 0) => write!(formatter, "{number}"),
                (Format::Exponent, exponent) => write!(formatter, "{number}e{exponent}"),
                _ => write!(formatter, "{number}{suffix}"),
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quantity(text: &str) -> Quantity {
        text.parse().unwrap()
    }

    #[test]
    fn each_amount_has_one_text() {
        for (given, canonical) in [
            ("0", "0"),
            ("0.0", "0"),
            ("00", "0"),
            ("5", "5"),
            ("+5", "5"),
            ("-5", "-5"),
            ("5.0", "5"),
            (".5", "500m"),
            ("5.", "5"),
            ("0.5", "500m"),
            ("1500m", "1500m"),
            ("1000", "1k"),
            ("1500", "1500"),
            ("1000k", "1M"),
            ("1000000E", "1000000E"),
            ("1Ki", "1Ki"),
            ("1024Ki", "1Mi"),
            ("100Ki", "100Ki"),
            ("0.5Ki", "512"),
            ("0.5Gi", "512Mi"),
            ("1.1Ki", "1126400m"),
            ("2e3", "2e3"),
            ("2000e0", "2e3"),
            ("1e-3", "1e-3"),
            ("12E2", "1200"),
            ("1n", "1n"),
            ("0.1n", "1n"),
            ("1e-1000", "1e-9"),
            ("16Ei", "9223372036854775807"),
            ("12E", "12E"),
            ("0.000000000000000000001Ei", "1152922n"),
            (
                "0.00000000000000000000000000000000000000000000000000000000000000000001",
                "1n",
            ),
            (
                "1.00000000000000000000000000000000000000000000000000000000000000000001",
                "1000000001n",
            ),
        ] {
            assert_eq!(quantity(given).to_string(), canonical, "{given}");
        }
    }

    #[test]
    fn other_texts_are_none() {
        let of = |text: &str| text.parse::<Quantity>().unwrap_err();
        for text in ["", "x", "1 ", " 1", "1.2.3", "--1", "1x", "Ki", "1Kix", "0x1", "½"] {
            assert_eq!(of(text), NoQuantity::Form, "{text:?}");
        }
        for text in ["1K", "1mm", "1e", "1Ki5", "1i"] {
            assert_eq!(of(text), NoQuantity::Suffix, "{text:?}");
        }
        assert_eq!(of("."), NoQuantity::Number);
        assert_eq!(Quantity::read(&Value::from(3)), Ok(Quantity::count(3)));
        assert_eq!(Quantity::read(&Value::Null), Err(NoQuantity::Form));
    }

    #[test]
    fn sums_and_differences() {
        assert_eq!(quantity("0").plus(quantity("1Ki")).to_string(), "1Ki");
        assert_eq!(quantity("999").plus(Quantity::count(1)).to_string(), "1k");
        assert_eq!(quantity("1").minus_down_to_zero(quantity("1500m")), Quantity::ZERO);
        assert_eq!(quantity("2").minus_down_to_zero(quantity("1500m")).to_string(), "500m");
        assert!(quantity("1k") < quantity("1Ki") && quantity("1000m") == quantity("1"));
        assert!(quantity("1.5").is_negative() != quantity("-1.5").is_negative());
        assert!(!quantity("1500m").is_integer() && quantity("1000m").is_integer());
    }

    proptest! {
        #[test]
        fn fuzz_amounts_near_right_ones(text in near_inputs::near_text(&["1500m", "2Gi", "1e3", "-0.5", "+12E", "100000000000000000000n", ".1Ki"], &["e", "E", "m", "Ki", "-", "."])) {
            if let Ok(quantity) = text.parse::<Quantity>() {
                let written = quantity.to_string();
                prop_assert_eq!(written.parse::<Quantity>(), Ok(quantity), "{} of {}", written, text);
            }
        }

        #[test]
        fn nothing_panics_and_what_is_written_reads_the_same(text in "[+-]?[0-9.]{0,30}([kKMGTPEinumKe]{0,2}[-+]?[0-9]{0,11})") {
            if let Ok(quantity) = text.parse::<Quantity>() {
                let written = quantity.to_string();
                prop_assert_eq!(written.parse::<Quantity>(), Ok(quantity), "{}", written);
                prop_assert_eq!(quantity.plus(quantity).minus_down_to_zero(quantity).is_negative(), false);
            }
        }
    }
}
