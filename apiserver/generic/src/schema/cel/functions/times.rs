//! Parts of times and durations.

use jiff::{SignedDuration, civil};

use super::{Budget, Fault, Value};

type Outcome<'a> = Result<Value<'a>, Fault>;

/// A part of the clock, in UTC or in the zone that was asked for.
fn part<'a>(arguments: &[Value<'a>], part: impl Fn(civil::DateTime) -> i64) -> Outcome<'a> {
    let zone = match arguments.get(1) {
        None => None,
        Some(Value::Text(zone)) => Some(&**zone),
        Some(_) => return Err(Fault::NoSuchOverload),
    };
    match &arguments[0] {
        Value::Timestamp(time) => Ok(Value::Int(part(time.clock(zone)?))),
        _ => Err(Fault::NoSuchOverload),
    }
}

pub(super) fn year<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| clock.year().into())
}

pub(super) fn month<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| i64::from(clock.month()) - 1)
}

pub(super) fn date<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| clock.day().into())
}

pub(super) fn day_of_month<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| i64::from(clock.day()) - 1)
}

pub(super) fn day_of_week<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| clock.weekday().to_sunday_zero_offset().into())
}

pub(super) fn day_of_year<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| i64::from(clock.day_of_year()) - 1)
}

pub(super) fn hours<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| clock.hour().into())
}

pub(super) fn minutes<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| clock.minute().into())
}

pub(super) fn seconds<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| clock.second().into())
}

pub(super) fn milliseconds<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    part(arguments, |clock| clock.millisecond().into())
}

/// A duration in whole units.
fn whole<'a>(arguments: &[Value<'a>], unit: impl Fn(SignedDuration) -> i64) -> Outcome<'a> {
    match &arguments[0] {
        Value::Duration(duration) => Ok(Value::Int(unit(*duration))),
        _ => Err(Fault::NoSuchOverload),
    }
}

pub(super) fn whole_hours<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    whole(arguments, |duration| duration.as_hours())
}

pub(super) fn whole_minutes<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    whole(arguments, |duration| duration.as_mins())
}

pub(super) fn whole_seconds<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    whole(arguments, |duration| duration.as_secs())
}

pub(super) fn sub_milliseconds<'a>(arguments: &[Value<'a>], _budget: &mut Budget) -> Outcome<'a> {
    whole(arguments, |duration| {
        i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
    })
}
