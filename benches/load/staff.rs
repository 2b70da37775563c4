//! The queries of staff: a large database, filled by SQL from a few submissions that went through the service.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use crate::generator::{Found, Load, Plan, Source, ask, run};
use crate::place::{Place, Service};
use crate::requests::Repeated;
use crate::seed::{Size, fill, fill_audit_log};
use crate::usage::Usage;
use crate::{progress, world};

/// A database and the service on it.
pub(crate) struct Staff {
    pub(crate) place: Place,
    pub(crate) service: Service,
    pub(crate) owner: PgConnection,
    /// The measured clinic.
    pub(crate) large: Uuid,
    /// A key of its staff.
    pub(crate) key: String,
    pub(crate) admin: String,
    pub(crate) others: Vec<Uuid>,
    pattern: Uuid,
    /// How often rows were added.
    steps: u32,
}

impl Staff {
    /// A database with one measured clinic and a number of other clinics, all of them empty.
    pub(crate) async fn new(others: usize, environment: &[(&str, &str)]) -> Self {
        let place = Place::new().await;
        place.run(&["migrate"]);
        let (large, pattern) = (create(&place, "Large"), create(&place, "Pattern"));
        let mint = |clinic: Uuid, role| {
            place.run(&["keys", "mint", "--clinic", &clinic.to_string(), "--role", role, "--name", "Measured"])
        };
        let (key, admin, intake) = (mint(large, "staff"), mint(large, "admin"), mint(pattern, "intake"));
        let mut owner = place.connect().await;
        let sql = "insert into clinics (clinic_id, name, booking_url, emergency_number, language, created_at)
                   select gen_random_uuid(), 'Clinic ' || i, booking_url, emergency_number, language, created_at
                   from clinics, generate_series(1, $1) i where name = 'Large' returning clinic_id";
        let others = sqlx::query_scalar(sql).bind(others as i32).fetch_all(&mut owner).await.unwrap();
        let service = place.serve_with(&[&world::UNLIMITED[..], environment].concat());
        for falls in [0, 0, 1, 0, 4, 5] {
            let (status, answer) = ask(service.address(), &pattern_of(&intake, falls).0).await;
            assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
        }
        // Rows are added without checks of foreign keys, because they are correct by construction. Losing them would end
        // the measurement anyway, so commits are asynchronous.
        owner.execute("set session_replication_role = replica; set synchronous_commit = off").await.unwrap();
        Self { place, service, owner, large, key, admin, others, pattern, steps: 0 }
    }

    /// Adds rows: `large` to the measured clinic, and `other` to each other clinic.
    pub(crate) async fn grow(&mut self, large: Size, other: Size) {
        let (start, first) = (Instant::now(), self.steps * 1_000);
        self.steps += 1;
        // Fewer checkpoints while the database grows.
        self.owner.execute("alter system set max_wal_size = '8GB'").await.unwrap();
        self.owner.execute("select pg_reload_conf()").await.unwrap();
        fill(&mut self.owner, Some(&Place::keys()), self.large, self.pattern, first, large).await;
        fill_audit_log(&mut self.owner, self.large, first, large).await;
        for (number, clinic) in (first + 1..).zip(&self.others) {
            fill(&mut self.owner, None, *clinic, self.pattern, number, other).await;
            fill_audit_log(&mut self.owner, *clinic, number, other).await;
        }
        self.owner.execute("alter system reset max_wal_size").await.unwrap();
        self.owner.execute("select pg_reload_conf()").await.unwrap();
        for table in ["submissions", "follow_ups", "follow_up_events", "subjects", "audit_entries"] {
            self.owner.execute(AssertSqlSafe(format!("vacuum (analyze) {table}"))).await.unwrap();
        }
        self.count_days().await;
        self.owner.execute("checkpoint").await.unwrap();
        progress(&format!("rows added in {:.0} s", start.elapsed().as_secs_f64()));
    }

    /// Counts the last forty days, as in a service that runs every day. A row for a future day prevents the service from
    /// counting earlier years during a measurement.
    async fn count_days(&mut self) {
        let large = self.large;
        let sql = format!(
            "delete from daily_counts;
             insert into daily_counts select '{large}', d::date, 'submissions', '',
                 (select count(*) from submissions where clinic_id = '{large}' and received_at >= d
                  and received_at < d + interval '1 day')
             from generate_series(current_date - 40, current_date - 1, interval '1 day') d;
             insert into daily_counts select '{large}', day, dimension, value, count
             from submission_counts('{large}', current_date - 40, current_date) where dimension <> 'submissions';
             insert into daily_counts select clinic_id, '2999-12-31', 'submissions', '', 0 from clinics"
        );
        self.owner.execute(AssertSqlSafe(sql)).await.unwrap();
    }

    /// The last row number that [`Self::grow`] used for ids.
    pub(crate) const fn last_number(&self) -> u32 {
        (self.steps - 1) * 1_000
    }

    /// Puts a load on the service; every response must be 200.
    pub(crate) async fn load<S: Source + 'static>(&self, source: &Rc<S>, connections: usize, time: Duration) -> Found {
        let (process, postgres) = (self.service.process(), self.place.postgres());
        let (address, load) = (self.service.address(), Load::Maximum);
        let plan = Plan { address, connections, load, warm_up: time / 5, time };
        let found = run(plan, source, || Usage::now(process, postgres)).await;
        found.only(200);
        found
    }

    /// The JSON response to a GET request.
    pub(crate) async fn get(&self, key: &str, path: &str) -> Value {
        let (status, answer) = ask(self.service.address(), &Repeated::get(key, path).0).await;
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap()
    }

    /// The path of the page of fifty at a position, or of the last full page, and its position.
    pub(crate) async fn page(&self, list: &str, wanted: u32) -> (String, u32) {
        let separator = if list.contains('?') { '&' } else { '?' };
        let (mut cursor, mut pages) = (String::new(), 1);
        while pages < wanted {
            // Four pages at a time, but not beyond the wanted page.
            let step = (wanted - pages).min(4);
            let next = self.get(&self.key, &format!("{list}{separator}limit={}{cursor}", 50 * step)).await;
            let Some(after) = next["next_cursor"].as_str() else { break };
            let after = format!("&cursor={after}");
            // The next page must be full.
            let behind = self.get(&self.key, &format!("{list}{separator}limit=50{after}")).await;
            if behind["items"].as_array().unwrap().len() < 50 {
                break;
            }
            (cursor, pages) = (after, pages + step);
        }
        (format!("{list}{separator}limit=50{cursor}"), pages)
    }
}

fn create(place: &Place, name: &str) -> Uuid {
    let fields = ["--name", name, "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
    place.run(&[&["clinics", "create"], &fields[..]].concat()).parse().unwrap()
}

/// Typical answers; people with many falls are flagged.
fn pattern_of(key: &str, falls: u32) -> Repeated {
    let stairs = if falls > 3 { "a_lot_or_unable" } else { "none" };
    let answers = json!({"age": 60 + 3 * falls, "sex": "female", "height_cm": 162, "weight_kg": 61.5,
        "falls_past_year": falls, "stair_difficulty": stairs, "carrying_difficulty": stairs,
        "walking_difficulty": "none", "chair_rise_difficulty": "none", "activity": "inactive", "fatigue": "rarely",
        "calf_circumference_cm": 33.5, "conditions": [], "medications": ["systemic_corticosteroid_3_weeks"], "smoker": false});
    Repeated::post(key, "/v1/submissions", &json!({ "answers": answers }).to_string())
}
