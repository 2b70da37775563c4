//! Seals of the audit trail: what is sealed of an entry, the chain that the seals make, and how a trail can be broken.

use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use super::audit::AuditEntry;
use super::ids::{AuditEntryId, ClinicId};

/// Keyed hash of an entry, cut to what nobody can guess.
pub type EntryMac = [u8; 16];
/// Keyed hash of a seal.
pub type SealMac = [u8; 32];

/// What the first seal of a chain follows.
pub const NOTHING: SealMac = [0; 32];

/// The columns of an entry, as texts in the order in which they are hashed. Texts, because whatever stands in a column
/// behind the service's back has one, though it may be no value of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(pub Vec<Option<String>>);

/// The end of a chain, as the log keeps it: a chain that ends before it was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// Whose chain.
    pub clinic_id: ClinicId,
    /// The number of the last seal, counted from 1.
    pub seal_number: i64,
    /// Its hash.
    pub mac: SealMac,
}

/// One thing that is not as the service left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// The entry is not what was written.
    EntryChanged(AuditEntryId),
    /// The entry was written and is not there.
    EntryMissing(AuditEntryId),
    /// The entry is there, and no seal covers it, nor does it wait for one as the service lets its entries wait.
    EntryAdded(AuditEntryId),
    /// More than one seal covers the entry.
    EntrySealedTwice(AuditEntryId),
    /// The seals from one number to another are not there.
    SealsMissing {
        /// The first of them.
        first: i64,
        /// The last of them.
        last: i64,
    },
    /// The seal is not what was written.
    SealChanged(i64),
    /// The seal does not follow the one before it: one of the two is of another chain.
    SealOutOfOrder(i64),
    /// A known seal lies beyond the end of the chain.
    ChainCut {
        /// The known seal.
        known: i64,
        /// The last seal that is there; 0 when there is none.
        last: i64,
    },
    /// The seal is another than the known one of this number.
    SealReplaced(i64),
    /// The seal is there, and a tombstone says that it was removed.
    SealNotPruned(i64),
    /// The tombstone of the seals from this number on is not what was written.
    TombstoneChanged(i64),
    /// The tombstone of the seals from this number on does not follow what is before it.
    TombstoneOutOfOrder(i64),
}

/// What takes the place of the entries and seals that reached the end of their retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The number of the first removed seal.
    pub first_seal: i64,
    /// The number of the last removed seal.
    pub last_seal: i64,
    /// How many entries these seals covered.
    pub entries: i64,
    /// When the oldest of these entries was written.
    pub first_at: Timestamp,
    /// When the newest of these entries was written.
    pub last_at: Timestamp,
    /// The hash of the seal before the first removed one.
    pub previous_mac: SealMac,
    /// The hash of the last removed seal.
    pub last_mac: SealMac,
    /// When they were removed.
    pub pruned_at: Timestamp,
}

/// What a walk looks at in a tombstone.
#[derive(Clone, Copy, Debug)]
pub struct Pruned {
    /// The number of the first removed seal.
    pub first_seal: i64,
    /// How many entries it says were removed.
    pub entries: i64,
    /// The last removed seal, and whether the tombstone's own hash is right.
    pub link: Link,
}

/// A walk along the seals of one chain.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    next: i64,
    previous: Option<SealMac>,
}

/// What a walk looks at in a seal.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The seal's number.
    pub seal_number: i64,
    /// Whether its own hash is right.
    pub genuine: bool,
    /// The hash that it says it follows.
    pub previous_mac: SealMac,
    /// Its own hash.
    pub mac: SealMac,
}

impl Columns {
    /// The columns as the database holds them, the things that folded refusals named last. Entries from before there was
    /// that column were hashed without it, so an empty list is left out.
    #[must_use]
    pub fn stored(mut columns: Vec<Option<String>>) -> Self {
        if columns.last().is_some_and(|last| last.as_deref() == Some("{}")) {
            columns.pop();
        }
        Self(columns)
    }
}

impl From<&AuditEntry> for Columns {
    fn from(entry: &AuditEntry) -> Self {
        let list = |ids: Vec<String>| Some(format!("{{{}}}", ids.join(",")));
        let subjects = entry.subject_ids.iter().map(ToString::to_string).collect();
        let resources = entry.resource_ids.iter().map(ToString::to_string).collect();
        Self::stored(vec![
            Some(entry.clinic_id.to_string()),
            Some(entry.audit_entry_id.to_string()),
            Some(entry.at.as_microsecond().to_string()),
            entry.credential_id.map(|id| id.to_string()),
            Some(entry.action.as_str().to_owned()),
            Some(entry.outcome.as_str().to_owned()),
            Some(entry.resource_id.to_string()),
            entry.subject_id.map(|id| id.to_string()),
            list(subjects),
            Some(entry.occurrences.to_string()),
            entry.request_id.map(|id| id.to_string()),
            list(resources),
        ])
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self { next: 1, previous: Some(NOTHING) }
    }
}

