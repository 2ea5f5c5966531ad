//! Guests who hold, cancel and read through all edges, whatever happens to the nodes, and a record of what they saw.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{Answer, Caller, Cluster, RequestBuilder, Stay, hotel};
use tokio::task::JoinHandle;

use crate::linearizability::{self, Did, Operation};
use crate::text;

/// Rooms of each night: so few that they are sold out now and then.
pub const ROOMS: u32 = 4;
/// Guests at a time.
const GUESTS: usize = 4;
/// Nights that can be sold, and operations on each before the next one's turn: a thing's history is short.
const NIGHTS: usize = 120;
const OPERATIONS_EACH: usize = 40;
/// Between a guest's operations.
const PAUSE: Duration = Duration::from_millis(30);
/// Before another attempt.
const AGAIN: Duration = Duration::from_millis(50);

/// An edge that says nothing for so long is left for another one. What was asked there may still be done.
const PATIENCE: Duration = Duration::from_secs(4);

/// The hotel that they go to.
pub fn inn() -> Vec<Value> {
    vec![hotel("inn", "The Inn", ROOMS)]
}

/// Load, and what came of it.
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
    /// Where guests go at present, with the nodes' names.
    edges: Mutex<Vec<(String, String)>>,
    /// Operations begun, which says whose turn it is.
    turns: AtomicUsize,
    /// What was recorded, a night each.
    nights: Vec<Mutex<Vec<Operation>>>,
    /// Reservations and whether somebody set out to cancel them, a night each.
    known: Vec<Mutex<BTreeMap<String, bool>>>,
    /// Answers that said that it cannot be done now, by node.
    refused: Mutex<BTreeMap<String, Vec<String>>>,
}

impl History {
    /// Sets out.
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

    /// From now on guests go to these nodes.
    pub fn use_nodes(&self, cluster: &Cluster, names: &[&str]) {
        let edges = names.iter().map(|name| ((*name).to_owned(), cluster.url(name))).collect();
        *self.shared.edges.lock().unwrap() = edges;
    }

    /// Returns once so many more operations were answered.
    pub async fn wait_for_operations(&self, operations: usize) {
        let before = self.answered();
        test_support::eventually("the load to go on", || async {
            (self.answered() >= before + operations).then_some(())
        })
        .await;
    }

    fn answered(&self) -> usize {
        self.shared.nights.iter().map(|night| night.lock().unwrap().len()).sum()
    }

    /// Who said since the last look that something cannot be done now, and how.
    pub fn refusals(&self) -> BTreeMap<String, Vec<String>> {
        std::mem::take(&mut *self.shared.refused.lock().unwrap())
    }

    /// Ends the load, looks at everything once more, and checks all that was seen.
    ///
    /// # Panics
    /// When it cannot be explained, or anything is missing or there twice.
    pub async fn end(mut self, cluster: &Cluster) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for guest in std::mem::take(&mut self.guests) {
            guest.await.expect("a guest");
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
        assert_eq!(self.refusals(), BTreeMap::new(), "nothing is broken any more");
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
        assert_eq!(shared.listed().await, held, "what was acknowledged, and nothing else, is there once");
        let at = cluster.names().remove(0);
        cluster.wait_until_outboxes_empty(&at).await;
        cluster.assert_invariants(&at);
        println!(
            "{operations} operations on {used} nights in {:.0} s are linearizable: {} holds, {full} refused for want of rooms",
            shared.begun.elapsed().as_secs_f64(),
            held.len()
        );
        assert!(held.len() > 20, "there was hardly any load: {}", held.len());
    }
}

fn stay(night: usize) -> Stay {
    let mut stay = Stay::from_day(30 + i64::try_from(night).expect("a day"), 1);
    stay.guests = 2;
    stay
}

async fn guest(shared: Arc<Shared>, lane: usize) {
    let mut own: Vec<(usize, String)> = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        let turn = shared.turns.fetch_add(1, Ordering::Relaxed);
        let night = (turn / OPERATIONS_EACH).min(NIGHTS - 1);
        own.retain(|(held, _)| *held == night);
        // As if drawn, and the same each time.
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
    /// Sends something to an edge, and to another one until there is an answer: to the n-th attempt's turn. Says also when the
    /// attempt that was answered was begun.
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
                    let asked =
                        format!("{} after {:?}: {}", answer.request_line, at.elapsed(), answer.text());
                    self.refused.lock().unwrap().entry(name).or_default().push(asked);
                }
                // No whole answer: a node that was killed, is paused, or is not there.
                Err(_) => {}
            }
            assert!(begun.elapsed() < test_support::PATIENCE * 2, "no answer, wherever it is sent");
            tokio::time::sleep(AGAIN).await;
        }
        unreachable!("attempts do not end")
    }

    fn record(&self, night: usize, called: Instant, did: Did) {
        let called = called.duration_since(self.begun);
        let operation = Operation { called, answered: Some(self.begun.elapsed()), did };
        self.nights[night].lock().unwrap().push(operation);
    }

    /// Holds a room; the reservation, if there was one.
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
        let left = left.map_or(0, |offer| offer["rooms_left"].as_u64().expect("a number"));
        self.record(night, called, Did::Left(u32::try_from(left).expect("few rooms")));
    }

    async fn has(&self, night: usize, id: &str) {
        let path = format!("/v1/reservations/{id}");
        let turn = self.turns.load(Ordering::Relaxed);
        let (called, answer) = self.sent(turn, |caller| caller.get(&path)).await;
        let reservation = answer.expect(200).json();
        let has = match text(&reservation["status"]) {
            "held" => true,
            "cancelled" => false,
            other => panic!("{id} is {other}"),
        };
        self.record(night, called, Did::Has(id.to_owned(), has));
    }

    /// Every reservation that this partner has, each once.
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
