//! The subjects of a batch: found by reference, or added. The reference of a merged subject finds the subject that it was
//! merged into. A correction belongs to the subject of the submission that it corrects.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::{Intake, Resolved};
use crate::domain::ids::{ClinicId, SubjectId};
use crate::domain::subjects::{LookUp, Reference};
use crate::domain::submissions::correction::{Corrected, CorrectionRefusal, allowed};
use crate::store::database::role::{Role, switch_to};
use crate::store::database::{Connection, Keys, Store, at, keys::Place};
use crate::store::error::{Result, StoreError};
use crate::store::subjects::row::value_hash;
use crate::store::submissions::corrections;

pub(super) struct Written {
    pub(super) hash: Vec<u8>,
    sealed: Vec<u8>,
    /// The hash of the value alone, if the reference has a system.
    value_hash: Option<Vec<u8>>,
    /// The hashes under earlier master keys, if the key file has any.
    earlier: Vec<Vec<u8>>,
    /// The hashes of other forms under which the subject may be stored: with each of the clinic's own systems, from before
    /// the clinic named the system, and in NFD, from before 0051.
    other_forms: Vec<Vec<u8>>,
    /// The first bytes of the hash under the oldest key. All instances compute the same value, whatever the order of their
    /// keys.
    lock: i64,
}

impl Written {
    /// `own` are the systems whose references are the clinic's own.
    pub(super) fn new(keys: &Keys, clinic_id: ClinicId, reference: &Reference, own: &[String]) -> Result<Self> {
        let stored = reference.stored();
        let hashes =
            |text: &str| keys.blind_indexes(clinic_id.0, LookUp::Reference, &LookUp::Reference.normalize(text));
        let mut earlier = hashes(&stored);
        let eldest = earlier.get(keys.eldest()).and_then(|hash| hash.first_chunk::<8>().copied()).unwrap_or_default();
        let hash = earlier.remove(0);
        let decomposed = reference.with_each(own).chain([reference.clone()]).filter_map(|one| one.decomposed());
        let other_forms = reference.with_each(own).map(|one| one.stored()).chain(decomposed);
        let of_form = |text: String| keys.blind_indexes(clinic_id.0, LookUp::Reference, &text);
        let other_forms = other_forms.flat_map(of_form).collect();
        let sealed = keys.seal(Place::reference(clinic_id, &hash), &stored)?;
        let value_hash = value_hash(keys, clinic_id, reference);
        Ok(Self { hash, sealed, value_hash, earlier, other_forms, lock: i64::from_be_bytes(eldest) })
    }

    /// Every hash under which the subject may be stored, the current one first.
    pub(super) fn hashes(&self) -> impl Iterator<Item = &Vec<u8>> {
        std::iter::once(&self.hash).chain(&self.earlier).chain(&self.other_forms)
    }
}

/// Every hash under which the subject of a reference may be stored. `own` are the systems whose references are the clinic's own.
pub(in crate::store::submissions) fn hashes_of(
    keys: &Keys,
    clinic_id: ClinicId,
    reference: &Reference,
    own: &[String],
) -> Result<Vec<Vec<u8>>> {
    Ok(Written::new(keys, clinic_id, reference, own)?.hashes().cloned().collect())
}

/// Whether a reference finds a subject, as that of a submission would.
pub async fn is_of_subject(
    store: &Store,
    clinic_id: ClinicId,
    subject_id: SubjectId,
    reference: &Reference,
    own: &[String],
) -> Result<bool> {
    let hashes = hashes_of(&store.keys, clinic_id, reference, own)?;
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from subjects
               where clinic_id = $1 and reference_hash = any($2) and coalesce(merged_into, subject_id) = $3
           ) as "found!""#,
        clinic_id.0,
        &hashes,
        subject_id.0,
    )
    .fetch_one(&mut *store.clinic(clinic_id).await?)
    .await?)
}

