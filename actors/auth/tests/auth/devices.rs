//! The device authorization grant: RFC 8628.

use contracts::auth::{
    Answer, AuthorizationPending, CreateClient, DecideDeviceAuthorization, GetDeviceAuthorization, GrantType,
    PendingDevice, PollDeviceAuthorization, Refusal, Reply, StartDeviceAuthorization,
    StartedDeviceAuthorization, UserChanged, device_hash, refresh_hash,
};
use contracts::users::Grants;

use crate::bench::{Fixture, authentication, granted, grants, invalid_grant, list, svc, web, web_client};

fn start(fixture: &Fixture, code: &str) -> Result<Reply, Refusal> {
    fixture.send(StartDeviceAuthorization {
        client: web(),
        scopes: list(&["profile", "documents"]),
        device_hash: device_hash(code),
        user_code_tag: format!("tag of {code}"),
    })
}

fn decide(fixture: &Fixture, code: &str, approved: Option<Grants>) -> Result<Reply, Refusal> {
    fixture.send(DecideDeviceAuthorization { user_code_tag: format!("tag of {code}"), approved })
}

fn poll(fixture: &Fixture, code: &str) -> Result<Reply, Refusal> {
    fixture.send(PollDeviceAuthorization {
        client: web(),
        device_hash: device_hash(code),
        refresh_hash: refresh_hash(&format!("refresh of {code}")),
    })
}

#[test]
fn a_device_gets_a_session_after_the_user_approved() {
    let fixture = Fixture::with_clients();
    let expires_at = fixture.bench.now().plus_secs(600);
    assert_eq!(
        start(&fixture, "one"),
        Ok(Reply::DeviceStarted(StartedDeviceAuthorization { expires_at, interval_secs: 5 }))
    );
    assert_eq!(poll(&fixture, "one"), Ok(Reply::Pending(AuthorizationPending { slow_down: false })));
    let pending = fixture.ask(GetDeviceAuthorization { user_code_tag: "tag of one".into() });
    assert_eq!(
        pending,
        Ok(Answer::Device(PendingDevice {
            client_name: "Web".into(),
            scopes: list(&["documents", "profile"])
        }))
    );
    assert_eq!(decide(&fixture, "one", Some(grants(1, 0))), Ok(Reply::Done(())));
    fixture.bench.advance_secs(5);
    let grant = granted(poll(&fixture, "one"));
    assert_eq!((grant.user, grant.scopes.clone()), (grants(1, 0).user, list(&["profile"])));
    assert!(fixture.session_token(&grant).is_ok());
    granted(fixture.refresh("refresh of one", "rt_1"));
    assert!(invalid_grant(&poll(&fixture, "one")), "a device code is used once");
}

#[test]
fn polling_too_often_is_answered_with_slow_down() {
    let fixture = Fixture::with_clients();
    start(&fixture, "one").unwrap();
    for (secs, slow_down) in
        [(0, false), (4, true), (9, true), (14, true), (20, false), (19, true), (25, false)]
    {
        fixture.bench.advance_secs(secs);
        assert_eq!(
            poll(&fixture, "one"),
            Ok(Reply::Pending(AuthorizationPending { slow_down })),
            "after {secs} s"
        );
    }
}

#[test]
fn denied_and_expired_device_codes_are_refused() {
    let fixture = Fixture::with_clients();
    start(&fixture, "one").unwrap();
    assert_eq!(decide(&fixture, "one", None), Ok(Reply::Done(())));
    assert_eq!(
        decide(&fixture, "one", Some(grants(1, 0))),
        Err(Refusal::NoSuchDevice),
        "it is already denied"
    );
    assert_eq!(poll(&fixture, "one"), Err(Refusal::AccessDenied));
    start(&fixture, "two").unwrap();
    fixture.bench.advance_secs(600);
    assert_eq!(poll(&fixture, "two"), Err(Refusal::ExpiredToken));
    assert_eq!(decide(&fixture, "two", Some(grants(1, 0))), Err(Refusal::NoSuchDevice));
    assert_eq!(
        fixture.ask(GetDeviceAuthorization { user_code_tag: "tag of two".into() }),
        Err(Refusal::NoSuchDevice)
    );
    fixture.bench.advance_secs(600);
    assert!(invalid_grant(&poll(&fixture, "two")), "the code is deleted in the end");
}

#[test]
fn a_device_code_is_bound_to_its_client_and_its_scopes() {
    let fixture = Fixture::with_clients();
    fixture.make(CreateClient { id: Some("tv".into()), ..web_client() });
    start(&fixture, "one").unwrap();
    assert!(invalid_grant(&start(&fixture, "one")), "the same code twice");
    let as_other = |client| {
        let (device_hash, refresh_hash) = (device_hash("one"), refresh_hash("rt"));
        fixture.send(PollDeviceAuthorization { client, device_hash, refresh_hash })
    };
    assert!(invalid_grant(&as_other(authentication("tv", Some("sec_web")))));
    assert_eq!(as_other(authentication("spa", None)), Err(Refusal::UnauthorizedClient));
    assert_eq!(as_other(authentication("web", None)), Err(Refusal::InvalidClient));
    let begin = |client, scopes: &[&str]| {
        let (device_hash, user_code_tag) = (device_hash("x"), "x".to_owned());
        fixture.send(StartDeviceAuthorization { client, scopes: list(scopes), device_hash, user_code_tag })
    };
    assert_eq!(begin(authentication("spa", None), &[]), Err(Refusal::UnauthorizedClient));
    assert_eq!(begin(web(), &["cluster:manage"]), Err(Refusal::InvalidScope));
    assert_eq!(decide(&fixture, "none", None), Err(Refusal::NoSuchDevice));
    let nothing = Grants { scopes: list(&["payments:read"]), ..grants(1, 0) };
    assert_eq!(decide(&fixture, "one", Some(nothing)), Err(Refusal::InvalidScope));
}

#[test]
fn a_password_change_invalidates_earlier_approvals() {
    let fixture = Fixture::with_clients();
    fixture.make(CreateClient {
        id: Some("tv".into()),
        grant_types: vec![GrantType::DeviceCode],
        ..web_client()
    });
    start(&fixture, "one").unwrap();
    decide(&fixture, "one", Some(grants(1, 0))).unwrap();
    fixture.command(&svc("users"), UserChanged { user: grants(1, 0).user, epoch: 1 }).unwrap();
    assert!(invalid_grant(&poll(&fixture, "one")));
}
