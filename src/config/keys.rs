//! The options of `keys`.

use clap::{Subcommand, value_parser};

use super::sign_in::address;

#[derive(Clone, Debug, Subcommand)]
pub enum Keys {
    /// Creates a key and prints it. The key is shown only once.
    Mint {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// The role of the key; each role includes the permissions of the roles before it.
        #[arg(long, value_parser = ["browser", "intake", "staff", "admin"])]
        role: String,
        /// The person or system that receives the key, 1 to 200 characters.
        #[arg(long)]
        name: String,
        /// When the key expires, such as 2027-01-31T00:00:00Z. [default: never]
        #[arg(long, value_name = "TIME", conflicts_with = "expires_in_days")]
        expires_at: Option<String>,
        /// Days until the key expires, 1 to 3650.
        #[arg(long, value_name = "DAYS", value_parser = value_parser!(u32).range(1..=3650))]
        expires_in_days: Option<u32>,
        /// The web origins whose pages may send a browser key, such as https://clinic.example, separated by commas. Origins
        /// must match exactly. [default: the origins of the setting SARCOSCREEN_CORS_ORIGINS, and clients that are no pages]
        #[arg(long, value_name = "ORIGINS", value_delimiter = ',')]
        origins: Vec<String>,
        /// Registers a system of SMART backend services instead of creating a key, and prints its client id: a file with its key
        /// set (JWKS), or the https address where it publishes the key set. Only public members of a file are stored. The
        /// service then needs SARCOSCREEN_PUBLIC_URL. [default: none]
        #[arg(long, value_name = "FILE OR URL", conflicts_with = "origins", value_parser = key_set)]
        jwks: Option<String>,
        /// The id of the credential of the same role that this one replaces. The new key can read, correct and retry what
        /// the old credential submitted. The old key works until it is revoked. [default: none]
        #[arg(long, value_name = "ID")]
        replaces: Option<String>,
    },
    /// Gives a credential a new key and prints it. The previous key works until the overlap ends.
    Rotate {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// The credential's id, as `keys list` shows it.
        #[arg(long)]
        id: String,
        /// Hours during which both keys work, 0 to 168.
        #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = value_parser!(u64).range(0..=168))]
        overlap_hours: u64,
    },
    /// Replaces the key set (JWKS) of a system of SMART backend services. Its client id, its role and its records stay. The old
    /// keys verify no further assertion. For an overlap, replace the set with one that has both the old and the new key first.
    ReplaceJwks {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// The credential's id, as `keys list` shows it: the second part of the client id.
        #[arg(long)]
        id: String,
        /// A file with the new key set, or the https address where the system publishes it. Only public members of a file are
        /// stored.
        #[arg(long, value_name = "FILE OR URL", value_parser = key_set)]
        jwks: String,
    },
    /// Lists the keys of a clinic, without the secrets.
    List {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
    },
    /// Re-encrypts and rehashes, with the first key of the master key file, all data that an earlier key protects, while
    /// the service runs. Reports when the earlier keys may be removed from the file. If interrupted, the next run
    /// continues.
    ///
    /// To rotate: add a new key (`openssl rand -hex 32`) as the first line of the file, above the old key, restart the
    /// service, and run this command. With several instances, first add the new key as the second line and restart all
    /// instances, then move it to the first line.
    RotateMaster,
    /// Revokes a key; it stops working within five seconds.
    Revoke {
        /// The clinic's id or name.
        #[arg(long, value_name = "ID OR NAME")]
        clinic: String,
        /// The credential's id, as `keys list` shows it.
        #[arg(long)]
        id: String,
    },
}

/// Checks the address of a key set. Other texts name a file.
fn key_set(text: &str) -> Result<String, &'static str> {
    if text.contains("://") { address(text) } else { Ok(text.to_owned()) }
}
