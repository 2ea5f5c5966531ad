//! Compares the log with a model, with crashes at any time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const GROUPS: [&str; 3] = ["search/0", "auth/0", "reservations/7"];

/// Expected content of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    entries: BTreeMap<u64, u64>,
    vote: Option<u64>,
    committed: Option<u64>,
    purged: Option<u64>,
}

type Models = BTreeMap<&'static str, Model>;

#[derive(Debug, Clone)]
enum Step {
    Append { group: usize, count: u32, big: bool },
    Truncate { group: usize, keep: u64 },
    Purge { group: usize, keep: u64 },
    PurgeBeyondEnd { group: usize },
    Vote { group: usize },
    Committed { group: usize },
    Drop { group: usize },
    Sync,
    Reopen,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let group = 0..GROUPS.len();
    prop_oneof![
        8 => (group.clone(), 1..5u32, prop::bool::weighted(0.1)).prop_map(|(group, count, big)| Step::Append { group, count, big }),
        3 => (group.clone(), 0..6u64).prop_map(|(group, keep)| Step::Truncate { group, keep }),
        3 => (group.clone(), 0..6u64).prop_map(|(group, keep)| Step::Purge { group, keep }),
        1 => group.clone().prop_map(|group| Step::PurgeBeyondEnd { group }),
        2 => group.clone().prop_map(|group| Step::Vote { group }),
        3 => group.clone().prop_map(|group| Step::Committed { group }),
        1 => group.prop_map(|group| Step::Drop { group }),
        6 => Just(Step::Sync),
        1 => Just(Step::Reopen),
        2 => Just(Step::Crash),
    ]
}

fn settings(linger_ms: u64) -> LogSettings {
    LogSettings {
        linger: Duration::from_millis(linger_ms),
        compaction_floor_bytes: 0,
        compaction_step_bytes: 64,
    }
}

/// Entries of eight bytes each. A big batch is padded, so that rows differ in size.
fn batch(first: u64, values: &[u64], big: bool) -> Record {
    let mut bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    if big {
        bytes.resize(bytes.len() + 4000, 0);
    }
    Record::Batch { first, count: values.len() as u32, bytes: bytes.into() }
}

fn mark(value: u64) -> Arc<[u8]> {
    Arc::from(value.to_le_bytes())
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().unwrap())
}

/// Reads the log into the model.
fn read_model(log: &NodeLog) -> Models {
    let mut models = Models::new();
    for name in GROUPS {
        let purged = log.purged(name).map(|(upto, mark)| {
            assert_eq!(number(&mark), upto);
            upto
        });
        let mut entries = BTreeMap::new();
        for chunk in log.read(name, 0, u64::MAX).unwrap() {
            for (index, value) in (chunk.first..).zip(chunk.bytes.chunks(8)).take(chunk.count as usize) {
                assert_eq!(entries.insert(index, number(value)), None, "two entries for {index}");
            }
        }
        entries.retain(|index, _| purged.is_none_or(|upto| *index > upto));
        assert_eq!(
            log.last(name).filter(|last| purged.is_none_or(|upto| *last > upto)),
            entries.keys().next_back().copied()
        );
        let number = |bytes: Option<Arc<[u8]>>| bytes.map(|bytes| number(&bytes));
        let model =
            Model { entries, vote: number(log.vote(name)), committed: number(log.committed(name)), purged };
        models.insert(name, model);
    }
    models
}

fn empty() -> Models {
    GROUPS.into_iter().map(|name| (name, Model::default())).collect()
}

