//! The state on disk: durability, detection of damage, and locking.

use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

use store::{Batch, Disk, Fault, LogSettings, Memory, NodeLog, Record, Row, RowReader, State, export, lock};

const CACHE: u64 = 8 << 20;

fn put(state: &dyn State, rows: &[(&str, &str)]) {
    let mut batch = Batch::default();
    for (key, value) in rows {
        batch.put(key.as_bytes().to_vec(), value.as_bytes().to_vec());
    }
    state.commit(batch).unwrap();
}

fn all(state: &dyn State) -> Vec<Row> {
    state.scan(Bound::Unbounded, Bound::Unbounded, usize::MAX, false).unwrap()
}

fn keys(rows: Vec<Row>) -> Vec<String> {
    rows.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
}

/// From, to, limit, reverse, and the expected keys.
type Scan = (Bound<&'static [u8]>, Bound<&'static [u8]>, usize, bool, &'static [&'static str]);

/// Behaviour that all implementations share.
fn check_state(state: &dyn State) {
    put(state, &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "")]);
    assert_eq!(state.get(b"b").unwrap(), Some(b"2".to_vec()));
    assert_eq!(state.get(b"d").unwrap(), Some(Vec::new()));
    assert_eq!(state.get(b"x").unwrap(), None);
    let mut batch = Batch::default();
    batch.put(b"b".to_vec(), b"first".to_vec());
    batch.put(b"b".to_vec(), b"last".to_vec());
    batch.remove(b"a".to_vec());
    state.commit(batch).unwrap();
    assert_eq!(state.get(b"b").unwrap(), Some(b"last".to_vec()));
    let scans: [Scan; 7] = [
        (Bound::Unbounded, Bound::Unbounded, 9, false, &["b", "c", "d"]),
        (Bound::Unbounded, Bound::Unbounded, 2, true, &["d", "c"]),
        (Bound::Excluded(b"b"), Bound::Unbounded, 9, false, &["c", "d"]),
        (Bound::Included(b"b"), Bound::Excluded(b"c"), 9, false, &["b"]),
        (Bound::Included(b"a"), Bound::Included(b"c"), 1, true, &["c"]),
        (Bound::Excluded(b"c"), Bound::Excluded(b"c"), 9, false, &[]),
        (Bound::Included(b"z"), Bound::Included(b"a"), 9, false, &[]),
    ];
    for (from, to, limit, reverse, expected) in scans {
        assert_eq!(keys(state.scan(from, to, limit, reverse).unwrap()), expected, "{from:?}..{to:?}");
    }
    let mut rows = [("m", "1"), ("n", "2")].into_iter().map(|(k, v)| Ok((k.into(), v.into())));
    state.replace(&mut rows).unwrap();
    assert_eq!(keys(all(state)), ["m", "n"]);
    put(state, &[("o", "3")]);
    state.flush().unwrap();
    let mut broken = [Ok((b"x".to_vec(), Vec::new())), Err(Fault::Io("missing".into()))].into_iter();
    assert!(state.replace(&mut broken).is_err());
}

#[test]
fn all_implementations_behave_the_same() {
    let dir = tempfile::tempdir().unwrap();
    check_state(&Memory::new());
    check_state(&Disk::open(&dir.path().join("plain"), CACHE).unwrap());
}

#[test]
fn a_failed_replacement_keeps_the_old_rows_and_a_successful_one_survives_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Disk::open(dir.path(), CACHE).unwrap();
    let disk = open();
    put(&disk, &[("a", "1")]);
    disk.flush().unwrap();
    let mut broken = [Ok((b"x".to_vec(), Vec::new())), Err(Fault::Io("missing".into()))].into_iter();
    assert!(disk.replace(&mut broken).is_err());
    assert_eq!(keys(all(&disk)), ["a"]);
    drop(disk);
    let disk = open();
    assert_eq!(keys(all(&disk)), ["a"]);
    disk.replace(&mut [Ok((b"b".to_vec(), Vec::new()))].into_iter()).unwrap();
    drop(disk);
    let disk = open();
    assert_eq!(keys(all(&disk)), ["b"]);
    disk.replace(&mut [Ok((b"c".to_vec(), Vec::new()))].into_iter()).unwrap();
    drop(disk);
    assert_eq!(keys(all(&open())), ["c"]);
}

