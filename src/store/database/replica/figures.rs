//! Metrics of a replica: its state, and the number of reads by server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use metrics::{counter, gauge};

use super::{Replica, Reports};

/// The state of a replica, and the number of reads by server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaFigures {
    /// Whether reads use the replica now.
    pub in_use: bool,
    /// Upper limit of the age of its data. `None` while unknown.
    pub age: Option<Duration>,
    /// Reads answered by the replica.
    pub on_replica: u64,
    /// Reads that the replica was eligible for, answered by the primary.
    pub on_primary: u64,
}

/// The number of reads by server.
#[derive(Default)]
pub(super) struct SharedOut {
    on_replica: AtomicU64,
    on_primary: AtomicU64,
}

impl SharedOut {
    pub(super) fn to_replica(&self) {
        self.on_replica.fetch_add(1, Ordering::Relaxed);
        counter!("sarcoscreen_reads_total", "from" => "replica").increment(1);
    }

    pub(super) fn to_primary(&self) {
        self.on_primary.fetch_add(1, Ordering::Relaxed);
        counter!("sarcoscreen_reads_total", "from" => "primary").increment(1);
    }
}

impl Reports {
    /// The metrics of the replica. `None` if none is configured.
    #[must_use]
    pub fn replica_figures(&self) -> Option<ReplicaFigures> {
        self.replica.as_ref().map(|replica| replica.figures())
    }
}

impl Replica {
    fn figures(&self) -> ReplicaFigures {
        ReplicaFigures {
            in_use: self.fresh(),
            age: self.standing.borrow().complete_until().map(|at| at.elapsed()),
            on_replica: self.shared_out.on_replica.load(Ordering::Relaxed),
            on_primary: self.shared_out.on_primary.load(Ordering::Relaxed),
        }
    }

    /// Updates the gauges of the replica.
    pub(super) fn tell_figures(&self) {
        let figures = self.figures();
        gauge!("sarcoscreen_replica_in_use").set(if figures.in_use { 1.0 } else { 0.0 });
        if let Some(age) = figures.age {
            gauge!("sarcoscreen_replica_age_seconds").set(age.as_secs_f64());
        }
    }
}
