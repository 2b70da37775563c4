//! Dates in searches: a prefix and a day or an instant, which together define a time span.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::search::Parameters;
use crate::domain::fault::{FaultCode, Sentence};

/// Start (inclusive) and end (exclusive).
pub(super) type Span = (Option<Timestamp>, Option<Timestamp>);

/// Parses an instant, or a day as its beginning in UTC. A year or a month is not accepted.
pub(in crate::http) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| midnight(text.parse().ok()?))
}

fn midnight(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The intersection of the spans of all values of a parameter.
pub(super) fn span(parameters: &mut Parameters, name: &str) -> Span {
    let mut span = (None, None);
    for value in parameters.all(name) {
        if let Some((from, to)) = one(&value) {
            span = (span.0.max(from), [span.1, to].into_iter().flatten().min());
        } else {
            let detail = Sentence::new(
                "must be a day or an instant with an offset, optionally after eq, ge, gt, le or lt",
                "debe ser un día o un instante con desplazamiento horario, opcionalmente tras eq, ge, gt, le o lt",
            );
            parameters.refuse(name, FaultCode::Format, detail);
        }
    }
    span
}

fn one(value: &str) -> Option<Span> {
    let split = value.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(0);
    let (prefix, text) = value.split_at(split);
    let (start, end) = bounds(text)?;
    Some(match prefix {
        "" | "eq" => (Some(start), Some(end)),
        "ge" => (Some(start), None),
        "gt" => (Some(end), None),
        "le" => (None, Some(end)),
        "lt" => (None, Some(start)),
        _ => return None,
    })
}

/// A UTC day, or an instant with microsecond precision as stored. A plus sign that was not encoded has become a space.
fn bounds(text: &str) -> Option<(Timestamp, Timestamp)> {
    if let Ok(start) = text.replace(' ', "+").parse::<Timestamp>() {
        return Some((start, start.checked_add(SignedDuration::from_micros(1)).ok()?));
    }
    let day: Date = (text.len() == 10).then(|| text.parse().ok()).flatten()?;
    Some((midnight(day)?, midnight(day.tomorrow().ok()?)?))
}
