//! Seals of the audit log: the sealed columns of an entry, the chain of the seals, and the ways in which it can be broken.

use std::fmt;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use jiff::Timestamp;
use uuid::Uuid;

use super::AuditEntry;
use crate::ids::{AuditEntryId, ClinicId};

/// Keyed hash of an entry, truncated to a length that cannot be guessed.
pub type EntryMac = [u8; 16];
/// Keyed hash of a seal.
pub type SealMac = [u8; 32];

/// The previous hash of the first seal of a chain.
pub const NOTHING: SealMac = [0; 32];

/// The columns of an entry as texts, in the order in which they are hashed. They are texts because a value written into
/// the database by other means may not parse as a domain value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(pub Vec<Option<String>>);

/// The end of a chain, as written to the log. If the chain later ends before this seal, it was truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    pub clinic_id: ClinicId,
    /// The number of the last seal, counted from 1.
    pub seal_number: i64,
    pub mac: SealMac,
}

/// A difference between the stored audit log and what the service wrote; its `Display` states the difference. Numbers are
/// those of seals, 0 for the last one of an empty chain. A tombstone is named by the first seal that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    EntryChanged(AuditEntryId),
    EntryMissing(AuditEntryId),
    EntryAdded(AuditEntryId),
    EntrySealedTwice(AuditEntryId),
    SealsMissing { first: i64, last: i64 },
    SealChanged(i64),
    SealOutOfOrder(i64),
    ChainCut { known: i64, last: i64 },
    SealReplaced(i64),
    SealNotPruned(i64),
    TombstoneChanged(i64),
    TombstoneOutOfOrder(i64),
}

/// The replacement of entries and seals that reached the end of their retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    pub first_seal: i64,
    pub last_seal: i64,
    /// The number of entries that these seals covered.
    pub entries: i64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    /// The hash of the seal before the first removed one.
    pub previous_mac: SealMac,
    /// The hash of the last removed seal.
    pub last_mac: SealMac,
    pub pruned_at: Timestamp,
}

/// The fields of a tombstone that the verification reads.
#[derive(Clone, Copy, Debug)]
pub struct Pruned {
    pub first_seal: i64,
    pub entries: i64,
    /// The last removed seal, and whether the tombstone's own hash is valid.
    pub link: Link,
}

/// The state of a verification along the seals of one chain.
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    next: i64,
    previous: Option<SealMac>,
}

/// The fields of a seal that the verification reads.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    pub seal_number: i64,
    /// Whether its own hash is valid.
    pub genuine: bool,
    /// The hash of the seal that it states as its predecessor.
    pub previous_mac: SealMac,
    pub mac: SealMac,
}

impl Columns {
    /// The columns as the database holds them; the resources of folded refusals are last. Entries written before that
    /// column existed were hashed without it, so an empty list is left out.
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
    /// Reads the next tombstone, in the order of numbers and before any seal, and returns the breaks at it or before it.
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

    /// Reads the next seal, in the order of numbers, and returns the breaks at it or before it.
    pub fn follow(&mut self, link: Link) -> Vec<Break> {
        let number = link.seal_number;
        if number < self.next {
            return vec![if link.genuine { Break::SealNotPruned(number) } else { Break::SealChanged(number) }];
        }
        let mut broken = Vec::new();
        if number > self.next {
            broken.push(Break::SealsMissing { first: self.next, last: number - 1 });
            self.previous = None;
        }
        if !link.genuine {
            broken.push(Break::SealChanged(number));
        } else if self.previous.is_some_and(|previous| previous != link.previous_mac) {
            broken.push(Break::SealOutOfOrder(number));
        }
        self.advance(link);
        broken
    }

    /// After a changed seal or tombstone the expected previous hash is unknown.
    fn advance(&mut self, link: Link) {
        self.previous = link.genuine.then_some(link.mac);
        self.next = self.next.max(link.seal_number.saturating_add(1));
    }

    /// The hash of the last seal so far; `None` if it cannot be known.
    pub const fn last_mac(&self) -> Option<SealMac> {
        self.previous
    }

    /// The number of the last seal so far; 0 before the first.
    pub const fn last(&self) -> i64 {
        self.next - 1
    }
}

impl Head {
    /// Every head in a log line, regardless of the text around it.
    pub fn all_in(line: &str) -> impl Iterator<Item = Self> {
        line.split(|c: char| !c.is_ascii_hexdigit() && c != '-' && c != '/').filter_map(Self::parse)
    }

    fn parse(token: &str) -> Option<Self> {
        let mut parts = token.split('/');
        let (clinic, number, mac) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || clinic.len() != 36 {
            return None;
        }
        let mac = HEXLOWER_PERMISSIVE.decode(mac.as_bytes()).ok()?.try_into().ok()?;
        let clinic_id = ClinicId(Uuid::try_parse(clinic).ok()?);
        Some(Self { clinic_id, seal_number: number.parse().ok()?, mac })
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.clinic_id, self.seal_number, HEXLOWER.encode(&self.mac))
    }
}

impl Break {
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
                write!(f, "entry {id} was added: no seal covers it, and the service did not queue it for sealing")
            }
            Self::EntrySealedTwice(id) => write!(f, "entry {id} is sealed, or queued for sealing, more than once"),
            Self::SealsMissing { first, last } if first == last => write!(f, "seal {first} is missing"),
            Self::SealsMissing { first, last } => write!(f, "seals {first} to {last} are missing"),
            Self::SealChanged(number) => write!(f, "seal {number} was changed"),
            Self::SealOutOfOrder(number) => write!(f, "seal {number} does not follow the seal before it"),
            Self::ChainCut { known, last } => {
                write!(f, "the chain was cut: it ends with seal {last}, but seal {known} is known")
            }
            Self::SealReplaced(number) => write!(f, "seal {number} differs from the known seal"),
            Self::SealNotPruned(number) => {
                write!(f, "seal {number} exists, but a tombstone says that it was removed")
            }
            Self::TombstoneChanged(first) => write!(f, "the tombstone of the seals from {first} on was changed"),
            Self::TombstoneOutOfOrder(first) => {
                write!(f, "the tombstone of the seals from {first} on does not follow its predecessor")
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
    fn only_the_missing_seal_is_reported() {
        assert_eq!(walk(&[link(2), link(3)]), [Break::SealsMissing { first: 1, last: 1 }]);
        assert_eq!(walk(&[link(1), link(4), link(5)]), [Break::SealsMissing { first: 2, last: 3 }]);
    }

    #[test]
    fn a_changed_seal_is_reported_and_the_one_after_it_is_not() {
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
    fn a_chain_continues_after_a_tombstone_and_each_broken_tombstone_is_reported() {
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
    fn a_head_is_found_in_any_line_and_a_malformed_one_is_ignored() {
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
