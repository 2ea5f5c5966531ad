//! Counts unpaid holds by owner and by address, over all shards.
//!
//! An owner is limited in the number of holds that are unpaid at a time. Visitors, with or without an account, are also
//! limited in the rooms that their address holds, in all and of each property. Beyond that an address has to wait, twice as
//! long after each refusal. Those with an account are counted apart from those without, so that nobody without an account can
//! use up their limit.

use contracts::HotelId;
use contracts::reservations::{
    Admission, AdmissionEnd, AdmissionId, AdmitHold, EndAdmission, ROOMS_MAX, Refusal, Settings,
    VisitorAddress,
};
use group::Turn;
use protocol::{Principal, Timestamp, codec};

use crate::state::{ADMISSIONS, AdmissionRow, COUNTERS, CounterRow, SETTINGS, Timer};
use crate::{Reservations, access};

/// How many times the limit of an address all addresses of its IPv6 /48 have together. A /48 is one site, or some customers of
/// a small provider.
const NETWORK_FACTOR: u32 = 4;

/// The waiting time after the first refusal, in seconds. It doubles with each further one.
const DELAY_SECS: u32 = 60;

/// The longest waiting time, in seconds.
const DELAY_SECS_MAX: u32 = 3600;

/// Refusals are forgotten this long after the last waiting time, in seconds.
const FORGET_SECS: i64 = 24 * 3600;

/// A limit that a hold counts against.
struct Limit {
    key: u128,
    /// What the hold adds.
    amount: u32,
    max: u32,
}

pub(super) fn admit_hold(
    turn: &mut Turn<'_, Reservations>,
    request: &AdmitHold,
) -> Result<Admission, Refusal> {
    let AdmitHold { admission, hotel, rooms, address } = *request;
    let (owner, now) = (turn.caller().effective_subject().to_owned(), turn.now());
    if access::manages(turn.caller(), hotel) {
        return Ok(Admission::Exempt);
    }
    if rooms == 0 || rooms > ROOMS_MAX {
        return Err(Refusal::Invalid {
            field: "rooms".into(),
            why: "1 to 50 rooms are booked at once".into(),
        });
    }
    let key = key_of(&owner, admission);
    // A retry, because the first reply was lost, or under the same idempotency key.
    if turn.has(&ADMISSIONS, &key) {
        return Ok(Admission::Counted);
    }
    let settings = turn.get(&SETTINGS, &0).unwrap_or_default();
    let own = own_limit(turn.caller(), &settings);
    if counter(turn, own.key).amount.saturating_add(own.amount) > own.max {
        return Err(Refusal::TooManyHolds { limit: own.max });
    }
    let limits = address_limits(turn.caller(), address, hotel, rooms, &settings);
    if let Some(limit) = limits.iter().find(|limit| limit.amount > limit.max) {
        return Err(Refusal::TooManyRooms { limit: limit.max });
    }
    let waiting = limits.iter().map(|limit| counter(turn, limit.key).not_before).max();
    if let Some(until) = waiting.filter(|until| *until > now) {
        return Ok(Admission::Later { retry_after_secs: seconds_until(until, now) });
    }
    let exceeded: Vec<u128> = limits
        .iter()
        .filter(|limit| counter(turn, limit.key).amount.saturating_add(limit.amount) > limit.max)
        .map(|limit| limit.key)
        .collect();
    // No writes above this line, no refusals below it.
    if !exceeded.is_empty() {
        let until = exceeded.into_iter().map(|key| delay(turn, key)).max().unwrap_or(now);
        return Ok(Admission::Later { retry_after_secs: seconds_until(until, now) });
    }
    add(turn, own.key, own.amount);
    for limit in &limits {
        add(turn, limit.key, limit.amount);
    }
    let addresses = limits.iter().map(|limit| limit.key).collect();
    turn.put(&ADMISSIONS, &key, &AdmissionRow { owner: Some(own.key), addresses, rooms });
    let lifetime = i64::from(settings.hold_secs) + i64::from(settings.hold_extension_secs);
    turn.schedule(now.plus_secs(lifetime), Timer::ForgetAdmission(key));
    Ok(Admission::Counted)
}

/// The row stays until its timer fires, so that a repeated [`AdmitHold`] counts nothing.
pub(super) fn end_admission(
    turn: &mut Turn<'_, Reservations>,
    request: &EndAdmission,
) -> Result<(), Refusal> {
    let EndAdmission { owner, admission, end } = request;
    let owner = match owner {
        Some(owner) if turn.caller().as_service() == Some("reservations") => owner.as_str(),
        None if *end == AdmissionEnd::Refused => turn.caller().effective_subject(),
        Some(_) | None => return Err(Refusal::NoSuchReservation),
    };
    let key = key_of(owner, *admission);
    let Some(mut row) = turn.get(&ADMISSIONS, &key) else { return Ok(()) };
    // No writes above this line, no refusals below it.
    if let Some(owner) = row.owner.take() {
        subtract(turn, owner, 1);
    }
    if *end != AdmissionEnd::Released {
        for address in std::mem::take(&mut row.addresses) {
            subtract(turn, address, row.rooms);
            if *end == AdmissionEnd::Paid {
                forgive(turn, address);
            }
        }
    }
    turn.put(&ADMISSIONS, &key, &row);
    Ok(())
}

