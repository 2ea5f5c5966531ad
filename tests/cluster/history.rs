//! Clients that hold, cancel and read through all nodes during faults, and the recorded history of their operations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{Answer, Caller, Cluster, RequestBuilder, Stay, hotel};
use tokio::task::JoinHandle;

use crate::linearizability::{self, Did, Operation};
use crate::text;

/// Rooms per night: so few that nights sell out now and then.
pub const ROOMS: u32 = 4;
/// Concurrent clients.
const GUESTS: usize = 4;
/// The number of nights, and the operations on each before the clients go on to the next night. Short histories keep the
/// linearizability check fast.
const NIGHTS: usize = 120;
const OPERATIONS_EACH: usize = 40;
/// Delay between the operations of a client.
const PAUSE: Duration = Duration::from_millis(30);
/// Delay before a retry.
const AGAIN: Duration = Duration::from_millis(50);

/// Timeout of an attempt. The next attempt goes to another node; the timed-out request may still be executed.
const PATIENCE: Duration = Duration::from_secs(4);

/// The hotel that the clients book.
pub fn inn() -> Vec<Value> {
    vec![hotel("inn", "The Inn", ROOMS)]
}

/// Clients that generate load, and the recorded history.
pub struct History {
    shared: Arc<Shared>,
    guests: Vec<JoinHandle<()>>,
}

struct Shared {
    partner: Caller,
    hotel: String,
    begun: Instant,
    stop: AtomicBool,
    offers: Vec<String>,
    /// Names and URLs of the nodes that the clients use.
    edges: Mutex<Vec<(String, String)>>,
    /// Number of operations begun. It selects the night and the kind of the next operation.
    turns: AtomicUsize,
    /// Recorded operations, per night.
    nights: Vec<Mutex<Vec<Operation>>>,
    /// Ids of the reservations, per night.
    known: Vec<Mutex<BTreeMap<String, bool>>>,
    /// Responses with status 503, by node.
    refused: Mutex<BTreeMap<String, Vec<String>>>,
}

impl History {
    /// Starts the clients.
    pub async fn begin(cluster: &Cluster) -> Self {
        let names = cluster.names();
        let (hotel, partner) = (cluster.hotel(&names[0]).await, cluster.booker(&names[0]).await);
        let mut offers = Vec::new();
        for night in 0..NIGHTS {
            offers.push(partner.offer(&hotel, &stay(night), "Flexible").await);
        }
        let shared = Arc::new(Shared {
            partner,
            hotel,
            begun: Instant::now(),
            stop: AtomicBool::new(false),
            offers,
            edges: Mutex::default(),
            turns: AtomicUsize::new(0),
            nights: (0..NIGHTS).map(|_| Mutex::default()).collect(),
            known: (0..NIGHTS).map(|_| Mutex::default()).collect(),
            refused: Mutex::default(),
        });
        let mut history = Self { shared, guests: Vec::new() };
        history.use_nodes(cluster, &names.iter().map(String::as_str).collect::<Vec<_>>());
        history.guests =
            (0..GUESTS).map(|lane| tokio::spawn(guest(Arc::clone(&history.shared), lane))).collect();
        history
    }

    /// Sets the nodes that the clients use.
    pub fn use_nodes(&self, cluster: &Cluster, names: &[&str]) {
        let edges = names.iter().map(|name| ((*name).to_owned(), cluster.url(name))).collect();
        *self.shared.edges.lock().unwrap() = edges;
    }

    /// Waits until `operations` more operations have completed.
    pub async fn wait_for_operations(&self, operations: usize) {
        let before = self.answered();
        test_support::eventually("more operations to complete", || async {
            (self.answered() >= before + operations).then_some(())
        })
        .await;
    }

    fn answered(&self) -> usize {
        self.shared.nights.iter().map(|night| night.lock().unwrap().len()).sum()
    }

