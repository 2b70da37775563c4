//! The subcommands with their options.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, value_parser};

use super::evaluation::Evaluate;
use super::keys::Keys;
use crate::domain::language::Language;

fn languages() -> PossibleValuesParser {
    PossibleValuesParser::new(Language::ALL.map(Language::as_str))
}

#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Starts the service. This is the default without a subcommand.
    Serve,
    /// Applies missing migrations as the owner of the database (SARCOSCREEN_OWNER_DATABASE_URL), creates the role that
    /// DATABASE_URL names, and checks that it can sign in.
    Migrate {
        /// Creates only the roles of the service. Run it before you restore a dump into a new cluster, because the dump
        /// refers to the roles.
        #[arg(long)]
        roles_only: bool,
    },
    /// Creates and lists clinics.
    #[command(subcommand)]
    Clinics(Box<Clinics>),
    /// Creates, lists, rotates and revokes the keys of a clinic.
    #[command(subcommand)]
    Keys(Keys),
    /// Removes data past its retention period now, as the service does every hour.
    Retention,
    /// Indexes stored subjects so that searches find them as they find new ones: names by each word without case and accents,
    /// e-mail addresses, national spellings of telephone numbers, and references in any Unicode form.
    ///
    /// Run it after an upgrade from a version without this command, and after a change of a clinic's country. The service may run
    /// meanwhile; searches then find each subject in its earlier or its new form. Subjects are indexed in batches of 500, each in
    /// a transaction. If interrupted, the next run continues. Subjects that are indexed already are not read again.
    ///
    /// Lists subjects whose references differ only in their Unicode form. They were stored as two subjects, and stay two until
    /// staff merge them. The exit code is 1 if subjects were in use and are not indexed; run it again.
    Reindex {
        /// Only this clinic, by its id or name. [default: all clinics]
        #[arg(long, value_name = "ID OR NAME")]
        clinic: Option<String>,
    },
    /// Repeats, in a database restored from a backup, the erasures made since the backup.
    Restore {
        /// The erasure logs. The subjects they list are erased again.
        #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
        erasure_log: Vec<PathBuf>,
    },
    /// Prints the OpenAPI document.
    Openapi,
    /// Drafts, checks and compares rule tables, and replays them on stored submissions.
    #[command(subcommand)]
    Rules(Rules),
    /// Seals, prunes and verifies the audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// Creates the demo clinic with an open web form and a synthetic cohort, and prints its keys.
    SeedDemo,
    /// Checks whether the service on the listening address is ready; exits with 0 if it is.
    Health,
}

/// The names of the pathways, and `none` for no pathway.
const PATHWAYS: [&str; 5] = ["ewgsop2", "awgs_2019", "awgs_2025", "sdoc", "none"];

