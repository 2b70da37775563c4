//! Verifies the audit log: every entry is as written, every seal follows the one before it, and nothing was added, removed
//! or truncated. Keeps at most a few thousand hashes in memory, independent of the length of the log.

use std::collections::BTreeMap;

use crate::app::{App, Result, progress::Progress};
use crate::domain::audit::seal::{Break, Chain, EntryMac, Head, Pruned};
use crate::domain::ids::{AuditEntryId, ClinicId};
use crate::store::audit::trail::{AuditSnapshot, ENTRIES, PendingEntry};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Chains: clinics whose audit log has seals, and the system.
    pub chains: u64,
    pub entries: u64,
    pub seals: u64,
    /// Unsealed entries.
    pub waiting: u64,
    pub tombstones: u64,
    /// Entries removed, according to the tombstones.
    pub pruned_entries: u64,
    /// Seals removed, according to the tombstones.
    pub pruned_seals: u64,
    pub heads: u64,
    pub breaks: u64,
}

/// Verifies the audit log of one clinic, or of all clinics and the system, and reports every break as it is found.
pub async fn verify(
    app: &App,
    clinic_id: Option<ClinicId>,
    heads: impl Iterator<Item = Head>,
    found: impl FnMut(ClinicId, Break),
    progress: impl FnMut(Progress),
) -> Result<Verified> {
    let mut snapshot = AuditSnapshot::begin(&app.store).await?;
    let clinics = snapshot.clinics().await?;
    let wanted = |id: ClinicId| clinic_id.is_none_or(|wanted| wanted == id);
    let clinics: Vec<_> = clinics.into_iter().filter(|id| wanted(*id)).collect();
    let mut total = 0;
    for clinic_id in &clinics {
        total += snapshot.enter(*clinic_id).await?;
    }
    let mut walk = Walk { snapshot, verified: Verified::default(), found, progress, done: 0, total };
    let mut lasts = BTreeMap::new();
    for clinic_id in clinics {
        lasts.insert(clinic_id, walk.clinic(clinic_id).await?);
    }
    walk.heads(heads.filter(|head| wanted(head.clinic_id)), &lasts).await?;
    Ok(walk.verified)
}

/// The breaks among entries that were hashed with one version of the key, and how many of the entries exist.
pub(in crate::app) async fn entry_breaks(
    snapshot: &mut AuditSnapshot,
    clinic_id: ClinicId,
    key_version: i16,
    written: &[(AuditEntryId, EntryMac)],
) -> Result<(Vec<Break>, usize)> {
    let ids: Vec<AuditEntryId> = written.iter().map(|(id, _)| *id).collect();
    let there = snapshot.macs(clinic_id, key_version, &ids).await?;
    let broken = written.iter().filter_map(|(id, mac)| match there.get(&id.0) {
        None => Some(Break::EntryMissing(*id)),
        Some(now) if *now != Some(*mac) => Some(Break::EntryChanged(*id)),
        Some(_) => None,
    });
    Ok((broken.collect(), there.len()))
}

struct Walk<F, P> {
    snapshot: AuditSnapshot,
    verified: Verified,
    found: F,
    progress: P,
    done: u64,
    total: u64,
}

impl<F: FnMut(ClinicId, Break), P: FnMut(Progress)> Walk<F, P> {
    /// Verifies one chain and returns the number of its last seal.
    async fn clinic(&mut self, clinic_id: ClinicId) -> Result<i64> {
        self.verified.entries += self.snapshot.enter(clinic_id).await?;
        let (mut chain, mut after) = (Chain::default(), None);
        for pruned in self.snapshot.tombstones(clinic_id).await? {
            self.tombstone(clinic_id, &mut chain, pruned);
        }
        loop {
            let seals = self.snapshot.seals(clinic_id, after).await?;
            let Some(last) = seals.last() else { break };
            after = Some(last.link.seal_number);
            for seal in seals {
                self.verified.seals += 1;
                for broken in chain.follow(seal.link) {
                    self.tell(clinic_id, broken);
                }
                for entries in seal.entries.chunks(ENTRIES) {
                    self.entries(clinic_id, seal.key_version, entries).await?;
                }
            }
        }
        self.verified.chains += u64::from(chain.last() > 0);
        self.waiting(clinic_id, chain.last() > 0).await?;
        let Self { snapshot, verified, found, .. } = self;
        let uncovered = |id, times| {
            verified.breaks += 1;
            found(clinic_id, if times == 0 { Break::EntryAdded(id) } else { Break::EntrySealedTwice(id) });
        };
        snapshot.uncovered(clinic_id, uncovered).await?;
        Ok(chain.last())
    }

