//! The settings: names, help texts, and that deployment files and messages name only existing ones.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{CommandFactory as _, Parser as _};
use sarcoscreen::config::Cli;

/// Every setting: its id, its environment variable, and whether it has help.
fn settings() -> Vec<(String, Option<String>, bool)> {
    let command = Cli::command();
    let arguments = command.get_arguments().filter(|one| !["help", "version"].contains(&one.get_id().as_str()));
    let variable = |one: &clap::Arg| one.get_env().map(|name| name.to_string_lossy().into_owned());
    arguments.map(|one| (one.get_id().to_string(), variable(one), one.get_help().is_some())).collect()
}

#[test]
fn every_setting_has_help_and_a_prefixed_environment_variable() {
    let found = settings();
    assert!(found.len() > 10);
    for (id, variable, help) in found {
        let variable = variable.unwrap_or_default();
        assert!(
            variable.starts_with("SARCOSCREEN_") || ["DATABASE_URL", "DATABASE_READ_URL"].contains(&&*variable),
            "{id}: `{variable}`"
        );
        assert!(help, "{id} has no help");
    }
}

#[test]
fn deployment_files_and_messages_name_only_settings_that_exist() {
    let known: BTreeSet<String> = settings().into_iter().filter_map(|one| one.1).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = ["Dockerfile", "docker-compose.yml", "README.md"].map(|name| root.join(name)).into();
    sources(&root.join("src"), &mut files);
    files.extend(
        std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()),
    );
    for file in files.iter().filter(|file| file.exists()) {
        let text = std::fs::read_to_string(file).unwrap();
        for rest in text.split("SARCOSCREEN_").skip(1) {
            let name: String = rest.chars().take_while(|c| c.is_ascii_uppercase() || *c == '_').collect();
            let name = format!("SARCOSCREEN_{name}");
            assert!(known.contains(&name) || name == "SARCOSCREEN_", "{}: {name}", file.display());
        }
    }
}

#[test]
fn every_setting_is_documented_for_operators() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = ["docs/running.md", "docs/operations.md"].map(|page| std::fs::read_to_string(root.join(page)).unwrap());
    let text = pages.concat();
    let named: BTreeSet<&str> = text.split(|c: char| !c.is_ascii_uppercase() && c != '_').collect();
    let missing: Vec<String> =
        settings().into_iter().filter_map(|one| one.1).filter(|name| !named.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "not named in docs/running.md or docs/operations.md: {missing:?}");
}

#[test]
fn a_database_url_is_shown_neither_in_help_nor_in_debug_output() {
    let cli = Cli::parse_from(["sarcoscreen", "--database-url", "postgres://user:hunter2@host/database"]);
    assert!(!format!("{cli:?}").contains("hunter2"));
    let command = Cli::command();
    for id in ["url", "read_url"] {
        let url = command.get_arguments().find(|one| one.get_id() == id).unwrap();
        assert!(url.is_hide_env_values_set());
    }
}

#[test]
fn values_out_of_range_are_refused() {
    for (option, value) in [
        ("--listen", "8080"),
        ("--database-connections", "0"),
        ("--read-deadline-seconds", "0"),
        ("--shutdown-seconds", "601"),
        ("--idempotency-hours", "0"),
        ("--cors-origins", "*"),
        ("--cors-origins", "https://clinic.example/"),
        ("--allow-unsafe-durability", "wal_level"),
        ("--log-format", "xml"),
        ("--oidc-issuer", "http://issuer.example"),
        ("--oidc-issuer", "https://"),
        ("--oidc-jwks-url", "http://127.0.0.1.example/keys"),
        ("--oidc-role-map", "nurse=browser"),
        ("--oidc-role-map", "nurse"),
        ("--oidc-algorithms", "HS256"),
        ("--oidc-algorithms", "none"),
        ("--oidc-jwks-cache-seconds", "9"),
        ("--rate-per-credential", "-1"),
        ("--rate-submissions-per-address", "-1"),
        ("--rate-address-factors", "203.0.113.7"),
        ("--rate-address-factors", "203.0.113.7=0"),
        ("--rate-address-factors", "203.0.113.7=1001"),
        ("--rate-address-factors", "kiosk.example=2"),
        ("--trusted-proxies", "10.0.0.0/33"),
        ("--trusted-proxies", "proxy.example"),
        ("--read-staleness-seconds", "0"),
    ] {
        assert!(Cli::try_parse_from(["sarcoscreen", option, value]).is_err(), "{option} {value}");
    }
    let origins = "https://clinic.example,http://localhost:5173";
    let cli = Cli::try_parse_from(["sarcoscreen", "serve", "--cors-origins", origins]).unwrap();
    assert_eq!(cli.settings.http.cors_origins.len(), 2);
    let proxies = "10.0.0.0/8,192.0.2.1,2001:db8::/32";
    let options = ["--trusted-proxies", proxies, "--oidc-issuer", "http://localhost:8081/realm"];
    let cli = Cli::try_parse_from(["sarcoscreen"].into_iter().chain(options)).unwrap();
    assert_eq!(cli.settings.limits.trusted_proxies.len(), 3);
    assert!(cli.settings.limits.rate_address_factors.is_empty());
    let cli = Cli::try_parse_from(["sarcoscreen", "--rate-address-factors", "203.0.113.7=4,2001:db8::/48=10"]).unwrap();
    assert_eq!(cli.settings.limits.rate_address_factors.iter().map(|(_, factor)| *factor).sum::<u32>(), 14);
    assert_eq!(cli.settings.oidc.role_map.len(), 3);
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { sources(&path, found) } else { found.push(path) }
    }
}
