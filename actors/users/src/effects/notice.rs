//! The texts of the mails about changes of an account. They contain nothing that a user typed.

use crate::service::Notice;

/// The texts of a notice.
pub(super) struct NoticeText {
    pub subject: &'static str,
    /// What has changed.
    pub text: String,
    /// What to do if the owner did not make the change.
    pub advice: &'static str,
    /// The page that the advice refers to.
    pub path: &'static str,
    /// The label of the link.
    pub label: &'static str,
}

/// For changes that only somebody with the password can make.
const SET_PASSWORD: (&str, &str, &str) = (
    "If you did not do this, somebody knows your password: please set a new one now.",
    "/password-reset",
    "Set a new password",
);

/// The texts of a notice.
pub(super) fn text_of(notice: &Notice) -> NoticeText {
    let (advice, path, label) = SET_PASSWORD;
    let by_owner = |subject, text: &str| NoticeText { subject, text: text.to_owned(), advice, path, label };
    match notice {
        Notice::PasswordChanged => NoticeText {
            advice: "If you did not do this, please set a new password now.",
            ..by_owner(
                "Your password was changed",
                "The password of your account was changed, and all devices were signed out.",
            )
        },
        Notice::EmailChangeRequested => by_owner(
            "A new email address was requested",
            "A new email address was requested for your account. Your address stays the same until the new one is confirmed.",
        ),
        Notice::EmailChanged => NoticeText {
            advice: "This address is no longer used for your account. If you did not do this, please write to us.",
            path: "/",
            label: "Visit our website",
            ..by_owner(
                "Your email address was changed",
                "The email address of your account was changed, and all devices were signed out.",
            )
        },
        Notice::RolesChanged { administrator, hotels, all_hotels } => NoticeText {
            subject: "Your permissions were changed",
            text: format!(
                "The permissions of your account were changed. You are now {}. Please sign in again.",
                roles(*administrator, *hotels, *all_hotels)
            ),
            advice: "If you did not expect this, please ask your administrator.",
            path: "/sign-in",
            label: "Sign in",
        },
        Notice::AccountClosed => NoticeText {
            advice: "Your bookings remain valid: the links in our emails still open them. If you did not do this, please write to us.",
            path: "/",
            label: "Visit our website",
            ..by_owner(
                "Your account is closed",
                "Your account was closed. We have deleted your name and your email address from it.",
            )
        },
    }
}

fn roles(administrator: bool, hotels: u16, all_hotels: bool) -> String {
    match (administrator, all_hotels, hotels) {
        (true, ..) => "an administrator".to_owned(),
        (false, true, _) => "a member of staff of all hotels".to_owned(),
        (false, false, 0) => "a guest, without further permissions".to_owned(),
        (false, false, 1) => "a member of staff of one hotel".to_owned(),
        (false, false, many) => format!("a member of staff of {many} hotels"),
    }
}
