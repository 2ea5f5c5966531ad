//! Tables at the command boundary.

use contracts::users::{Answer, Command, MailLink, Query, Refusal, Reply, Roles};
use contracts::{HotelId, UserId, scope};
use group::testing::Bench;
use protocol::Principal;

use crate::service::{Effect, reset_parts, tag, verification_parts};
use crate::{Users, password};

const EMAIL: &str = "Łucja@inn.example";

struct Fixture {
    bench: Bench<Users>,
}

impl Fixture {
    fn new() -> Self {
        Self { bench: Bench::new(Users::new(token::ClusterKey::random().links("users"))) }
    }

    fn nobody(&self, command: Command) -> Result<Reply, Refusal> {
        self.bench.command(&Principal::anonymous(), command)
    }

    fn register(&self, email: &str, password: &str) -> Result<Reply, Refusal> {
        let password_hash = password::hash(password, [1; 16]);
        self.nobody(Command::Register { email: email.into(), name: "Łucja".into(), password_hash })
    }

    fn verify(&self, email: &str, password: &str) -> Answer {
        let query = Query::VerifyPassword { email: email.into(), password: password.into() };
        self.bench.query(&Principal::service("auth"), query).unwrap()
    }

    fn registered(&self) -> UserId {
        self.register(EMAIL, "correct horse").unwrap();
        match self.bench.effects().pop() {
            Some(Effect::MailVerification { user, .. }) => user,
            other => panic!("{other:?}"),
        }
    }

    fn verification(&self, user: UserId, after_secs: i64, email: &str) -> MailLink {
        let until = self.bench.now().plus_secs(after_secs);
        let tag = tag(&self.bench.service().links, &verification_parts(user, until, email));
        MailLink::of_token(&MailLink::token(user, until, &tag)).unwrap()
    }

