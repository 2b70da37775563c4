//! Sets of items, stored as bits.

use crate::screening::answers::Answers;
use crate::screening::questionnaire::{Audiences, CATALOGUE, Item};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemSet(u128);

const _: () = assert!(Item::COUNT <= 128, "a set of items has one bit for each item");

impl ItemSet {
    pub const EMPTY: Self = Self(0);

    #[must_use]
    pub const fn of(item: Item) -> Self {
        Self(1 << item as u32)
    }

    /// The unanswered items of these audiences that can still be answered. A test that the person was unable to do has no
    /// value.
    #[must_use]
    pub fn unanswered(answers: &Answers, audiences: Audiences) -> Self {
        let unable = answers.get(Item::TestsUnable).unwrap_or_default();
        let tested = Item::TESTED.into_iter().enumerate().filter(|(bit, _)| unable & (1 << bit) != 0);
        let impossible: Self = tested.map(|(_, item)| item).collect();
        let open =
            CATALOGUE.iter().filter(|spec| audiences.include(spec.audience()) && answers.get(spec.item).is_none());
        open.map(|spec| spec.item).collect::<Self>().without(impossible)
    }

    #[must_use]
    pub const fn has(self, item: Item) -> bool {
        self.0 & Self::of(item).0 != 0
    }

    /// Whether every item of the other set is in this one.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The union.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The difference.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The intersection.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[must_use]
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The items, in the order of the catalogue.
    pub fn iter(self) -> impl Iterator<Item = Item> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let place = left.trailing_zeros();
            // Clears the lowest bit.
            left &= left.checked_sub(1)?;
            CATALOGUE.get(usize::try_from(place).ok()?).map(|spec| spec.item)
        })
    }

    /// Every subset of this size.
    pub fn subsets(self, size: u32) -> impl Iterator<Item = Self> {
        let items: Vec<Item> = self.iter().collect();
        let choices = 0..1_u64 << items.len();
        choices.filter(move |choice| choice.count_ones() == size).map(move |choice| {
            let chosen = items.iter().enumerate().filter(|(place, _)| choice & (1 << place) != 0);
            chosen.map(|(_, item)| *item).collect()
        })
    }
}

impl FromIterator<Item> for ItemSet {
    fn from_iter<T: IntoIterator<Item = Item>>(items: T) -> Self {
        items.into_iter().fold(Self::EMPTY, |set, item| set.with(Self::of(item)))
    }
}
