//! Mails to account holders. They contain nothing that anybody typed (`security`): a registration form must not be a way
//! to write to strangers.

use contracts::UserId;
use contracts::users::{Command, MailLink};
use group::{EffectContext, Effects, Outcome};
use mail::{Address, Mailer, Message, SendError};
use protocol::Timestamp;
use render::Renderer;
use serde::Serialize;
use token::LinkKey;

use crate::service::{Effect, Users, reset_parts, tag, verification_parts};

/// The mails' templates, each as text and as HTML.
pub const TEMPLATES: &[(&str, &str)] = &[
    ("verification.txt", include_str!("../templates/verification.txt")),
    ("verification.html", include_str!("../templates/verification.html")),
    ("reset.txt", include_str!("../templates/reset.txt")),
    ("reset.html", include_str!("../templates/reset.html")),
    ("registered.txt", include_str!("../templates/registered.txt")),
    ("registered.html", include_str!("../templates/registered.html")),
    ("mail.html", include_str!("../templates/mail.html")),
];

/// What is needed to write to account holders.
#[derive(Debug)]
pub struct MailRoom {
    mailer: Mailer,
    renderer: Renderer,
    links: LinkKey,
    from: Address,
    brand: String,
    public_url: String,
}

#[derive(Serialize)]
struct Words<'a> {
    brand: &'a str,
    public_url: &'a str,
    link: String,
}

impl MailRoom {
    /// `public_url` without a slash at its end; `links` of the same key as the service's.
    ///
    /// # Errors
    /// When a template does not compile.
    pub fn new(
        mailer: Mailer,
        links: LinkKey,
        from: Address,
        brand: String,
        public_url: String,
    ) -> Result<Self, render::RenderError> {
        Ok(Self { mailer, renderer: Renderer::builtin(TEMPLATES)?, links, from, brand, public_url })
    }

    fn verification_link(&self, user: UserId, email: &str, until: Timestamp) -> String {
        let tag = tag(&self.links, &verification_parts(user, until, email));
        format!("{}/verify-email?token={}", self.public_url, MailLink::token(user, until, &tag))
    }

    fn reset_link(&self, user: UserId, until: Timestamp, epoch: u32) -> String {
        let tag = tag(&self.links, &reset_parts(user, until, epoch));
        format!("{}/reset-password?token={}", self.public_url, MailLink::token(user, until, &tag))
    }

    async fn send(
        &self,
        name: &str,
        to: &str,
        template: &str,
        subject: &str,
        link: String,
    ) -> Outcome<Command> {
        let words = Words { brand: &self.brand, public_url: &self.public_url, link };
        let rendered = self
            .renderer
            .render(&format!("{template}.txt"), &words)
            .and_then(|text| Ok((text, self.renderer.render(&format!("{template}.html"), &words)?)));
        let (text, html) = match rendered {
            Ok(rendered) => rendered,
            Err(error) => return Outcome::Poison(error.to_string()),
        };
        let Ok(to) = Address::new("", to) else {
            // The address was plausible and mail programs know better: there is nobody to write to.
            return Outcome::Done;
        };
        let message = Message {
            to,
            cc: Vec::new(),
            from: self.from.clone(),
            reply_to: None,
            subject: format!("{subject} – {}", self.brand),
            text,
            html,
            attachments: Vec::new(),
            message_id: mail::message_id(&format!("{name}.{template}"), &self.from),
        };
        match self.mailer.send(&message).await {
            Ok(()) => Outcome::Done,
            Err(SendError::Transient(why)) => Outcome::Retry(why),
            Err(SendError::Permanent(why)) => Outcome::Poison(why),
        }
    }
}

impl Effects<Users> for MailRoom {
    async fn perform(&self, context: &EffectContext, effect: Effect) -> Outcome<Command> {
        match effect {
            Effect::MailVerification { user, email, until } => {
                let link = self.verification_link(user, &email, until);
                self.send(
                    &format!("{user}.{}", until.seconds()),
                    &email,
                    "verification",
                    "Please confirm your address",
                    link,
                )
                .await
            }
            Effect::MailReset { user, email, until, epoch } => {
                let link = self.reset_link(user, until, epoch);
                self.send(&format!("{user}.{}", until.seconds()), &email, "reset", "A new password", link)
                    .await
            }
            Effect::MailAlreadyRegistered { email } => {
                let link = format!("{}/sign-in", self.public_url);
                self.send(&context.id, &email, "registered", "You have an account already", link).await
            }
        }
    }
}
