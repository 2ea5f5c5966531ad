//! Random steps for accounts, sessions, signing keys, remembered bookings and templates.

use contracts::reservations::BookingLink;
use contracts::users::{Grants, MailLink};
use contracts::{UserId, auth as keys, pdf as papers, scope, ui as pages, users as accounts};
use protocol::{Principal, Timestamp};

use crate::effects::Performed;
use crate::fixtures::{administrator, principal};
use crate::member::Violation;
use crate::world::World;

/// The argon2id hash of a password. It is a constant because computing one takes 15 ms.
const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$6s2P2jCqCSkSEx3CfRcbZZb5zEVyHFvCBpbp2K0Q8oc";
/// The number of mail addresses that accounts are registered with.
const ADDRESSES: usize = 4;

/// The accounts, links and tokens that clients have received.
#[derive(Debug, Default)]
pub struct Accounts {
    /// Links from mails, and whether they reset a password.
    pub links: Vec<(MailLink, bool)>,
    /// The users that received a mail.
    pub users: Vec<UserId>,
    /// The hashes of refresh tokens that browsers have received.
    refresh: Vec<[u8; 32]>,
    /// Effects that were performed and whose outcome is not proposed yet.
    pub performed: Vec<Performed>,
}

impl World {
    fn random_bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.rng.wide().to_be_bytes());
        bytes
    }

    /// A signing key that is never used to sign.
    pub fn made_up_key(&mut self) -> keys::SealedKey {
        let name = format!("{:032x}", self.rng.wide());
        keys::SealedKey { id: format!("k4.pid.{name}"), public: format!("k4.public.{name}"), sealed: name }
    }

    /// Sends a random command about an account.
    pub fn account(&mut self) -> Result<(), Violation> {
        let email = format!("guest{}@example.org", self.rng.below(ADDRESSES));
        let user = self.rng.pick(&self.accounts.users).copied();
        let link = self.rng.pick(&self.accounts.links).cloned();
        let password_hash = PASSWORD_HASH.to_owned();
        let nobody = Principal::anonymous();
        let own = |user: UserId| principal(&user.to_string(), &[scope::PROFILE]);
        match (self.rng.below(12), user, link) {
            (0..3, ..) => {
                let command = accounts::Register { email, name: "Anna".into(), password_hash }.into();
                self.send::<users::Users>(&nobody, command)?
                    .map_err(|refused| format!("register: {refused}"))?;
            }
            (3..5, ..) => {
                let command = accounts::RequestPasswordReset { email }.into();
                self.send::<users::Users>(&nobody, command)?
                    .map_err(|refused| format!("reset: {refused}"))?;
            }
            (5..8, _, Some((link, false))) => {
                let _ = self.send::<users::Users>(&nobody, accounts::VerifyEmail { link }.into())?;
            }
            (5..8, _, Some((link, true))) => {
                let command =
                    accounts::Command::from(accounts::ResetPassword { link: link.clone(), password_hash });
                if self.send::<users::Users>(&nobody, command.clone())?.is_ok() {
                    match self.send::<users::Users>(&nobody, command)? {
                        Err(accounts::Refusal::BadLink) => {}
                        other => return Err(format!("a reset link is good twice: {other:?}")),
                    }
                }
            }
            (8, Some(user), _) => {
                let _ = self.send::<users::Users>(&own(user), accounts::ResendVerification.into())?;
            }
            (9, Some(user), _) => {
                let name = Some(format!("Anna {}", self.rng.below(3)));
                let command = accounts::UpdateProfile { name, expected_version: None }.into();
                let _ = self.send::<users::Users>(&own(user), command)?;
            }
            (10, Some(user), _) if self.rng.chance(30) => {
                let _ = self.send::<users::Users>(
                    &Principal::service("users"),
                    accounts::CloseAccount { user, expected_version: None }.into(),
                )?;
            }
            (10, Some(user), _) if self.rng.chance(50) => {
                let command = accounts::ChangeEmail { user, email, expected_version: None }.into();
                let _ = self.send::<users::Users>(&Principal::service("ui"), command)?;
            }
            (10, Some(user), _) => {
                let command = accounts::ChangePassword { user, password_hash }.into();
                let _ = self.send::<users::Users>(&Principal::service("users"), command)?;
            }
            _ => {
                let roles =
                    accounts::Roles { administrator: self.rng.chance(20), ..accounts::Roles::default() };
                let _ =
                    self.send::<users::Users>(&administrator(), accounts::SetRoles { email, roles }.into())?;
            }
        }
        Ok(())
    }

    /// The grants of a user as `users` returns them; `None` for closed accounts.
    pub fn grants(&mut self, user: UserId) -> Result<Option<Grants>, Violation> {
        match self.query::<users::Users>(&Principal::service("auth"), accounts::GetGrants { user }.into())? {
            Ok(accounts::Answer::Grants(grants)) => Ok(Some(grants)),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Starts, refreshes or ends a session, or installs or rotates signing keys.
    pub fn session(&mut self) -> Result<(), Violation> {
        let ui = Principal::service("ui");
        let (old_hash, new_hash) = (self.rng.pick(&self.accounts.refresh).copied(), self.random_bytes());
        match (self.rng.below(10), old_hash) {
            (0, _) => {
                let key = self.made_up_key();
                let _ = self.send::<auth::Auth>(&Principal::service("node"), keys::InstallKey(key).into())?;
            }
            (1, _) => {
                let _ = self.send::<auth::Auth>(&administrator(), keys::RotateKeys.into())?;
            }
            (2, Some(refresh_hash)) => {
                let _ = self.send::<auth::Auth>(&ui, keys::EndSession { refresh_hash }.into())?;
            }
            (3..7, Some(old_hash)) => {
                let client = keys::ClientAuthentication::ui();
                let command = keys::RefreshSession { client, old_hash, new_hash, scopes: None }.into();
                if let Ok(keys::Reply::Granted(_)) = self.send::<auth::Auth>(&ui, command)? {
                    self.accounts.refresh.push(new_hash);
                }
            }
            _ => {
                let Some(user) = self.rng.pick(&self.accounts.users).copied() else { return Ok(()) };
                let Some(grants) = self.grants(user)? else { return Ok(()) };
                let command = keys::StartSession { grants, scopes: None, refresh_hash: new_hash }.into();
                if let Ok(keys::Reply::Granted(_)) = self.send::<auth::Auth>(&ui, command)? {
                    self.accounts.refresh.push(new_hash);
                }
            }
        }
        Ok(())
    }

    /// Stores a booking in a guest session, or removes all of its bookings.
    pub fn browse(&mut self) -> Result<(), Violation> {
        let guest = format!("gst_0123456789abcdef{}", self.rng.below(3));
        let Some((reservation, _)) = self.rng.pick(&self.known.reservations).cloned() else { return Ok(()) };
        let command = if self.rng.chance(85) {
            let link = BookingLink { reservation, number: 1 };
            pages::Command::from(pages::RememberBooking { guest, link })
        } else {
            pages::ForgetBookings { guest }.into()
        };
        self.send::<ui::Ui>(&Principal::service("ui"), command).map(|_| ())
    }

    /// Stores or deletes a template.
    pub fn template(&mut self) -> Result<(), Violation> {
        let name = ["welcome", "receipt", "invoice"][self.rng.below(3)].to_owned();
        let command = if self.rng.chance(70) {
            let source = format!("# Hello {{{{ name }}}}\n\nVersion {}", self.rng.below(3));
            papers::PutTemplate { name, source, expected_version: None }.into()
        } else {
            papers::DeleteTemplate { name, expected_version: None }.into()
        };
        self.send::<pdf::Pdf>(&administrator(), command).map(|_| ())
    }

    /// The name of a mail of `users`, and the link in it.
    pub fn read_account_mail(
        &mut self,
        effect: users::Effect,
        at: usize,
        row: u64,
    ) -> (String, Option<(MailLink, bool)>) {
        let mut link = |kind: &str, user: UserId, until: Timestamp, last: &str| {
            if !self.accounts.users.contains(&user) {
                self.accounts.users.push(user);
            }
            let tag = self.account_links.tag(&[kind, &user.to_string(), &until.seconds().to_string(), last]);
            Some((MailLink { user, until, tag_hash: MailLink::tag_hash(&tag) }, kind == "reset"))
        };
        match effect {
            users::Effect::MailVerification { user, email, until } => {
                (format!("{user}.{}.verification", until.seconds()), link("verify", user, until, &email))
            }
            users::Effect::MailReset { user, until, epoch, .. } => {
                (format!("{user}.{}.reset", until.seconds()), link("reset", user, until, &epoch.to_string()))
            }
            users::Effect::MailAlreadyRegistered { .. } => (format!("{at}:{row}.registered"), None),
            users::Effect::MailEmailChange { user, email, until, epoch } => (
                format!("{user}.{}.email-change", until.seconds()),
                link("email", user, until, &format!("{epoch} {email}")),
            ),
            users::Effect::MailNotice { .. } => (format!("{at}:{row}.notice"), None),
        }
    }
}