#[derive(Clone, Debug, Subcommand)]
pub enum Clinics {
    /// Creates a clinic and prints its id.
    Create {
        /// The clinic's display name, 1 to 200 characters, unique.
        #[arg(long)]
        name: String,
        /// The https address where a consultation is booked.
        #[arg(long, value_name = "URL")]
        booking_url: String,
        /// The default language of responses.
        #[arg(long, default_value = "en", value_parser = languages())]
        language: String,
        /// The default consensus pathways, separated by commas.
        #[arg(long, default_value = "ewgsop2", value_delimiter = ',', value_parser = PATHWAYS)]
        pathways: Vec<String>,
        /// The clinic's name in addresses: 1 to 40 of a-z, 0-9 and -, unique.
        #[arg(long)]
        slug: Option<String>,
        #[command(flatten)]
        profile: ProfileChange,
    },
    /// Sets the default consensus pathways of a clinic.
    Pathways {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// The pathways, separated by commas.
        #[arg(required = true, value_delimiter = ',', value_parser = PATHWAYS)]
        pathways: Vec<String>,
    },
    /// Changes settings of a clinic; settings that are not given stay the same. Takes effect within five seconds.
    Set {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        #[command(flatten)]
        change: ClinicChange,
    },
    /// Suspends a clinic: within five seconds requests with its keys get 403. No data is lost.
    Suspend {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
    },
    /// Ends the suspension of a clinic.
    Resume {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
    },
    /// Lists all clinics with their settings.
    List,
    /// Lists the subjects of a clinic whose submissions come from two or more intake keys or record systems, with the share of
    /// each. If they number patients separately, such a subject may be two persons. `GET /v1/subjects/{id}` shows it. Then
    /// lists the references that exist in several systems, each with its subjects; if they are one person, staff merge them.
    /// While the master key is changed, `keys rotate-master` must have ended for a complete list.
    SharedReferences {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ClinicChange {
    /// The clinic's display name, 1 to 200 characters, unique.
    #[arg(long)]
    pub name: Option<String>,
    /// The https address where a consultation is booked.
    #[arg(long, value_name = "URL")]
    pub booking_url: Option<String>,
    /// The clinic's name in addresses: 1 to 40 of a-z, 0-9 and -, unique.
    #[arg(long)]
    pub slug: Option<String>,
    #[command(flatten)]
    pub profile: ProfileChange,
    /// The default language of responses; must be one of the clinic's languages.
    #[arg(long, value_parser = languages())]
    pub language: Option<String>,
    /// The languages of responses, separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = languages())]
    pub languages: Vec<String>,
    /// The default consensus pathways, separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = PATHWAYS)]
    pub pathways: Vec<String>,
    /// Hours until a follow-up of urgency today is due, 1 to 8760.
    #[arg(long, value_name = "HOURS", value_parser = value_parser!(u16).range(1..=8760))]
    pub due_today_hours: Option<u16>,
    /// Hours until a follow-up of urgency this week is due, 1 to 8760.
    #[arg(long, value_name = "HOURS", value_parser = value_parser!(u16).range(1..=8760))]
    pub due_this_week_hours: Option<u16>,
    /// Hours until a routine follow-up is due, 1 to 8760.
    #[arg(long, value_name = "HOURS", value_parser = value_parser!(u16).range(1..=8760))]
    pub due_routine_hours: Option<u16>,
    /// Days that submissions are kept, 1 to 36500, or forever.
    #[arg(long, value_name = "DAYS", value_parser = |text: &str| period(text, 1..=36_500))]
    pub retention_days: Option<Retention>,
    /// Years that entries of the audit log are kept, 3 to 100, or forever. `audit prune` removes older ones.
    #[arg(long, value_name = "YEARS", value_parser = |text: &str| period(text, 3..=100))]
    pub audit_retention_years: Option<Retention>,
    /// Opens or closes the clinic's own web form. It needs a slug, and a privacy notice and a consent text in each language of
    /// the clinic. The service itself acts as the credential "Web form" of the clinic; `keys revoke` closes the form too.
    #[arg(long, value_name = "on|off", value_parser = ["on", "off"])]
    pub web_form: Option<String>,
    /// The web origins whose pages may embed the web form, such as https://clinic.example, separated by commas. [default: those
    /// of before, at first none]
    #[arg(long, value_name = "ORIGINS", value_delimiter = ',', requires = "web_form")]
    pub web_form_origins: Vec<String>,
}

/// What a clinic states about itself beyond its booking address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ProfileChange {
    /// A number to call in an emergency: 2 to 20 digits, spaces allowed, with an optional label. May be repeated; texts name
    /// the first. `clinics create` needs one.
    #[arg(long, value_name = "[LABEL=]NUMBER")]
    pub emergency_number: Vec<String>,
    /// The country, as two capital letters (ISO 3166-1 alpha-2). Searches know the national spellings of its telephone numbers.
    /// After a change, run `reindex`.
    #[arg(long, value_name = "CODE")]
    pub country: Option<String>,
    /// The time zone, as a name of the IANA time zone database, such as Europe/Madrid. Without it, UTC.
    #[arg(long, value_name = "NAME")]
    pub time_zone: Option<String>,
    /// Adds an identifier system, such as a URI, whose references of persons are the clinic's own. Subjects that were stored
    /// with the system keep their history. May be repeated.
    #[arg(long, value_name = "URI")]
    pub reference_system: Vec<String>,
    /// Adds an identifier system of others, whose references are not those of the clinic. May be repeated.
    #[arg(long, value_name = "URI")]
    pub other_reference_system: Vec<String>,
    /// Removes an identifier system from both lists. May be repeated. A reference with that system is then refused if the
    /// clinic has the same reference without a system.
    #[arg(long, value_name = "URI")]
    pub forget_reference_system: Vec<String>,
    /// The wording of the offer of a consultation in a language, at most 300 characters; an empty text goes back to the
    /// wording of the rule table. May be repeated.
    #[arg(long, value_name = "LANGUAGE=TEXT")]
    pub consultation_offer: Vec<String>,
    /// The https address of the privacy notice in a language; an empty address removes it. May be repeated.
    #[arg(long, value_name = "LANGUAGE=URL")]
    pub privacy_notice: Vec<String>,
    /// The text in a language by which a person agrees to be contacted, at most 2000 characters on one line. May be repeated. A
    /// changed text needs a new --consent-version.
    #[arg(long, value_name = "LANGUAGE=TEXT")]
    pub consent_text: Vec<String>,
    /// The version of the consent texts, which stored consents name, such as 2026-01. A new version keeps no earlier text.
    #[arg(long, value_name = "VERSION")]
    pub consent_version: Option<String>,
}

/// A retention period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    Forever,
    /// This many days or years.
    For(u32),
}

