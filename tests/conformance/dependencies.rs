//! The allowed dependencies between crates.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::{golden, goldens};

const SERVICES: [&str; 7] = ["auth", "payments", "pdf", "reservations", "search", "ui", "users"];

/// Third-party crates that only one crate of the workspace may use.
const HOMES: [(&str, &str); 10] = [
    ("openraft", "consensus"),
    ("sled", "store"),
    ("pasetors", "token"),
    ("lettre", "mail"),
    ("minijinja", "render"),
    ("pdf-canvas", "pdf"),
    ("rustybuzz", "pdf"),
    ("argon2", "users"),
    ("orion", "auberge"),
    ("fst", "gazetteer"),
];

struct Crate {
    name: String,
    /// The folder of its manifest, relative to the workspace.
    folder: String,
    /// Its dependencies, without those of its tests.
    uses: BTreeSet<String>,
    /// Its dev-dependencies.
    tests: BTreeSet<String>,
}

fn crates() -> Vec<Crate> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = test_support::workspace();
    let ran = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(&root)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let found: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let mut crates: Vec<Crate> =
        found["packages"].as_array().unwrap().iter().map(|one| read(one, &root)).collect();
    crates.sort_by(|one, other| one.name.cmp(&other.name));
    crates
}

fn read(package: &Value, root: &std::path::Path) -> Crate {
    let name = package["name"].as_str().unwrap().to_owned();
    let (mut uses, mut tests) = (BTreeSet::new(), BTreeSet::new());
    for dependency in package["dependencies"].as_array().unwrap() {
        let other = dependency["name"].as_str().unwrap().to_owned();
        if dependency["kind"] == "dev" {
            tests.insert(other)
        } else {
            uses.insert(other)
        };
    }
    let manifest = std::path::Path::new(package["manifest_path"].as_str().unwrap());
    let folder = manifest.parent().unwrap().strip_prefix(root).unwrap().to_string_lossy().into_owned();
    Crate { name, folder, uses, tests }
}

#[test]
fn edges_are_those_that_are_known() {
    let crates = crates();
    let ours: BTreeSet<&str> = crates.iter().map(|one| one.name.as_str()).collect();
    let mut text = String::new();
    for one in crates.iter().filter(|one| !one.folder.starts_with("tests")) {
        let own: Vec<&str> =
            one.uses.iter().map(String::as_str).filter(|other| ours.contains(other)).collect();
        text.push_str(&format!("{}: {}\n", one.name, own.join(" ")));
    }
    golden(&goldens().join("dependencies.txt"), &text);
}

#[test]
fn no_service_knows_another() {
    for one in crates().iter().filter(|one| SERVICES.contains(&one.name.as_str())) {
        for other in SERVICES {
            assert!(
                !one.uses.contains(other),
                "{} depends on {other}: only on its contract it may",
                one.name
            );
        }
    }
}

#[test]
fn nodes_know_no_hotel() {
    let crates = crates();
    let folder: BTreeMap<&str, &str> =
        crates.iter().map(|one| (one.name.as_str(), one.folder.as_str())).collect();
    let level = |folder: &str| match folder.split('/').next() {
        Some("nodes") => 0,
        Some("actors") => 1,
        Some("") | None => 2,
        Some(_) => 3,
    };
    for one in &crates {
        for other in &one.uses {
            let Some(theirs) = folder.get(other.as_str()) else { continue };
            assert!(
                level(theirs) <= level(&one.folder),
                "{} ({}) depends on {other} ({theirs})",
                one.name,
                one.folder
            );
        }
    }
}

#[test]
fn foreign_crates_have_one_home_each() {
    for one in crates() {
        for (foreign, home) in HOMES {
            let used = one.uses.contains(foreign) || one.tests.contains(foreign);
            assert!(!used || one.name == home, "{} uses {foreign}, whose home is {home}", one.name);
        }
        let apis = ["edge", "auberge", "cluster-api", "sandbox-bank", "rest"];
        if one.uses.contains("poem") && !apis.contains(&one.name.as_str()) {
            assert!(SERVICES.contains(&one.name.as_str()), "{} has no api, and uses poem", one.name);
        }
    }
}

#[test]
fn no_service_keeps_anything_in_no_order() {
    fn sources(directory: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }
    for one in crates().iter().filter(|one| SERVICES.contains(&one.name.as_str())) {
        let mut found = Vec::new();
        sources(&test_support::workspace().join(&one.folder).join("src"), &mut found);
        assert!(!found.is_empty(), "{} has no sources", one.name);
        for file in found {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in ["HashMap", "HashSet"] {
                assert!(!text.contains(word), "{}: {word} has another order on each replica", file.display());
            }
        }
    }
}