#[test]
fn exported_rows_import_unchanged_and_damage_is_detected() {
    let state = Memory::new();
    let mut batch = Batch::default();
    for n in 0..3000u32 {
        batch.put(n.to_be_bytes().to_vec(), vec![n as u8; 200]);
    }
    batch.put(vec![9; 4], vec![7; 1 << 20]);
    state.commit(batch).unwrap();
    let mut bytes = Vec::new();
    assert_eq!(export(&state, Bound::Included(&[0, 0, 0, 1]), &mut bytes).unwrap(), 3000);
    let copy = Memory::new();
    copy.replace(&mut RowReader::new(bytes.as_slice())).unwrap();
    assert_eq!(all(&copy), all(&state)[1..]);

    let mut nothing = Vec::new();
    export(&Memory::new(), Bound::Unbounded, &mut nothing).unwrap();
    assert_eq!(RowReader::new(nothing.as_slice()).count(), 0);

    let last = bytes.len() - 1;
    for at in [0, 8, 9, 12, 16, 5000, last / 2, last - 17, last - 9, last - 3, last] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 4;
        let read: Result<Vec<Row>, Fault> = RowReader::new(damaged.as_slice()).collect();
        assert!(matches!(read, Err(Fault::Corrupt(_))), "byte {at} of {last}");
        let cut: Result<Vec<Row>, Fault> = RowReader::new(&bytes[..at]).collect();
        assert!(matches!(cut, Err(Fault::Corrupt(_))), "cut at {at}");
    }
}

#[test]
fn a_pin_is_consistent_while_commits_continue() {
    let dir = tempfile::tempdir().unwrap();
    let states: [Arc<dyn State>; 2] =
        [Arc::new(Memory::new()), Arc::new(Disk::open(dir.path(), CACHE).unwrap())];
    for state in states {
        let write = |round: u32| {
            let mut batch = Batch::default();
            for n in 0..2000u32 {
                match (n * 7 + round * 13) % 5 {
                    0 => batch.remove(n.to_be_bytes().to_vec()),
                    1 | 2 => batch.put(n.to_be_bytes().to_vec(), (n ^ round).to_be_bytes().to_vec()),
                    _ => {}
                }
            }
            state.commit(batch).unwrap();
        };
        (1..5).for_each(write);
        let from = 100u32.to_be_bytes();
        let (expected, pin) = (all(&*state), state.pin(Bound::Included(&from)).unwrap());
        let expected: Vec<Row> =
            expected.into_iter().filter(|(key, _)| key.as_slice() >= &from[..]).collect();
        let later = state.pin(Bound::Unbounded).unwrap();
        let mut rows = Vec::new();
        let mut round = 5;
        while let Some(chunk) = state.pinned(&pin, 100).unwrap() {
            rows.extend(chunk);
            write(round);
            round += 1;
        }
        assert!(rows == expected, "{} rows of {}", rows.len(), expected.len());
        assert!(round > 10 && all(&*state)[100..] != expected);
        state.replace(&mut std::iter::empty()).unwrap();
        assert!(state.pinned(&later, 100).is_err(), "the state was replaced");
    }
}

#[test]
fn a_second_process_is_refused_with_the_directory_and_owner() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let first = lock(&data).unwrap();
    let Err(Fault::Io(text)) = lock(&data) else { panic!("two owners") };
    assert!(text.contains(data.to_str().unwrap()) && text.contains("in use"), "{text}");
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    drop(first);
    lock(&data).unwrap();
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn an_unwritable_path_is_an_io_fault() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for path in [file.join("state").as_path(), &file, Path::new("/proc/state")] {
        let opened = Disk::open(path, CACHE);
        assert!(
            matches!(&opened, Err(Fault::Io(text)) if text.contains(path.to_str().unwrap())),
            "{opened:?}"
        );
        assert!(matches!(lock(path), Err(Fault::Io(_))));
        assert!(matches!(NodeLog::open(path, LogSettings::default()), Err(Fault::Io(_))));
    }
}

