//! The rights of the working roles on each table, and a check for missing ones. A dump restored into a cluster without
//! these roles loses every grant and policy that names them.

use super::Connection;
use crate::store::error::Result;

const APP: &str = "sarcoscreen_app";
const WRITER: &str = "sarcoscreen_writer";
const AUTH: &str = "sarcoscreen_auth";
const JOBS: &str = "sarcoscreen_jobs";

/// Each table, with the roles that have grants on it, and policies if it has row security.
pub const RIGHTS: &[(&str, &[&str])] = &[
    ("audit_entries", &[APP, WRITER, JOBS]),
    ("audit_pending", &[APP, WRITER, JOBS]),
    ("audit_seals", &[APP, JOBS]),
    ("audit_tombstones", &[JOBS]),
    ("clinics", &[APP, AUTH, JOBS]),
    ("credentials", &[APP, AUTH, JOBS]),
    ("daily_counts", &[APP, JOBS]),
    ("follow_up_events", &[APP, WRITER, JOBS]),
    ("follow_ups", &[APP, WRITER, JOBS]),
    ("idempotency_keys", &[APP, WRITER, JOBS]),
    ("master_key_checks", &[APP, JOBS]),
    ("rule_tables", &[APP, JOBS]),
    ("subject_changes", &[APP, JOBS]),
    ("subject_merges", &[APP, JOBS]),
    ("subject_search_terms", &[APP, JOBS]),
    ("subjects", &[APP, WRITER, JOBS]),
    ("submissions", &[APP, WRITER, JOBS]),
    ("used_tokens", &[APP, JOBS]),
    ("webhook_attempts", &[APP, JOBS]),
    ("webhook_deliveries", &[APP, WRITER, JOBS]),
    ("webhook_endpoints", &[APP, WRITER, JOBS]),
    ("write_probes", &[JOBS]),
];

/// The grants and policies that existing tables lack, such as `grants on clinics for sarcoscreen_app`. Tables without row
/// security, as on Citus, need no policies.
pub(in crate::store) async fn lacking(connection: &mut Connection) -> Result<Vec<String>> {
    let pairs =
        RIGHTS.iter().flat_map(|(table, roles)| roles.iter().map(|role| ((*table).to_owned(), (*role).to_owned())));
    let (tables, roles): (Vec<_>, Vec<_>) = pairs.unzip();
    let lacking = sqlx::query_scalar!(
        r#"select l.what || ' on ' || w.name || ' for ' || w.role as "lacking!"
           from unnest($1::text[], $2::text[]) as w (name, role)
           join pg_class t on t.oid = to_regclass(w.name)
           left join pg_roles r on r.rolname = w.role
           cross join lateral (
               select 'grants' as what
               where r.oid is null or not (has_any_column_privilege(r.oid, t.oid, 'select, insert, update')
                                           or has_table_privilege(r.oid, t.oid, 'delete'))
               union all
               select 'policies'
               where t.relrowsecurity and not exists (
                   select from pg_policy p where p.polrelid = t.oid and r.oid = any (p.polroles)
               )
           ) l
           order by w.name, w.role, l.what"#,
        &tables[..],
        &roles[..]
    );
    Ok(lacking.fetch_all(connection).await?)
}

/// What is wrong if rights are missing, and what to do.
pub fn fault(lacking: &[String]) -> Option<String> {
    let (first, rest) = (lacking.first()?, lacking.len() - 1);
    let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
    Some(format!(
        "the database lacks {first}{more}: its dump was restored before the roles of the service existed. Run `sarcoscreen \
         migrate --roles-only`, restore the dump again into an empty database, then run `sarcoscreen migrate`"
    ))
}
