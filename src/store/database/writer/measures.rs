//! Metrics of the writers: queue length, refused work, batch sizes and commit times.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use super::Work;

pub(super) fn depth<W: Work>(waiting: usize) {
    gauge!("sarcoscreen_writer_waiting", "queue" => W::QUEUE_NAME).set(as_f64(waiting));
}

pub(super) fn shed<W: Work>() {
    counter!("sarcoscreen_writer_shed_total", "queue" => W::QUEUE_NAME).increment(1);
}

pub(super) fn committed<W: Work>(size: usize, took: Duration) {
    histogram!("sarcoscreen_writer_batch_size", "queue" => W::QUEUE_NAME).record(as_f64(size));
    histogram!("sarcoscreen_writer_commit_seconds", "queue" => W::QUEUE_NAME).record(took);
}

/// Exact: the counts are far below the limit of integers in a double.
fn as_f64(count: usize) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