/// Parses a number of days or years within a range, or `forever`.
fn period(text: &str, range: RangeInclusive<u32>) -> Result<Retention, String> {
    match text.parse() {
        _ if text == "forever" => Ok(Retention::Forever),
        Ok(time) if range.contains(&time) => Ok(Retention::For(time)),
        _ => Err(format!("must be {} to {}, or forever", range.start(), range.end())),
    }
}

#[derive(Clone, Debug, Subcommand)]
pub enum Rules {
    /// Copies the current rule table into a new folder as the draft of the next version, and prints the next steps.
    New {
        /// The folder to create; it may exist if it is empty.
        folder: PathBuf,
        /// The version of the draft, a year and a number. [default: the next number after the current version]
        #[arg(long)]
        version: Option<String>,
    },
    /// Checks a rule table and prints a summary with the reading grades of its texts. Exits with 1 if it has faults, which it
    /// lists, or if a text is too hard to read.
    Check {
        /// The folder of the table's files. [default: the current table of this program]
        folder: Option<PathBuf>,
    },
    /// Prints the differences between two rule tables, in words. Conditions and figures are compared by value.
    ///
    /// With --json: the response of GET /v1/rule-tables/{version}/changes.
    Diff {
        /// The older table: a version built into this program, or a folder.
        before: String,
        /// The newer table: a version built into this program, or a folder.
        after: String,
        /// The language of the words.
        #[arg(long, default_value = "en", value_parser = languages())]
        language: String,
        /// Prints a JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Scores a clinic's stored answers with a rule table, and prints what would change. Changes no submission.
    ///
    /// Each submission is scored as of the time it was stored, with the pathways of its stored assessment or, if its rule
    /// table version had no pathways, those of the clinic. A submission changes its band when the stated band differs: low,
    /// moderate, high, or not settled. Changes of findings and reasons to flag are counted in total, and separately for
    /// submissions whose band or flag changes too.
    ///
    /// With --json: {"rule_table", "clinic_id", "rows", "unreadable", "band_changes", "flagged_changes",
    /// "bands": [{"from", "to", "rows"}], "flagged": [{"from", "to", "rows"}], "findings": [{"rule", "change": "gained",
    /// "lost" or "points", "rows", "deciding"}], "flag_reasons": [{"kind", "id", "change", "rows", "deciding"}]}. A band
    /// that is not settled is null; "deciding" counts the rows whose band or flag changes.
    Replay {
        /// The table to replay: a version built into this program, or the folder of a draft without faults.
        file: String,
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// Prints a JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Measures how well rule tables find people who have an outcome: in a file, or in the outcomes that a clinic recorded.
    ///
    /// Each person is scored by the engine of the service. For each table, each published instrument, age, and age with
    /// SARC-F it reports the area under the curve; sensitivity, specificity, predictive values, likelihood ratios and the share
    /// flagged at each band and cut-off; calibration by tenths of the score; the same by sex and age; and the differences
    /// between tables. Intervals are 95 %, by a bootstrap of sampling units. Questions that were not asked count as no points.
    /// The text has the calibration of the totals; --json has that of every predictor. docs/evidence.md describes the method
    /// and the file.
    ///
    /// With --clinic, the first submission of each subject is scored, and the outcome is what was measured or diagnosed after
    /// it. Fewer than 50 recorded outcomes are refused. Only counts are printed. The clinic measures mostly people who were
    /// flagged, so sensitivity looks higher and specificity lower than they are (verification bias).
    ///
    /// Rules for an honest figure:
    ///
    /// 1. Do not choose points, bands or cut-offs on the data that you then report. Set them first, or hold a part of the data
    ///    out, such as one survey cycle, and report that part.
    ///
    /// 2. State every outcome that you tried, not only the best one.
    ///
    /// 3. Have enough people. With 100 people who have the outcome and 100 who have not, an area near 0.8 is known to about
    ///    +-0.06, and a sensitivity near 80 % to about +-8 points. With 50 of each it is +-0.09 and +-11 points.
    ///
    /// 4. A figure holds for the people it was measured in. Say who they are, and who was left out.
    ///
    /// With --json: {"data", "source", "rows", "left_out": [{"item", "rows"}], "rule_tables", "replicates", "seed", "outcomes":
    /// [{"outcome", "name", "age_from", "people", "cases", "prevalence", "strata", "units", "predictors": [{"predictor",
    /// "name", "rule_table", "people", "cases", "settled", "open_points", "area", "cut_offs", "bands", "calibration", "groups"}],
    /// "differences": [{"of", "minus", "area", "cut_offs"}]}]}. A group has "group", "people", "cases", "prevalence", "expected",
    /// "area", "cut_offs" and "calibration". A figure is {"value", "low", "high"}; null means that the data do not determine it.
    /// With --clinic also "clinic_id", "measured", "never_measured", "without_age" and "by_band".
    Evaluate(Box<Evaluate>),
    /// Recomputes every stored assessment under its own rule table; exits with 1 if one differs. Changes no submission.
    ///
    /// Also compares the columns that lists and filters read.
    ///
    /// A difference is reported by the submission's id and the names of the fields, never by their values. At most 1000
    /// submissions are listed.
    ///
    /// With --json: {"rows", "differing", "fields": [{"field", "rows"}], "submissions": [{"clinic_id", "submission_id",
    /// "rule_table", "fields"}]}.
    Verify {
        /// Only this clinic, by its id or name. [default: all clinics]
        #[arg(long, value_name = "ID OR NAME")]
        clinic: Option<String>,
        /// Prints a JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub enum Audit {
    /// Seals unsealed audit entries now, as the service does every few seconds, and prints the head of each chain that
    /// grew.
    Seal,
    /// Removes audit entries that are older than their clinic's retention period, in whole seals. Requires the owner of the
    /// database.
    ///
    /// A signed tombstone replaces the removed entries, so `audit verify` distinguishes pruning from tampering. If old
    /// entries of a clinic do not verify, nothing of that clinic is removed and the exit code is 1. See `clinics set
    /// --audit-retention-years`.
    Prune {
        /// Only this clinic, by its id or name. [default: all clinics with a retention period for the audit log]
        #[arg(long, value_name = "ID OR NAME")]
        clinic: Option<String>,
        /// Only prints what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Verifies the audit log and lists every entry or seal that was altered; exits with 1 if there is one.
    ///
    /// Detects entries that were changed, removed or added, seals that were changed, removed or reordered, and chains that
    /// were truncated, if a known head lies beyond their end. At most 1000 breaks are listed.
    ///
    /// With --json: {"chains", "entries", "seals", "waiting", "pruned_entries", "pruned_seals", "tombstones", "heads",
    /// "breaks", "first": [{"clinic_id", "kind", ...}]}. The kinds are entry_changed, entry_missing, entry_added and
    /// entry_sealed_twice with "audit_entry_id"; seals_missing with "first" and "last"; seal_changed, seal_out_of_order,
    /// seal_replaced and seal_not_pruned with "seal_number"; tombstone_changed and tombstone_out_of_order with
    /// "first_seal"; chain_cut with "known" and "last". The nil clinic is the system's audit log.
    Verify {
        /// Only this clinic, by its id or name. [default: all clinics and the system]
        #[arg(long, value_name = "ID OR NAME")]
        clinic: Option<String>,
        /// A file that contains heads, such as the service's log; may be given more than once.
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
        /// Prints a JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
}
