//! Tests of commands and queries.

use contracts::auth::UserChanged;
use contracts::users::{
    CloseAccount, CreateAdministrator, GetGrants, GetOwnAccount, Grants, MailLink, Refusal, Register,
    RequestPasswordReset, ResetPassword, Roles, SetRoles, UpdateProfile, VerifyEmail, VerifyPassword,
};
use contracts::{HotelId, UserId, scope};
use group::testing::Bench;
use protocol::{Principal, Variant};

use crate::links::{reset_parts, tag, verification_parts};
use crate::service::Effect;
use crate::{Users, password};

const EMAIL: &str = "Łucja@inn.example";

struct Fixture {
    bench: Bench<Users>,
}

impl Fixture {
    fn new() -> Self {
        Self { bench: Bench::new(Users::new(token::ClusterKey::random().links("users"))) }
    }

    fn anonymous<M: Variant<Contract = contracts::users::Users>>(
        &self,
        request: M,
    ) -> Result<M::Reply, Refusal> {
        self.bench.call(&Principal::anonymous(), request)
    }

    fn register(&self, email: &str, password: &str) -> Result<(), Refusal> {
        let password_hash = password::hash(password, [1; 16]);
        self.anonymous(Register { email: email.into(), name: "Łucja".into(), password_hash })
    }