/// Finds or adds the subject of each submission. Existing subjects, and the subjects that they were merged into, are locked
/// in the order of their ids. Missing subjects are then added in the order of their references. `None` when another
/// transaction merged or added one of them, or corrected the same submission, in between; the whole batch must then be tried
/// again. Fails when a correction is refused.
pub(super) async fn resolve<'a>(
    connection: &mut Connection,
    fresh: Vec<(usize, &'a Intake)>,
) -> Result<Option<Vec<Resolved<'a>>>> {
    lock_references(connection, &fresh).await?;
    let corrected = to_be_corrected(connection, &fresh).await?;
    let held = Held::lock(connection, &fresh, &corrected).await?;
    // The locks keep what is read now: a merge and another correction lock the same subject.
    if !corrected.is_empty() && to_be_corrected(connection, &fresh).await? != corrected {
        return Ok(None);
    }
    let (mut resolved, mut new) = (Vec::with_capacity(fresh.len()), Vec::new());
    for (place, intake) in fresh {
        let receipt_code = intake.accepted.receipt_code;
        let person = intake.reference.as_ref().and_then(|written| held.find(intake.clinic(), written));
        if let Some(corrected) = to_correct(intake, &corrected)? {
            let other = |person: &Person| person.merged_into.unwrap_or(person.subject_id) != corrected.subject_id.0;
            if intake.reference.is_some() && person.is_none_or(other) {
                return Err(StoreError::Correction(CorrectionRefusal::OtherSubject));
            }
            let subject_id = corrected.subject_id;
            resolved.push(Resolved { intake, subject_id, known: true, follow_up: None, receipt_code, place });
            continue;
        }
        let (subject_id, known) = match person {
            None => {
                new.push(intake);
                (intake.accepted.subject_id, false)
            }
            // The subject was merged into another while this transaction waited for the lock.
            Some(Person { merged_into: Some(other), .. }) if !held.ids.contains(other) => return Ok(None),
            Some(person) => (SubjectId(person.merged_into.unwrap_or(person.subject_id)), true),
        };
        resolved.push(Resolved { intake, subject_id, known, follow_up: None, receipt_code, place });
    }
    held.move_to_the_current_key(connection, &resolved).await?;
    let added = insert(connection, &new).await?;
    Ok((added == new.len()).then_some(resolved))
}

/// Submissions by clinic and id.
type ToBeCorrected = HashMap<(Uuid, Uuid), Corrected>;

/// The existing submissions that those of a batch correct, read in the role that may read them.
async fn to_be_corrected(connection: &mut Connection, fresh: &[(usize, &Intake)]) -> Result<ToBeCorrected> {
    let mut by_clinic = BTreeMap::<ClinicId, Vec<Uuid>>::new();
    for (_, intake) in fresh {
        if let Some(supersedes) = intake.accepted.draft.supersedes {
            by_clinic.entry(intake.accepted.actor.clinic_id).or_default().push(supersedes.0);
        }
    }
    let mut found = HashMap::new();
    for (clinic_id, ids) in &by_clinic {
        switch_to(connection, Role::App, Some(*clinic_id)).await?;
        let rows = corrections::read(connection, *clinic_id, ids).await?;
        found.extend(rows.into_iter().map(|(id, corrected)| ((clinic_id.0, id), corrected)));
    }
    if !by_clinic.is_empty() {
        switch_to(connection, Role::Writer, None).await?;
    }
    Ok(found)
}

/// The submission that this one corrects; `None` if it corrects none. Fails when it may not.
fn to_correct<'a>(intake: &Intake, corrected: &'a ToBeCorrected) -> Result<Option<&'a Corrected>> {
    let Some(supersedes) = intake.accepted.draft.supersedes else { return Ok(None) };
    let found = corrected.get(&(intake.clinic(), supersedes.0));
    let corrected = allowed(found, &intake.accepted.actor, intake.accepted.draft.kind());
    corrected.map(Some).map_err(StoreError::Correction)
}

/// The existing subjects of a batch, all of them locked.
#[derive(Default)]
struct Held {
    by_reference: HashMap<(Uuid, Vec<u8>), Person>,
    ids: HashSet<Uuid>,
}

struct Person {
    subject_id: Uuid,
    merged_into: Option<Uuid>,
}

