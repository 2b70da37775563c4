//! The life cycle of a rule table in a terminal: draft, check, compare, replay on stored answers; and verification of
//! stored assessments.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use sarcoscreen::domain::screening::answers::Answers;
use sarcoscreen::domain::screening::rule_table::RuleTable;
use sarcoscreen::domain::screening::scoring::{ScoreOptions, score};
use sarcoscreen::store::LOGIN;
use serde_json::{Value, json};
use sqlx::Executor as _;
use tempfile::TempDir;

use crate::world::{World, fit, frail, releases};

/// Runs commands as the operator of a world's database.
pub(crate) struct Terminal {
    folder: TempDir,
    url: String,
}

impl Terminal {
    pub(crate) fn at(world: &World) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        fs::write(&key, "07".repeat(32)).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let socket = world.database.get_socket().unwrap().display().to_string();
        let name = world.database.get_database().unwrap();
        Self { folder, url: format!("postgres://{LOGIN}@localhost/{name}?host={socket}") }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sarcoscreen"));
        command.env("DATABASE_URL", &self.url).env("SARCOSCREEN_MASTER_KEY_FILE", self.folder.path().join("key"));
        command.env("SARCOSCREEN_DATA_DIR", self.folder.path()).current_dir(self.folder.path());
        command.args(arguments).output().unwrap()
    }

    /// The output of a command that succeeds.
    pub(crate) fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The JSON output of a command, and its exit code.
    pub(crate) fn json(&self, arguments: &[&str]) -> (Value, Option<i32>) {
        let output = self.run(arguments);
        let read = serde_json::from_slice(&output.stdout);
        (read.unwrap_or_else(|error| panic!("{error}: {output:?}")), output.status.code())
    }

    /// Replaces a text in the file of a folder that contains it.
    fn edit(&self, folder: &str, from: &str, to: &str) {
        let mut edited = 0;
        for entry in fs::read_dir(self.folder.path().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            edited += text.matches(from).count();
            fs::write(&path, text.replace(from, to)).unwrap();
        }
        assert_eq!(edited, 1, "{from}");
    }
}

/// A digest of every row of every table.
async fn rows(world: &World) -> Vec<String> {
    let mut connection = world.connect().await;
    // An audited read adds an entry to the audit log, and nothing else.
    let tables = "select tablename::text from pg_tables where schemaname = 'public'
                  and tablename not in ('audit_entries', 'audit_pending') order by 1";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    let mut digests = Vec::new();
    for table in tables {
        let sql = format!("select coalesce(md5(string_agg(t::text, '' order by t::text)), '') from {table} t");
        let digest: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        digests.push(format!("{table} {digest}"));
    }
    digests
}

fn smoking(mut answers: Value) -> Value {
    answers["smoker"] = json!(true);
    answers
}

/// Stores a version that no program contains: 2025.1, in which smoking counts three points.
async fn keep_earlier_version(world: &World) -> RuleTable {
    let mut files = sarcoscreen::rules::released_files("2026.1").unwrap();
    let table = files.get_mut("table.toml").unwrap();
    *table = table.replace("version = \"2026.1\"", "version = \"2025.1\"");
    *table = table.replace("category = \"lifestyle\"\npoints = 1\n", "category = \"lifestyle\"\npoints = 3\n");
    let insert = "insert into rule_tables values ('2025.1', repeat('0', 64), $1, now())";
    sqlx::query(insert).bind(json!(files)).execute(&mut world.connect().await).await.unwrap();
    RuleTable::read(&files).unwrap()
}

