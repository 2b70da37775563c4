//! Dates in searches: a prefix and a year, a month, a day or an instant, which together define a set of times.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::search::Parameters;
use crate::domain::fault::{FaultCode, Sentence};
use crate::domain::times::{Span, Times};

/// The precision of stored times, and the shortest span that a search asks for.
const MICROSECOND: SignedDuration = SignedDuration::from_micros(1);
/// How far an approximate date reaches at least.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Parses an instant, or a day as its beginning in UTC. A year or a month is not accepted.
pub(in crate::http) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| midnight(text.parse().ok()?))
}

fn midnight(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The times that every occurrence of a parameter asks for; `None` if it is not given. A list is the union of its values.
pub(super) fn times(parameters: &mut Parameters, name: &str) -> Option<Times> {
    let mut found: Option<Times> = None;
    for list in parameters.choices(name) {
        let spans: Option<Vec<Vec<Span>>> = list.iter().map(|value| spans(value)).collect();
        let Some(spans) = spans else {
            let detail = Sentence::new(
                "must be a year, a month, a day or an instant, optionally after eq, ne, gt, ge, lt, le, sa, eb or ap",
                "debe ser un año, un mes, un día o un instante, opcionalmente tras eq, ne, gt, ge, lt, le, sa, eb o ap",
            );
            parameters.refuse(name, FaultCode::Format, detail);
            continue;
        };
        let times = Times::union(spans.concat());
        found = Some(found.map_or(times.clone(), |before| before.and(&times)));
    }
    found
}

/// The spans of one value. Every stored time is an instant, so `sa` equals `gt` and `eb` equals `lt`.
fn spans(value: &str) -> Option<Vec<Span>> {
    let split = value.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(0);
    let (prefix, text) = value.split_at(split);
    let (start, end) = period(text)?;
    Some(match prefix {
        "" | "eq" => vec![(Some(start), Some(end))],
        "ne" => vec![(None, Some(start)), (Some(end), None)],
        "ge" => vec![(Some(start), None)],
        "gt" | "sa" => vec![(Some(end), None)],
        "le" => vec![(None, Some(end))],
        "lt" | "eb" => vec![(None, Some(start))],
        "ap" => {
            let reach = end.duration_since(start).max(DAY);
            vec![(start.checked_sub(reach).ok(), end.checked_add(reach).ok())]
        }
        _ => return None,
    })
}

/// What a date covers: its start and its end, which is after it. Without an offset it is in UTC. A plus sign that was not
/// encoded has become a space.
pub(super) fn period(text: &str) -> Option<(Timestamp, Timestamp)> {
    let text = text.replace(' ', "+");
    if let Some((day, time)) = text.split_once('T') {
        return of_time(day, time);
    }
    let day = |text: &str| text.parse::<Date>().ok();
    let (first, last) = match text.len() {
        4 => day(&format!("{text}-01-01")).map(|first| (first, first.last_of_year())),
        7 => day(&format!("{text}-01")).map(|first| (first, first.last_of_month())),
        10 => day(&text).map(|day| (day, day)),
        _ => None,
    }?;
    // Some clients mean no end by the last day that there is.
    let end = last.tomorrow().ok().and_then(midnight).unwrap_or(Timestamp::MAX);
    Some((midnight(first).unwrap_or(Timestamp::MAX), end))
}

/// The span of a time: a minute, a second, or a part of a second.
fn of_time(day: &str, time: &str) -> Option<(Timestamp, Timestamp)> {
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let zone = if zone.is_empty() { "Z" } else { zone };
    let (clock, length) = match clock.len() {
        5 => (format!("{clock}:00"), SignedDuration::from_secs(60)),
        8 => (clock.to_owned(), SignedDuration::from_secs(1)),
        _ => {
            let digits = u32::try_from(clock.split_once('.')?.1.len()).ok()?;
            let part = 1_000_000_000_i64.checked_div(10_i64.checked_pow(digits)?)?;
            (clock.to_owned(), SignedDuration::from_nanos(part).max(MICROSECOND))
        }
    };
    let start: Timestamp = format!("{day}T{clock}{zone}").parse().ok()?;
    Some((start, start.checked_add(length).unwrap_or(Timestamp::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_date_covers_what_its_precision_leaves_open() {
        for (text, start, end) in [
            ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2026-11", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("2028-02-29", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
            ("2026-11-30T23:59", "2026-11-30T23:59:00Z", "2026-12-01T00:00:00Z"),
            ("2026-11-30T10:00:00Z", "2026-11-30T10:00:00Z", "2026-11-30T10:00:01Z"),
            ("2026-11-30T10:00:00.5+02:00", "2026-11-30T08:00:00.5Z", "2026-11-30T08:00:00.6Z"),
            ("2026-11-30T10:00:00 02:00", "2026-11-30T08:00:00Z", "2026-11-30T08:00:01Z"),
            ("2026-11-30T10:00:00.1234567Z", "2026-11-30T10:00:00.1234567Z", "2026-11-30T10:00:00.1234577Z"),
        ] {
            assert_eq!(period(text), Some((at(start), at(end))), "{text}");
        }
        for wrong in ["", "26", "2026-13", "2026-11-31", "2026-11-30T10", "2026-11-30T25:00:00Z", "today", "2026-1-1"] {
            assert_eq!(period(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_prefix_defines_the_side_of_the_period() {
        let (start, end) = (Some(at("2026-11-01T00:00:00Z")), Some(at("2026-12-01T00:00:00Z")));
        for (value, wanted) in [
            ("2026-11", vec![(start, end)]),
            ("ne2026-11", vec![(None, start), (end, None)]),
            ("sa2026-11", vec![(end, None)]),
            ("eb2026-11", vec![(None, start)]),
            ("ge2026-11", vec![(start, None)]),
            ("le2026-11", vec![(None, end)]),
            ("ap2026-11", vec![(Some(at("2026-10-02T00:00:00Z")), Some(at("2026-12-31T00:00:00Z")))]),
        ] {
            assert_eq!(spans(value), Some(wanted), "{value}");
        }
        assert_eq!(spans("xx2026"), None);
    }
}
