//! Measures proposals per second for one or several groups, on real disks.
//!
//! `cargo run --release -p consensus --example throughput -- [VOTERS] [GROUPS] [SECONDS]`: with 1, 64 and 256
//! proposals in flight, and payloads of 200 bytes that each become one row. All voters run in one process and share
//! its cores.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use consensus::testing::InMemoryNetwork;
use consensus::{ApplyResult, Entry, Options, RaftNode, Replica, StateMachine};
use hdrhistogram::Histogram;
use store::{Batch, Disk, Fault, LogSettings, NodeLog, Row, State};

const KEYS: u64 = 10_000;

/// Each payload consists of a key of eight bytes and a value.
struct Table(Arc<Disk>);

impl StateMachine for Table {
    fn apply(&self, entries: Vec<Entry>, metadata: Vec<Row>) -> Result<Vec<Option<ApplyResult>>, Fault> {
        let results =
            entries.iter().map(|entry| entry.awaited.then(|| Box::new(()) as ApplyResult)).collect();
        let mut batch = Batch::default();
        for Entry { payload, .. } in entries {
            let (key, value) = payload.split_at(8);
            batch.put([b"k", key].concat(), value.to_vec());
        }
        metadata.into_iter().for_each(|(key, value)| batch.put(key, value));
        self.0.commit(batch)?;
        Ok(results)
    }

    fn replaced(&self) {}
}

#[tokio::main]
async fn main() {
    let arguments: Vec<u64> = std::env::args().skip(1).map(|text| text.parse().expect("a number")).collect();
    let number = |at: usize, default: u64| arguments.get(at).copied().unwrap_or(default);
    let (voters, groups, seconds) = (number(0, 1), number(1, 1), number(2, 4));
    let dir = Path::new("target/throughput");
    let _ = std::fs::remove_dir_all(dir);

    let network = InMemoryNetwork::new();
    let members = || (1..=voters).map(|id| (id, RaftNode { node: format!("n{id}") })).collect();
    let mut replicas = Vec::new();
    let mut logs = Vec::new();
    for id in 1..=voters {
        let log = NodeLog::open(&dir.join(format!("n{id}/log")), LogSettings::default()).expect("a log");
        for group in 0..groups {
            let name = format!("table/{group}");
            let disk = Disk::open(&dir.join(format!("n{id}/groups/{group}")), 64 << 20).expect("a disk");
            let disk = Arc::new(disk);
            let machine = Arc::new(Table(Arc::clone(&disk)));
            let replica = Replica::start(
                Options::new(&name, id),
                Arc::clone(&log),
                disk,
                machine,
                network.endpoint(id),
            );
            let replica = replica.await.expect("it starts");
            network.join(&name, id, replica.clone());
            replicas.push((group, replica));
        }
        logs.push(log);
    }
    let mut leaders = Vec::new();
    for group in 0..groups {
        let first = &replicas.iter().find(|(of, _)| *of == group).expect("a replica").1;
        first.initialize(members()).await.expect("a group");
        'found: loop {
            for (_, replica) in replicas.iter().filter(|(of, _)| *of == group) {
                if replica.role().borrow().leader {
                    leaders.push(replica.clone());
                    break 'found;
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    for in_flight in [64, 1, 64, 256] {
        run(voters, &leaders, &logs, in_flight, seconds).await;
    }
    for (_, replica) in &replicas {
        replica.shutdown().await.expect("it ends well");
    }
}

async fn run(voters: u64, leaders: &[Replica], logs: &[Arc<NodeLog>], in_flight: usize, seconds: u64) {
    let flushes: u64 = logs.iter().map(|log| log.stats().flushes).sum();
    let started = Instant::now();
    let workers = (0..in_flight).map(|worker| {
        let leader = leaders[worker % leaders.len()].clone();
        tokio::spawn(async move {
            let mut micros = Histogram::<u64>::new(3).expect("three digits");
            let mut key = worker as u64;
            while started.elapsed().as_secs() < seconds {
                key = (key * 6_364_136_223 + 1_442_695) % KEYS;
                let mut payload = key.to_be_bytes().to_vec();
                payload.resize(200, 7);
                let sent = Instant::now();
                leader.propose(payload).await.expect("a reply");
                micros.record(sent.elapsed().as_micros() as u64).expect("it grows");
            }
            micros
        })
    });
    let mut micros = Histogram::<u64>::new(3).expect("three digits");
    for worker in workers.collect::<Vec<_>>() {
        micros += worker.await.expect("no panic");
    }
    let took = started.elapsed().as_secs_f64();
    let flushes = logs.iter().map(|log| log.stats().flushes).sum::<u64>() - flushes;
    println!(
        "{voters} voters, {} groups, {in_flight} in flight: {:.0}/s, p50 {} us, p99 {} us, max {} us; {:.0} fsyncs/s a node",
        leaders.len(),
        micros.len() as f64 / took,
        micros.value_at_quantile(0.5),
        micros.value_at_quantile(0.99),
        micros.max(),
        flushes as f64 / took / logs.len() as f64,
    );
}
