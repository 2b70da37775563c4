//! Attacks on an audit log by the owner of the tables, with all triggers disabled.

use sarcoscreen::domain::audit::seal::Break;
use sarcoscreen::domain::ids::ClinicId;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use uuid::Uuid;

/// The audit log of one clinic before an attack.
pub(crate) struct Target {
    pub(crate) clinic: Uuid,
    pub(crate) other_clinic: Uuid,
    /// Sealed entries in the order of their seals, with the seal number.
    pub(crate) sealed: Vec<(Uuid, i64)>,
    pub(crate) waiting: Vec<Uuid>,
    /// The first seal that exists; earlier ones were pruned.
    pub(crate) first_seal: i64,
    pub(crate) last_seal: i64,
}

/// An attack, and the breaks that verification must report.
pub(crate) struct Attack {
    pub(crate) what: String,
    pub(crate) named: Vec<(ClinicId, Break)>,
}

/// A pseudo-random generator: its seed reproduces a run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % count as u64).unwrap()
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Two different elements.
    pub(crate) fn two<T: Copy>(&mut self, from: &[T]) -> (T, T) {
        let one = self.below(from.len());
        let other = (one + 1 + self.below(from.len() - 1)) % from.len();
        (from[one], from[other])
    }
}

/// Number of kinds of attack.
pub(crate) const KINDS: usize = 33;

/// Statements that each change one column of an entry; below, of a seal.
const ENTRY_EDITS: [&str; 10] = [
    "at = at + interval '1 microsecond'",
    "credential_id = gen_random_uuid()",
    "action = 'submission_retired'",
    "outcome = 'failed'",
    "resource_id = gen_random_uuid()",
    "subject_id = gen_random_uuid()",
    "subject_ids = subject_ids || gen_random_uuid()",
    "occurrences = occurrences + 1",
    "request_id = gen_random_uuid()",
    "resource_ids = resource_ids || gen_random_uuid()",
];
const SEAL_EDITS: [&str; 6] = [
    "sealed_at = sealed_at - interval '1 second'",
    "previous_mac = set_byte(previous_mac, 3, get_byte(previous_mac, 3) # 1)",
    // Reorders the entries of the seal; a single entry is replaced.
    "entry_ids = case cardinality(entry_ids) when 1 then array[gen_random_uuid()] else entry_ids[2:] || entry_ids[1] end",
    "entry_macs = set_byte(entry_macs, 5, get_byte(entry_macs, 5) # 1)",
    "mac = set_byte(mac, 31, get_byte(mac, 31) # 1)",
    "key_version = key_version + 1",
];

impl Target {
    /// Reads the audit log of a clinic.
    pub(crate) async fn of(connection: &mut PgConnection, clinic: Uuid, other_clinic: Uuid) -> Self {
        let sql =
            "select unnest(entry_ids) as id, seal_number from audit_seals where clinic_id = $1 order by seal_number";
        let rows = sqlx::query(sql).bind(clinic).fetch_all(&mut *connection).await.unwrap();
        let sealed: Vec<(Uuid, i64)> = rows.iter().map(|row| (row.get("id"), row.get("seal_number"))).collect();
        let sql = "select audit_entry_id from audit_pending where clinic_id = $1";
        let waiting = sqlx::query_scalar(sql).bind(clinic).fetch_all(connection).await.unwrap();
        let (first_seal, last_seal) = (sealed[0].1, sealed.last().unwrap().1);
        Self { clinic, other_clinic, sealed, waiting, first_seal, last_seal }
    }

    /// A seal that is neither the first nor the last.
    fn inner(&self, dice: &mut Dice) -> i64 {
        let between = usize::try_from(self.last_seal - self.first_seal - 1).unwrap();
        self.first_seal + 1 + i64::try_from(dice.below(between)).unwrap()
    }

    fn of_seals(&self, numbers: std::ops::RangeInclusive<i64>) -> impl Iterator<Item = Uuid> {
        self.sealed.iter().filter(move |(_, number)| numbers.contains(number)).map(|(id, _)| *id)
    }

    /// Executes an attack of a kind and returns it with the breaks that must be reported.
    pub(crate) async fn attack(&self, connection: &mut PgConnection, kind: usize, dice: &mut Dice) -> Attack {
        let (sql, named) = match kind {
            0..=8 => Self::edit_entry(ENTRY_EDITS[kind], dice.pick(&self.sealed).0),
            9 => Self::edit_entry(ENTRY_EDITS[dice.below(ENTRY_EDITS.len())], dice.pick(&self.waiting)),
            10..=15 => self.edit_seal(SEAL_EDITS[kind - 10], self.inner(dice)),
            16..=19 => self.swap(kind, dice),
            20..=23 => self.remove_entry(kind, dice),
            24..=27 => self.forge(kind, dice),
            28..=31 => self.cut(kind, dice),
            _ => Self::edit_entry(ENTRY_EDITS[9], dice.pick(&self.sealed).0),
        };
        let mut transaction = connection.begin().await.unwrap();
        // The owner of a table can disable all triggers.
        transaction.execute("set local session_replication_role = replica").await.unwrap();
        transaction.execute(AssertSqlSafe(sql.clone())).await.unwrap();
        transaction.commit().await.unwrap();
        Attack { what: sql, named: named.into_iter().map(|broken| (ClinicId(self.clinic), broken)).collect() }
    }

    fn edit_entry(change: &str, id: Uuid) -> (String, Vec<Break>) {
        (
            format!("update audit_entries set {change} where audit_entry_id = '{id}'"),
            vec![Break::EntryChanged(id.into())],
        )
    }

