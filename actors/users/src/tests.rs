//! Tests of commands and queries.

use contracts::auth::UserChanged;
use contracts::users::{
    ChangeEmail, ChangePassword, CloseAccount, CreateAdministrator, GetGrants, GetOwnAccount, Grants,
    MailLink, Refusal, Register, RequestPasswordReset, ResetPassword, Roles, SetRoles, UpdateProfile,
    VerifyEmail, VerifyPassword,
};
use contracts::{ALL_HOTELS, HotelId, UserId, scope};
use group::testing::Bench;
use protocol::{Principal, Variant};

use crate::links::{email_change_parts, reset_parts, tag, verification_parts};
use crate::service::{Effect, Notice};
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

    fn verified(&self) -> UserId {
        let id = self.registered();
        self.anonymous(VerifyEmail { link: self.verification(id, 60, EMAIL) }).unwrap();
        id
    }

    /// The links in the mails since the last call, in the order of the mails.
    fn links(&self) -> Vec<MailLink> {
        let links = &self.bench.service().links;
        let link = |user, until, parts| {
            MailLink::of_token(&MailLink::token(user, until, &tag(links, &parts))).unwrap()
        };
        let of = |effect| match effect {
            Effect::MailReset { user, until, epoch, .. } => {
                Some(link(user, until, reset_parts(user, until, epoch)))
            }
            Effect::MailEmailChange { user, email, until, epoch } => {
                Some(link(user, until, email_change_parts(user, until, epoch, &email)))
            }
            Effect::MailVerification { .. }
            | Effect::MailAlreadyRegistered { .. }
            | Effect::MailNotice { .. } => None,
        };
        self.bench.effects().into_iter().filter_map(of).collect()
    }

    fn reset_link(&self) -> MailLink {
        self.links().pop().expect("a mail with a link")
    }

    fn own(&self, user: UserId) -> contracts::users::Account {
        self.bench.call(&profile(user), GetOwnAccount).unwrap()
    }

    fn change_email(&self, user: UserId, email: &str) -> Result<contracts::users::Account, Refusal> {
        let request = ChangeEmail { user, email: email.into(), expected_version: None };
        self.bench.call(&Principal::service("users"), request)
    }
}