#[test]
fn a_draft_copies_the_current_table_to_the_next_version_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sarcoscreen"));
        command.env_remove("DATABASE_URL").current_dir(folder.path()).args(arguments).output().unwrap()
    };
    let current = releases().current().table.version.to_string();
    let made = run(&["rules", "new", "draft"]);
    let said = String::from_utf8(made.stdout).unwrap();
    for part in ["rules check draft", "rules diff", "rules replay draft", "LOCK"] {
        assert!(made.status.success() && said.contains(part), "{part} is not in {said}");
    }
    assert!(run(&["rules", "check", "draft"]).status.success());
    let compared = run(&["rules", "diff", &current, "draft"]);
    let (year, number) = current.split_once('.').unwrap();
    let next = format!("{year}.{}", number.parse::<u16>().unwrap() + 1);
    assert_eq!(String::from_utf8(compared.stdout).unwrap(), format!("{current} -> {next}\nno difference\n"));
    let compared = run(&["rules", "diff", &current, "draft", "--json"]);
    let compared: Value = serde_json::from_slice(&compared.stdout).unwrap();
    let about = json!({"before": current, "after": next, "language": "en", "sources_language": "en", "entries": []});
    assert_eq!(compared, about);
    for refused in [&["rules", "new", "draft"][..], &["rules", "new", "other", "--version", &current]] {
        assert_eq!(run(refused).status.code(), Some(1), "{refused:?}");
    }
    assert!(run(&["rules", "new", "other", "--version", "2099.4"]).status.success());
}

#[tokio::test]
async fn a_replay_reports_the_rule_of_every_change_and_modifies_nothing() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let other = world.clinic("Two").await;
    for answers in [fit(), fit(), smoking(fit()), smoking(frail()), frail()] {
        clinic.browser.submit(&json!({"answers": answers})).await.expect(201);
    }
    other.browser.submit(&json!({"answers": smoking(fit())})).await.expect(201);
    let terminal = Terminal::at(&world);
    terminal.said(&["rules", "new", "draft", "--version", "2099.1"]);
    let before = rows(&world).await;

    // The draft equals the current table except for rows scored by an earlier version; there are none.
    let (same, _) = terminal.json(&["rules", "replay", "draft", "--clinic", "One", "--json"]);
    assert_eq!((&same["rows"], &same["band_changes"], &same["flagged_changes"]), (&json!(5), &json!(0), &json!(0)));
    assert_eq!((&same["findings"], &same["flag_reasons"]), (&json!([]), &json!([])));

    let rule = "id = \"smoker\"\ncategory = \"lifestyle\"\npoints = ";
    terminal.edit("draft", &format!("{rule}1\n"), &format!("{rule}16\n"));
    let id = clinic.id.to_string();
    let (found, _) = terminal.json(&["rules", "replay", "draft", "--clinic", &id, "--json"]);
    assert_eq!((&found["rule_table"], &found["clinic_id"]), (&json!("2099.1"), &json!(id)));
    assert_eq!((&found["rows"], &found["unreadable"]), (&json!(5), &json!(0)));
    assert_eq!((&found["band_changes"], &found["flagged_changes"]), (&json!(1), &json!(1)));
    assert_eq!(found["findings"], json!([{"rule": "smoker", "change": "points", "rows": 2, "deciding": 1}]));
    let reason = json!([{"kind": "band", "id": "high", "change": "gained", "rows": 1, "deciding": 1}]);
    assert_eq!(found["flag_reasons"], reason);
    let cell = |table: &str, from: Value, to: Value| {
        let cells = found[table].as_array().unwrap();
        cells.iter().find(|cell| cell["from"] == from && cell["to"] == to).unwrap()["rows"].as_u64().unwrap()
    };
    assert_eq!(cell("bands", json!("low"), json!("low")), 2);
    assert_eq!(cell("bands", json!("low"), json!("high")), 1);
    assert_eq!(cell("flagged", json!(false), json!(true)), 1);
    assert_eq!(cell("flagged", json!(true), json!(true)), 2);
    assert_eq!(found["bands"].as_array().unwrap().len(), 16);

    let said = terminal.said(&["rules", "replay", "draft", "--clinic", "One"]);
    for part in
        ["rule table 2099.1 over 5 stored", "1 would change their stated band, 1 would change whether", "smoker"]
    {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert_eq!(rows(&world).await, before);
}

