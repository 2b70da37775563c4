//! The subcommands with their own options.

use std::path::PathBuf;

use clap::Subcommand;
use clap::builder::PossibleValuesParser;

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Starts the service. This is also what happens without a subcommand.
    Serve,
    /// Applies missing migrations and keeps the text of the rule tables in the database.
    Migrate,
    /// Creates and lists clinics.
    #[command(subcommand)]
    Clinics(Clinics),
    /// Mints, lists and revokes the keys of a clinic.
    #[command(subcommand)]
    Keys(Keys),
    /// Prints the OpenAPI document.
    Openapi,
    /// Drafts, checks and compares rule tables, and tries them on stored submissions.
    #[command(subcommand)]
    Rules(Rules),
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
    /// Lists every clinic with its booking address, emergency number, language and pathways.
    List,
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
    },
    /// Lists the keys of a clinic, without the keys themselves.
    List {
        /// The clinic, by its id or its name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
    },
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