impl Held {
    /// Locks the subjects of the references, and those of the submissions to be corrected.
    async fn lock(connection: &mut Connection, fresh: &[(usize, &Intake)], corrected: &ToBeCorrected) -> Result<Self> {
        let named = fresh.iter().filter_map(|(_, intake)| Some((intake.clinic(), intake.reference.as_ref()?)));
        let (clinics, hashes): (Vec<Uuid>, Vec<Vec<u8>>) =
            named.flat_map(|(clinic, written)| written.hashes().map(move |hash| (clinic, hash.clone()))).unzip();
        if hashes.is_empty() && corrected.is_empty() {
            return Ok(Self::default());
        }
        let of_corrected = corrected.iter().map(|((clinic, _), corrected)| (*clinic, corrected.subject_id.0));
        let (corrected_clinics, corrected_subjects): (Vec<Uuid>, Vec<Uuid>) = of_corrected.unzip();
        let all: Vec<Uuid> = fresh.iter().map(|(_, intake)| intake.clinic()).collect();
        let rows = sqlx::query!(
            "with named as materialized (
                 select f.clinic_id, f.subject_id, f.merged_into
                 from unnest($1::uuid[], $2::bytea[]) as i (clinic_id, reference_hash)
                 join subjects f using (clinic_id, reference_hash)
                 where $3::uuid[] is null or f.clinic_id = any($3)
             ), persons as (
                 select clinic_id, subject_id from named
                 union
                 select clinic_id, merged_into from named where merged_into is not null
                 union
                 select p.clinic_id, p.subject_id
                 from unnest($4::uuid[], $5::uuid[]) as c (clinic_id, subject_id)
                 join subjects p using (clinic_id, subject_id)
                 where $3 is null or p.clinic_id = any($3)
             )
             select s.clinic_id, s.subject_id, s.reference_hash, s.merged_into
             from persons join subjects s using (clinic_id, subject_id)
             where $3 is null or s.clinic_id = any($3)
             order by s.subject_id for no key update of s",
            &clinics,
            &hashes,
            connection.named(&all),
            &corrected_clinics,
            &corrected_subjects,
        )
        .fetch_all(connection)
        .await?;
        let mut held = Self::default();
        for row in rows {
            held.ids.insert(row.subject_id);
            if let Some(hash) = row.reference_hash {
                let person = Person { subject_id: row.subject_id, merged_into: row.merged_into };
                held.by_reference.insert((row.clinic_id, hash), person);
            }
        }
        Ok(held)
    }

    fn find(&self, clinic: Uuid, written: &Written) -> Option<&Person> {
        written.hashes().find_map(|hash| self.by_reference.get(&(clinic, hash.clone())))
    }

    /// While the key file holds earlier keys, a subject may be stored under a hash of one of them. Such rows are updated to
    /// the current key, so that one reference never has two subjects.
    async fn move_to_the_current_key(&self, connection: &mut Connection, resolved: &[Resolved<'_>]) -> Result<()> {
        let mut moved = false;
        for Resolved { intake, .. } in resolved {
            let (clinic_id, Some(written)) = (intake.accepted.actor.clinic_id, &intake.reference) else { continue };
            let held = |hash: &Vec<u8>| self.by_reference.contains_key(&(clinic_id.0, hash.clone()));
            if !written.earlier.iter().any(held) {
                continue;
            }
            moved = true;
            switch_to(connection, Role::App, Some(clinic_id)).await?;
            sqlx::query!(
                "update subjects set reference_hash = $2, reference_sealed = $3, reference_value_hash = $5,
                                     reference_in_nfc = true
                 where clinic_id = $1 and reference_hash = any($4)",
                clinic_id.0,
                written.hash,
                written.sealed,
                &written.earlier,
                written.value_hash,
            )
            .execute(&mut *connection)
            .await?;
        }
        if moved { switch_to(connection, Role::Writer, None).await } else { Ok(()) }
    }
}

/// While the key file holds earlier keys, references are locked by themselves. Otherwise, instances that hold the same keys
/// in a different order could add one subject under two hashes. All transactions take these locks in the same order.
async fn lock_references(connection: &mut Connection, fresh: &[(usize, &Intake)]) -> Result<()> {
    let written = fresh.iter().filter_map(|(_, intake)| intake.reference.as_ref());
    let locks: BTreeSet<i64> = written.filter(|one| !one.earlier.is_empty()).map(|one| one.lock).collect();
    for lock in locks {
        sqlx::query!("select pg_advisory_xact_lock($1)", lock).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Adds subjects, and returns how many were added. Subjects whose reference another transaction added in between are not
/// added.
async fn insert(connection: &mut Connection, new: &[&Intake]) -> Result<usize> {
    if new.is_empty() {
        return Ok(0);
    }
    let written = |of: fn(&Written) -> &Vec<u8>| -> Vec<Option<Vec<u8>>> {
        new.iter().map(|intake| intake.reference.as_ref().map(of).cloned()).collect()
    };
    let clinics: Vec<_> = new.iter().map(|intake| intake.clinic()).collect();
    let ids: Vec<_> = new.iter().map(|intake| intake.accepted.subject_id.0).collect();
    let times: Vec<_> = new.iter().map(|intake| at(intake.accepted.received_at)).collect();
    let value_hashes: Vec<Option<Vec<u8>>> =
        new.iter().map(|intake| intake.reference.as_ref()?.value_hash.clone()).collect();
    let done = sqlx::query!(
        "insert into subjects (clinic_id, subject_id, reference_hash, reference_sealed, reference_value_hash,
                               reference_in_nfc, created_at, updated_at)
         select clinic_id, subject_id, reference_hash, reference_sealed, reference_value_hash, true, at, at
         from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[], $5::timestamptz[], $6::bytea[])
             as i (clinic_id, subject_id, reference_hash, reference_sealed, at, reference_value_hash)
         order by clinic_id, reference_hash
         on conflict (clinic_id, reference_hash) do nothing",
        &clinics,
        &ids,
        &written(|written| &written.hash) as _,
        &written(|written| &written.sealed) as _,
        &times as _,
        &value_hashes as _,
    )
    .execute(connection)
    .await?;
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}