#[tokio::test]
async fn a_table_with_faults_is_not_replayed() {
    let world = World::new().await;
    world.clinic("One").await;
    let terminal = Terminal::at(&world);
    terminal.said(&["rules", "new", "draft"]);
    terminal.edit("draft", "id = \"smoker\"\n", "id = \"smokes\"\n");
    let refused = terminal.run(&["rules", "replay", "draft", "--clinic", "One"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("rules.smokes"), "{refused:?}");
    let released = terminal.json(&["rules", "replay", "2026.1", "--clinic", "One", "--json"]);
    assert_eq!((&released.0["rows"], released.1), (&json!(0), Some(0)));
    assert_eq!(terminal.run(&["rules", "replay", "2026.1", "--clinic", "None"]).status.code(), Some(1));
}

#[tokio::test]
async fn verify_reports_the_place_but_not_the_content_of_an_altered_assessment() {
    let world = World::new().await;
    let (one, two) = (world.clinic("One").await, world.clinic("Two").await);
    let mut ids = Vec::new();
    // Each with another pathway, which the recomputation must use too.
    for (clinic, answers, pathway) in
        [(&one, fit(), "sdoc"), (&one, frail(), "awgs_2025"), (&two, frail(), "awgs_2019")]
    {
        let receipt = clinic.browser.submit(&json!({"answers": answers, "pathway": pathway})).await.expect(201);
        assert_eq!(receipt["assessment"]["pathways"][0]["id"], pathway);
        ids.push(receipt["id"].as_str().unwrap().to_owned());
    }
    let terminal = Terminal::at(&world);
    let (found, code) = terminal.json(&["rules", "verify", "--json"]);
    assert_eq!(code, Some(0), "{found}");
    assert_eq!(found, json!({"rows": 3, "differing": 0, "fields": [], "submissions": []}));
    let before = rows(&world).await;
    assert!(terminal.said(&["rules", "verify"]).ends_with("3 stored assessments recomputed, 0 differ\n"));
    assert_eq!(rows(&world).await, before);

    let sql = format!(
        "update submissions set assessment = jsonb_set(assessment::jsonb, '{{score,total}}', '3') where submission_id = '{}';
         update submissions set answers = jsonb_set(answers::jsonb, '{{age}}', '\"old\"') where submission_id = '{}'",
        ids[1], ids[2],
    );
    world.connect().await.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap();
    let (found, code) = terminal.json(&["rules", "verify", "--json", "--clinic", "One"]);
    let differing = |clinic: uuid::Uuid, id: &String, field: &str| {
        let version = releases().current().table.version.to_string();
        json!({"clinic_id": clinic, "submission_id": id, "rule_table": version, "fields": [field]})
    };
    let altered = differing(one.id, &ids[1], "score");
    let fields = json!([{"field": "score", "rows": 1}]);
    assert_eq!(code, Some(1), "{found}");
    assert_eq!(found, json!({"rows": 2, "differing": 1, "fields": fields, "submissions": [altered]}));
    let (found, _) = terminal.json(&["rules", "verify", "--json"]);
    assert_eq!(found["submissions"], json!([altered, differing(two.id, &ids[2], "answers")]));
    // A key that only the stored row has, and a column that lists and filters use.
    let sql = format!(
        "update submissions set assessment = assessment::jsonb || '{{\"risks\": [\"invented\"]}}', positive_instruments = '{{invented}}'
         where submission_id = '{}'",
        ids[0],
    );
    world.connect().await.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(sql))).await.unwrap();
    let (found, _) = terminal.json(&["rules", "verify", "--json"]);
    let fields =
        &found["submissions"].as_array().unwrap().iter().find(|row| row["submission_id"] == *ids[0]).unwrap()["fields"];
    assert_eq!(*fields, json!(["risks", "column positive_instruments"]));
    let verify = terminal.run(&["rules", "verify"]);
    let verify = (verify.status.code(), String::from_utf8(verify.stdout).unwrap());
    assert_eq!(verify.0, Some(1));
    assert!(verify.1.contains(&ids[1]) && verify.1.contains("score") && !verify.1.contains("old"), "{}", verify.1);
}