/// Flips bits throughout the database file, one place at a time. A database that opens must be complete.
#[test]
fn bit_flips_are_detected_or_harmless() {
    let dir = tempfile::tempdir().unwrap();
    let intact = dir.path().join("intact");
    let disk = Disk::open(&intact, CACHE).unwrap();
    for round in 0..20u32 {
        let mut batch = Batch::default();
        for n in 0..50u32 {
            batch.put((n * 20 + round).to_be_bytes().to_vec(), vec![round as u8 + 1; 300]);
        }
        disk.commit(batch).unwrap();
        disk.flush().unwrap();
    }
    let expected = all(&disk);
    drop(disk);
    let length = std::fs::metadata(intact.join("db")).unwrap().len();
    let (mut detected, mut harmless) = (0, 0);
    for n in 0..40 {
        let copy = dir.path().join(format!("copy{n}"));
        copy_dir(&intact, &copy);
        let at = (length - 1) * n / 39;
        let mut bytes = std::fs::read(copy.join("db")).unwrap();
        for byte in bytes.iter_mut().skip(at as usize).take(8) {
            *byte ^= 0x55;
        }
        std::fs::write(copy.join("db"), bytes).unwrap();
        let rows = Disk::open(&copy, CACHE)
            .and_then(|disk| disk.scan(Bound::Unbounded, Bound::Unbounded, usize::MAX, false));
        match rows {
            Ok(rows) => {
                assert!(rows == expected, "byte {at} of {length}: {} of {} rows", rows.len(), expected.len());
                harmless += 1;
            }
            Err(Fault::Corrupt(text)) => {
                assert!(text.contains(copy.to_str().unwrap()), "{text}");
                detected += 1;
            }
            Err(Fault::Io(text)) => panic!("byte {at}: {text}"),
        }
    }
    println!("{detected} detected, {harmless} harmless");
    assert!(detected > 0);
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn the_log_on_disk_survives_reopening_and_detects_truncation() {
    let dir = tempfile::tempdir().unwrap();
    let open = || NodeLog::open(dir.path(), LogSettings::default());
    let group: Arc<str> = "auth/0".into();
    for round in 0..3u64 {
        let log = open().unwrap();
        for n in 0..100 {
            let index = round * 100 + n;
            log.submit(
                &group,
                Record::Batch { first: index, count: 1, bytes: Arc::from(vec![n as u8; 500]) },
                None,
            );
            log.sync().unwrap();
        }
        if round == 1 {
            log.submit(&group, Record::Purge { upto: 120, mark: Arc::from(*b"m") }, None);
            log.sync().unwrap();
        }
        assert_eq!(log.last(&group), Some(round * 100 + 99));
    }
    let log = open().unwrap();
    assert_eq!(log.read(&group, 121, 1000).unwrap().len(), 179);
    assert_eq!(log.purged(&group).unwrap().0, 120);
    drop(log);
    let rows = std::fs::read_dir(dir.path()).unwrap().flatten().map(|entry| entry.path());
    let newest = rows.filter(|path| path.extension().is_some_and(|end| end == "rows")).max().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(newest).unwrap();
    file.set_len(30_000).unwrap();
    let opened = open();
    assert!(matches!(opened, Err(Fault::Corrupt(_))), "{opened:?}");
}

/// The files after a crash: a copy of the current ones.
fn crashed(dir: &Path) -> tempfile::TempDir {
    let left = tempfile::tempdir().unwrap();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::copy(&path, left.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    left
}

#[test]
fn a_flush_interrupted_by_a_crash_is_completed_and_a_completed_one_is_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path(), CACHE).unwrap();
    put(&disk, &[("a", "1"), ("b", "1")]);
    disk.flush().unwrap();
    let before = crashed(dir.path());
    let mut batch = Batch::default();
    batch.put(b"a".to_vec(), b"2".to_vec());
    batch.remove(b"b".to_vec());
    batch.put(b"c".to_vec(), b"2".to_vec());
    disk.commit(batch).unwrap();
    let state = || crashed(dir.path());
    assert_eq!(keys(all(&Disk::open(state().path(), CACHE).unwrap())), ["a", "b"], "it was not flushed");
    disk.flush().unwrap();
    // The tree from before that flush, with its journal: only the journal reached the disk.
    let cut = crashed(dir.path());
    for path in before.path().read_dir().unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_owned();
        if name != "journal" {
            std::fs::copy(&path, cut.path().join(name)).unwrap();
        }
    }
    let finished = Disk::open(cut.path(), CACHE).unwrap();
    assert_eq!(all(&finished), all(&disk));
    assert_eq!(keys(all(&finished)), ["a", "c"]);
    drop(finished);
    assert_eq!(keys(all(&Disk::open(cut.path(), CACHE).unwrap())), ["a", "c"], "and it persists");
    // All rows are replaced: the journal of the previous flush is obsolete, even if the sync marker was lost.
    disk.replace(&mut [Ok((b"z".to_vec(), Vec::new()))].into_iter()).unwrap();
    let left = crashed(dir.path());
    assert_eq!(keys(all(&Disk::open(left.path(), CACHE).unwrap())), ["z"]);
    std::fs::remove_file(left.path().join("synced")).unwrap();
    assert_eq!(keys(all(&Disk::open(left.path(), CACHE).unwrap())), ["z"]);
}

