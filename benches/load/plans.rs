//! Query plans of the pages for staff, in the service's own sessions: in its role, under row-level security, custom and
//! generic plans. No plan may scan a whole table or sort.

use sqlx::{AssertSqlSafe, Executor as _};

use crate::seed::subject_id;
use crate::staff::Staff;

/// How often each page is requested: a statement gets its generic plan after five executions.
const TIMES: usize = 8;
/// The start of the statements that read pages, with their table.
const PAGES: [&str; 3] = ["from follow_ups", "from submissions", "from audit_entries"];

/// Fails if a page does not follow an index; returns how many plans were checked.
pub(crate) async fn check(staff: &mut Staff) -> String {
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "\"auto_explain.log_min_duration\" = 0",
        "\"auto_explain.log_nested_statements\" = off",
    ] {
        staff.owner.execute(AssertSqlSafe(format!("alter role current_user set {setting}"))).await.unwrap();
    }
    let pages = paths(staff).await;
    let before = staff.place.log().len();
    // Only new sessions log their plans, so a new process of the service is started.
    let explaining = staff.place.serve_with(&crate::world::UNLIMITED);
    let service = std::mem::replace(&mut staff.service, explaining);
    for (key, path) in &pages {
        for _ in 0..TIMES {
            staff.get(key, path).await;
        }
    }
    std::mem::replace(&mut staff.service, service).stop();
    staff.owner.execute("alter role current_user reset all").await.unwrap();
    judge(&staff.place.log()[before..], pages.len())
}

async fn paths(staff: &Staff) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    for state in ["", "state=closed&"] {
        for order in ["urgency", "oldest", "due"] {
            let list = format!("/v1/follow-ups?{state}order={order}");
            paths.extend([staff.page(&list, 100).await.0, format!("{list}&limit=50")]);
        }
    }
    let person = subject_id(staff.last_number(), 1);
    let others = ["/v1/submissions", "/v1/submissions?flagged=true", "/v1/submissions?band=high"];
    paths.extend(others.map(str::to_owned));
    paths.push(format!("/v1/subjects/{person}/submissions"));
    let mut all: Vec<_> = paths.into_iter().map(|path| (staff.key.clone(), path)).collect();
    all.push((staff.admin.clone(), "/v1/audit-entries".to_owned()));
    all
}

fn judge(log: &str, pages: usize) -> String {
    let (mut seen, mut faults) = (0, Vec::new());
    for entry in log.split("LOG:  duration:").skip(1) {
        let lines = entry.lines().skip(1).take_while(|line| line.starts_with('\t'));
        let plan = lines.collect::<Vec<_>>().join("\n");
        let of_page = plan.contains("order by") && plan.contains("limit $");
        if of_page && PAGES.iter().any(|table| plan.contains(table)) {
            seen += 1;
            if plan.contains("Seq Scan") || plan.contains("Sort  (") {
                faults.push(plan);
            }
        }
    }
    assert!(seen >= pages * TIMES, "{seen} plans of {pages} pages in the log");
    assert!(faults.is_empty(), "{} plans read a whole table or sort, such as this one:\n{}", faults.len(), faults[0]);
    format!("{seen} of {pages} pages, no sequential scan and no sort in any")
}