#[tokio::test]
async fn verify_recomputes_a_row_with_a_version_that_only_the_database_has() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    clinic.browser.submit(&json!({"answers": smoking(fit())})).await.expect(201);
    let table = keep_earlier_version(&world).await;
    let answers = smoking(fit()).to_string();
    let (answers, _) = Answers::parse(&serde_json::from_str(&answers).unwrap());
    let assessment = serde_json::to_value(score(&table, &answers, ScoreOptions::PERSON)).unwrap();
    let mut connection = world.connect().await;
    let update =
        "update submissions set rule_table = '2025.1', assessment = $1, score_total = ($1->'score'->'total')::smallint,
        score_lower = ($1->'score'->'lower')::smallint, score_upper = ($1->'score'->'upper')::smallint,
        band_at_least = $1->>'band_at_least', band_at_most = $1->>'band_at_most', care_level = $1->>'care_level'";
    sqlx::query(update).bind(&assessment).execute(&mut connection).await.unwrap();
    let terminal = Terminal::at(&world);
    let (found, code) = terminal.json(&["rules", "verify", "--json"]);
    assert_eq!((&found["rows"], &found["differing"], code), (&json!(1), &json!(0), Some(0)), "{found}");
    // In any other version smoking counts one point; with it the highest possible score falls below a band.
    connection.execute("update submissions set rule_table = '2026.1'").await.unwrap();
    let (found, code) = terminal.json(&["rules", "verify", "--json"]);
    assert_eq!(code, Some(1));
    let fields = json!(["rule_table", "score", "band_at_most", "findings", "column score", "column band"]);
    assert_eq!(found["submissions"][0]["fields"], fields);
}

#[tokio::test]
async fn stored_answers_can_be_assessed_with_any_known_version_without_storing() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let receipt = clinic.browser.submit(&json!({"answers": smoking(fit())})).await.expect(201);
    let path = format!("/v1/submissions/{}/assessments", receipt["id"].as_str().unwrap());
    keep_earlier_version(&world).await;
    let before = rows(&world).await;

    let stored = clinic.staff.get(&path).await.expect(200);
    let own = receipt["assessment"]["rule_table"].as_str().unwrap();
    let wanted = json!({"submission_id": receipt["id"], "rule_table": own, "stored": true,
        "assessment": receipt["assessment"]});
    assert_eq!(stored, wanted);
    assert_eq!(clinic.admin.get(&format!("{path}?rule_table={own}")).await.expect(200), wanted);

    let other = clinic.staff.get(&format!("{path}?rule_table=2025.1")).await;
    assert_eq!((other.header("content-language"), other.header("cache-control")), ("en", "no-store"));
    let other = other.expect(200);
    assert_eq!((&other["rule_table"], &other["stored"]), (&json!("2025.1"), &json!(false)));
    let assessment = &other["assessment"];
    assert_eq!((&assessment["rule_table"], &assessment["score"]["total"]), (&json!("2025.1"), &json!(3)));
    assert_eq!(assessment["findings"][0]["rule"], "smoker");
    assert!(!assessment["findings"][0]["reason"].as_str().unwrap().is_empty());

    for unknown in ["1999.1", "%F0%9F%A6%B4", "2026.1%20"] {
        clinic.staff.get(&format!("{path}?rule_table={unknown}")).await.expect(404);
    }
    for faulty in ["rule_table=", "rule_table=%00", "rule_table=2026.1&rule_table=2026.1", "version=2026.1"] {
        clinic.staff.get(&format!("{path}?{faulty}")).await.expect(400);
    }
    clinic.intake.get(&path).await.expect(403);
    assert_eq!(rows(&world).await, before);
}
