//! The measured system: a database, several clinics with their keys, and the service.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor as _};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::generator::{Found, Load, Plan, Source, drain, run};
use crate::pgbench::Pgbench;
use crate::place::{Place, Service};
use crate::requests::{KNOWN_PEOPLE, Submissions};
use crate::usage::Usage;
use crate::{Options, progress};

/// The load must not reach the rate limits of a credential or clinic.
pub(crate) const UNLIMITED: [(&str, &str); 2] =
    [("SARCOSCREEN_RATE_PER_CREDENTIAL", "0"), ("SARCOSCREEN_RATE_PER_CLINIC", "0")];
const WARM_UP: Duration = Duration::from_secs(1);

pub(crate) struct Clinic {
    pub(crate) id: Uuid,
    pub(crate) intake: String,
    /// The credential of pgbench's rows, which distinguishes them.
    pub(crate) pgbench: Uuid,
}

/// The whole measured system.
pub(crate) struct World {
    pub(crate) place: Place,
    pub(crate) service: Service,
    pub(crate) clinics: Vec<Clinic>,
    pub(crate) submissions: Rc<Submissions>,
    pub(crate) options: Options,
    owner: Mutex<PgConnection>,
    acknowledged: RefCell<Vec<Uuid>>,
}

impl World {
    pub(crate) async fn new(options: Options) -> Self {
        progress("starting a PostgreSQL and the service");
        let place = Place::new().await;
        place.run(&["migrate"]);
        let mut owner = place.connect().await;
        let mut clinics = Vec::new();
        for number in 1..=options.clinics {
            clinics.push(clinic(&place, &mut owner, number).await);
        }
        let keys: Vec<_> = clinics.iter().map(|clinic| clinic.intake.clone()).collect();
        let service = place.serve_with(&environment(&options));
        let mut world = Self {
            place,
            service,
            clinics,
            submissions: Rc::new(Submissions::new(&keys)),
            options,
            owner: Mutex::new(owner),
            acknowledged: RefCell::default(),
        };
        world.seed().await;
        world
    }

    /// Sends every kind of document once, then the subjects that the clinics know.
    async fn seed(&mut self) {
        progress("seeding");
        self.submissions.each_once();
        self.keep(&drain(self.service.address(), 8, &self.submissions).await);
        self.owner.get_mut().execute(include_str!("../pgbench/prepare.sql")).await.unwrap();
        self.submissions.introduce();
        self.keep(&drain(self.service.address(), 64, &self.submissions).await);
        let known = format!("select bench_known_people({KNOWN_PEOPLE})");
        self.owner.get_mut().execute(AssertSqlSafe(known)).await.unwrap();
        self.owner.get_mut().execute("analyze").await.unwrap();
        self.submissions.endless();
    }

    /// Puts a load on the service.
    pub(crate) async fn load<S: Source + 'static>(&self, source: &Rc<S>, connections: usize, load: Load) -> Found {
        let found = self.load_on(self.service.address(), self.service.process(), source, connections, load).await;
        self.keep(&found);
        found
    }

    /// Puts a load on a server at an address.
    pub(crate) async fn load_on<S: Source + 'static>(
        &self,
        address: SocketAddr,
        process: u32,
        source: &Rc<S>,
        connections: usize,
        load: Load,
    ) -> Found {
        let time = Duration::from_secs(self.options.seconds);
        let postgres = self.place.postgres();
        let plan = Plan { address, connections, load, warm_up: WARM_UP, time };
        run(plan, source, || Usage::now(process, postgres)).await
    }

    pub(crate) fn pgbench(&self) -> Pgbench {
        Pgbench::new(&self.place, self.submissions.people())
    }

    /// Before each measurement, a checkpoint writes the pending data of earlier ones.
    pub(crate) async fn settle(&self) {
        self.owner.lock().await.execute("checkpoint").await.unwrap();
    }

    /// Starts a new process of the service, with empty caches.
    pub(crate) fn restart(&mut self) {
        let fresh = self.place.serve_with(&environment(&self.options));
        std::mem::replace(&mut self.service, fresh).stop();
    }

    pub(crate) fn environment(&self) -> Vec<(&str, &str)> {
        environment(&self.options)
    }

    /// Fails unless the database contains every acknowledged submission and no other. Returns how many, and the kinds of
    /// pgbench's rows.
    pub(crate) async fn compare(&mut self) -> [String; 2] {
        let acknowledged = self.acknowledged.get_mut();
        let owner = self.owner.get_mut();
        let others: Vec<Uuid> = self.clinics.iter().map(|clinic| clinic.pgbench).collect();
        let stored = "select count(*) from submissions where credential_id <> all($1)";
        let stored: i64 = sqlx::query_scalar(stored).bind(&others).fetch_one(&mut *owner).await.unwrap();
        let found = "select count(*) from unnest($1::uuid[]) id join submissions on submission_id = id";
        let found: i64 = sqlx::query_scalar(found).bind(&*acknowledged).fetch_one(&mut *owner).await.unwrap();
        let sent = acknowledged.len() as i64;
        assert_eq!((stored, found), (sent, sent), "stored and found again, against 201s");
        let kinds = "select string_agg(format('%s: %s %% flagged, %s %% joined an open case, %s bytes', who,
                             round(100.0 * flagged, 1), round(100.0 * joined, 1), bytes), '; ' order by who desc)
                     from (select case when credential_id = any($1) then 'pgbench' else 'service' end as who,
                                  avg(flagged::integer) as flagged, round(avg(pg_column_size(s))) as bytes,
                                  avg(coalesce(follow_up_joined, false)::integer) as joined
                           from submissions s group by 1) of_both";
        let kinds: String = sqlx::query_scalar(kinds).bind(&others).fetch_one(owner).await.unwrap();
        [
            format!("{sent} answers 201, {stored} rows stored, {found} of those ids found among them."),
            format!("Rows of submissions by who wrote them: {kinds}."),
        ]
    }

    fn keep(&self, found: &Found) {
        self.keep_ids(&found.ids);
    }

    /// Stores acknowledged ids.
    pub(crate) fn keep_ids(&self, ids: &[Uuid]) {
        self.acknowledged.borrow_mut().extend_from_slice(ids);
    }
}

fn environment(options: &Options) -> Vec<(&str, &str)> {
    [&UNLIMITED[..], &options.environment()].concat()
}

async fn clinic(place: &Place, owner: &mut PgConnection, number: usize) -> Clinic {
    let name = format!("Clinic {number}");
    let fields = ["--name", &name, "--booking-url", "https://clinic.example/book", "--emergency-number", "112"];
    let id = place.run(&[&["clinics", "create"], &fields[..]].concat());
    let mint = |role, name| place.run(&["keys", "mint", "--clinic", &id, "--role", role, "--name", name]);
    let intake = mint("intake", "Intake");
    mint("intake", "pgbench");
    let id: Uuid = id.parse().unwrap();
    let sql = "select credential_id from credentials where clinic_id = $1 and display_name = 'pgbench'";
    let pgbench = sqlx::query_scalar(sql).bind(id).fetch_one(owner).await.unwrap();
    Clinic { id, intake, pgbench }
}