fn user(id: UserId, scopes: &[&str]) -> Principal {
    Principal {
        subject: id.to_string(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..Principal::default()
    }
}

fn profile(id: UserId) -> Principal {
    user(id, &[scope::PROFILE])
}

fn notice(email: &str, notice: Notice) -> Effect {
    Effect::MailNotice { email: email.into(), notice }
}

#[test]
fn an_address_has_one_account_and_registration_does_not_reveal_it() {
    let fixture = Fixture::new();
    let id = fixture.registered();
    assert_eq!(fixture.register("łucja@INN.example", "another password"), Ok(()), "the same reply");
    let notice = Effect::MailAlreadyRegistered { email: EMAIL.into() };
    assert_eq!(fixture.bench.effects(), std::slice::from_ref(&notice), "also right after the first mail");
    assert_eq!(fixture.register("łucja@INN.example", "another password"), Ok(()));
    assert_eq!(fixture.bench.effects(), [], "one of each kind within a minute");
    fixture.bench.advance_secs(61);
    assert_eq!(fixture.register("łucja@INN.example", "another password"), Ok(()));
    assert_eq!(fixture.bench.effects(), [notice]);
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
    let close = |version| CloseAccount { user: id, expected_version: Some(version) };
    let api = Principal::service("users");
    assert_eq!(fixture.bench.call(&api, close(1)), Err(Refusal::Stale(2)));
    assert_eq!(fixture.bench.call(&api, close(2)), Ok(()));
    assert_eq!(fixture.bench.effects(), [notice(EMAIL, Notice::AccountClosed)]);
    assert_eq!(fixture.bench.call(&me, GetOwnAccount), Err(Refusal::NoSuchUser));
    assert_eq!(fixture.verify(EMAIL, "correct horse"), None);
    assert_ne!(fixture.registered(), id, "the address is released");
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn roles_determine_scopes() {
    let fixture = Fixture::new();
    let id = fixture.verified();
    let admin = user(UserId(1), &[scope::CLUSTER_MANAGE]);
    let hotel = HotelId::of_reference("inn");
    let grants =
        |fixture: &Fixture| fixture.bench.call(&Principal::service("auth"), GetGrants { user: id }).unwrap();
    assert!(!grants(&fixture).scopes.contains(&scope::HOTEL_MANAGE.to_owned()));
    let set = |email: &str, roles| fixture.bench.call(&admin, SetRoles { email: email.into(), roles });
    assert_eq!(set("nobody@inn.example", Roles::default()), Err(Refusal::NoSuchUser));
    set(EMAIL, Roles { hotels: vec![hotel, hotel], ..Roles::default() }).unwrap();
    assert!(grants(&fixture).scopes.contains(&scope::HOTEL_MANAGE.to_owned()));
    assert_eq!(grants(&fixture).hotels, [hotel.to_string()]);
    let administrator = || Roles { administrator: true, hotels: vec![hotel], all_hotels: false };
    set(EMAIL, administrator()).unwrap();
    set(EMAIL, administrator()).unwrap();
    assert_eq!(fixture.bench.sent::<contracts::auth::Auth>().len(), 2, "the third changed nothing");
    let changed = |administrator, hotels, all_hotels| {
        notice(EMAIL, Notice::RolesChanged { administrator, hotels, all_hotels })
    };
    assert_eq!(fixture.bench.effects(), [changed(false, 1, false), changed(true, 1, false)]);
    assert_eq!(grants(&fixture).scopes.len(), scope::ALL.len());
    assert_eq!(grants(&fixture).hotels, [ALL_HOTELS], "all hotels, explicitly");
    set(EMAIL, Roles { all_hotels: true, ..Roles::default() }).unwrap();
    assert_eq!((grants(&fixture).hotels, grants(&fixture).scopes.len()), (vec![ALL_HOTELS.to_owned()], 7));
    set(EMAIL, Roles::default()).unwrap();
    assert_eq!((grants(&fixture).hotels, grants(&fixture).scopes.len()), (Vec::new(), 6));
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

#[test]
fn roles_go_to_verified_accounts_only() {
    let fixture = Fixture::new();
    let id = fixture.registered();
    let admin = user(UserId(1), &[scope::CLUSTER_MANAGE]);
    let set = |roles| fixture.bench.call(&admin, SetRoles { email: EMAIL.into(), roles });
    for roles in [
        Roles { administrator: true, ..Roles::default() },
        Roles { all_hotels: true, ..Roles::default() },
        Roles { hotels: vec![HotelId::of_reference("inn")], ..Roles::default() },
    ] {
        assert_eq!(set(roles), Err(Refusal::Unverified));
    }
    assert!(set(Roles::default()).is_ok(), "roles can be taken away from any account");
    fixture.anonymous(VerifyEmail { link: fixture.verification(id, 60, EMAIL) }).unwrap();
    assert!(set(Roles { administrator: true, ..Roles::default() }).is_ok());
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn an_address_changes_when_its_new_mailbox_confirms_it() {
    let fixture = Fixture::new();
    let id = fixture.verified();
    let admin = user(UserId(1), &[scope::CLUSTER_MANAGE]);
    let roles = Roles { administrator: true, ..Roles::default() };
    fixture.bench.call(&admin, SetRoles { email: EMAIL.into(), roles: roles.clone() }).unwrap();
    fixture.anonymous(RequestPasswordReset { email: EMAIL.into() }).unwrap();
    let reset = fixture.reset_link();

    let new = "lucja@home.example";
    let changed = fixture.change_email(id, new).unwrap();
    assert_eq!((changed.email.as_str(), changed.pending_email.as_deref()), (EMAIL, Some(new)));
    assert!(changed.verified && changed.roles == roles, "until then, nothing changes");
    let sent = fixture.bench.effects();
    assert!(matches!(&sent[0], Effect::MailEmailChange { email, .. } if email == new), "{sent:?}");
    assert_eq!(sent[1..], [notice(EMAIL, Notice::EmailChangeRequested)]);
    let Effect::MailEmailChange { user, email, until, epoch } = &sent[0] else { panic!("{sent:?}") };
    let parts = email_change_parts(*user, *until, *epoch, email);
    let token = MailLink::token(*user, *until, &tag(&fixture.bench.service().links, &parts));
    let link = MailLink::of_token(&token).unwrap();

    for _ in 0..2 {
        assert_eq!(
            fixture.anonymous(VerifyEmail { link: link.clone() }),
            Ok(()),
            "a second click is no error"
        );
    }
    let account = fixture.own(id);
    assert_eq!((account.email.as_str(), account.pending_email), (new, None));
    assert!(account.verified && account.roles == roles, "the address is confirmed, so the roles stay");
    assert_eq!(fixture.bench.effects(), [notice(EMAIL, Notice::EmailChanged)], "to the old address");
    let password_hash = password::hash("battery staple", [2; 16]);
    assert_eq!(
        fixture.anonymous(ResetPassword { link: reset, password_hash }),
        Err(Refusal::BadLink),
        "links in the old mailbox are invalid"
    );
    assert!(fixture.verify(EMAIL, "correct horse").is_none());
    assert!(fixture.verify(new, "correct horse").is_some());
    assert!(fixture.register(EMAIL, "another password").is_ok(), "the old address is released");
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn a_change_of_address_does_not_reveal_accounts_and_ends_with_a_new_password() {
    let fixture = Fixture::new();
    let id = fixture.verified();
    fixture.register("bob@inn.example", "bob's password").unwrap();
    fixture.bench.advance_secs(61);
    let _ = fixture.bench.effects();
    let taken = fixture.change_email(id, "Bob@inn.example").unwrap();
    assert_eq!(taken.pending_email.as_deref(), Some("Bob@inn.example"), "as for an unknown address");
    assert_eq!(fixture.bench.effects()[0], Effect::MailAlreadyRegistered { email: "bob@inn.example".into() });
    assert!(matches!(fixture.change_email(id, "x@home.example"), Err(Refusal::TooManyMails(60))));
    assert!(matches!(fixture.change_email(id, &EMAIL.to_uppercase()), Err(Refusal::Invalid { .. })));
    fixture.bench.advance_secs(61);
    fixture.change_email(id, "x@home.example").unwrap();
    let link = fixture.links().pop().unwrap();
    // The owner of the old mailbox, who is notified, sets a new password: the change can no longer be confirmed.
    let password_hash = password::hash("battery staple", [2; 16]);
    fixture.bench.call(&Principal::service("users"), ChangePassword { user: id, password_hash }).unwrap();
    assert_eq!(fixture.bench.effects(), [notice(EMAIL, Notice::PasswordChanged)]);
    assert_eq!(fixture.anonymous(VerifyEmail { link }), Err(Refusal::BadLink));
    // The address was registered by somebody else in the meantime.
    fixture.bench.advance_secs(3600);
    fixture.change_email(id, "y@home.example").unwrap();
    let link = fixture.links().pop().unwrap();
    fixture.register("y@home.example", "a third password").unwrap();
    assert_eq!(fixture.anonymous(VerifyEmail { link }), Err(Refusal::AddressTaken));
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
}

#[test]
fn mails_to_one_mailbox_become_rarer_and_a_link_in_it_always_works() {
    let fixture = Fixture::new();
    fixture.verified();
    let mut mails = 0;
    let mut last_at = fixture.bench.now();
    for _ in 0..(6 * 60) {
        assert_eq!(fixture.anonymous(RequestPasswordReset { email: EMAIL.into() }), Ok(()));
        if !fixture.bench.effects().is_empty() {
            mails += 1;
            last_at = fixture.bench.now();
        }
        assert!(fixture.bench.now().seconds() - last_at.seconds() < 3600, "the last link has not expired");
        fixture.bench.advance_secs(60);
    }
    assert!((10..=20).contains(&mails), "{mails} mails in six hours");
}

#[test]
fn a_token_alone_cannot_close_an_account_or_change_its_address() {
    use protocol::Request;
    let token = profile(UserId(7));
    assert!(!CloseAccount { user: UserId(7), expected_version: None }.access().allows(&token));
    let change = ChangeEmail { user: UserId(7), email: "a@b.example".into(), expected_version: None };
    assert!(!change.access().allows(&token));
}
