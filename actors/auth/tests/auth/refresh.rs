//! Refresh tokens: rotation, grace period, reuse (RFC 6749 §6, RFC 9700 §4.14.2).

use contracts::auth::{
    Answer, ClientAuthentication, EndSession, IssueSessionToken, RefreshSession, Refusal, Reply,
    StartSession, TokenReused, refresh_hash,
};

use crate::bench::{Fixture, authentication, granted, grants, invalid_grant, list, svc, web};

const DAY: i64 = 86_400;

#[test]
fn each_refresh_returns_the_next_token() {
    let fixture = Fixture::with_clients();
    let first = fixture.session("rt_0");
    for round in 0..100 {
        fixture.bench.advance_secs(600);
        let grant = granted(fixture.refresh(&format!("rt_{round}"), &format!("rt_{}", round + 1)));
        assert_eq!((&grant.session, &grant.scopes), (&first.session, &first.scopes));
        assert!(grant.refresh_expires_at > first.refresh_expires_at);
        assert!(fixture.session_token(&grant).is_ok());
    }
}

#[test]
fn a_used_token_can_be_used_again_for_ten_seconds() {
    for (secs, valid) in [(0, true), (1, true), (10, true), (11, false), (3_600, false)] {
        let fixture = Fixture::with_clients();
        let grant = fixture.session("rt_0");
        granted(fixture.refresh("rt_0", "rt_1"));
        fixture.bench.advance_secs(secs);
        let again = fixture.refresh("rt_0", "rt_2");
        if valid {
            assert_eq!(granted(again).session, grant.session, "after {secs} s");
            assert!(fixture.session_token(&grant).is_ok());
        } else {
            assert_eq!(again, Ok(Reply::Reused(TokenReused)), "after {secs} s");
            assert_eq!(fixture.session_token(&grant), Err(Refusal::NoSuchSession));
            assert!(invalid_grant(&fixture.refresh("rt_1", "rt_3")), "the newer token is invalid too");
            assert!(invalid_grant(&fixture.refresh("rt_0", "rt_3")));
        }
    }
}

#[test]
fn reuse_within_the_grace_period_is_detected_when_both_tokens_are_used() {
    let fixture = Fixture::with_clients();
    fixture.session("rt_0");
    granted(fixture.refresh("rt_0", "owner_1"));
    granted(fixture.refresh("rt_0", "thief_1"));
    fixture.bench.advance_secs(600);
    granted(fixture.refresh("owner_1", "owner_2"));
    fixture.bench.advance_secs(600);
    assert_eq!(fixture.refresh("thief_1", "thief_2"), Ok(Reply::Reused(TokenReused)));
    assert!(invalid_grant(&fixture.refresh("owner_2", "owner_3")));
}

#[test]
fn concurrent_refreshes_of_browser_tabs_share_a_session() {
    let fixture = Fixture::with_clients();
    fixture.session("rt_0");
    for tab in 1..=8 {
        granted(fixture.refresh("rt_0", &format!("tab_{tab}")));
    }
    assert!(
        invalid_grant(&fixture.refresh("rt_0", "tab_9")),
        "the number of refreshes is limited; the session continues"
    );
    // The tabs share one cookie. All of them use the token that was stored last.
    fixture.bench.advance_secs(600);
    granted(fixture.refresh("tab_3", "next_1"));
    granted(fixture.refresh("tab_3", "next_2"));
}

#[test]
fn a_refresh_token_is_bound_to_its_client() {
    let fixture = Fixture::with_clients();
    fixture.session("rt_0");
    let try_as = |client: ClientAuthentication| {
        let (old_hash, new_hash) = (refresh_hash("rt_0"), refresh_hash("rt_1"));
        fixture.send(RefreshSession { client, old_hash, new_hash, scopes: None })
    };
    assert_eq!(try_as(authentication("web", Some("wrong"))), Err(Refusal::InvalidClient));
    assert_eq!(try_as(authentication("web", None)), Err(Refusal::InvalidClient));
    assert!(invalid_grant(&try_as(authentication("spa", None))));
    assert_eq!(
        try_as(ClientAuthentication::ui()),
        Err(Refusal::InvalidClient),
        "only the UI service can authenticate as the UI"
    );
    let (old_hash, new_hash) = (refresh_hash("rt_0"), refresh_hash("rt_1"));
    let as_ui = |client| fixture.as_ui(RefreshSession { client, old_hash, new_hash, scopes: None });
    assert!(invalid_grant(&as_ui(ClientAuthentication::ui())));
    assert_eq!(as_ui(web()), Err(Refusal::InvalidClient));
    granted(try_as(web()));
}

