//! Devices without a browser: RFC 8628.

use contracts::auth::{
    Answer, Command, GrantType, NewClient, Query, Refusal, Reply, device_hash, refresh_hash,
};
use contracts::users::Grants;

use crate::bench::{Table, authentication, granted, grants, invalid_grant, list, svc, web, web_client};

fn start(table: &Table, code: &str) -> Result<Reply, Refusal> {
    table.send(Command::StartDevice {
        client: web(),
        scopes: list(&["profile", "documents"]),
        device_hash: device_hash(code),
        user_code_tag: format!("tag of {code}"),
    })
}

fn decide(table: &Table, code: &str, agreed: Option<Grants>) -> Result<Reply, Refusal> {
    table.send(Command::DecideDevice { user_code_tag: format!("tag of {code}"), agreed })
}

fn poll(table: &Table, code: &str) -> Result<Reply, Refusal> {
    table.send(Command::PollDevice {
        client: web(),
        device_hash: device_hash(code),
        refresh_hash: refresh_hash(&format!("refresh of {code}")),
    })
}

#[test]
fn a_device_waits_for_somebody_and_then_has_their_session() {
    let table = Table::with_clients();
    let expires_at = table.bench.now().plus_secs(600);
    assert_eq!(start(&table, "one"), Ok(Reply::DeviceStarted { expires_at, interval_secs: 5 }));
    assert_eq!(poll(&table, "one"), Ok(Reply::Wait { slow_down: false }));
    let shown = table.ask(Query::Device { user_code_tag: "tag of one".into() });
    assert_eq!(
        shown,
        Ok(Answer::Device { client_name: "Web".into(), scopes: list(&["documents", "profile"]) })
    );
    assert_eq!(decide(&table, "one", Some(grants(1, 0))), Ok(Reply::Done));
    table.bench.advance_secs(5);
    let grant = granted(poll(&table, "one"));
    assert_eq!((grant.user, grant.scopes.clone()), (grants(1, 0).user, list(&["profile"])));
    assert!(table.session_token(&grant).is_ok());
    granted(table.refresh("refresh of one", "rt_1"));
    assert!(invalid_grant(&poll(&table, "one")), "a device code is used once");
}

#[test]
fn who_polls_too_often_is_slowed_down() {
    let table = Table::with_clients();
    start(&table, "one").unwrap();
    for (secs, slow_down) in
        [(0, false), (4, true), (9, true), (14, true), (20, false), (19, true), (25, false)]
    {
        table.bench.advance_secs(secs);
        assert_eq!(poll(&table, "one"), Ok(Reply::Wait { slow_down }), "after {secs} s");
    }
}

#[test]
fn no_is_an_answer_and_so_is_silence() {
    let table = Table::with_clients();
    start(&table, "one").unwrap();
    assert_eq!(decide(&table, "one", None), Ok(Reply::Done));
    assert_eq!(decide(&table, "one", Some(grants(1, 0))), Err(Refusal::NoSuchDevice), "it is decided");
    assert_eq!(poll(&table, "one"), Err(Refusal::AccessDenied));
    start(&table, "two").unwrap();
    table.bench.advance_secs(600);
    assert_eq!(poll(&table, "two"), Err(Refusal::ExpiredToken));
    assert_eq!(decide(&table, "two", Some(grants(1, 0))), Err(Refusal::NoSuchDevice));
    assert_eq!(table.ask(Query::Device { user_code_tag: "tag of two".into() }), Err(Refusal::NoSuchDevice));
    table.bench.advance_secs(600);
    assert!(invalid_grant(&poll(&table, "two")), "in the end it is forgotten");
}

#[test]
fn devices_are_their_clients_and_clients_what_they_may() {
    let table = Table::with_clients();
    table.make(NewClient { id: Some("tv".into()), ..web_client() });
    start(&table, "one").unwrap();
    assert!(invalid_grant(&start(&table, "one")), "the same code twice");
    let as_other = |client| {
        let (device_hash, refresh_hash) = (device_hash("one"), refresh_hash("rt"));
        table.send(Command::PollDevice { client, device_hash, refresh_hash })
    };
    assert!(invalid_grant(&as_other(authentication("tv", Some("sec_web")))));
    assert_eq!(as_other(authentication("spa", None)), Err(Refusal::UnauthorizedClient));
    assert_eq!(as_other(authentication("web", None)), Err(Refusal::InvalidClient));
    let begin = |client, scopes: &[&str]| {
        let (device_hash, user_code_tag) = (device_hash("x"), "x".to_owned());
        table.send(Command::StartDevice { client, scopes: list(scopes), device_hash, user_code_tag })
    };
    assert_eq!(begin(authentication("spa", None), &[]), Err(Refusal::UnauthorizedClient));
    assert_eq!(begin(web(), &["cluster:manage"]), Err(Refusal::InvalidScope));
    assert_eq!(decide(&table, "none", None), Err(Refusal::NoSuchDevice));
    let nothing = Grants { scopes: list(&["payments:read"]), ..grants(1, 0) };
    assert_eq!(decide(&table, "one", Some(nothing)), Err(Refusal::InvalidScope));
}

#[test]
fn agreement_from_before_a_new_password_is_void() {
    let table = Table::with_clients();
    table.make(NewClient { id: Some("tv".into()), grant_types: vec![GrantType::DeviceCode], ..web_client() });
    start(&table, "one").unwrap();
    decide(&table, "one", Some(grants(1, 0))).unwrap();
    table.bench.command(&svc("users"), Command::UserChanged { user: grants(1, 0).user, epoch: 1 }).unwrap();
    assert!(invalid_grant(&poll(&table, "one")));
}
