//! Tags of the links in mails.

use contracts::UserId;
use protocol::Timestamp;
use token::LinkKey;

/// The tagged parts of a verification link. The link is valid for this email address only.
pub(crate) fn verification_parts(user: UserId, until: Timestamp, email: &str) -> [String; 4] {
    ["verify".to_owned(), user.to_string(), until.seconds().to_string(), email.to_owned()]
}

/// The tagged parts of a link that changes the email address. The link is valid for this address and this epoch only.
pub(crate) fn email_change_parts(user: UserId, until: Timestamp, epoch: u32, email: &str) -> [String; 4] {
    let until = until.seconds().to_string();
    ["email".to_owned(), user.to_string(), until, format!("{epoch} {email}")]
}

/// The tagged parts of a reset link. The link is valid for this epoch only.
pub(crate) fn reset_parts(user: UserId, until: Timestamp, epoch: u32) -> [String; 4] {
    ["reset".to_owned(), user.to_string(), until.seconds().to_string(), epoch.to_string()]
}

/// The tag of the parts of a link.
pub(crate) fn tag(links: &LinkKey, parts: &[String; 4]) -> String {
    links.tag(&parts.each_ref().map(String::as_str))
}
