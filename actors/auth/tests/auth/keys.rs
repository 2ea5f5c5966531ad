//! The life of signing keys.

use auth::Effect;
use contracts::auth::{Answer, Command, PublishedKey, Query, Refusal, Reply};

use crate::bench::{Table, operator, svc};

const DAY: i64 = 86_400;

fn keys(table: &Table) -> Vec<PublishedKey> {
    match table.ask(Query::Keys) {
        Ok(Answer::Keys(keys)) => keys,
        other => panic!("{other:?}"),
    }
}

fn make(table: &Table) -> String {
    assert_eq!(table.bench.effects(), [Effect::GenerateKey]);
    let key = table.sealed_key();
    let id = key.id.clone();
    assert_eq!(table.send(Command::KeyGenerated(key)), Ok(Reply::Done));
    id
}

fn ids(table: &Table) -> Vec<String> {
    keys(table).into_iter().map(|key| key.id).collect()
}

#[test]
fn without_a_key_nothing_is_signed() {
    let table = Table::without_key();
    let query = Query::ServiceToken { service: "ui".into(), on_behalf_of: None, token_id: "tok_1".into() };
    assert_eq!(table.bench.query(&svc("node"), query), Err(Refusal::NoKey));
    assert_eq!(table.bench.violations(), Vec::<String>::new());
}

#[test]
fn of_two_nodes_that_begin_one_makes_the_first_key() {
    let table = Table::new();
    let first = ids(&table);
    table.bench.command(&svc("node"), Command::InstallKey(table.sealed_key())).unwrap();
    assert_eq!(ids(&table), first);
}

#[test]
fn a_rotation_is_announced_and_old_tokens_live_out_their_time() {
    let table = Table::with_clients();
    let grant = table.session("rt_0");
    let old = ids(&table);
    table.bench.command(&operator(), Command::RotateKeys).unwrap();
    let new = make(&table);
    // Announced: both are published, the old one signs.
    let before = table.session_token(&grant).unwrap();
    assert_eq!(ids(&table).len(), 2);
    assert_eq!(
        table.session_token(&grant).unwrap().token.0.rsplit('.').next(),
        before.token.0.rsplit('.').next()
    );
    table.bench.advance_secs(59);
    let last_of_old = table.session_token(&grant).unwrap();
    assert_eq!(table.bench.violations(), Vec::<String>::new());
    table.bench.advance_secs(1);
    let first_of_new = table.session_token(&grant).unwrap();
    let footer = |token: &contracts::auth::IssuedToken| token.token.0.rsplit('.').next().map(str::to_owned);
    assert_eq!(footer(&last_of_old), footer(&before));
    assert_ne!(footer(&first_of_new), footer(&before));
    table.bench.advance_secs(598);
    for token in [&last_of_old, &first_of_new] {
        assert!(table.claims(token, table.bench.now()).is_ok());
    }
    table.bench.advance_secs(60);
    assert_eq!(ids(&table), [new], "the old key {old:?} is gone, and so is whatever it signed");
    assert_eq!(table.bench.violations(), Vec::<String>::new());
}

#[test]
fn keys_rotate_by_themselves_every_30_days() {
    let table = Table::new();
    table.bench.advance_secs(30 * DAY - 1);
    assert_eq!(table.bench.effects(), []);
    table.bench.advance_secs(1);
    let second = make(&table);
    table.bench.advance_secs(30 * DAY + 60);
    let third = make(&table);
    table.bench.advance_secs(DAY);
    assert_ne!(second, third);
    assert_eq!(ids(&table), [third]);
    assert_eq!(table.bench.effects(), []);
}

#[test]
fn asking_twice_rotates_once() {
    let table = Table::new();
    table.bench.command(&operator(), Command::RotateKeys).unwrap();
    make(&table);
    table.bench.command(&operator(), Command::RotateKeys).unwrap();
    assert_eq!(table.bench.effects(), [], "one is announced already");
    table.bench.advance_secs(60);
    table.bench.command(&operator(), Command::RotateKeys).unwrap();
    make(&table);
    assert_eq!(table.bench.violations(), Vec::<String>::new());
}

#[test]
fn a_rotation_that_is_late_replaces_the_one_announced_before() {
    let table = Table::new();
    table.bench.command(&operator(), Command::RotateKeys).unwrap();
    table.bench.command(&operator(), Command::RotateKeys).unwrap();
    assert_eq!(table.bench.effects(), [Effect::GenerateKey, Effect::GenerateKey], "neither was made yet");
    for wait in [0, 10] {
        table.bench.advance_secs(wait);
        assert_eq!(table.send(Command::KeyGenerated(table.sealed_key())), Ok(Reply::Done));
    }
    for _ in 0..20 {
        table.bench.advance_secs(5);
        assert_eq!(table.bench.violations(), Vec::<String>::new());
    }
}

#[test]
fn a_withdrawn_key_is_trusted_no_more_and_the_last_is_never_withdrawn() {
    let table = Table::with_clients();
    let grant = table.session("rt_0");
    let old = ids(&table)[0].clone();
    let withdraw = |id: &str| table.bench.command(&operator(), Command::WithdrawKey { id: id.into() });
    assert_eq!(withdraw("k4.pid.none"), Err(Refusal::NoSuchKey));
    assert_eq!(withdraw(&old), Err(Refusal::LastKey));
    table.bench.command(&operator(), Command::RotateKeys).unwrap();
    make(&table);
    assert_eq!(withdraw(&old), Err(Refusal::LastKey), "the new one does not sign yet");
    let token = table.session_token(&grant).unwrap();
    table.bench.advance_secs(60);
    assert_eq!(withdraw(&old), Ok(Reply::Done));
    assert_eq!(table.claims(&token, table.bench.now()), Err(token::Rejected::UnknownKey));
    assert_eq!(table.bench.violations(), Vec::<String>::new());
}