/// Applies `step` to the log and to the model.
fn submit(log: &NodeLog, models: &mut Models, step: &Step, counter: &mut u64) {
    *counter += 1;
    let value = *counter;
    let (group, record) = match *step {
        Step::Append { group, count, big } => {
            let model = models.get_mut(GROUPS[group]).unwrap();
            let next = model.entries.keys().next_back().or(model.purged.as_ref()).map_or(0, |last| last + 1);
            let values: Vec<u64> = (0..u64::from(count)).map(|n| value * 1000 + n).collect();
            model.entries.extend((next..).zip(values.iter().copied()));
            (group, batch(next, &values, big))
        }
        Step::Truncate { group, keep } => {
            let model = models.get_mut(GROUPS[group]).unwrap();
            let Some(last) = model.entries.keys().next_back() else { return };
            let from = (last + 1).saturating_sub(keep).max(*model.entries.keys().next().unwrap());
            model.entries.split_off(&from);
            (group, Record::Truncate { from })
        }
        Step::Purge { group, keep } => {
            let model = models.get_mut(GROUPS[group]).unwrap();
            let Some(last) = model.entries.keys().next_back() else { return };
            let Some(upto) = last.checked_sub(keep) else { return };
            if model.purged.is_some_and(|old| old > upto) {
                return;
            }
            model.entries = model.entries.split_off(&(upto + 1));
            model.purged = Some(upto);
            (group, Record::Purge { upto, mark: mark(upto) })
        }
        // A snapshot was installed: everything is purged, beyond the last entry.
        Step::PurgeBeyondEnd { group } => {
            let model = models.get_mut(GROUPS[group]).unwrap();
            let upto =
                model.entries.keys().next_back().or(model.purged.as_ref()).map_or(10, |last| last + 10);
            model.entries.clear();
            model.purged = Some(upto);
            (group, Record::Purge { upto, mark: mark(upto) })
        }
        Step::Vote { group } => {
            models.get_mut(GROUPS[group]).unwrap().vote = Some(value);
            (group, Record::Vote(mark(value)))
        }
        Step::Committed { group } => {
            models.get_mut(GROUPS[group]).unwrap().committed = Some(value);
            (group, Record::Committed(mark(value)))
        }
        Step::Drop { group } => {
            models.insert(GROUPS[group], Model::default());
            (group, Record::Drop)
        }
        Step::Sync | Step::Reopen | Step::Crash => unreachable!("not a record"),
    };
    log.submit(&Arc::from(GROUPS[group]), record, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_log_contains_what_was_submitted_and_after_a_crash_at_least_what_was_synced(
        steps in prop::collection::vec(step(), 1..120), linger_ms in prop_oneof![Just(0u64), Just(3_600_000)],
    ) {
        let mut storage = Arc::new(MemoryLogStorage::new());
        let mut log = NodeLog::with_storage(storage.clone(), settings(linger_ms)).unwrap();
        let mut models = empty();
        // Every model since the last sync. A crash may leave any one of them.
        let mut since = vec![models.clone()];
        let mut counter = 0;
        for step in steps {
            match step {
                Step::Sync => {
                    log.sync().unwrap();
                    since = vec![models.clone()];
                }
                Step::Reopen => {
                    log.close();
                    log = NodeLog::with_storage(storage.clone(), settings(linger_ms)).unwrap();
                    since = vec![models.clone()];
                }
                Step::Crash => {
                    let left = Arc::new(storage.crash());
                    log.close();
                    storage = left;
                    log = NodeLog::with_storage(storage.clone(), settings(linger_ms)).unwrap();
                    models = read_model(&log);
                    prop_assert!(since.contains(&models), "{models:#?} is none of {since:#?}");
                    since = vec![models.clone()];
                }
                step => {
                    submit(&log, &mut models, &step, &mut counter);
                    // Committed marks of one flush are merged into the last one, after the other records of the
                    // flush.
                    since.push(models.clone());
                    if let Step::Committed { .. } = step {
                        log.sync().unwrap();
                        since = vec![models.clone()];
                    }
                }
            }
            prop_assert_eq!(&read_model(&log), &models);
        }
    }
}

fn log_of(storage: &Arc<MemoryLogStorage>) -> Arc<NodeLog> {
    NodeLog::with_storage(storage.clone(), settings(3_600_000)).unwrap()
}

#[test]
fn an_idle_group_does_not_prevent_the_removal_of_a_busy_groups_rows() {
    let storage = Arc::new(MemoryLogStorage::new());
    let log = log_of(&storage);
    let (quiet, busy): (Arc<str>, Arc<str>) = ("quiet/0".into(), "busy/0".into());
    log.submit(&quiet, Record::Vote(mark(7)), None);
    log.submit(&quiet, batch(0, &[1, 2, 3, 4], false), None);
    log.submit(&quiet, Record::Truncate { from: 2 }, None);
    for index in 0..500 {
        log.submit(&busy, batch(index, &[index], false), None);
        if index > 5 {
            log.submit(&busy, Record::Purge { upto: index - 5, mark: mark(index - 5) }, None);
        }
        log.sync().unwrap();
    }
    assert!(storage.count() < 100, "{} rows are there", storage.count());
    for log in [log, log_of(&Arc::new(storage.crash()))] {
        assert_eq!(log.vote("quiet/0"), Some(mark(7)));
        let chunks = log.read("quiet/0", 0, 10).unwrap();
        assert_eq!(chunks.iter().map(|chunk| (chunk.first, chunk.count)).collect::<Vec<_>>(), [(0, 2)]);
        assert_eq!(number(&chunks[0].bytes[8..]), 2);
        assert_eq!(log.last("busy/0"), Some(499));
        assert_eq!(log.purged("busy/0").unwrap().0, 494);
    }
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_until_the_log_is_reopened() {
    let storage = Arc::new(MemoryLogStorage::new());
    let log = log_of(&storage);
    let group: Arc<str> = "auth/0".into();
    log.submit(&group, batch(0, &[1], false), None);
    log.sync().unwrap();
    storage.fail(true);
    log.submit(&group, batch(1, &[2], false), None);
    assert!(matches!(log.sync(), Err(Fault::Io(_))));
    storage.fail(false);
    assert!(log.sync().is_err(), "the content of the disk is unknown");
    assert!(log.health().is_err());
    log.close();
    let log = log_of(&storage);
    log.sync().unwrap();
    assert_eq!(log.last("auth/0"), Some(0));
    log.submit(&group, batch(1, &[3], false), None);
    log.sync().unwrap();
    assert_eq!(log.last("auth/0"), Some(1));
    log.close();
    assert!(log.sync().is_err(), "a closed log accepts nothing");
}

/// A kind of damage to a row: its name, and a function that applies it.
type Damage = (&'static str, fn(&mut Vec<u8>));

#[test]
fn damaged_and_missing_rows_are_detected() {
    let damages: [Damage; 5] = [
        ("an entry", |row| *row.last_mut().unwrap() ^= 1),
        ("the tail", |row| row[1] ^= 1),
        ("cut off", |row| row.truncate(row.len() - 3)),
        ("grown", |row| row.push(0)),
        ("a newer format", |row| row[0] = 9),
    ];
    for (name, damage) in damages {
        for victim in 1..=3 {
            let storage = Arc::new(MemoryLogStorage::new());
            let log = NodeLog::with_storage(storage.clone(), LogSettings::default()).unwrap();
            for index in 0..3 {
                log.submit(&"auth/0".into(), batch(index, &[index], false), None);
                log.sync().unwrap();
            }
            log.close();
            assert!(storage.damage(victim, damage));
            let opened = NodeLog::with_storage(storage.clone(), settings(0));
            assert!(matches!(opened, Err(Fault::Corrupt(_))), "{name} in row {victim}: {opened:?}");
            storage.remove(&[2]).unwrap();
            assert!(
                matches!(NodeLog::with_storage(storage, settings(0)), Err(Fault::Corrupt(_))),
                "row 2 is missing"
            );
        }
    }
}

#[test]
fn many_writers_share_flushes_and_each_callback_is_called() {
    let storage = Arc::new(MemoryLogStorage::new());
    let log = log_of(&storage);
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let log = &log;
            scope.spawn(move || {
                let group: Arc<str> = format!("users/{thread}").into();
                for index in 0..200 {
                    log.submit(&group, batch(index, &[index * 10 + thread], false), None);
                    log.sync().unwrap();
                    assert_eq!(log.read(&group, index, index + 1).unwrap().len(), 1);
                }
            });
        }
    });
    assert_eq!(log.groups().len(), 8);
    let log = log_of(&Arc::new(storage.crash()));
    for thread in 0..8 {
        assert_eq!(log.last(&format!("users/{thread}")), Some(199));
    }
}
