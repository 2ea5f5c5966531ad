//! Verification of email addresses.

use contracts::users::{MailLink, Refusal, VerifyEmail};
use group::Turn;
use token::LinkKey;

use super::{MAIL_INTERVAL_SECS, VERIFICATION, VERIFICATION_SECS, open_account, own_account};
use crate::links::{tag, verification_parts};
use crate::service::{Effect, Users};
use crate::state::ACCOUNTS;

/// Verifies the address of an account. Repeating it is not an error.
pub(crate) fn verify_email(
    turn: &mut Turn<'_, Users>,
    links: &LinkKey,
    request: &VerifyEmail,
) -> Result<(), Refusal> {
    let link = &request.link;
    let mut account = open_account(turn, link.user).map_err(|_| Refusal::BadLink)?;
    let expected = tag(links, &verification_parts(link.user, link.until, &account.email));
    if link.until <= turn.now() || MailLink::tag_hash(&expected) != link.tag_hash {
        return Err(Refusal::BadLink);
    }
    if !account.verified {
        account.verified = true;
        account.version += 1;
        turn.put(&ACCOUNTS, &link.user, &account);
    }
    Ok(())
}

/// Sends the verification mail again, unless one was sent recently.
pub(crate) fn resend_verification(turn: &mut Turn<'_, Users>) -> Result<(), Refusal> {
    let (user, mut account) = own_account(turn)?;
    let now = turn.now();
    if !account.verified && now >= account.mailed_at[VERIFICATION].plus_secs(MAIL_INTERVAL_SECS) {
        account.mailed_at[VERIFICATION] = now;
        turn.put(&ACCOUNTS, &user, &account);
        let until = now.plus_secs(VERIFICATION_SECS);
        turn.effect(user.0, &Effect::MailVerification { user, email: account.email, until });
    }
    Ok(())
}
