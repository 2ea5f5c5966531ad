//! The life cycle of signing keys.

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
fn tokens_are_not_issued_without_a_signing_key() {
    let fixture = Fixture::without_key();
    let query = IssueServiceToken { service: "ui".into(), on_behalf_of: None, token_id: "tok_1".into() };
    assert_eq!(fixture.query(&svc("node"), query), Err(Refusal::NoKey));
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn only_one_of_two_starting_nodes_creates_the_first_key() {
    let fixture = Fixture::new();
    let first = ids(&fixture);
    fixture.command(&svc("node"), InstallKey(fixture.sealed_key())).unwrap();
    assert_eq!(ids(&fixture), first);
}

#[test]
fn a_new_key_is_published_before_it_signs_and_old_tokens_stay_valid() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_0");
    let old = ids(&fixture);
    fixture.command(&operator(), RotateKeys).unwrap();
    let new = make(&fixture);
    // Both keys are published, and the old one signs.
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
    assert_eq!(ids(&fixture), [new], "the old key {old:?} is removed after its tokens have expired");
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn keys_rotate_automatically_every_30_days() {
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
fn a_second_rotation_request_changes_nothing() {
    let fixture = Fixture::new();
    fixture.command(&operator(), RotateKeys).unwrap();
    make(&fixture);
    fixture.command(&operator(), RotateKeys).unwrap();
    assert_eq!(fixture.bench.effects(), [], "a new key is already published");
    fixture.bench.advance_secs(60);
    fixture.command(&operator(), RotateKeys).unwrap();
    make(&fixture);
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn a_later_rotation_replaces_a_pending_one() {
    let fixture = Fixture::new();
    fixture.command(&operator(), RotateKeys).unwrap();
    fixture.command(&operator(), RotateKeys).unwrap();
    assert_eq!(
        fixture.bench.effects(),
        [Effect::GenerateKey, Effect::GenerateKey],
        "no key has been generated yet"
    );
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
fn a_withdrawn_key_is_not_trusted_and_the_last_key_cannot_be_withdrawn() {
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
