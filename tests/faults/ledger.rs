//! What the server has acknowledged and so must never lose.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;
use test_support::{Caller, TestServer};

use crate::text;

/// A request that was sent under an idempotency key, with or without a response.
#[derive(Debug, Clone)]
pub struct Keyed {
    pub path: &'static str,
    pub key: String,
    pub body: Value,
    /// The id in the response; `None` without a response.
    pub id: Option<String>,
}

/// Everything that was acknowledged so far.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The requests under idempotency keys, oldest first.
    pub keyed: Vec<Keyed>,
    /// The acknowledged reservations.
    pub reservations: Vec<String>,
    /// The payments acknowledged as succeeded, with their reservations.
    pub payments: BTreeMap<String, String>,
    /// The mail addresses whose registration was acknowledged.
    pub users: Vec<String>,
    /// Templates with the last acknowledged source and all sources sent since. An unacknowledged one may be stored or not.
    pub templates: BTreeMap<String, (String, Vec<String>)>,
}

/// A ledger shared by all guests.
pub type Shared = std::sync::Arc<Mutex<Ledger>>;

impl Ledger {
    /// Checks that everything acknowledged since `from` exists.
    ///
    /// # Panics
    /// If something is missing or differs.
    pub async fn is_kept(&self, partner: &Caller, admin: &Caller, from: &Marks) {
        for id in &self.reservations[from.reservations..] {
            partner.get(&format!("/v1/reservations/{id}")).await.expect(200);
        }
        for (id, _) in self.payments.iter().filter(|(id, _)| !from.payments.contains(*id)) {
            let payment = partner.get(&format!("/v1/payments/{id}")).await.expect(200).json();
            assert_eq!(payment["status"], "succeeded", "{payment}");
        }
        for (name, (acknowledged, sent)) in &self.templates {
            let kept = admin.get(&format!("/v1/templates/{name}")).await.expect(200).json();
            let kept = text(&kept["source"]);
            assert!(
                kept == acknowledged || sent.iter().any(|sent| kept == sent),
                "{name}: {kept} is neither {acknowledged} nor of {sent:?}"
            );
        }
    }

    /// Repeats the requests under idempotency keys from index `from` on. A request with a response must have the same
    /// response again; one without a response is executed now, once.
    ///
    /// # Panics
    /// If the response to a repeat differs.
    pub async fn repeats(&mut self, partner: &Caller, from: usize) {
        for keyed in &mut self.keyed[from..] {
            let answer = partner.post(keyed.path, &keyed.body).key(&keyed.key).await;
            match &keyed.id {
                Some(id) => {
                    assert_eq!(text(&answer.expect(201).json()["id"]), id, "a repeat of {}", keyed.key);
                }
                None if answer.status == 201 => {
                    let id = text(&answer.json()["id"]).to_owned();
                    if keyed.path == "/v1/reservations" {
                        self.reservations.push(id.clone());
                    }
                    keyed.id = Some(id);
                }
                // A hold that was never acknowledged may have expired, so that it cannot be paid.
                None => assert!((400..500).contains(&answer.status), "{}: {}", answer.status, answer.text()),
            }
        }
    }

    /// The current position.
    pub fn marks(&self) -> Marks {
        Marks {
            keyed: self.keyed.len(),
            reservations: self.reservations.len(),
            payments: self.payments.keys().cloned().collect(),
        }
    }
}

/// A position in the ledger.
#[derive(Debug, Default)]
pub struct Marks {
    pub keyed: usize,
    pub reservations: usize,
    pub payments: std::collections::BTreeSet<String>,
}

/// Checks that every mail about an entry of the ledger was sent.
///
/// # Panics
/// If one is missing.
pub fn mails_arrived(server: &TestServer, ledger: &Ledger) {
    let mails = server.mails();
    let about = |what: &str| mails.iter().any(|mail| mail.id.contains(what));
    for (payment, reservation) in &ledger.payments {
        assert!(about(payment), "no receipt for {payment}");
        assert!(about(reservation), "no confirmation for {reservation}");
    }
    for email in &ledger.users {
        assert!(mails.iter().any(|mail| mail.to.contains(email.as_str())), "no verification for {email}");
    }
}