#[test]
fn unflushed_bytes_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path(), CACHE).unwrap();
    assert_eq!(disk.unflushed_bytes(), 0);
    put(&disk, &[("a", "12345678")]);
    let one = disk.unflushed_bytes();
    assert!(one >= 9);
    put(&disk, &[("a", "1234")]);
    assert_eq!(disk.unflushed_bytes(), one - 4, "the value was replaced");
    disk.flush().unwrap();
    assert_eq!(disk.unflushed_bytes(), 0);
}

#[test]
fn a_state_stays_usable_while_rows_are_staged_and_only_the_last_stage_can_be_installed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::open(dir.path(), CACHE).unwrap();
    let rows =
        |names: &[&str]| names.iter().map(|name| Ok((name.as_bytes().to_vec(), vec![1]))).collect::<Vec<_>>();
    put(&disk, &[("a", "1")]);
    let first = disk.stage(&mut rows(&["x"]).into_iter()).unwrap();
    put(&disk, &[("b", "2")]);
    disk.flush().unwrap();
    assert_eq!(keys(all(&disk)), ["a", "b"]);
    let second = disk.stage(&mut rows(&["y", "z"]).into_iter()).unwrap();
    assert!(disk.install(first, Vec::new()).is_err(), "it was discarded");
    drop(disk);
    let disk = Disk::open(dir.path(), CACHE).unwrap();
    assert_eq!(keys(all(&disk)), ["a", "b"], "opening installs nothing");
    assert!(disk.install(second, Vec::new()).is_err(), "it was staged before reopening");
    let third = disk.stage(&mut rows(&["y", "z"]).into_iter()).unwrap();
    put(&disk, &[("c", "3")]);
    disk.install(third, vec![(b"own".to_vec(), Vec::new())]).unwrap();
    assert_eq!(keys(all(&disk)), ["own", "y", "z"]);
    put(&disk, &[("c", "4")]);
    disk.flush().unwrap();
    drop(disk);
    assert_eq!(keys(all(&Disk::open(dir.path(), CACHE).unwrap())), ["c", "own", "y", "z"]);
}