    /// Returns and clears the responses with status 503, by node.
    pub fn refusals(&self) -> BTreeMap<String, Vec<String>> {
        std::mem::take(&mut *self.shared.refused.lock().unwrap())
    }

    /// Stops the clients, reads the final state of every night and reservation, and checks the history.
    ///
    /// # Panics
    /// When the history is not linearizable, or a reservation is missing or listed twice.
    pub async fn end(mut self, cluster: &Cluster) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for guest in std::mem::take(&mut self.guests) {
            guest.await.expect("a client panicked");
        }
        cluster.wait_until_healthy().await;
        let shared = &self.shared;
        shared.refused.lock().unwrap().clear();
        let used = shared.turns.load(Ordering::Relaxed).div_ceil(OPERATIONS_EACH).min(NIGHTS);
        for night in 0..used {
            shared.left(night).await;
            let ids: Vec<String> = shared.known[night].lock().unwrap().keys().cloned().collect();
            for id in ids {
                shared.has(night, &id).await;
            }
        }
        assert_eq!(self.refusals(), BTreeMap::new(), "no request is refused after the faults");
        let (mut operations, mut held, mut full) = (0, BTreeSet::new(), 0);
        for night in 0..used {
            let history = shared.nights[night].lock().unwrap().clone();
            operations += history.len();
            full += history.iter().filter(|operation| operation.did == Did::SoldOut).count();
            held.extend(shared.known[night].lock().unwrap().keys().cloned());
            if let Err(why) = linearizability::check(ROOMS, &history) {
                panic!("night {night} is not linearizable: {why}");
            }
        }
        assert_eq!(
            shared.listed().await,
            held,
            "the list has every acknowledged reservation once, and no others"
        );
        let at = cluster.names().remove(0);
        cluster.wait_until_outboxes_empty(&at).await;
        cluster.assert_invariants(&at);
        println!(
            "{operations} operations on {used} nights in {:.0} s are linearizable: {} holds, {full} refused as sold out",
            shared.begun.elapsed().as_secs_f64(),
            held.len()
        );
        assert!(held.len() > 20, "too little load: {} holds", held.len());
    }
}

fn stay(night: usize) -> Stay {
    let mut stay = Stay::from_day(30 + i64::try_from(night).expect("the number of nights fits"), 1);
    stay.guests = 2;
    stay
}

