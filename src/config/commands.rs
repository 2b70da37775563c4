//! The subcommands with their own options.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Starts the service. This is also what happens without a subcommand.
    Serve,
    /// Applies missing migrations as the owner of the database (SARCOSCREEN_OWNER_DATABASE_URL), makes the role that
    /// DATABASE_URL names, and tries whether it can sign in.
    Migrate {
        /// Makes the roles of the service and nothing else, before a dump is restored into a new cluster: the dump names them.
        #[arg(long)]
        roles_only: bool,
    },
    /// Creates and lists clinics.
    #[command(subcommand)]
    Clinics(Clinics),
    /// Mints, lists, rotates and revokes the keys of a clinic.
    #[command(subcommand)]
    Keys(Keys),
    /// Removes now what clinics do not want to keep any longer, as the service does every hour.
    Retention,
    /// Brings a database restored from a backup up to the erasures since.
    Restore {
        /// The erasure logs; whoever they name is erased again.
        #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
        erasure_log: Vec<PathBuf>,
    },
    /// Prints the OpenAPI document.
    Openapi,
    /// Drafts, checks and compares rule tables, and tries them on stored submissions.
    #[command(subcommand)]
    Rules(Rules),
    /// Seals the audit trail, and verifies that nobody changed it.
    #[command(subcommand)]
    Audit(Audit),
    /// Creates the demo clinic with its made-up cohort and prints its keys.
    SeedDemo,
    /// Asks the service on the listening address whether it is ready; exits with 0 when it is.
    Health,
}

/// The names of the pathways, and of following none.
const PATHWAYS: [&str; 5] = ["ewgsop2", "awgs_2019", "awgs_2025", "sdoc", "none"];

/// What to do with clinics.
#[derive(Clone, Debug, Subcommand)]
pub enum Clinics {
    /// Creates a clinic and prints its id.
    Create {
        /// The clinic's name as people read it, 1 to 200 characters; no other clinic may have it.
        #[arg(long)]
        name: String,
        /// Where a consultation is booked, an https address.
        #[arg(long, value_name = "URL")]
        booking_url: String,
        /// The number to call in an emergency, 2 to 20 digits.
        #[arg(long, value_name = "DIGITS")]
        emergency_number: String,
        /// The language used where a request asks for none.
        #[arg(long, default_value = "en", value_parser = PossibleValuesParser::new(["en", "es"]))]
        language: String,
        /// The consensus pathways followed where a request asks for none, separated by commas.
        #[arg(long, default_value = "ewgsop2", value_delimiter = ',', value_parser = PossibleValuesParser::new(PATHWAYS))]
        pathways: Vec<String>,
    },
    /// Chooses the consensus pathways a clinic follows where a request asks for none.
    Pathways {
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// The pathways, separated by commas.
        #[arg(required = true, value_delimiter = ',', value_parser = PossibleValuesParser::new(PATHWAYS))]
        pathways: Vec<String>,
    },
    /// Changes settings of a clinic; those that are not named stay. It acts within five seconds.
    Set {
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// What to change.
        #[command(flatten)]
        change: ClinicChange,
    },
    /// Suspends a clinic: its keys are answered with 403 within five seconds, and nothing is lost.
    Suspend {
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
    },
    /// Lets the people of a suspended clinic in again.
    Resume {
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
    },
    /// Lists every clinic with its settings.
    List,
}

/// Settings of a clinic.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = true)]
pub struct ClinicChange {
    /// The clinic's name as people read it, 1 to 200 characters; no other clinic may have it.
    #[arg(long)]
    pub name: Option<String>,
    /// Where a consultation is booked, an https address.
    #[arg(long, value_name = "URL")]
    pub booking_url: Option<String>,
    /// The number to call in an emergency, 2 to 20 digits.
    #[arg(long, value_name = "DIGITS")]
    pub emergency_number: Option<String>,
    /// The language used where a request asks for none; one of the languages.
    #[arg(long, value_parser = PossibleValuesParser::new(["en", "es"]))]
    pub language: Option<String>,
    /// The languages that requests are answered in, separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(["en", "es"]))]
    pub languages: Vec<String>,
    /// The consensus pathways followed where a request asks for none, separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(PATHWAYS))]
    pub pathways: Vec<String>,
    /// Within how many hours a case for today is due, 1 to 8760.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u16).range(1..=8760))]
    pub due_today_hours: Option<u16>,
    /// Within how many hours a case for this week is due, 1 to 8760.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u16).range(1..=8760))]
    pub due_this_week_hours: Option<u16>,
    /// Within how many hours a routine case is due, 1 to 8760.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u16).range(1..=8760))]
    pub due_routine_hours: Option<u16>,
    /// How many days submissions are kept, 1 to 36500, or forever.
    #[arg(long, value_name = "DAYS", value_parser = retention)]
    pub retention_days: Option<Retention>,
    /// How many years entries of the audit log are kept, 3 to 100, or forever. `audit prune` removes older ones.
    #[arg(long, value_name = "YEARS", value_parser = audit_retention)]
    pub audit_retention_years: Option<Retention>,
}

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// No time is set.
    Forever,
    /// So many days or years.
    For(u32),
}

