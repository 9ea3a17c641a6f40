//! `resource.Quantity`: numbers with a unit, such as `500m` and `1Gi`.

const WRONG_FORMAT: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_NUMBER: &str = "unable to parse numeric part of quantity";
const WRONG_SUFFIX: &str = "unable to parse quantity's suffix";

/// Smaller parts of a number are rounded up.
const NANO: i32 = -9;
/// As many digits as are reckoned with here; longer numbers stay as they were sent.
const MOST_DIGITS: usize = 30;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// `k`, `M`, `m`: a power of ten.
    Decimal(i32),
    /// `e3`: a power of ten, written as such.
    Exponent(i32),
    /// `Ki`, `Mi`: a power of two.
    Binary(u32),
}

/// The form in which a quantity is shown.
pub(super) fn canonical(text: &str) -> Result<String, &'static str> {
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, rest) = split_digits(rest);
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => split_digits(rest),
        None => ("", rest),
    };
    if text.is_empty() || !is_suffix(suffix) {
        return Err(WRONG_FORMAT);
    }
    let unit = unit(suffix).ok_or(WRONG_SUFFIX)?;
    let digits = format!("{}{fraction}", whole.trim_start_matches('0'));
    if digits.len() > MOST_DIGITS {
        return Ok(text.to_owned());
    }
    let number: i128 = if digits.is_empty() {
        0
    } else {
        digits.parse().map_err(|_| WRONG_NUMBER)?
    };
    let scale = i32::try_from(fraction.len()).map_err(|_| WRONG_NUMBER)?;
    let shown = shown(number, scale, unit).unwrap_or_else(|| text.to_owned());
    Ok(if is_negative && shown != "0" {
        format!("-{shown}")
    } else {
        shown
    })
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// Letters, perhaps a sign, digits.
fn is_suffix(suffix: &str) -> bool {
    let rest = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    rest.bytes().all(|byte| byte.is_ascii_digit())
}

fn unit(suffix: &str) -> Option<Unit> {
    const DECIMAL: [(&str, i32); 10] = [
        ("n", -9),
        ("u", -6),
        ("m", -3),
        ("", 0),
        ("k", 3),
        ("M", 6),
        ("G", 9),
        ("T", 12),
        ("P", 15),
        ("E", 18),
    ];
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Some(Unit::Decimal(*exponent));
    }
    if let Some(at) = BINARY.iter().position(|name| *name == suffix) {
        return Some(Unit::Binary(10 * (u32::try_from(at).ok()? + 1)));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    Some(Unit::Exponent(exponent))
}

const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// `number / 10^scale` of this unit; none where it is beyond what is reckoned with.
fn shown(number: i128, scale: i32, unit: Unit) -> Option<String> {
    match unit {
        Unit::Decimal(exponent) => decimal(number, exponent - scale, false),
        Unit::Exponent(exponent) => decimal(number, exponent.checked_sub(scale)?, true),
        Unit::Binary(exponent) => {
            let number = number.checked_mul(1_i128.checked_shl(exponent)?)?;
            let divisor = 10_i128.checked_pow(u32::try_from(scale).ok()?)?;
            let bytes = number / divisor;
            if number % divisor != 0 || bytes < 1024 {
                return decimal(number, -scale, false);
            }
            // More does not fit, and is cut.
            Some(binary(bytes.min(i64::MAX.into())))
        }
    }
}

fn binary(mut bytes: i128) -> String {
    let mut power = 0;
    while bytes >= 1024 && bytes % 1024 == 0 && power < BINARY.len() {
        bytes /= 1024;
        power += 1;
    }
    match power {
        0 => bytes.to_string(),
        power => format!("{bytes}{}", BINARY[power - 1]),
    }
}

/// `number * 10^exponent` with a unit whose exponent is a multiple of three.
fn decimal(mut number: i128, mut exponent: i32, as_exponent: bool) -> Option<String> {
    while exponent < NANO {
        let is_exact = number % 10 == 0;
        number = number / 10 + i128::from(!is_exact);
        exponent += 1;
    }
    if number == 0 {
        return Some("0".to_owned());
    }
    while number % 10 == 0 {
        number /= 10;
        exponent += 1;
    }
    while exponent % 3 != 0 {
        number = number.checked_mul(10)?;
        exponent -= 1;
    }
    Some(match exponent {
        0 => number.to_string(),
        _ if as_exponent => format!("{number}e{exponent}"),
        _ => {
            let name = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
            let at = usize::try_from(exponent / 3 + 3).ok()?;
            format!("{number}{}", name.get(at)?)
        }
    })
}
