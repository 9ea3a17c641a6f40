//! Values that upstream's definitions take in and the usual types can't hold. One object that can't be read would hide all
//! others of its kind from whoever follows it, in every namespace; so each is read as what comes nearest to it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::{Deserialize, Deserializer, de::Error as _};

/// Digits of a fraction of a second that count.
const FRACTION: usize = 9;

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Int(i64),
    Text(String),
}

/// A number of more than 32 bits is kept as a text, in which nobody finds a number.
pub(crate) fn int_or_string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IntOrString, D::Error> {
    Number::deserialize(deserializer).map(IntOrString::from)
}

pub(crate) fn optional_int_or_string<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<IntOrString>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    Ok(number.map(IntOrString::from))
}

impl From<Number> for IntOrString {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(number) => i32::try_from(number).map_or_else(|_| Self::String(number.to_string()), Self::Int),
            Number::Text(text) => Self::String(text),
        }
    }
}

/// A time with any number of digits after the second, and the last there is for one after that.
pub(crate) fn optional_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let time = text.map(|text| timestamp(&text).map(Time).map_err(D::Error::custom));
    time.transpose()
}

fn timestamp(text: &str) -> Result<Timestamp, jiff::Error> {
    let error = match text.parse() {
        Ok(time) => return Ok(time),
        Err(error) => error,
    };
    if text.starts_with("9999-12-31") {
        return Ok(Timestamp::MAX);
    }
    let (whole, rest) = text.split_once('.').ok_or_else(|| error.clone())?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = rest.split_at(digits);
    format!("{whole}.{fraction:.FRACTION$}{zone}").parse()
}

#[cfg(test)]
mod tests {
    use crate::upstream::capi::{MachineDeployment, MachineDeploymentSpec};
    use serde_json::{Value, json};

    fn read(rollout: Value) -> Result<Value, serde_json::Error> {
        let object = json!({"metadata": {"name": "a"}, "spec": {"rollout": rollout}});
        let object: MachineDeployment = serde_json::from_value(object)?;
        let MachineDeploymentSpec { rollout, .. } = object.spec;
        serde_json::to_value(rollout)
    }

    #[test]
    fn what_no_type_holds_is_read_as_what_comes_nearest() {
        let surge = |surge: Value| json!({"strategy": {"rollingUpdate": {"maxSurge": surge}}});
        for (sent, kept) in [
            (json!(1), json!(1)),
            (json!("25%"), json!("25%")),
            (json!(i64::MAX), json!("9223372036854775807")),
        ] {
            assert_eq!(read(surge(sent)).unwrap(), surge(kept));
        }
        for (sent, kept) in [
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00.123456789012+01:00", "2025-12-31T23:00:00Z"),
            ("9999-12-31T23:59:59-12:00", "9999-12-30T22:00:00Z"),
        ] {
            assert_eq!(read(json!({"after": sent})).unwrap(), json!({"after": kept}), "{sent}");
        }
        assert_eq!(read(json!({"after": null})).unwrap(), json!({}));
        assert!(read(json!({"after": "soon"})).is_err());
    }
}
