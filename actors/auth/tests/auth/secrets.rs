//! Rotation of client secrets, and the revocation of clients that operate the cluster.

use contracts::auth::{
    CreateClient, GetClient, IssueClientToken, Refusal, Reply, RevokeClient, RotateClientSecret,
    client_secret_hash,
};
use contracts::{ALL_HOTELS, scope};
use protocol::Principal;

use crate::bench::{Fixture, authentication, list, operator, svc, token_of, web_client};

fn rotate(secret: &str, overlap_secs: u32) -> RotateClientSecret {
    RotateClientSecret { client_id: "web".into(), secret_hash: client_secret_hash(secret), overlap_secs }
}

fn works(fixture: &Fixture, secret: &str) -> bool {
    let client = authentication("web", Some(secret));
    let asked = fixture.ask(IssueClientToken { client, scopes: vec![], token_id: "tok_1".into() });
    assert!(asked.is_ok() || asked == Err(Refusal::InvalidClient), "{asked:?}");
    asked.is_ok()
}

#[test]
fn the_previous_secret_is_valid_during_the_overlap() {
    let fixture = Fixture::with_clients();
    let secrets = |fixture: &Fixture| ["sec_web", "sec_2", "sec_3"].map(|secret| works(fixture, secret));
    let first = fixture.command(&operator(), rotate("sec_2", 3600));
    let Ok(Reply::Client(profile)) = &first else { panic!("{first:?}") };
    assert_eq!(profile.overlap_until, Some(fixture.bench.now().plus_secs(3600)));
    assert_eq!(secrets(&fixture), [true, true, false]);
    assert_eq!(fixture.command(&operator(), rotate("sec_2", 3600)), first, "a retry is no second rotation");
    assert_eq!(secrets(&fixture), [true, true, false]);
    fixture.bench.advance_secs(3599);
    assert_eq!(secrets(&fixture), [true, true, false]);
    fixture.bench.advance_secs(1);
    assert_eq!(secrets(&fixture), [false, true, false]);
    let again = fixture.ask(GetClient { client_id: "web".into() });
    assert!(format!("{again:?}").contains("overlap_until: None"), "{again:?}");
    fixture.command(&operator(), rotate("sec_3", 0)).unwrap();
    assert_eq!(secrets(&fixture), [false, false, true], "without an overlap");
}

#[test]
fn rotations_that_cannot_be_are_refused() {
    let fixture = Fixture::with_clients();
    let named = |id: &str| RotateClientSecret { client_id: id.into(), ..rotate("sec_2", 0) };
    assert_eq!(fixture.command(&operator(), named("nobody")), Err(Refusal::NoSuchClient));
    assert_eq!(fixture.command(&operator(), named("spa")), Err(Refusal::NoSecret));
    let long = fixture.command(&operator(), rotate("sec_2", 30 * 86_400 + 1));
    assert!(matches!(long, Err(Refusal::Invalid { field, .. }) if field == "overlap_secs"));
    fixture.command(&operator(), RevokeClient { client_id: "web".into() }).unwrap();
    assert_eq!(fixture.command(&operator(), named("web")), Err(Refusal::ClientRevoked));
}

#[test]
fn the_last_client_that_operates_the_cluster_stays() {
    let fixture = Fixture::with_clients();
    let operates = |id: &str| CreateClient {
        id: Some(id.into()),
        scopes: list(&[scope::CLUSTER_MANAGE]),
        hotels: list(&[ALL_HOTELS]),
        ..web_client()
    };
    fixture.command(&svc("node"), operates("admin")).unwrap();
    let revoke =
        |caller: &Principal, id: &str| fixture.command(caller, RevokeClient { client_id: id.into() });
    let admin = Principal { client_id: "admin".into(), ..operator() };
    assert_eq!(revoke(&admin, "admin"), Err(Refusal::OwnClient));
    // A user who signed in with another client.
    let user = Principal { subject: "usr_1".into(), client_id: "cli".into(), ..operator() };
    assert_eq!(revoke(&user, "admin"), Err(Refusal::LastOperator));
    fixture.command(&operator(), operates("second")).unwrap();
    assert_eq!(revoke(&admin, "admin"), Err(Refusal::OwnClient), "a slip would lock this caller out");
    assert!(revoke(&user, "admin").is_ok());
    assert_eq!(revoke(&user, "second"), Err(Refusal::LastOperator));
    assert!(revoke(&user, "web").is_ok());
}

#[test]
fn all_hotels_are_named_explicitly() {
    let fixture = Fixture::with_clients();
    let create = |id: &str, hotels: &[&str]| {
        let client = CreateClient {
            id: Some(id.into()),
            scopes: list(&[scope::HOTEL_MANAGE]),
            hotels: list(hotels),
            ..web_client()
        };
        fixture.command(&operator(), client)
    };
    let hotel = contracts::HotelId::of_reference("inn").to_string();
    for hotels in [&[ALL_HOTELS, &hotel][..], &[&hotel, ALL_HOTELS]] {
        assert!(
            matches!(create("c", hotels), Err(Refusal::Invalid { field, .. }) if field.starts_with("hotels/"))
        );
    }
    for (id, hotels) in [("none", &[][..]), ("one", &[hotel.as_str()]), ("all", &[ALL_HOTELS])] {
        create(id, hotels).unwrap();
        let client = authentication(id, Some("sec_web"));
        let query = IssueClientToken { client, scopes: vec![], token_id: "tok_1".into() };
        let claims = fixture.claims(&token_of(fixture.ask(query).unwrap()), fixture.bench.now()).unwrap();
        assert_eq!(claims.resources, list(hotels));
        let caller = claims.principal();
        assert_eq!(contracts::manages_all_hotels(&caller), id == "all");
        assert_eq!(contracts::manages_hotel(&caller, contracts::HotelId::of_reference("inn")), id != "none");
    }
}
