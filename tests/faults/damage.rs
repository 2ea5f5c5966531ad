//! Two servers on one directory, damaged stores, and paths that are not data directories.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use test_support::{Stay, TestServer, free_port};

#[tokio::test]
async fn a_second_process_on_the_same_directory_is_refused() {
    let server = TestServer::open().await;
    let data = server.data.to_string_lossy().into_owned();
    let address = format!("127.0.0.1:{}", free_port());
    let refused = server.auberge(&["serve", "--data", &data, "--http", &address]).refused();
    assert!(refused.contains("in use by another process"), "{refused}");
    let checked = server.auberge(&["check", "--data", &data]).refused();
    assert!(checked.contains("in use by another process"), "{checked}");
    server.assert_invariants().await;
    // An address in use is named in the error.
    let other = server.path().join("other").to_string_lossy().into_owned();
    let taken = server.url.trim_start_matches("http://").to_owned();
    let refused = server.auberge(&["serve", "--no-demo", "--data", &other, "--http", &taken]).refused();
    assert!(refused.contains(&taken), "{refused}");
}

#[tokio::test]
async fn only_the_owner_may_look_into_the_directory() {
    let server = TestServer::open().await;
    let mode = |path: PathBuf| fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(server.data.clone()), 0o700);
    for secret in ["cluster.key", "admin.json", "node.json"] {
        assert_eq!(mode(server.data.join(secret)), 0o600, "{secret}");
    }
    server.anyone().get("/healthz").await.expect(200);
}

/// A stopped server that has some reservations.
async fn lived_in() -> TestServer {
    let mut server = TestServer::open().await;
    let partner = server.booker().await;
    let hotel = server.hotel_id("river").await;
    for number in 0..10 {
        let offer = partner.offer(&hotel, &Stay::from_day(30 + number, 2), "Flexible").await;
        partner.hold(&offer, "damage@guest.example").await;
    }
    server.wait_until_outboxes_empty().await;
    server.stop();
    server
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let server = lived_in().await;
    let data = server.data.to_string_lossy().into_owned();
    let check = || server.auberge(&["check", "--data", &data]);
    assert!(check().done().contains("no invariant violated"));
    let groups: Vec<PathBuf> =
        files(&server.data.join("groups")).into_iter().filter(|file| is_store(file)).collect();
    assert!(groups.len() >= 7, "{groups:?}");
    for name in ["reservations", "auth"] {
        let file = groups.iter().find(|file| file.to_string_lossy().contains(name)).unwrap();
        let whole = fs::read(file).unwrap();
        spoil(file);
        let ran = check();
        assert_eq!(ran.code, Some(1), "damage in {} went unseen: {}{}", file.display(), ran.out, ran.err);
        assert!(
            ran.out.contains(name) || ran.err.contains(name),
            "{name} is not named: {}{}",
            ran.out,
            ran.err
        );
        fs::write(file, whole).unwrap();
        assert!(check().done().contains("no invariant violated"), "{name} is whole again");
    }
}

#[tokio::test]
async fn a_server_does_not_serve_from_a_damaged_store() {
    let mut server = lived_in().await;
    let stores = files(&server.data.join("groups"));
    let file =
        stores.into_iter().find(|file| is_store(file) && file.to_string_lossy().contains("reservations"));
    spoil(&file.unwrap());
    let why = server.try_start().await.expect_err("it serves from a damaged store");
    assert!(why.contains("reservations"), "{why}");
    assert!(!why.contains("panicked"), "{why}");
}

#[test]
fn what_is_no_data_directory_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let binary = std::env!("CARGO_BIN_EXE_auberge");
    let run = |arguments: &[&str]| {
        let out = std::process::Command::new(binary)
            .args(arguments)
            .current_dir(directory.path())
            .output()
            .unwrap();
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    };
    fs::write(directory.path().join("a-file"), "text").unwrap();
    for arguments in [
        vec!["serve", "--data", "a-file", "--http", "127.0.0.1:0"],
        vec!["check", "--data", "nowhere"],
        vec!["restore", "a-file", "--key", "a-file", "--data", "new"],
        vec!["import", "hotels", "a-file"],
    ] {
        let (code, err) = run(&arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {err}");
        assert_eq!(
            err.lines().filter(|line| line.starts_with("auberge: ")).count(),
            1,
            "{arguments:?}: {err}"
        );
    }
    assert_eq!(fs::read_to_string(directory.path().join("a-file")).unwrap(), "text");
    for wrong in [vec!["serve", "--no-such-flag"], vec!["frobnicate"], vec!["check", "--data"]] {
        assert_eq!(run(&wrong).0, Some(2), "{wrong:?}");
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// Whether this is the file with the rows of a store.
fn is_store(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == "db")
}

/// Inverts every 97th byte of a file, up to its last byte that is not zero.
fn spoil(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
    let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
    for at in (64..last).step_by(97) {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[!bytes[at]]).unwrap();
    }
}
