//! The layers, sizes and conventions of the source, checked by reading it.

mod circles;
mod schemas;
mod source;

use std::path::Path;

use source::{Source, first_segments, names, read, sources};

/// A ring: its folder or file, the own modules that it may import, and the names that it must not contain.
struct Ring {
    name: &'static str,
    imports: &'static [&'static str],
    may_not_name: &'static [&'static str],
}

const RINGS: &[Ring] = &[
    Ring {
        name: "domain",
        imports: &["domain"],
        may_not_name: &[
            "sqlx",
            "actix_web",
            "utoipa",
            "tokio",
            "tracing",
            "reqwest",
            "std::fs",
            "std::env",
            "std::net",
            "async fn",
        ],
    },
    Ring { name: "rules", imports: &["domain", "rules"], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring { name: "store", imports: &["domain", "store"], may_not_name: &["actix_web", "utoipa"] },
    Ring { name: "outbound", imports: &["domain"], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring {
        name: "app",
        imports: &["domain", "rules", "store", "outbound", "app"],
        may_not_name: &["sqlx", "actix_web", "utoipa"],
    },
    Ring { name: "http", imports: &["domain", "app", "http"], may_not_name: &["sqlx"] },
    Ring { name: "jobs", imports: &["domain", "app", "jobs"], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring { name: "config", imports: &["domain"], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring { name: "telemetry", imports: &[], may_not_name: &["sqlx", "actix_web", "utoipa"] },
    Ring {
        name: "server",
        imports: &["domain", "rules", "store", "app", "http", "jobs", "config", "telemetry", "server"],
        may_not_name: &[],
    },
    Ring {
        name: "cli",
        imports: &["domain", "rules", "store", "app", "http", "jobs", "config", "telemetry", "server", "cli"],
        may_not_name: &[],
    },
];

#[test]
fn every_file_keeps_to_its_ring() {
    let mut faults = Vec::new();
    for file in sources() {
        let Some(ring) = RINGS.iter().find(|ring| ring.name == file.ring) else {
            assert!(["main", "lib"].contains(&file.ring.as_str()), "{} is in no ring", file.name);
            continue;
        };
        for (number, line) in file.code() {
            for path in line.split("crate::").skip(1).flat_map(first_segments) {
                if !ring.imports.contains(&path.as_str()) {
                    faults.push(format!("{}:{number} {} may not import {path}", file.name, ring.name));
                }
            }
            for word in ring.may_not_name.iter().filter(|word| names(line, word)) {
                faults.push(format!("{}:{number} {} may not name {word}", file.name, ring.name));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_file_outside_the_store_names_sqlx() {
    let outside = |file: &Source| file.ring != "store" && file.code().any(|(_, line)| names(line, "sqlx"));
    let faults: Vec<_> = sources().into_iter().filter(outside).map(|file| file.name).collect();
    assert_eq!(faults, [""; 0]);
}

#[test]
fn files_and_functions_stay_small() {
    let mut faults = Vec::new();
    let (mut files, mut functions) = (Vec::new(), Vec::new());
    for file in sources() {
        let lines = file.text.lines().count();
        // The median counts shipped code only; the cap applies to the whole file.
        files.push(file.product().lines().count());
        if lines > 450 {
            faults.push(format!("{}: {lines} lines, the cap is 450", file.name));
        }
        for (name, start, length) in file.functions() {
            functions.push(length);
            if length > 60 {
                faults.push(format!("{}:{start} {name} has {length} lines, the cap is 60", file.name));
            }
        }
    }
    for file in ["tests", "benches"].into_iter().flat_map(read) {
        let lines = file.text.lines().count();
        if lines > 450 {
            faults.push(format!("{}: {lines} lines, the cap is 450", file.name));
        }
    }
    let (file, function) = (median(&mut files), median(&mut functions));
    println!("{} files, median {file} lines; {} functions, median {function} lines", files.len(), functions.len());
    if file > 120 {
        faults.push(format!("the median file has {file} lines, the cap is 120"));
    }
    if function > 12 {
        faults.push(format!("the median function has {function} lines, the cap is 12"));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_file_has_a_module_comment() {
    let files = sources();
    let faults: Vec<_> = files.iter().filter(|file| !file.text.starts_with("//!")).map(|file| &file.name).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

fn median(values: &mut [usize]) -> usize {
    values.sort_unstable();
    values[values.len() / 2]
}

#[test]
fn files_named_in_the_documents_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec![root.join("ARCHITECTURE.md"), root.join("README.md")];
    documents.extend(std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let (mut named, mut faults) = (0, Vec::new());
    for document in documents.iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = std::fs::read_to_string(document).unwrap();
        let quoted = text.split('`').skip(1).step_by(2);
        for file in quoted.filter(|text| {
            let path =
                Path::new(text).extension() == Some("rs".as_ref()) && text.contains('/') && !text.contains([' ', '<']);
            // `system/Task.rs` is the scope of an access token.
            path && !text.starts_with("system/")
        }) {
            named += 1;
            if !["", "src", "tests"].iter().any(|folder| root.join(folder).join(file).exists()) {
                faults.push(format!("{}: {file}", document.display()));
            }
        }
    }
    assert!(named > 20 && faults.is_empty(), "{named} files named, not found: {faults:#?}");
}

/// The image builds the libraries from the manifests alone, in a separate layer. There Cargo requires the manifest of each
/// package, and the file of each target without a path.
#[test]
fn the_image_can_build_the_libraries_from_the_manifests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let targets = ["test", "bench"].into_iter().flat_map(|kind| manifest[kind].as_array().unwrap());
    let bare: Vec<_> = targets.filter(|target| target.get("path").is_none()).collect();
    assert!(bare.is_empty(), "without a path: {bare:?}");
    let image = text("Dockerfile");
    for member in manifest["workspace"]["members"].as_array().unwrap() {
        let copied = format!("COPY {0}/Cargo.toml {0}/Cargo.toml", member.as_str().unwrap());
        assert!(image.contains(&copied), "the Dockerfile lacks {copied}");
    }
}