fn retention(text: &str) -> Result<Retention, &'static str> {
    match text.parse() {
        _ if text == "forever" => Ok(Retention::Forever),
        Ok(days) if (1..=36_500).contains(&days) => Ok(Retention::For(days)),
        _ => Err("must be 1 to 36500, or forever"),
    }
}

fn audit_retention(text: &str) -> Result<Retention, &'static str> {
    match text.parse() {
        _ if text == "forever" => Ok(Retention::Forever),
        Ok(years) if (3..=100).contains(&years) => Ok(Retention::For(years)),
        _ => Err("must be 3 to 100, or forever"),
    }
}

/// What to do with keys.
#[derive(Clone, Debug, Subcommand)]
pub enum Keys {
    /// Mints a key and prints it. It is shown this once and cannot be had again.
    Mint {
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// What the key may do; each role may do what the ones before it may.
        #[arg(long, value_parser = PossibleValuesParser::new(["browser", "intake", "staff", "admin"]))]
        role: String,
        /// The person or system that gets the key, 1 to 200 characters.
        #[arg(long)]
        name: String,
        /// When the key stops working, such as 2027-01-31T00:00:00Z. [default: never]
        #[arg(long, value_name = "TIME", conflicts_with = "expires_in_days")]
        expires_at: Option<String>,
        /// In how many days the key stops working, 1 to 3650.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
        expires_in_days: Option<u32>,
        /// The web sites whose pages may send a browser key, as exact origins such as https://clinic.example, separated by
        /// commas. [default: the key is bound to none]
        #[arg(long, value_name = "ORIGINS", value_delimiter = ',')]
        origins: Vec<String>,
        /// The id of the credential of the same role that this one replaces: what that one submitted can be read, corrected
        /// and retried with this key. The other works until it is revoked. [default: none]
        #[arg(long, value_name = "ID")]
        replaces: Option<String>,
    },
    /// Gives a credential a new key and prints it. The one it had works for the overlap.
    Rotate {
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// The credential's id, as `keys list` shows it.
        #[arg(long)]
        id: String,
        /// For how many hours both keys work, 0 to 168.
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(0..=168))]
        overlap_hours: u64,
    },
    /// Lists the keys of a clinic, without the keys themselves.
    List {
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
    },
    /// Seals anew, with the first key of the master key file, what an earlier one sealed, while the service runs. Says
    /// when the earlier ones may be removed from the file. Ended in the middle, it goes on where it was.
    ///
    /// To rotate: put a new key (`openssl rand -hex 32`) on the first line of the file, above the old one, restart the
    /// service, and run this. Where several instances run, put the new key on the second line first and restart them all,
    /// then move it to the first.
    RotateMaster,
    /// Revokes a key; it stops working within five seconds.
    Revoke {
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// The key's id, as `keys list` shows it.
        #[arg(long)]
        id: String,
    },
}

