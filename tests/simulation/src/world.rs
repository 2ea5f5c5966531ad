//! The groups, the clock, and how clients send commands and queries.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use auth::Auth;
use group::engine::{Applied, EntryResult, Stamp};
use group::{Answer, Command, Query, Refusal, Reply, Service};
use payments::Payments;
use pdf::Pdf;
use protocol::{Contract, Principal, ReplyMessage, RequestMessage, Route, Timestamp, Variant, codec};
use reservations::Reservations;
use search::Search;
use token::{ClusterKey, LinkKey};
use ui::Ui;
use users::Users;

use crate::accounts::Accounts;
use crate::bank::Bank;
use crate::guests::Known;
use crate::member::{Group, Member, Violation};
use crate::network::Network;
use crate::rng::Rng;
use crate::trace::Trace;

/// Shards of the two services that have several.
pub const SHARDS: u16 = 2;
/// The number of groups, see [`World::member`].
pub const MEMBERS: usize = 5 + 2 * SHARDS as usize;
/// The most commands that are kept for repetition.
const REPEATS_MAX: usize = 60;

type Again = Rc<dyn Fn(&mut World) -> Result<(), Violation>>;

/// The response to a command: its reply or its refusal.
pub type Response<S> = Result<Reply<S>, Refusal<S>>;

/// A command that its client can repeat as if the response had been lost.
pub struct Repeat {
    sent_at: Timestamp,
    again: Again,
}

/// What is broken on purpose, to prove that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Nothing.
    Nothing,
    /// Receivers treat each delivery as the first from its sender.
    InboxesForget,
    /// Lost packets are acknowledged as if they had been delivered.
    EventsVanish,
    /// A restarted leader has lost the last entry of its log, which was acknowledged.
    LogsAreCut,
    /// Some mails are marked as sent, but never sent.
    MailsVanish,
}

/// The simulated cluster and its environment.
pub struct World {
    pub sabotage: Sabotage,
    pub rng: Rng,
    pub now: Timestamp,
    pub trace: Trace,
    pub auth: Group<Auth>,
    pub users: Group<Users>,
    pub search: Group<Search>,
    pub pdf: Group<Pdf>,
    pub ui: Group<Ui>,
    pub reservations: Vec<Group<Reservations>>,
    pub payments: Vec<Group<Payments>>,
    pub network: Network,
    pub bank: Bank,
    pub mails: Mails,
    pub account_links: LinkKey,
    pub known: Known,
    pub accounts: Accounts,
    pub repeats: Vec<Repeat>,
}

/// The mails that were sent.
#[derive(Debug, Default)]
pub struct Mails {
    /// Name → what it was about → how often.
    pub sent: BTreeMap<String, BTreeMap<String, u32>>,
    /// Group and outbox row → names.
    pub names: BTreeMap<(usize, u64), BTreeSet<String>>,
}

/// A service that runs in the simulation.
pub trait Resident: Service {
    /// The group of a shard.
    fn group(world: &mut World, shard: u16) -> &mut Group<Self>;
    /// The number of shards.
    const SHARDS: u16 = 1;
}

macro_rules! residents {
    ($($service:ident $field:ident;)*) => {$(
        impl Resident for $service {
            fn group(world: &mut World, _shard: u16) -> &mut Group<Self> {
                &mut world.$field
            }
        }
    )*};
}

residents! { Auth auth; Users users; Search search; Pdf pdf; Ui ui; }

impl Resident for Reservations {
    const SHARDS: u16 = SHARDS;
    fn group(world: &mut World, shard: u16) -> &mut Group<Self> {
        &mut world.reservations[usize::from(shard)]
    }
}

impl Resident for Payments {
    const SHARDS: u16 = SHARDS;
    fn group(world: &mut World, shard: u16) -> &mut Group<Self> {
        &mut world.payments[usize::from(shard)]
    }
}

impl World {
    /// An empty cluster. The clock starts on a fixed day in November.
    ///
    /// # Errors
    /// If a service cannot be opened.
    pub fn new(seed: u64) -> Result<Self, Violation> {
        let key = ClusterKey::random();
        let (booking_links, account_links) = (key.links("booking-link"), key.links("account-link"));
        let desk = |shard| {
            let links = booking_links.clone();
            Group::new(shard, move || Reservations::new(links.clone()))
        };
        let users_links = account_links.clone();
        let auth_key = key.clone();
        Ok(Self {
            sabotage: Sabotage::Nothing,
            rng: Rng::new(seed),
            now: Timestamp(1_795_435_200_000),
            trace: Trace::default(),
            auth: Group::new(0, move || Auth::new(auth_key.clone(), "https://auberge.example"))?,
            users: Group::new(0, move || Users::new(users_links.clone()))?,
            search: Group::new(0, Search::new)?,
            pdf: Group::new(0, || Pdf)?,
            ui: Group::new(0, Ui::default)?,
            reservations: (0..SHARDS).map(desk).collect::<Result<_, _>>()?,
            payments: (0..SHARDS).map(|shard| Group::new(shard, || Payments)).collect::<Result<_, _>>()?,
            network: Network::default(),
            bank: Bank::default(),
            mails: Mails::default(),
            account_links,
            known: Known::default(),
            accounts: Accounts::default(),
            repeats: Vec::new(),
        })
    }

    /// A group by its number.
    pub fn member(&mut self, at: usize) -> &mut dyn Member {
        let shards = usize::from(SHARDS);
        match at {
            0 => &mut self.auth,
            1 => &mut self.users,
            2 => &mut self.search,
            3 => &mut self.pdf,
            4 => &mut self.ui,
            at if at < 5 + shards => &mut self.reservations[at - 5],
            at => &mut self.payments[at - 5 - shards],
        }
    }