    fn tombstone(&mut self, clinic_id: ClinicId, chain: &mut Chain, pruned: Pruned) {
        self.verified.tombstones += 1;
        if pruned.link.genuine {
            self.verified.pruned_entries += pruned.entries.unsigned_abs();
            self.verified.pruned_seals += pruned.link.seal_number.abs_diff(pruned.first_seal) + 1;
        }
        for broken in chain.follow_tombstone(pruned) {
            self.tell(clinic_id, broken);
        }
    }

    async fn entries(
        &mut self,
        clinic_id: ClinicId,
        key_version: i16,
        written: &[(AuditEntryId, EntryMac)],
    ) -> Result<()> {
        let (broken, there) = entry_breaks(&mut self.snapshot, clinic_id, key_version, written).await?;
        for broken in broken {
            self.tell(clinic_id, broken);
        }
        self.done += there as u64;
        (self.progress)(Progress { done: self.done, total: self.total });
        Ok(())
    }

    /// Verifies unsealed entries, which carry their hash too. One without a hash is valid only before the first seal; after
    /// that it was added from outside the service.
    async fn waiting(&mut self, clinic_id: ClinicId, sealed: bool) -> Result<()> {
        let mut after = None;
        loop {
            let waiting = self.snapshot.waiting(clinic_id, after).await?;
            let Some(last) = waiting.last() else { return Ok(()) };
            after = Some(last.id.0);
            self.verified.waiting += waiting.len() as u64;
            let mut written: BTreeMap<i16, Vec<_>> = BTreeMap::new();
            for PendingEntry { id, key_version, mac } in waiting {
                match mac {
                    Some(mac) => written.entry(key_version).or_default().push((id, mac)),
                    None if sealed => self.tell(clinic_id, Break::EntryAdded(id)),
                    None => {}
                }
            }
            for (key_version, written) in written {
                self.entries(clinic_id, key_version, &written).await?;
            }
        }
    }

    /// Compares known heads with the chains: a head beyond the end shows that the chain was truncated.
    async fn heads(&mut self, mut heads: impl Iterator<Item = Head>, lasts: &BTreeMap<ClinicId, i64>) -> Result<()> {
        let last_of = |clinic_id| lasts.get(&clinic_id).copied().unwrap_or_default();
        let mut beyond: BTreeMap<ClinicId, i64> = BTreeMap::new();
        loop {
            let some: Vec<Head> = heads.by_ref().take(ENTRIES).collect();
            if some.is_empty() {
                break;
            }
            self.verified.heads += some.len() as u64;
            for head in some.iter().filter(|head| head.seal_number > last_of(head.clinic_id)) {
                let known = beyond.entry(head.clinic_id).or_default();
                *known = head.seal_number.max(*known);
            }
            let mut by_clinic: BTreeMap<ClinicId, Vec<Head>> = BTreeMap::new();
            for head in some {
                by_clinic.entry(head.clinic_id).or_default().push(head);
            }
            for (clinic_id, heads) in by_clinic {
                for number in self.snapshot.replaced(clinic_id, &heads).await? {
                    self.tell(clinic_id, Break::SealReplaced(number));
                }
            }
        }
        for (clinic_id, known) in beyond {
            self.tell(clinic_id, Break::ChainCut { known, last: last_of(clinic_id) });
        }
        Ok(())
    }

    fn tell(&mut self, clinic_id: ClinicId, broken: Break) {
        self.verified.breaks += 1;
        (self.found)(clinic_id, broken);
    }
}
