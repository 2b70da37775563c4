//! Shared by the scenarios: a site with a PostgreSQL, the service on it, clients that record acknowledgements, and the
//! check of all of them.

pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod cluster;
mod commits;
pub(crate) mod ledger;
pub(crate) mod load;
pub(crate) mod open_load;
pub(crate) mod proxy;
pub(crate) mod run;
pub(crate) mod site;

use std::time::{Duration, Instant};

/// Allowance for response times, for other work of the machine and of the clients in this process.
pub(crate) const SLACK: Duration = Duration::from_millis(500);

/// Waits until a condition holds, and fails after a time. Returns how long it took.
pub(crate) async fn until(what: &str, most: Duration, mut reached: impl AsyncFnMut() -> bool) -> Duration {
    let start = Instant::now();
    while !reached().await {
        assert!(start.elapsed() < most, "not within {most:?}: {what}");
        // Another process sends no event when its state changes, so the test polls.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

/// A seeded pseudo-random generator (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// Chooses a seed and prints it.
    pub(crate) fn new() -> Self {
        let seed = u64::from(std::process::id());
        println!("seed {seed}");
        Self(seed)
    }

    /// A number below a bound.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// Waits for a random time, so that the next step meets the load at a random moment.
    pub(crate) async fn moment(&mut self, most: Duration) {
        let micros = u64::try_from(most.as_micros()).unwrap();
        tokio::time::sleep(Duration::from_micros(self.below(micros))).await;
    }
}

/// A quantile of the times, which it sorts; zero if there are none.
pub(crate) fn quantile(times: &mut [Duration], per_mille: usize) -> Duration {
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    times.get(last * per_mille / 1_000).copied().unwrap_or_default()
}