/// What to do with rule tables.
#[derive(Clone, Debug, Subcommand)]
pub enum Rules {
    /// Copies the current rule table into a new folder, as the draft of the next version, and says what comes next.
    New {
        /// The folder to make; it may exist if it is empty.
        folder: PathBuf,
        /// The version of the draft, a year and a number. [default: the one after the current version]
        #[arg(long)]
        version: Option<String>,
    },
    /// Checks a rule table and prints a summary, or every fault and exits with 1.
    Check {
        /// The folder of the table's files. [default: the table that this program scores with]
        folder: Option<PathBuf>,
    },
    /// Prints what changed from one rule table to another.
    ///
    /// With --json: {"before", "after": versions, "entries": [{"section", "id", "change": "added", "removed" or
    /// "changed", "fields": [{"name", "before", "after"}]}], "texts": [{"file", "id", "change", "before", "after"}]}.
    /// What is absent on one side is null there.
    Diff {
        /// The older table: a version in this program, or a folder.
        before: String,
        /// The newer table: a version in this program, or a folder.
        after: String,
        /// Prints one JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Scores a clinic's stored answers with a rule table, and prints what would change. Changes no submission.
    ///
    /// Each submission is scored as it was when it was stored, following the pathways that its assessment followed, or,
    /// where its version had none, the clinic's. It changes its band when the stated band differs: low, moderate, high, or
    /// not settled. Findings and reasons to flag are counted wherever they move, and apart from that where band or flag
    /// change with them.
    ///
    /// With --json: {"rule_table", "clinic_id", "rows", "unreadable", "band_changes", "flagged_changes",
    /// "bands": [{"from", "to", "rows"}], "flagged": [{"from", "to", "rows"}], "findings": [{"rule", "change": "gained",
    /// "lost" or "points", "rows", "deciding"}], "flag_reasons": [{"kind", "id", "change", "rows", "deciding"}]}. A band
    /// that is not settled is null; "deciding" counts the rows whose band or flag changes.
    Replay {
        /// The table to try: a version in this program, or the folder of a draft without faults.
        file: String,
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// Prints one JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Recomputes every stored assessment under its own rule table; exits with 1 when one differs. Changes no
    /// submission.
    ///
    /// The columns that lists and filters read are compared too.
    ///
    /// A submission that differs is told by its id and the names of the fields, never what stands in them; at most 1000
    /// are listed.
    ///
    /// With --json: {"rows", "differing", "fields": [{"field", "rows"}], "submissions": [{"clinic_id", "submission_id",
    /// "rule_table", "fields"}]}.
    Verify {
        /// Only this clinic, by its id or its name. [default: every clinic]
        #[arg(long, value_name = "ID OR NAME")]
        clinic: Option<String>,
        /// Prints one JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
}

/// What to do with the audit trail.
#[derive(Clone, Debug, Subcommand)]
pub enum Audit {
    /// Seals what waits now, as the service does every few seconds, and prints the head of each chain that grew.
    Seal,
    /// Removes entries of the audit log that are older than their clinic keeps them, by whole seals. Needs the rights of the
    /// owner of the database.
    ///
    /// A signed tombstone takes the place of what is removed, so `audit verify` tells it from what somebody cut off. A clinic
    /// whose old entries do not verify is left as it is, and the exit code is 1. See `clinics set --audit-retention-years`.
    Prune {
        /// Only this clinic, by its id or its name. [default: every clinic that sets how long]
        #[arg(long, value_name = "ID OR NAME")]
        clinic: Option<String>,
        /// Only says what would be removed.
        #[arg(long)]
        dry_run: bool,
    },
    /// Looks whether anybody changed the trail behind the service's back, and names every place; exits with 1 when there is
    /// one.
    ///
    /// Found are entries that were changed, removed or added, seals that were changed, removed or put in another order, and
    /// chains whose end was cut off, as far as heads are known that lie beyond it. At most 1000 places are listed.
    ///
    /// With --json: {"chains", "entries", "seals", "waiting", "pruned_entries", "pruned_seals", "tombstones", "heads",
    /// "breaks", "first": [{"clinic_id", "kind", ...}]}. The kinds are entry_changed, entry_missing, entry_added and
    /// entry_sealed_twice with "audit_entry_id"; seals_missing with "first" and "last"; seal_changed, seal_out_of_order,
    /// seal_replaced and seal_not_pruned with "seal_number"; tombstone_changed and tombstone_out_of_order with
    /// "first_seal"; chain_cut with "known" and "last". The nil clinic is the system's own part of the trail.
    Verify {
        /// Only this clinic, by its id or its name. [default: every clinic, and the system]
        #[arg(long, value_name = "ID OR NAME")]
        clinic: Option<String>,
        /// A file in which heads stand, such as the service's log; may be given more than once.
        #[arg(long, value_name = "FILE")]
        heads: Vec<PathBuf>,
        /// Prints one JSON document instead of text.
        #[arg(long)]
        json: bool,
    },
}
