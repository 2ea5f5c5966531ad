//! Service tokens, and the absence of secrets in the store.

use contracts::ReservationId;
use contracts::auth::{
    Answer, EndSession, IntrospectAccessToken, IssueServiceToken, ListKeys, Refusal, client_secret_hash,
    refresh_hash,
};
use contracts::reservations::BookingLink;

use crate::bench::{Fixture, ISSUER, granted, grants, svc, token_of};

#[test]
fn services_have_only_their_own_scopes() {
    let fixture = Fixture::new();
    let ask = |service: &str, on_behalf_of: Option<&str>| {
        let on_behalf_of = on_behalf_of.map(str::to_owned);
        let query = IssueServiceToken { service: service.into(), on_behalf_of, token_id: "tok_1".into() };
        fixture.query(&svc("node"), query).map(token_of)
    };
    for (service, has, lacks) in [
        ("ui", Some("reservations:write"), "hotel:manage"),
        ("reservations", Some("documents"), "payments:read"),
        ("payments", Some("documents"), "cluster:manage"),
        ("users", Some("documents"), "profile"),
        ("search", None, "documents"),
        ("auth", None, "profile"),
        ("cluster", Some("cluster:manage"), "hotel:manage"),
        ("setup", Some("hotel:manage"), "nonsense"),
    ] {
        let claims = fixture.claims(&ask(service, None).unwrap(), fixture.bench.now()).unwrap();
        let principal = claims.principal();
        assert_eq!(principal.as_service(), Some(service));
        assert!(has.is_none_or(|scope| principal.has_scope(scope)), "{service}");
        assert!(!principal.has_scope(lacks), "{service}");
        assert_eq!(claims.issuer, ISSUER);
        assert_eq!(claims.expires_at, claims.issued_at.plus_secs(600));
    }
    for nobody in ["node", "", "svc:ui", "hotel"] {
        assert_eq!(ask(nobody, None), Err(Refusal::NoSuchService), "{nobody}");
    }
    let user = grants(5, 0).user.to_string();
    let link = BookingLink { reservation: ReservationId(7), number: 1 }.subject();
    for good in ["gst_abc", &user, &link] {
        let claims = fixture.claims(&ask("ui", Some(good)).unwrap(), fixture.bench.now()).unwrap();
        assert_eq!(claims.principal().effective_subject(), good);
    }
    for bad in ["", "gst_", "svc:users", "usr_1", "cli_partner", "admin"] {
        assert!(matches!(ask("ui", Some(bad)), Err(Refusal::Invalid { .. })), "{bad}");
    }
}

#[test]
fn no_secret_is_in_the_store() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_very_secret");
    granted(fixture.refresh("rt_very_secret", "rt_next_secret"));
    let token = fixture.session_token(&grant).unwrap().token.0;
    let stored: Vec<u8> =
        fixture.bench.rows().into_iter().flat_map(|(key, value)| [key, value].concat()).collect();
    let holds = |needle: &[u8]| stored.windows(needle.len()).any(|window| window == needle);
    for secret in ["rt_very_secret", "rt_next_secret", "code of rt_very_secret", "sec_web", &token[..60]] {
        assert!(!holds(secret.as_bytes()), "{secret}");
    }
    assert!(
        holds(&refresh_hash("rt_next_secret")) && holds(&client_secret_hash("sec_web")),
        "the hashes are stored"
    );
    let Ok(Answer::Keys(keys)) = fixture.ask(ListKeys) else { panic!() };
    assert!(holds(keys[0].public.as_bytes()) && !holds(b"k4.secret"), "the public key is stored");
    assert!(holds(b"v4.local."), "the secret key is stored encrypted");
}

#[test]
fn debug_output_of_messages_contains_no_token() {
    let fixture = Fixture::with_clients();
    let grant = fixture.session("rt_0");
    let issued = fixture.session_token(&grant).unwrap();
    let formatted = format!(
        "{:?} {:?}",
        Answer::Token(issued.clone()),
        IntrospectAccessToken { client: crate::bench::web(), token: issued.token.clone() }
    );
    assert!(!formatted.contains("v4.public"), "{formatted}");
    let command = EndSession { refresh_hash: refresh_hash("rt_0") };
    assert!(!format!("{command:?}").contains("rt_0"));
}

#[test]
fn a_signing_key_cannot_be_decrypted_in_another_cluster() {
    let fixture = Fixture::new();
    let stranger = auth::Auth::new(token::ClusterKey::random(), ISSUER);
    let bench = group::testing::Bench::on(stranger, fixture.bench.memory());
    let query = IssueServiceToken { service: "ui".into(), on_behalf_of: None, token_id: "tok_1".into() };
    assert_eq!(bench.call(&svc("node"), query), Err(Refusal::NoKey));
}
