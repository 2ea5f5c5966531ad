//! Effects: mails to account holders. The mails contain no user input, so that the registration form cannot be used to
//! send text to other people.

mod notice;

use contracts::UserId;
use contracts::users::{Command, MailLink};
use group::{EffectContext, Effects, Outcome};
use mail::{Address, Mailer, Message, SendError};
use protocol::Timestamp;
use render::Renderer;
use serde::Serialize;
use token::LinkKey;

use crate::links::{email_change_parts, reset_parts, tag, verification_parts};
use crate::service::{Effect, Users};

/// Mail templates, each as text and as HTML.
pub const TEMPLATES: &[(&str, &str)] = &[
    ("verification.txt", include_str!("../templates/verification.txt")),
    ("verification.html", include_str!("../templates/verification.html")),
    ("reset.txt", include_str!("../templates/reset.txt")),
    ("reset.html", include_str!("../templates/reset.html")),
    ("registered.txt", include_str!("../templates/registered.txt")),
    ("registered.html", include_str!("../templates/registered.html")),
    ("email-change.txt", include_str!("../templates/email-change.txt")),
    ("email-change.html", include_str!("../templates/email-change.html")),
    ("notice.txt", include_str!("../templates/notice.txt")),
    ("notice.html", include_str!("../templates/notice.html")),
    ("mail.html", include_str!("../templates/mail.html")),
];

/// Performs the effects of this service: sends mails.
#[derive(Debug)]
pub struct UserEffects {
    mailer: Mailer,
    renderer: Renderer,
    links: LinkKey,
    from: Address,
    brand: String,
    public_url: String,
}

#[derive(Serialize)]
struct TemplateData<'a> {
    brand: &'a str,
    public_url: &'a str,
    link: String,
    /// For notices only.
    text: &'a str,
    advice: &'a str,
    label: &'a str,
}

/// The content of one mail.
struct Content<'a> {
    /// The name of the template, without its ending.
    template: &'a str,
    subject: &'a str,
    link: String,
    /// What a notice says: text, advice, label of the link.
    notice: [&'a str; 3],
}

impl UserEffects {
    /// `public_url` has no trailing slash. `links` must use the same key as the service.
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

    fn email_change_link(&self, user: UserId, email: &str, until: Timestamp, epoch: u32) -> String {
        let tag = tag(&self.links, &email_change_parts(user, until, epoch, email));
        format!("{}/verify-email?token={}", self.public_url, MailLink::token(user, until, &tag))
    }

    async fn send(
        &self,
        name: &str,
        to: &str,
        template: &str,
        subject: &str,
        link: String,
    ) -> Outcome<Command> {
        self.send_content(name, to, Content { template, subject, link, notice: [""; 3] }).await
    }

    async fn send_content(&self, name: &str, to: &str, content: Content<'_>) -> Outcome<Command> {
        let Content { template, subject, link, notice: [text, advice, label] } = content;
        let data =
            TemplateData { brand: &self.brand, public_url: &self.public_url, link, text, advice, label };
        let rendered = self
            .renderer
            .render(&format!("{template}.txt"), &data)
            .and_then(|text| Ok((text, self.renderer.render(&format!("{template}.html"), &data)?)));
        let (text, html) = match rendered {
            Ok(rendered) => rendered,
            Err(error) => return Outcome::Poison(error.to_string()),
        };
        let Ok(to) = Address::new("", to) else {
            // The address passed `check_email`, but the mail library refuses it: no mail can be delivered.
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

impl Effects<Users> for UserEffects {
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
                self.send(&format!("{user}.{}", until.seconds()), &email, "reset", "Set a new password", link)
                    .await
            }
            Effect::MailAlreadyRegistered { email } => {
                let link = format!("{}/sign-in", self.public_url);
                self.send(&context.id, &email, "registered", "You already have an account", link).await
            }
            Effect::MailEmailChange { user, email, until, epoch } => {
                let link = self.email_change_link(user, &email, until, epoch);
                let subject = "Please confirm your new address";
                self.send(&format!("{user}.{}", until.seconds()), &email, "email-change", subject, link).await
            }
            Effect::MailNotice { email, notice } => {
                let notice = notice::text_of(&notice);
                let content = Content {
                    template: "notice",
                    subject: notice.subject,
                    link: format!("{}{}", self.public_url, notice.path),
                    notice: [&notice.text, notice.advice, notice.label],
                };
                self.send_content(&context.id, &email, content).await
            }
        }
    }
}