impl Chain {
    /// Takes the next tombstone, in the order of numbers and before any seal, and tells what is wrong with it or before it.
    pub fn follow_tombstone(&mut self, pruned: Pruned) -> Vec<Break> {
        let Pruned { first_seal, link, .. } = pruned;
        let mut broken = Vec::new();
        if first_seal > self.next {
            broken.push(Break::SealsMissing { first: self.next, last: first_seal - 1 });
            self.previous = None;
        }
        let follows = first_seal >= self.next && self.previous.is_none_or(|previous| previous == link.previous_mac);
        if !link.genuine {
            broken.push(Break::TombstoneChanged(first_seal));
        } else if !follows {
            broken.push(Break::TombstoneOutOfOrder(first_seal));
        }
        self.advance(link);
        broken
    }

    /// Takes the next seal, in the order of numbers, and tells what is wrong with it or before it.
    pub fn follow(&mut self, link: Link) -> Vec<Break> {
        let mut broken = Vec::new();
        if link.seal_number < self.next {
            let number = link.seal_number;
            return vec![if link.genuine { Break::SealNotPruned(number) } else { Break::SealChanged(number) }];
        }
        if link.seal_number > self.next {
            broken.push(Break::SealsMissing { first: self.next, last: link.seal_number - 1 });
            self.previous = None;
        }
        if !link.genuine {
            broken.push(Break::SealChanged(link.seal_number));
        } else if self.previous.is_some_and(|previous| previous != link.previous_mac) {
            broken.push(Break::SealOutOfOrder(link.seal_number));
        }
        self.advance(link);
        broken
    }

    /// Of a seal or a tombstone that was changed nothing can be said, not even what should follow it.
    fn advance(&mut self, link: Link) {
        self.previous = link.genuine.then_some(link.mac);
        self.next = self.next.max(link.seal_number.saturating_add(1));
    }

    /// The hash of the last seal so far; `None` where it cannot be known.
    #[must_use]
    pub const fn last_mac(&self) -> Option<SealMac> {
        self.previous
    }

    /// The number of the last seal so far; 0 before the first.
    #[must_use]
    pub const fn last(&self) -> i64 {
        self.next - 1
    }
}

impl Head {
    /// Every head that stands in a line of a log, whatever stands around it.
    pub fn all_in(line: &str) -> impl Iterator<Item = Self> {
        line.split(|c: char| !c.is_ascii_hexdigit() && c != '-' && c != '/').filter_map(Self::parse)
    }