#[test]
fn narrower_scopes_apply_to_one_access_token_only() {
    let fixture = Fixture::with_clients();
    let full = fixture.session("rt_0").scopes;
    let narrow = |old: &str, new: &str, scopes: &[&str]| {
        let (old_hash, new_hash) = (refresh_hash(old), refresh_hash(new));
        fixture.send(RefreshSession { client: web(), old_hash, new_hash, scopes: Some(list(scopes)) })
    };
    assert_eq!(narrow("rt_0", "rt_1", &["profile", "reservations:write"]), Err(Refusal::InvalidScope));
    assert_eq!(granted(narrow("rt_0", "rt_1", &["profile"])).scopes, list(&["profile"]));
    assert_eq!(granted(fixture.refresh("rt_1", "rt_2")).scopes, full);
}

#[test]
fn sessions_end_after_inactivity_or_at_their_maximum_age() {
    let fixture = Fixture::with_clients();
    fixture.session("idle");
    fixture.bench.advance_secs(14 * DAY - 1);
    granted(fixture.refresh("idle", "idle_1"));
    fixture.bench.advance_secs(14 * DAY);
    assert!(invalid_grant(&fixture.refresh("idle_1", "idle_2")));
    fixture.session("busy_0");
    let mut last = 0;
    for day in 1..=90 {
        fixture.bench.advance_secs(DAY);
        match fixture.refresh(&format!("busy_{}", day - 1), &format!("busy_{day}")) {
            Ok(Reply::Granted(_)) => last = day,
            other => assert!(invalid_grant(&other), "{other:?}"),
        }
    }
    assert_eq!(last, 89, "active sessions end after 90 days");
}

#[test]
fn a_new_token_must_not_be_in_use() {
    let fixture = Fixture::with_clients();
    fixture.session("rt_0");
    fixture.session("other_0");
    assert!(invalid_grant(&fixture.refresh("rt_0", "other_0")));
    assert!(invalid_grant(&fixture.refresh("rt_0", "rt_0")));
    granted(fixture.refresh("rt_0", "rt_1"));
}

#[test]
fn the_51st_session_of_a_user_ends_the_first() {
    let fixture = Fixture::with_clients();
    let sessions: Vec<_> = (0..51)
        .map(|at| {
            fixture.bench.advance_secs(1);
            fixture.session(&format!("rt_{at}"))
        })
        .collect();
    assert_eq!(fixture.session_token(&sessions[0]), Err(Refusal::NoSuchSession));
    assert!(sessions[1..].iter().all(|grant| fixture.session_token(grant).is_ok()));
}

#[test]
fn the_ui_starts_and_ends_sessions() {
    let fixture = Fixture::new();
    let start = |scopes: Option<&[&str]>, refresh: &str| {
        let scopes = scopes.map(list);
        fixture.as_ui(StartSession { grants: grants(1, 0), scopes, refresh_hash: refresh_hash(refresh) })
    };
    assert_eq!(start(Some(&["cluster:manage"]), "x"), Err(Refusal::InvalidScope));
    let grant = granted(start(None, "rt_0"));
    assert_eq!((grant.client_id.as_str(), &grant.scopes), ("ui", &grants(1, 0).scopes));
    let query = IssueSessionToken { session: grant.session.clone(), scopes: None, token_id: "tok_1".into() };
    assert!(matches!(fixture.query(&svc("ui"), query.clone()), Ok(Answer::Token(_))));
    let (old_hash, new_hash) = (refresh_hash("rt_0"), refresh_hash("rt_1"));
    granted(fixture.as_ui(RefreshSession {
        client: ClientAuthentication::ui(),
        old_hash,
        new_hash,
        scopes: None,
    }));
    assert_eq!(fixture.as_ui(EndSession { refresh_hash: refresh_hash("unknown") }), Ok(Reply::Done(())));
    assert!(fixture.query(&svc("ui"), query.clone()).is_ok());
    assert_eq!(fixture.as_ui(EndSession { refresh_hash: new_hash }), Ok(Reply::Done(())));
    assert_eq!(fixture.query(&svc("ui"), query), Err(Refusal::NoSuchSession));
}

#[test]
fn the_ui_cannot_issue_tokens_for_sessions_of_clients() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_0");
    let query = IssueSessionToken { session: grant.session.clone(), scopes: None, token_id: "tok_1".into() };
    assert_eq!(fixture.query(&svc("ui"), query), Err(Refusal::NoSuchSession));
    fixture.as_ui(EndSession { refresh_hash: refresh_hash("rt_0") }).unwrap();
    assert!(fixture.session_token(&grant).is_ok());
}