    fn edit_seal(&self, change: &str, number: i64) -> (String, Vec<Break>) {
        let clinic = self.clinic;
        let sql = format!("update audit_seals set {change} where clinic_id = '{clinic}' and seal_number = {number}");
        (sql, vec![Break::SealChanged(number)])
    }

    /// Swaps the contents, ids or times of two entries, or two seals.
    fn swap(&self, kind: usize, dice: &mut Dice) -> (String, Vec<Break>) {
        let ((one, _), (other, _)) = dice.two(&self.sealed);
        let clinic = self.clinic;
        let of = |columns: &str| {
            format!(
                "update audit_entries e set ({columns}) = (select {columns} from audit_entries o
                 where o.audit_entry_id = case e.audit_entry_id when '{one}' then '{other}'::uuid else '{one}' end)
                 where audit_entry_id in ('{one}', '{other}')"
            )
        };
        let both = vec![Break::EntryChanged(one.into()), Break::EntryChanged(other.into())];
        match kind {
            16 => (of("credential_id, action, outcome, resource_id, subject_id, subject_ids, request_id"), both),
            17 => (of("at, request_id"), both),
            18 => {
                let id = |from: &str, to: &str| {
                    format!("update audit_entries set audit_entry_id = '{to}' where audit_entry_id = '{from}';")
                };
                let (one, other, aside) = (one.to_string(), other.to_string(), Uuid::from_u128(1).to_string());
                (id(&one, &aside) + &id(&other, &one) + &id(&aside, &other), both)
            }
            _ => {
                let numbers: Vec<i64> = (self.first_seal..=self.last_seal).collect();
                let (one, other) = dice.two(&numbers);
                let number = |from: i64, to: i64| {
                    format!(
                        "update audit_seals set seal_number = {to} where clinic_id = '{clinic}' and seal_number = {from};"
                    )
                };
                let sql = number(one, -1) + &number(other, one) + &number(-1, other);
                (sql, vec![Break::SealChanged(one), Break::SealChanged(other)])
            }
        }
    }

    fn remove_entry(&self, kind: usize, dice: &mut Dice) -> (String, Vec<Break>) {
        let (id, waiting) = (dice.pick(&self.sealed).0, dice.pick(&self.waiting));
        let delete = |table: &str, id: Uuid| format!("delete from {table} where audit_entry_id = '{id}'");
        match kind {
            20 => (delete("audit_entries", id), vec![Break::EntryMissing(id.into())]),
            21 => (delete("audit_entries", waiting), vec![Break::EntryMissing(waiting.into())]),
            22 => (delete("audit_pending", waiting), vec![Break::EntryAdded(waiting.into())]),
            _ => {
                let other = self.other_clinic;
                let sql = format!("update audit_entries set clinic_id = '{other}' where audit_entry_id = '{id}'");
                (sql, vec![Break::EntryMissing(id.into())])
            }
        }
    }

    /// Adds an entry without a pending row, with a pending row without a hash or with a wrong hash; or makes a sealed entry
    /// pending again.
    fn forge(&self, kind: usize, dice: &mut Dice) -> (String, Vec<Break>) {
        let (clinic, id) = (self.clinic, Uuid::from_u128(u128::from(dice.0)));
        let entry = format!(
            "insert into audit_entries (clinic_id, audit_entry_id, at, action, resource_id)
             values ('{clinic}', '{id}', now(), 'follow_up_read', '{id}');"
        );
        let wait = |id: Uuid, mac: &str| {
            format!("insert into audit_pending (clinic_id, audit_entry_id, mac) values ('{clinic}', '{id}', {mac});")
        };
        match kind {
            24 => (entry, vec![Break::EntryAdded(id.into())]),
            25 => (entry + &wait(id, "null"), vec![Break::EntryAdded(id.into())]),
            26 => (entry + &wait(id, "uuid_send(gen_random_uuid())"), vec![Break::EntryChanged(id.into())]),
            _ => {
                let (sealed, _) = dice.pick(&self.sealed);
                let named = [Break::EntrySealedTwice(sealed.into()), Break::EntryAdded(sealed.into())];
                (wait(sealed, "null"), named.into())
            }
        }
    }

    /// Removes seals: one from the middle, some from the end, some with their entries, or all of them.
    fn cut(&self, kind: usize, dice: &mut Dice) -> (String, Vec<Break>) {
        let (clinic, last) = (self.clinic, self.last_seal);
        let from = self.inner(dice);
        let seals = |which: String| format!("delete from audit_seals where clinic_id = '{clinic}' and {which};");
        let tail = Break::ChainCut { known: last, last: from - 1 };
        match kind {
            28 => (seals(format!("seal_number = {}", from - 1)), {
                vec![Break::SealsMissing { first: from - 1, last: from - 1 }]
            }),
            29 => {
                let left = self.of_seals(from..=last).map(|id| Break::EntryAdded(id.into()));
                (seals(format!("seal_number >= {from}")), left.chain([tail]).collect())
            }
            30 => {
                let gone: Vec<String> = self.of_seals(from..=last).map(|id| format!("'{id}'")).collect();
                let entries = format!("delete from audit_entries where audit_entry_id in ({});", gone.join(","));
                let pending = format!(
                    "delete from audit_entries e using audit_pending p where p.clinic_id = '{clinic}'
                     and e.audit_entry_id = p.audit_entry_id; delete from audit_pending where clinic_id = '{clinic}';"
                );
                (entries + &pending + &seals(format!("seal_number >= {from}")), vec![tail])
            }
            _ => {
                let sql = "truncate audit_entries; truncate audit_pending; truncate audit_seals".to_owned();
                (sql, vec![Break::ChainCut { known: last, last: self.first_seal - 1 }])
            }
        }
    }
}
