//! The OpenAPI documents and the problem types.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::{golden, goldens};

const SERVICES: [&str; 7] = ["auth", "cluster", "payments", "pdf", "reservations", "search", "users"];

/// The files that `auberge openapi --write` writes: name and content.
pub fn documents() -> Vec<(String, String)> {
    let directory = tempfile::tempdir().unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_auberge"))
        .args(["openapi", "--write"])
        .arg(directory.path())
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mut found: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            (entry.file_name().to_string_lossy().into_owned(), text)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn committed_documents_are_those_that_the_binary_writes() {
    let written = documents();
    let names: Vec<&str> = written.iter().map(|(name, _)| name.as_str()).collect();
    let mut expected: Vec<String> = SERVICES.iter().map(|name| format!("{name}.json")).collect();
    expected.push("auberge.json".to_owned());
    expected.sort();
    assert_eq!(names, expected);
    for (name, text) in &written {
        golden(&test_support::workspace().join("openapi").join(name), text);
    }
}

#[test]
fn generators_can_read_every_document() {
    for (name, text) in documents() {
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(edge::lint_document(&document), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn operations_have_names_of_their_own_and_say_what_they_do() {
    let (_, text) = documents().into_iter().find(|(name, _)| name == "auberge.json").unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let mut names = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(!name.is_empty(), "{method} {path} has no operationId");
            assert!(
                operation["summary"].as_str().is_some_and(|words| !words.is_empty()),
                "{name} has no summary"
            );
            assert!(names.insert(name.clone()), "{name} is there twice");
        }
    }
}

#[test]
fn problem_types_are_those_that_clients_know() {
    let mut kinds: Vec<&edge::ProblemType> = Vec::new();
    for some in [
        edge::problem_types::ALL,
        users::PROBLEMS,
        search::rest::ALL,
        reservations::rest::PROBLEMS,
        payments::rest::ALL,
        pdf::PROBLEMS,
    ] {
        kinds.extend(some);
    }
    // Two services may share a problem type, but a name never has two meanings.
    kinds.sort();
    kinds.dedup();
    let names: BTreeSet<&str> = kinds.iter().map(|kind| kind.slug).collect();
    assert_eq!(names.len(), kinds.len(), "two types have one name");
    golden(&goldens().join("problems.txt"), &edge::problem_table(&kinds));
}

#[tokio::test]
async fn every_problem_type_is_explained_where_its_name_points() {
    let server = test_support::TestServer::plan().hotels(vec![]).open().await;
    let table = std::fs::read_to_string(goldens().join("problems.txt")).unwrap();
    for line in table.lines() {
        let slug = line.split([' ', ':']).nth(1).unwrap();
        let meaning = server.anyone().get(&format!("/problems/{slug}")).await;
        assert_eq!(meaning.status, 200, "/problems/{slug}: {}", meaning.text());
    }
    // The server serves the same paths that the binary writes.
    for service in SERVICES {
        let served = server.anyone().get(&format!("/openapi/{service}.json")).await.expect(200).json();
        let (_, printed) =
            documents().into_iter().find(|(name, _)| *name == format!("{service}.json")).unwrap();
        let printed: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(served["paths"], printed["paths"], "{service}");
    }
    for page in ["/openapi.json", "/docs", "/healthz", "/readyz", "/metrics"] {
        assert_eq!(server.anyone().get(page).await.status, 200, "{page}");
    }
}
