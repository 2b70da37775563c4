//! Sets of times, as searches ask for them.

use jiff::Timestamp;

/// A start (inclusive) and an end (exclusive); an absent one does not restrict.
pub type Span = (Option<Timestamp>, Option<Timestamp>);

/// A set of times: disjoint spans, the earliest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times(Vec<Span>);

impl Times {
    /// The union of spans.
    pub fn union(mut spans: Vec<Span>) -> Self {
        spans.retain(|span| !is_empty(*span));
        // An absent start sorts before all others.
        spans.sort();
        let mut joined: Vec<Span> = Vec::with_capacity(spans.len());
        for span in spans {
            match joined.last_mut() {
                Some(last) if last.1.is_none_or(|end| span.0.is_none_or(|start| start <= end)) => {
                    last.1 = last.1.zip(span.1).map(|(one, other)| one.max(other));
                }
                _ => joined.push(span),
            }
        }
        Self(joined)
    }

    /// The times in both sets.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let both = |(one, other): (&Span, &Span)| {
            let end = [one.1, other.1].into_iter().flatten().min();
            (one.0.max(other.0), end)
        };
        let pairs = self.0.iter().flat_map(|one| other.0.iter().map(move |other| (one, other)));
        Self::union(pairs.map(both).collect())
    }

    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The span from the start of the first to the end of the last.
    pub fn whole(&self) -> Span {
        let start = self.0.first().and_then(|span| span.0);
        (start, self.0.last().and_then(|span| span.1))
    }
}

fn is_empty((start, end): Span) -> bool {
    start.zip(end).is_some_and(|(start, end)| start >= end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn span(from: i64, to: i64) -> Span {
        (Some(at(from)), Some(at(to)))
    }

    #[test]
    fn spans_that_meet_are_joined_and_empty_ones_are_dropped() {
        let union = Times::union(vec![span(5, 7), span(1, 3), span(3, 4), span(9, 9), span(6, 8)]);
        assert_eq!(union.spans(), [span(1, 4), span(5, 8)]);
        assert_eq!(union.whole(), span(1, 8));
        assert_eq!(Times::union(vec![(None, Some(at(2))), (Some(at(1)), None)]).spans(), [(None, None)]);
    }

    #[test]
    fn the_times_of_both_sets_are_in_each() {
        let outside = Times::union(vec![(None, Some(at(2))), (Some(at(8)), None)]);
        let within = Times::union(vec![span(1, 9)]);
        assert_eq!(outside.and(&within).spans(), [span(1, 2), span(8, 9)]);
        assert!(outside.and(&Times::union(vec![span(3, 4)])).is_empty());
    }
}
