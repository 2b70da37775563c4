//! A small repeatable generator, so that the demo cohort is always the same. Not for keys.

/// The state of the generator (splitmix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = u64::from(high.abs_diff(low)) + 1;
        low.saturating_add(i32::try_from(self.next() % span).unwrap_or_default())
    }

    /// Like [`Self::between`], with the middle more likely than the ends.
    pub(super) fn around(&mut self, low: i32, high: i32) -> i32 {
        (self.between(low, high) + self.between(low, high) + self.between(low, high)) / 3
    }

    /// `true` with a probability in thousandths.
    pub(super) fn chance(&mut self, thousandths: i32) -> bool {
        self.between(1, 1000) <= thousandths
    }

    pub(super) fn pick<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        let last = i32::try_from(among.len()).unwrap_or(i32::MAX) - 1;
        among.get(usize::try_from(self.between(0, last.max(0))).unwrap_or_default()).copied()
    }
}
