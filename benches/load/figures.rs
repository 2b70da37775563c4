//! Sizes and costs that decide how submissions are stored, indexed and removed, measured on the database of the growth
//! table.

use std::time::Instant;

use sqlx::{AssertSqlSafe, Executor as _};

use crate::staff::Staff;

/// One line per measurement.
pub(crate) async fn figures(staff: &mut Staff) -> Vec<String> {
    let mut lines = vec![sizes(staff).await];
    lines.push(brin(staff).await);
    lines.push(retention(staff).await);
    lines
}

/// Rows and bytes of each table, and of each index of submissions.
async fn sizes(staff: &mut Staff) -> String {
    let sql = "
        select format(E'database %s\\n\\n| table or index | rows | size |\\n|---|---|---|\\n', pg_size_pretty(pg_database_size(current_database())))
            || string_agg(format('| %s | %s | %s |', name, rows, pg_size_pretty(bytes)), E'\\n' order by whole, depth, name)
        from (
            select relname as name, reltuples::bigint::text as rows, pg_table_size(oid) as bytes, relname::text as whole, 0 as depth
            from pg_class
            where relname in ('submissions', 'follow_ups', 'follow_up_events', 'subjects', 'audit_entries')
            union all
            select i.relname, '', pg_relation_size(i.oid), t.relname::text, 1
            from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
            where t.relname in ('submissions', 'follow_ups', 'subjects', 'audit_entries')
        ) all_of_them";
    sqlx::query_scalar(sql).fetch_one(&mut staff.owner).await.unwrap()
}

/// A block range index on the time, compared with the B-tree that pages use.
async fn brin(staff: &mut Staff) -> String {
    let start = Instant::now();
    staff.owner.execute("create index bench_brin on submissions using brin (received_at)").await.unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let sql = "select format('BRIN on submissions (received_at): %s, against %s of the tree that pages run along',
                   pg_size_pretty(pg_relation_size('bench_brin')),
                   pg_size_pretty(pg_relation_size('submissions_received_idx')))";
    let text: String = sqlx::query_scalar(sql).fetch_one(&mut staff.owner).await.unwrap();
    staff.owner.execute("drop index bench_brin").await.unwrap();
    format!("{text}; created in {seconds:.1} s")
}

/// The cost of retention for one of the small clinics.
async fn retention(staff: &mut Staff) -> String {
    let clinic = staff.others[0];
    // Deletes two of three years. The rows were inserted without foreign key checks, and are deleted with them.
    let keep = format!("update clinics set retention_days = 365 where clinic_id = '{clinic}'");
    let count = format!("select count(*) from submissions where clinic_id = '{clinic}'");
    let before: i64 = sqlx::query_scalar(AssertSqlSafe(count.clone())).fetch_one(&mut staff.owner).await.unwrap();
    staff.owner.execute(AssertSqlSafe(keep)).await.unwrap();
    let start = Instant::now();
    let said = staff.place.run(&["retention"]);
    let seconds = start.elapsed().as_secs_f64();
    let after: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut staff.owner).await.unwrap();
    let rate = (before - after) as f64 / seconds;
    format!(
        "retention of one clinic, {before} submissions, to a year: {said}, in {seconds:.1} s, {rate:.0} submissions/s"
    )
}