    fn reset_link(&self) -> MailLink {
        match self.bench.effects().pop() {
            Some(Effect::MailReset { user, until, epoch, .. }) => {
                let tag = tag(&self.bench.service().links, &reset_parts(user, until, epoch));
                MailLink::of_token(&MailLink::token(user, until, &tag)).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }
}

fn user(id: UserId, scopes: &[&str]) -> Principal {
    Principal {
        subject: id.to_string(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..Principal::default()
    }
}

#[test]
fn an_address_has_one_account_and_nobody_is_told() {
    let fixture = Fixture::new();
    let id = fixture.registered();
    assert_eq!(fixture.register("łucja@INN.example", "another password"), Ok(Reply::Done), "the same answer");
    assert_eq!(fixture.bench.effects(), [], "within a minute of the other mail");
    fixture.bench.advance_secs(61);
    assert_eq!(fixture.register("łucja@INN.example", "another password"), Ok(Reply::Done));
    assert_eq!(fixture.bench.effects(), [Effect::MailAlreadyRegistered { email: EMAIL.into() }]);
    assert!(matches!(fixture.verify(EMAIL, "correct horse"), Answer::Grants(grants) if grants.user == id));
    for (email, password) in
        [(EMAIL, "another password"), ("nobody@inn.example", "correct horse"), (EMAIL, &"x".repeat(200))]
    {
        assert_eq!(fixture.verify(email, password), Answer::WrongPassword, "{email}");
    }
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn registration_has_bounds() {
    let fixture = Fixture::new();
    let hash = password::hash("correct horse", [1; 16]);
    for (email, name, password_hash, field) in [
        ("nowhere", "A", hash.as_str(), "email"),
        ("a@b.c\nBcc: x@y.z", "A", &hash, "email"),
        ("a@b.c", "", &hash, "name"),
        ("a@b.c", "A\u{7}", &hash, "name"),
        ("a@b.c", "A", "correct horse", "password"),
    ] {
        let command =
            Command::Register { email: email.into(), name: name.into(), password_hash: password_hash.into() };
        assert!(
            matches!(fixture.nobody(command), Err(Refusal::Invalid { field: named, .. }) if named == field),
            "{field}"
        );
    }
    assert_eq!(fixture.bench.effects(), []);
}

#[test]
fn a_link_verifies_its_own_account_until_it_expires() {
    let fixture = Fixture::new();
    let id = fixture.registered();
    let mut forged = fixture.verification(id, 60, EMAIL);
    forged.tag_hash[0] ^= 1;
    for bad in [
        forged,
        fixture.verification(id, -1, EMAIL),
        fixture.verification(id, 60, "other@inn.example"),
        fixture.verification(UserId(9), 60, EMAIL),
    ] {
        assert_eq!(fixture.nobody(Command::VerifyEmail { link: bad }), Err(Refusal::BadLink));
    }
    let link = fixture.verification(id, 60, EMAIL);
    for _ in 0..2 {
        assert_eq!(fixture.nobody(Command::VerifyEmail { link: link.clone() }), Ok(Reply::Done));
    }
    let Ok(Answer::Account(account)) = fixture.bench.query(&user(id, &[scope::PROFILE]), Query::Me) else {
        panic!()
    };
    assert!(account.verified);
    assert_eq!(account.version, 2, "the second time changed nothing");
}

#[test]
fn a_reset_works_once_and_signs_everybody_out() {
    let fixture = Fixture::new();
    fixture.registered();
    assert_eq!(
        fixture.nobody(Command::RequestPasswordReset { email: "nobody@inn.example".into() }),
        Ok(Reply::Done)
    );
    assert_eq!(fixture.bench.effects(), []);
    assert_eq!(
        fixture.nobody(Command::RequestPasswordReset { email: EMAIL.to_lowercase() }),
        Ok(Reply::Done)
    );
    let link = fixture.reset_link();
    let password_hash = password::hash("battery staple", [2; 16]);
    let reset = |link: &MailLink| {
        fixture.nobody(Command::ResetPassword { link: link.clone(), password_hash: password_hash.clone() })
    };
    assert_eq!(
        reset(&fixture.verification(link.user, 60, EMAIL)),
        Err(Refusal::BadLink),
        "a link of another kind"
    );
    assert_eq!(reset(&link), Ok(Reply::Done));
    let told = contracts::auth::Command::UserChanged { user: link.user, epoch: 2 };
    assert_eq!(fixture.bench.sent::<contracts::auth::Auth>(), [told], "everybody is signed out");
    assert_eq!(reset(&link), Err(Refusal::BadLink), "once");
    assert_eq!(fixture.verify(EMAIL, "correct horse"), Answer::WrongPassword);
    assert!(matches!(fixture.verify(EMAIL, "battery staple"), Answer::Grants(grants) if grants.epoch == 2));
    fixture.bench.advance_secs(61);
    fixture.nobody(Command::RequestPasswordReset { email: EMAIL.into() }).unwrap();
    let late = fixture.reset_link();
    fixture.bench.advance_secs(3600);
    assert_eq!(reset(&late), Err(Refusal::BadLink), "too late");
}

#[test]
fn a_profile_is_its_owners() {
    let fixture = Fixture::new();
    let id = fixture.registered();
    let me = user(id, &[scope::PROFILE]);
    let rename = |expected_version| Command::UpdateProfile { name: Some("Lu".into()), expected_version };
    assert_eq!(fixture.bench.command(&me, rename(Some(7))), Err(Refusal::Stale(1)));
    let client = Principal { subject: "cli_partner".into(), ..me.clone() };
    assert_eq!(fixture.bench.command(&client, rename(None)), Err(Refusal::NotAUser));
    assert!(
        matches!(fixture.bench.command(&me, rename(Some(1))), Ok(Reply::Account(account)) if account.version == 2)
    );
    assert_eq!(
        fixture.bench.command(&me, Command::Close { expected_version: Some(1) }),
        Err(Refusal::Stale(2))
    );
    assert_eq!(fixture.bench.command(&me, Command::Close { expected_version: Some(2) }), Ok(Reply::Done));
    assert_eq!(fixture.bench.query(&me, Query::Me), Err(Refusal::NoSuchUser));
    assert_eq!(fixture.verify(EMAIL, "correct horse"), Answer::WrongPassword);
    assert_ne!(fixture.registered(), id, "the address is free");
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn roles_make_scopes() {
    let fixture = Fixture::new();
    let id = fixture.registered();
    let admin = user(UserId(1), &[scope::CLUSTER_MANAGE]);
    let hotel = HotelId::of_reference("inn");
    let grants = |fixture: &Fixture| match fixture.bench.query(&Principal::service("auth"), Query::Grants(id))
    {
        Ok(Answer::Grants(grants)) => grants,
        other => panic!("{other:?}"),
    };
    assert!(!grants(&fixture).scopes.contains(&scope::HOTEL_MANAGE.to_owned()));
    let set =
        |email: &str, roles| fixture.bench.command(&admin, Command::SetRoles { email: email.into(), roles });
    assert_eq!(set("nobody@inn.example", Roles::default()), Err(Refusal::NoSuchUser));
    set(EMAIL, Roles { administrator: false, hotels: vec![hotel, hotel] }).unwrap();
    assert!(grants(&fixture).scopes.contains(&scope::HOTEL_MANAGE.to_owned()));
    assert_eq!(grants(&fixture).hotels, [hotel.to_string()]);
    set(EMAIL, Roles { administrator: true, hotels: vec![hotel] }).unwrap();
    set(EMAIL, Roles { administrator: true, hotels: vec![hotel] }).unwrap();
    assert_eq!(fixture.bench.sent::<contracts::auth::Auth>().len(), 2, "the third set nothing anew");
    assert_eq!(grants(&fixture).scopes.len(), scope::ALL.len());
    assert_eq!(grants(&fixture).hotels, Vec::<String>::new(), "bound to none");
}

#[test]
fn the_administrator_is_made_once() {
    let fixture = Fixture::new();
    let make = |password: &str| {
        let password_hash = password::hash(password, [3; 16]);
        let command = Command::CreateAdministrator { email: "admin@inn.example".into(), password_hash };
        fixture.bench.command(&Principal::service("users"), command)
    };
    assert!(matches!(make("first password"), Ok(Reply::Account(account)) if account.roles.administrator));
    assert_eq!(make("second password"), Ok(Reply::Done));
    assert!(matches!(fixture.verify("admin@inn.example", "first password"), Answer::Grants(_)));
}