    fn parse(token: &str) -> Option<Self> {
        let mut parts = token.split('/');
        let (clinic, number, mac) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || clinic.len() != 36 || mac.len() != 64 {
            return None;
        }
        let mut bytes = NOTHING;
        for (byte, digits) in bytes.iter_mut().zip(mac.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        let clinic_id = ClinicId(Uuid::try_parse(clinic).ok()?);
        Some(Self { clinic_id, seal_number: number.parse().ok()?, mac: bytes })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/", self.clinic_id, self.seal_number)?;
        self.mac.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Break {
    /// Its name in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::EntryChanged(_) => "entry_changed",
            Self::EntryMissing(_) => "entry_missing",
            Self::EntryAdded(_) => "entry_added",
            Self::EntrySealedTwice(_) => "entry_sealed_twice",
            Self::SealsMissing { .. } => "seals_missing",
            Self::SealChanged(_) => "seal_changed",
            Self::SealOutOfOrder(_) => "seal_out_of_order",
            Self::ChainCut { .. } => "chain_cut",
            Self::SealReplaced(_) => "seal_replaced",
            Self::SealNotPruned(_) => "seal_not_pruned",
            Self::TombstoneChanged(_) => "tombstone_changed",
            Self::TombstoneOutOfOrder(_) => "tombstone_out_of_order",
        }
    }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EntryChanged(id) => write!(f, "entry {id} was changed"),
            Self::EntryMissing(id) => write!(f, "entry {id} is missing"),
            Self::EntryAdded(id) => {
                write!(f, "entry {id} was added: no seal covers it, and the service did not put it up for one")
            }
            Self::EntrySealedTwice(id) => write!(f, "entry {id} is sealed, or waits, more than once"),
            Self::SealsMissing { first, last } if first == last => write!(f, "seal {first} is missing"),
            Self::SealsMissing { first, last } => write!(f, "seals {first} to {last} are missing"),
            Self::SealChanged(number) => write!(f, "seal {number} was changed"),
            Self::SealOutOfOrder(number) => write!(f, "seal {number} does not follow the seal before it"),
            Self::ChainCut { known, last } => {
                write!(f, "the chain was cut: it ends with seal {last}, and seal {known} is known")
            }
            Self::SealReplaced(number) => write!(f, "seal {number} is another than the known one"),
            Self::SealNotPruned(number) => {
                write!(f, "seal {number} is there, and a tombstone says that it was removed")
            }
            Self::TombstoneChanged(first) => write!(f, "the tombstone of the seals from {first} on was changed"),
            Self::TombstoneOutOfOrder(first) => {
                write!(f, "the tombstone of the seals from {first} on does not follow what is before it")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(number: i64) -> Link {
        let mac = |number: i64| [u8::try_from(number).unwrap(); 32];
        Link { seal_number: number, genuine: true, previous_mac: mac(number - 1), mac: mac(number) }
    }

    fn walk(links: &[Link]) -> Vec<Break> {
        let mut chain = Chain::default();
        links.iter().flat_map(|link| chain.follow(*link)).collect()
    }

    #[test]
    fn a_whole_chain_has_no_break() {
        assert_eq!(walk(&[link(1), link(2), link(3)]), []);
    }

    #[test]
    fn a_missing_seal_is_named_and_nothing_else() {
        assert_eq!(walk(&[link(2), link(3)]), [Break::SealsMissing { first: 1, last: 1 }]);
        assert_eq!(walk(&[link(1), link(4), link(5)]), [Break::SealsMissing { first: 2, last: 3 }]);
    }

    #[test]
    fn a_changed_seal_is_named_and_not_the_one_after_it() {
        let changed = Link { genuine: false, mac: [9; 32], ..link(2) };
        assert_eq!(walk(&[link(1), changed, link(3)]), [Break::SealChanged(2)]);
    }

    #[test]
    fn a_genuine_seal_of_another_chain_is_out_of_order() {
        let other = Link { previous_mac: [9; 32], ..link(2) };
        assert_eq!(walk(&[link(1), other, link(3)]), [Break::SealOutOfOrder(2)]);
        assert_eq!(walk(&[Link { previous_mac: [9; 32], ..link(1) }]), [Break::SealOutOfOrder(1)]);
    }

    #[test]
    fn a_chain_goes_on_after_a_tombstone_and_each_thing_wrong_with_one_is_named() {
        let pruned = |first_seal, last| Pruned {
            first_seal,
            entries: 1,
            link: Link { previous_mac: link(first_seal).previous_mac, ..link(last) },
        };
        let walk = |tombstones: &[Pruned], seals: &[Link]| {
            let mut chain = Chain::default();
            let mut broken: Vec<Break> = tombstones.iter().flat_map(|one| chain.follow_tombstone(*one)).collect();
            broken.extend(seals.iter().flat_map(|link| chain.follow(*link)));
            broken
        };
        assert_eq!(walk(&[pruned(1, 3), pruned(4, 5)], &[link(6), link(7)]), []);
        assert_eq!(walk(&[pruned(1, 3)], &[link(3), link(4)]), [Break::SealNotPruned(3)]);
        assert_eq!(walk(&[pruned(1, 3)], &[link(6)]), [Break::SealsMissing { first: 4, last: 5 }]);
        assert_eq!(walk(&[pruned(4, 5)], &[link(6)]), [Break::SealsMissing { first: 1, last: 3 }]);
        assert_eq!(walk(&[pruned(1, 3), pruned(3, 5)], &[link(6)]), [Break::TombstoneOutOfOrder(3)]);
        let mut other = pruned(4, 5);
        other.link.previous_mac = [9; 32];
        assert_eq!(walk(&[pruned(1, 3), other], &[link(6)]), [Break::TombstoneOutOfOrder(4)]);
        let mut changed = pruned(1, 3);
        changed.link.genuine = false;
        assert_eq!(walk(&[changed], &[link(4), link(5)]), [Break::TombstoneChanged(1)]);
        assert_eq!(walk(&[pruned(1, 3)], &[Link { previous_mac: [9; 32], ..link(4) }]), [Break::SealOutOfOrder(4)]);
    }

    #[test]
    fn a_head_is_found_in_any_line_and_a_broken_one_is_none() {
        let head = Head { clinic_id: ClinicId(Uuid::from_u128(7)), seal_number: 12, mac: [0xab; 32] };
        for line in
            [format!("{head}"), format!("INFO sealed head={head} entries=3"), format!("{{\"head\":\"{head}\"}}")]
        {
            assert_eq!(Head::all_in(&line).collect::<Vec<_>>(), [head], "{line}");
        }
        let text = head.to_string();
        for broken in [&text[1..], &text[..text.len() - 1], &text.replace('-', ""), &text.replace("/12/", "/x/")] {
            assert_eq!(Head::all_in(broken).count(), 0, "{broken}");
        }
    }
}