/// The longest lifetime of a hold is over.
pub(crate) fn forget_admission(turn: &mut Turn<'_, Reservations>, key: u128) {
    let Some(row) = turn.get(&ADMISSIONS, &key) else { return };
    turn.remove(&ADMISSIONS, &key);
    if let Some(owner) = row.owner {
        subtract(turn, owner, 1);
    }
    for address in row.addresses {
        subtract(turn, address, row.rooms);
    }
}

/// Removes the refusals of a counter, if there was none since the timer was set.
pub(crate) fn forget_refusals(turn: &mut Turn<'_, Reservations>, key: u128) {
    if is_forgotten(&counter(turn, key), turn.now()) {
        forgive(turn, key);
    }
}

/// The key of an admission: another owner cannot use or end it.
fn key_of(owner: &str, admission: AdmissionId) -> u128 {
    codec::hash128(&[b"admission", owner.as_bytes(), &admission.0.to_be_bytes()])
}

/// The holds of one owner.
fn own_limit(caller: &Principal, settings: &Settings) -> Limit {
    let owner = caller.effective_subject();
    let max = if is_visitor(owner) {
        settings.unpaid_holds_max
    } else {
        settings.client_unpaid_holds_max.get(owner).copied().unwrap_or(settings.client_unpaid_holds_default)
    };
    Limit { key: codec::hash128(&[b"owner", owner.as_bytes()]), amount: 1, max }
}

/// The rooms of a visitor's address. Clients are not limited by address, and neither are users of clients that the settings
/// name: their requests come from the client's servers.
fn address_limits(
    caller: &Principal,
    address: VisitorAddress,
    hotel: HotelId,
    rooms: u32,
    settings: &Settings,
) -> Vec<Limit> {
    let owner = caller.effective_subject();
    if !is_visitor(owner) || settings.client_unpaid_holds_max.contains_key(&caller.client_id) {
        return Vec::new();
    }
    let class: &[u8] = if owner.starts_with("usr_") { b"accounts" } else { b"guests" };
    let networks = [(Some(address.address), 1), (address.network, NETWORK_FACTOR)];
    let mut limits = Vec::with_capacity(4);
    for (place, factor) in networks.into_iter().filter_map(|(place, factor)| Some((place?, factor))) {
        let place = place.to_be_bytes();
        let limit = |key, max: u32| Limit { key, amount: rooms, max: max.saturating_mul(factor) };
        limits.push(limit(codec::hash128(&[class, &place]), settings.address_rooms_max));
        let at_property = codec::hash128(&[class, &place, &hotel.0.to_be_bytes()]);
        limits.push(limit(at_property, settings.address_property_rooms_max));
    }
    limits
}

/// Whether this is an account or a session without an account, rather than an OAuth client.
fn is_visitor(owner: &str) -> bool {
    owner.starts_with("usr_") || owner.starts_with("gst_")
}

fn counter(turn: &Turn<'_, Reservations>, key: u128) -> CounterRow {
    turn.get(&COUNTERS, &key).unwrap_or_default()
}

fn store(turn: &mut Turn<'_, Reservations>, key: u128, row: CounterRow) {
    if row == CounterRow::default() {
        turn.remove(&COUNTERS, &key);
    } else {
        turn.put(&COUNTERS, &key, &row);
    }
}

fn add(turn: &mut Turn<'_, Reservations>, key: u128, amount: u32) {
    let row = counter(turn, key);
    store(turn, key, CounterRow { amount: row.amount + amount, ..row });
}

fn subtract(turn: &mut Turn<'_, Reservations>, key: u128, amount: u32) {
    let row = counter(turn, key);
    let amount = row.amount.checked_sub(amount).expect("an admission is counted once");
    store(turn, key, CounterRow { amount, ..row });
}

/// Removes the refusals of a counter: someone at the address has paid, or they are forgotten.
fn forgive(turn: &mut Turn<'_, Reservations>, key: u128) {
    let amount = counter(turn, key).amount;
    store(turn, key, CounterRow { amount, ..CounterRow::default() });
}

/// Counts a refusal, and returns until when further holds are refused.
fn delay(turn: &mut Turn<'_, Reservations>, key: u128) -> Timestamp {
    let (now, row) = (turn.now(), counter(turn, key));
    let refusals = if is_forgotten(&row, now) { 0 } else { row.refusals };
    let secs =
        DELAY_SECS.checked_shl(refusals.into()).map_or(DELAY_SECS_MAX, |secs| secs.min(DELAY_SECS_MAX));
    let not_before = now.plus_secs(secs.into());
    let refusals = refusals.saturating_add(1).min(16);
    store(turn, key, CounterRow { refusals, not_before, ..row });
    turn.schedule(not_before.plus_secs(FORGET_SECS), Timer::ForgetRefusals(key));
    not_before
}

fn is_forgotten(row: &CounterRow, now: Timestamp) -> bool {
    now >= row.not_before.plus_secs(FORGET_SECS)
}

fn seconds_until(until: Timestamp, now: Timestamp) -> u32 {
    let millis = u64::try_from(until.millis() - now.millis()).unwrap_or(0);
    u32::try_from(millis.div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}
