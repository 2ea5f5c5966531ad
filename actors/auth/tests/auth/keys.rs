//! The life of signing keys.

use auth::Effect;
use contracts::auth::{
    Answer, InstallKey, IssueServiceToken, KeyGenerated, ListKeys, PublishedKey, Refusal, Reply, RotateKeys,
    WithdrawKey,
};

use crate::bench::{Fixture, operator, svc};

const DAY: i64 = 86_400;

fn keys(fixture: &Fixture) -> Vec<PublishedKey> {
    match fixture.ask(ListKeys) {
        Ok(Answer::Keys(keys)) => keys,
        other => panic!("{other:?}"),
    }
}

fn make(fixture: &Fixture) -> String {
    assert_eq!(fixture.bench.effects(), [Effect::GenerateKey]);
    let key = fixture.sealed_key();
    let id = key.id.clone();
    assert_eq!(fixture.send(KeyGenerated(key)), Ok(Reply::Done(())));
    id
}

fn ids(fixture: &Fixture) -> Vec<String> {
    keys(fixture).into_iter().map(|key| key.id).collect()
}

#[test]
fn without_a_key_nothing_is_signed() {
    let fixture = Fixture::without_key();
    let query = IssueServiceToken { service: "ui".into(), on_behalf_of: None, token_id: "tok_1".into() };
    assert_eq!(fixture.query(&svc("node"), query), Err(Refusal::NoKey));
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn of_two_nodes_that_begin_one_makes_the_first_key() {
    let fixture = Fixture::new();
    let first = ids(&fixture);
    fixture.command(&svc("node"), InstallKey(fixture.sealed_key())).unwrap();
    assert_eq!(ids(&fixture), first);
}

#[test]
fn a_rotation_is_announced_and_old_tokens_live_out_their_time() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_0");
    let old = ids(&fixture);
    fixture.command(&operator(), RotateKeys).unwrap();
    let new = make(&fixture);
    // Announced: both are published, the old one signs.
    let before = fixture.session_token(&grant).unwrap();
    assert_eq!(ids(&fixture).len(), 2);
    assert_eq!(
        fixture.session_token(&grant).unwrap().token.0.rsplit('.').next(),
        before.token.0.rsplit('.').next()
    );
    fixture.bench.advance_secs(59);
    let last_of_old = fixture.session_token(&grant).unwrap();
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
    fixture.bench.advance_secs(1);
    let first_of_new = fixture.session_token(&grant).unwrap();
    let footer = |token: &contracts::auth::IssuedToken| token.token.0.rsplit('.').next().map(str::to_owned);
    assert_eq!(footer(&last_of_old), footer(&before));
    assert_ne!(footer(&first_of_new), footer(&before));
    fixture.bench.advance_secs(598);
    for token in [&last_of_old, &first_of_new] {
        assert!(fixture.claims(token, fixture.bench.now()).is_ok());
    }
    fixture.bench.advance_secs(60);
    assert_eq!(ids(&fixture), [new], "the old key {old:?} is gone, and so is whatever it signed");
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn keys_rotate_by_themselves_every_30_days() {
    let fixture = Fixture::new();
    fixture.bench.advance_secs(30 * DAY - 1);
    assert_eq!(fixture.bench.effects(), []);
    fixture.bench.advance_secs(1);
    let second = make(&fixture);
    fixture.bench.advance_secs(30 * DAY + 60);
    let third = make(&fixture);
    fixture.bench.advance_secs(DAY);
    assert_ne!(second, third);
    assert_eq!(ids(&fixture), [third]);
    assert_eq!(fixture.bench.effects(), []);
}

#[test]
fn asking_twice_rotates_once() {
    let fixture = Fixture::new();
    fixture.command(&operator(), RotateKeys).unwrap();
    make(&fixture);
    fixture.command(&operator(), RotateKeys).unwrap();
    assert_eq!(fixture.bench.effects(), [], "one is announced already");
    fixture.bench.advance_secs(60);
    fixture.command(&operator(), RotateKeys).unwrap();
    make(&fixture);
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn a_rotation_that_is_late_replaces_the_one_announced_before() {
    let fixture = Fixture::new();
    fixture.command(&operator(), RotateKeys).unwrap();
    fixture.command(&operator(), RotateKeys).unwrap();
    assert_eq!(fixture.bench.effects(), [Effect::GenerateKey, Effect::GenerateKey], "neither was made yet");
    for wait in [0, 10] {
        fixture.bench.advance_secs(wait);
        assert_eq!(fixture.send(KeyGenerated(fixture.sealed_key())), Ok(Reply::Done(())));
    }
    for _ in 0..20 {
        fixture.bench.advance_secs(5);
        assert_eq!(fixture.bench.violations(), Vec::<String>::new());
    }
}

#[test]
fn a_withdrawn_key_is_trusted_no_more_and_the_last_is_never_withdrawn() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_0");
    let old = ids(&fixture)[0].clone();
    let withdraw = |id: &str| fixture.command(&operator(), WithdrawKey { id: id.into() });
    assert_eq!(withdraw("k4.pid.none"), Err(Refusal::NoSuchKey));
    assert_eq!(withdraw(&old), Err(Refusal::LastKey));
    fixture.command(&operator(), RotateKeys).unwrap();
    make(&fixture);
    assert_eq!(withdraw(&old), Err(Refusal::LastKey), "the new one does not sign yet");
    let token = fixture.session_token(&grant).unwrap();
    fixture.bench.advance_secs(60);
    assert_eq!(withdraw(&old), Ok(Reply::Done(())));
    assert_eq!(fixture.claims(&token, fixture.bench.now()), Err(token::Rejected::UnknownKey));
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}