    /// The number of the group that owns a slot of a service.
    pub fn number(service: &str, slot: u16) -> Option<usize> {
        let shard = usize::from(protocol::Slot::of(u128::from(slot) << 112).shard(SHARDS));
        match service {
            "auth" => Some(0),
            "users" => Some(1),
            "search" => Some(2),
            "pdf" => Some(3),
            "ui" => Some(4),
            "reservations" => Some(5 + shard),
            "payments" => Some(5 + usize::from(SHARDS) + shard),
            _ => None,
        }
    }

    /// The stamp of an entry that is proposed now.
    pub fn stamp(&mut self) -> Stamp {
        Stamp { now: self.now, entropy: self.rng.wide() }
    }

    /// Sends a command. It may be repeated later, and must then have the same response.
    ///
    /// # Errors
    /// A violation.
    pub fn send<S: Resident>(
        &mut self,
        caller: &Principal,
        command: Command<S>,
    ) -> Result<Response<S>, Violation> {
        let (id, keyed) = (self.rng.wide(), self.rng.chance(50));
        let digest = if keyed { digest(&command) } else { 0 };
        self.trace.note(format_args!("{} {}: {command:?}", S::Contract::SERVICE, caller.effective_subject()));
        let result = self.execute::<S>(caller, id, digest, command.clone())?;
        let response = response::<S>(result)?;
        self.trace.note(format_args!("  → {response:?}"));
        let (caller, before) = (caller.clone(), codec::encode(&response));
        let again = move |world: &mut Self| {
            repeats_are_answered_alike::<S>(world, &caller, id, digest, &command, &before)
        };
        if self.repeats.len() == REPEATS_MAX {
            self.repeats.remove(0);
        }
        self.repeats.push(Repeat { sent_at: self.now, again: Rc::new(again) });
        if self.rng.chance(10) {
            self.repeat_one(self.repeats.len() - 1)?;
        }
        Ok(response)
    }

    /// Executes a typed request. A query to every shard is executed by the first.
    ///
    /// # Errors
    /// If an invariant does not hold.
    pub fn call<S: Resident, M: Variant<Contract = S::Contract>>(
        &mut self,
        caller: &Principal,
        request: M,
    ) -> Result<Result<M::Reply, Refusal<S>>, Violation> {
        let replied = match request.into_message() {
            RequestMessage::Command(command) => self.send::<S>(caller, command)?.map(ReplyMessage::Reply),
            RequestMessage::Query(query) => self.query::<S>(caller, query)?.map(ReplyMessage::Answer),
        };
        Ok(replied.map(|reply| M::reply(reply).expect("the reply of the request")))
    }

    fn execute<S: Resident>(
        &mut self,
        caller: &Principal,
        id: u128,
        digest: u64,
        command: Command<S>,
    ) -> Result<Applied<S>, Violation> {
        let Route::Slot(slot) = S::Contract::route_command(&command) else {
            return Err(format!("a command to every shard: {command:?}"));
        };
        let stamp = self.stamp();
        S::group(self, slot.shard(S::SHARDS)).command(caller, id, digest, command, stamp)
    }

    /// Executes a query. A query to every shard is executed by the first.
    ///
    /// # Errors
    /// A violation.
    pub fn query<S: Resident>(
        &mut self,
        caller: &Principal,
        query: Query<S>,
    ) -> Result<Result<Answer<S>, Refusal<S>>, Violation> {
        let shard = match S::Contract::route_query(&query) {
            Route::Slot(slot) => slot.shard(S::SHARDS),
            Route::AllShards => 0,
        };
        let now = self.now;
        S::group(self, shard).query(caller, now, query)
    }

    /// Repeats a command.
    ///
    /// # Errors
    /// If the response differs.
    pub fn repeat_one(&mut self, at: usize) -> Result<(), Violation> {
        let Some(repeat) = self.repeats.get(at) else { return Ok(()) };
        let again = Rc::clone(&repeat.again);
        again(self)
    }

    /// Removes the commands sent before this instant.
    pub fn forget_repeats(&mut self, before: Timestamp) {
        self.repeats.retain(|repeat| repeat.sent_at >= before);
    }
}

/// The same key and content has the same response; the same key with other content is refused.
fn repeats_are_answered_alike<S: Resident>(
    world: &mut World,
    caller: &Principal,
    id: u128,
    digest: u64,
    command: &Command<S>,
    before: &[u8],
) -> Result<(), Violation> {
    let result = world.execute::<S>(caller, id, digest, command.clone())?;
    if codec::encode(&response::<S>(result)?) != before {
        return Err(format!("a repeated command is answered otherwise: {command:?}"));
    }
    if digest != 0
        && !matches!(world.execute::<S>(caller, id, digest ^ 1, command.clone())?, EntryResult::KeyReused)
    {
        return Err(format!("a key is good for two commands: {command:?}"));
    }
    Ok(())
}

fn response<S: Service>(result: Applied<S>) -> Result<Response<S>, Violation> {
    match result {
        EntryResult::Reply(reply) => Ok(Ok(reply)),
        EntryResult::Refused(refusal) => Ok(Err(refusal)),
        EntryResult::KeyReused | EntryResult::Delivered(_) | EntryResult::More(_) | EntryResult::Done => {
            Err(format!("the result of a command is {result:?}"))
        }
    }
}

fn digest<C: protocol::Message>(command: &C) -> u64 {
    // Not 0, which means that there is no key.
    codec::hash128(&[&codec::encode(command)]) as u64 | 2
}
