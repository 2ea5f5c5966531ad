//! What the server has acknowledged, and so must know for ever.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;
use test_support::{Caller, TestServer};

use crate::text;

/// A request that was sent under an idempotency key. Whether it was answered is another matter.
#[derive(Debug, Clone)]
pub struct Keyed {
    pub path: &'static str,
    pub key: String,
    pub body: Value,
    /// The id in the answer, if there was one.
    pub id: Option<String>,
}

/// All that was acknowledged so far.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Requests under keys, newest last.
    pub keyed: Vec<Keyed>,
    /// Reservations that were acknowledged.
    pub reservations: Vec<String>,
    /// Payments that were acknowledged as succeeded, with their reservations.
    pub payments: BTreeMap<String, String>,
    /// Addresses whose registration was acknowledged.
    pub users: Vec<String>,
    /// Templates with the source that was acknowledged last, and all that were sent since: whatever was cut off may have
    /// been done or not.
    pub templates: BTreeMap<String, (String, Vec<String>)>,
}

/// Shared by everybody who puts load on the server.
pub type Shared = std::sync::Arc<Mutex<Ledger>>;

impl Ledger {
    /// Looks for what was acknowledged from these places on: how much of each there was before.
    ///
    /// # Panics
    /// When something is not there, or is something else.
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

    /// Repeats the requests under keys from this place on: those that were answered are answered the same; those that
    /// were not are done now, once.
    ///
    /// # Panics
    /// When a repeat is answered otherwise.
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
                // A hold that was never acknowledged may have ended meanwhile, or never have been payable.
                None => assert!((400..500).contains(&answer.status), "{}: {}", answer.status, answer.text()),
            }
        }
    }

    /// How much there is now.
    pub fn marks(&self) -> Marks {
        Marks {
            keyed: self.keyed.len(),
            reservations: self.reservations.len(),
            payments: self.payments.keys().cloned().collect(),
        }
    }
}

/// How much there was at some moment.
#[derive(Debug, Default)]
pub struct Marks {
    pub keyed: usize,
    pub reservations: usize,
    pub payments: std::collections::BTreeSet<String>,
}

/// Every mail that the ledger calls for has arrived.
///
/// # Panics
/// When one has not.
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