async fn guest(shared: Arc<Shared>, lane: usize) {
    let mut own: Vec<(usize, String)> = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        let turn = shared.turns.fetch_add(1, Ordering::Relaxed);
        let night = (turn / OPERATIONS_EACH).min(NIGHTS - 1);
        own.retain(|(held, _)| *held == night);
        // A pseudo-random choice that is the same in every run.
        match (turn.wrapping_mul(0x9E37_79B9) >> 7) % 10 {
            0..=3 => {
                if let Some(id) = shared.hold(night, lane, turn).await {
                    own.push((night, id));
                }
            }
            4 | 5 => match own.pop() {
                Some((night, id)) => shared.cancel(night, &id).await,
                None => shared.left(night).await,
            },
            6 | 7 => shared.left(night).await,
            _ => {
                let ids: Vec<String> = shared.known[night].lock().unwrap().keys().cloned().collect();
                match ids.get(turn % ids.len().max(1)) {
                    Some(id) => shared.has(night, id).await,
                    None => shared.left(night).await,
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl Shared {
    /// Sends a request to one node after the other, starting with number `first`, until a response is not 503. Returns the response
    /// and the time when its attempt began.
    async fn sent(&self, first: usize, send: impl Fn(&Caller) -> RequestBuilder) -> (Instant, Answer) {
        let begun = Instant::now();
        for attempt in first.. {
            let (name, url) = {
                let edges = self.edges.lock().unwrap();
                edges[attempt % edges.len()].clone()
            };
            let at = Instant::now();
            match send(&self.partner.at(url)).within(PATIENCE).attempt().await {
                Ok(answer) if answer.status != 503 => return (at, answer),
                Ok(answer) => {
                    answer.problem(503, "unavailable");
                    let refusal =
                        format!("{} after {:?}: {}", answer.request_line, at.elapsed(), answer.text());
                    self.refused.lock().unwrap().entry(name).or_default().push(refusal);
                }
                // No complete response: the node was killed, is paused or cannot be reached.
                Err(_) => {}
            }
            assert!(begun.elapsed() < test_support::PATIENCE * 2, "timeout: no node responds");
            tokio::time::sleep(AGAIN).await;
        }
        unreachable!("the number of attempts is unlimited")
    }

    fn record(&self, night: usize, called: Instant, did: Did) {
        let called = called.duration_since(self.begun);
        let operation = Operation { called, answered: Some(self.begun.elapsed()), did };
        self.nights[night].lock().unwrap().push(operation);
    }

    /// Holds a room. Returns the reservation id, or `None` when the night is sold out.
    async fn hold(&self, night: usize, lane: usize, turn: usize) -> Option<String> {
        let guest = json!({"name": format!("Guest {turn}"), "email": format!("guest{lane}@guest.example")});
        let body = json!({"offer": self.offers[night], "guest": guest});
        let key = format!("hold-{turn}");
        let called = Instant::now();
        let post = |caller: &Caller| caller.post("/v1/reservations", &body).key(&key);
        let (_, answer) = self.sent(turn, post).await;
        if answer.status == 409 {
            answer.problem(409, "sold-out");
            self.record(night, called, Did::SoldOut);
            return None;
        }
        let id = text(&answer.expect(201).json()["id"]).to_owned();
        self.record(night, called, Did::Held(id.clone()));
        self.known[night].lock().unwrap().insert(id.clone(), true);
        Some(id)
    }

    async fn cancel(&self, night: usize, id: &str) {
        let path = format!("/v1/reservations/{id}/cancel");
        let called = Instant::now();
        let post = |caller: &Caller| caller.post(&path, &json!({})).key(id);
        let (_, answer) = self.sent(id.len() + night, post).await;
        assert_eq!(answer.expect(200).json()["status"], "cancelled");
        self.record(night, called, Did::Cancelled(id.to_owned()));
    }

    async fn left(&self, night: usize) {
        let path = format!("/v1/hotels/{}/offers?{}", self.hotel, stay(night).query());
        let turn = self.turns.load(Ordering::Relaxed);
        let (called, answer) = self.sent(turn, |caller| caller.get(&path)).await;
        let offers = answer.expect(200).json();
        let left = offers["items"].as_array().and_then(|items| items.first());
        let left = left.map_or(0, |offer| offer["rooms_left"].as_u64().expect("rooms_left is a number"));
        self.record(night, called, Did::Left(u32::try_from(left).expect("rooms_left fits in 32 bits")));
    }

    async fn has(&self, night: usize, id: &str) {
        let path = format!("/v1/reservations/{id}");
        let turn = self.turns.load(Ordering::Relaxed);
        let (called, answer) = self.sent(turn, |caller| caller.get(&path)).await;
        let reservation = answer.expect(200).json();
        let has = match text(&reservation["status"]) {
            "held" => true,
            "cancelled" => false,
            other => panic!("unexpected status of {id}: {other}"),
        };
        self.record(night, called, Did::Has(id.to_owned(), has));
    }

    /// The ids of all reservations in the list of this OAuth client.
    ///
    /// # Panics
    /// When a reservation is listed twice.
    async fn listed(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut path = "/v1/reservations?limit=100".to_owned();
        loop {
            let (_, page) = self.sent(0, |caller| caller.get(&path)).await;
            let page = page.expect(200).json();
            for item in page["items"].as_array().into_iter().flatten() {
                assert!(found.insert(text(&item["id"]).to_owned()), "{item} is listed twice");
            }
            let Some(cursor) = page["next_cursor"].as_str() else { return found };
            path = format!("/v1/reservations?limit=100&cursor={cursor}");
        }
    }
}
