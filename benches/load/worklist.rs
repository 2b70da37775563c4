//! The first page and a late page of the worklist, with and without audit entries for the reads.

use std::rc::Rc;
use std::time::Duration;

use sqlx::Executor as _;

use crate::requests::Repeated;
use crate::seed::Size;
use crate::staff::Staff;
use crate::table::Table;
use crate::{Options, progress};

const PAGE: u32 = 2_000;
const CONNECTIONS: usize = 64;
/// One clinic, with enough open follow-ups for this many pages.
const SIZE: Size = Size { submissions: 1_000_000, open: 110_000, closed: 190_000 };

/// The database discards what is written to the audit log: the service does all its work, but nothing waits for the disk.
/// The service itself has no switch for this.
const OFF: &str = "
    create or replace function bench_nothing() returns trigger language plpgsql as 'begin return null; end';
    create trigger bench_off before insert on audit_entries for each row execute function bench_nothing();
    create trigger bench_off before insert on audit_pending for each row execute function bench_nothing()";
const ON: &str = "drop trigger bench_off on audit_entries; drop trigger bench_off on audit_pending";

/// Runs all rounds.
pub(crate) async fn measure(options: &Options, table: &mut Table) {
    progress("worklist: adding 1,000,000 submissions and 300,000 follow-ups");
    let mut staff = Staff::new(0, &options.environment()).await;
    staff.grow(SIZE, SIZE).await;
    let first = Rc::new(Repeated::get(&staff.key, "/v1/follow-ups?limit=50"));
    let (path, page) = staff.page("/v1/follow-ups", PAGE).await;
    assert_eq!(page, PAGE);
    let far = Rc::new(Repeated::get(&staff.key, &path));
    let time = Duration::from_secs(options.seconds);
    for round in 1..=options.rounds {
        let mut rates = Vec::new();
        for (how, switch, goal) in [("", "select 1", "5,000"), (", without the audit log", OFF, "8,000")] {
            staff.owner.execute(switch).await.unwrap();
            for (name, source) in [("page 1", &first), ("page 2,000", &far)] {
                let found = staff.load(source, CONNECTIONS, time).await;
                let name = format!("worklist, {name} of 50{how}");
                table.note(&format!("{name}: answered"), "/s", goal, found.rate);
                table.note(&format!("{name}: p99"), " ms", "", found.quantile(0.99));
                crate::usage_rows(table, &name, &found);
                rates.push(found.rate);
            }
        }
        staff.owner.execute(ON).await.unwrap();
        table.note("worklist, cost of page 2,000 of page 1's", "", "at most 1.2", rates[0] / rates[1]);
        table.note("worklist, that without the audit log", "", "at most 1.2", rates[2] / rates[3]);
        progress(&format!("worklist, round {round}: {rates:.0?} pages/s"));
    }
    staff.service.stop();
}