    fn verify(&self, email: &str, password: &str) -> Option<Grants> {
        let request = VerifyPassword { email: email.into(), password: password.into() };
        self.bench.call(&Principal::service("auth"), request).unwrap()
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
fn an_address_has_one_account_and_registration_does_not_reveal_it() {
    let fixture = Fixture::new();
    let id = fixture.registered();
    assert_eq!(fixture.register("łucja@INN.example", "another password"), Ok(()), "the same reply");
    assert_eq!(fixture.bench.effects(), [], "within a minute of the other mail");
    fixture.bench.advance_secs(61);
    assert_eq!(fixture.register("łucja@INN.example", "another password"), Ok(()));
    assert_eq!(fixture.bench.effects(), [Effect::MailAlreadyRegistered { email: EMAIL.into() }]);
    assert_eq!(fixture.verify(EMAIL, "correct horse").map(|grants| grants.user), Some(id));
    for (email, password) in
        [(EMAIL, "another password"), ("nobody@inn.example", "correct horse"), (EMAIL, &"x".repeat(200))]
    {
        assert_eq!(fixture.verify(email, password), None, "{email}");
    }
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn registration_fields_are_checked() {
    let fixture = Fixture::new();
    let hash = password::hash("correct horse", [1; 16]);
    for (email, name, password_hash, field) in [
        ("nowhere", "A", hash.as_str(), "email"),
        ("a@b.c\nBcc: x@y.z", "A", &hash, "email"),
        ("a@b.c", "", &hash, "name"),
        ("a@b.c", "A\u{7}", &hash, "name"),
        ("a@b.c", "A", "correct horse", "password"),
    ] {
        let request =
            Register { email: email.into(), name: name.into(), password_hash: password_hash.into() };
        assert!(
            matches!(fixture.anonymous(request), Err(Refusal::Invalid { field: named, .. }) if named == field),
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
        assert_eq!(fixture.anonymous(VerifyEmail { link: bad }), Err(Refusal::BadLink));
    }
    let link = fixture.verification(id, 60, EMAIL);
    for _ in 0..2 {
        assert_eq!(fixture.anonymous(VerifyEmail { link: link.clone() }), Ok(()));
    }
    let account = fixture.bench.call(&user(id, &[scope::PROFILE]), GetOwnAccount).unwrap();
    assert!(account.verified);
    assert_eq!(account.version, 2, "the second time changed nothing");
}

#[test]
fn a_reset_works_once_and_ends_all_sessions() {
    let fixture = Fixture::new();
    fixture.registered();
    assert_eq!(fixture.anonymous(RequestPasswordReset { email: "nobody@inn.example".into() }), Ok(()));
    assert_eq!(fixture.bench.effects(), []);
    assert_eq!(fixture.anonymous(RequestPasswordReset { email: EMAIL.to_lowercase() }), Ok(()));
    let link = fixture.reset_link();
    let password_hash = password::hash("battery staple", [2; 16]);
    let reset = |link: &MailLink| {
        fixture.anonymous(ResetPassword { link: link.clone(), password_hash: password_hash.clone() })
    };
    assert_eq!(
        reset(&fixture.verification(link.user, 60, EMAIL)),
        Err(Refusal::BadLink),
        "a link of another kind"
    );
    assert_eq!(reset(&link), Ok(()));
    let changed = UserChanged { user: link.user, epoch: 2 }.into();
    assert_eq!(fixture.bench.sent::<contracts::auth::Auth>(), [changed], "all sessions are ended");
    assert_eq!(reset(&link), Err(Refusal::BadLink), "once");
    assert_eq!(fixture.verify(EMAIL, "correct horse"), None);
    assert_eq!(fixture.verify(EMAIL, "battery staple").map(|grants| grants.epoch), Some(2));
    fixture.bench.advance_secs(61);
    fixture.anonymous(RequestPasswordReset { email: EMAIL.into() }).unwrap();
    let late = fixture.reset_link();
    fixture.bench.advance_secs(3600);
    assert_eq!(reset(&late), Err(Refusal::BadLink), "too late");
}

#[test]
fn a_profile_is_changed_by_its_owner_only() {
    let fixture = Fixture::new();
    let id = fixture.registered();
    let me = user(id, &[scope::PROFILE]);
    let rename = |expected_version| UpdateProfile { name: Some("Lu".into()), expected_version };
    assert_eq!(fixture.bench.call(&me, rename(Some(7))), Err(Refusal::Stale(1)));
    let client = Principal { subject: "cli_partner".into(), ..me.clone() };
    assert_eq!(fixture.bench.call(&client, rename(None)), Err(Refusal::NotAUser));
    assert_eq!(fixture.bench.call(&me, rename(Some(1))).map(|account| account.version), Ok(2));
    let close = |version| CloseAccount { expected_version: Some(version) };
    assert_eq!(fixture.bench.call(&me, close(1)), Err(Refusal::Stale(2)));
    assert_eq!(fixture.bench.call(&me, close(2)), Ok(()));
    assert_eq!(fixture.bench.call(&me, GetOwnAccount), Err(Refusal::NoSuchUser));
    assert_eq!(fixture.verify(EMAIL, "correct horse"), None);
    assert_ne!(fixture.registered(), id, "the address is released");
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn roles_determine_scopes() {
    let fixture = Fixture::new();
    let id = fixture.registered();
    let admin = user(UserId(1), &[scope::CLUSTER_MANAGE]);
    let hotel = HotelId::of_reference("inn");
    let grants =
        |fixture: &Fixture| fixture.bench.call(&Principal::service("auth"), GetGrants { user: id }).unwrap();
    assert!(!grants(&fixture).scopes.contains(&scope::HOTEL_MANAGE.to_owned()));
    let set = |email: &str, roles| fixture.bench.call(&admin, SetRoles { email: email.into(), roles });
    assert_eq!(set("nobody@inn.example", Roles::default()), Err(Refusal::NoSuchUser));
    set(EMAIL, Roles { administrator: false, hotels: vec![hotel, hotel] }).unwrap();
    assert!(grants(&fixture).scopes.contains(&scope::HOTEL_MANAGE.to_owned()));
    assert_eq!(grants(&fixture).hotels, [hotel.to_string()]);
    set(EMAIL, Roles { administrator: true, hotels: vec![hotel] }).unwrap();
    set(EMAIL, Roles { administrator: true, hotels: vec![hotel] }).unwrap();
    assert_eq!(fixture.bench.sent::<contracts::auth::Auth>().len(), 2, "the third changed nothing");
    assert_eq!(grants(&fixture).scopes.len(), scope::ALL.len());
    assert_eq!(grants(&fixture).hotels, Vec::<String>::new(), "not restricted");
}

#[test]
fn the_administrator_is_created_once() {
    let fixture = Fixture::new();
    let create = |password: &str| {
        let password_hash = password::hash(password, [3; 16]);
        let request = CreateAdministrator { email: "admin@inn.example".into(), password_hash };
        fixture.bench.call(&Principal::service("users"), request)
    };
    let created = create("first password").unwrap().expect("a new account");
    assert!(created.roles.administrator);
    assert_eq!(create("second password"), Ok(None));
    assert!(fixture.verify("admin@inn.example", "first password").is_some());
}
