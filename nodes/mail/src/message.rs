//! A mail that is ready to be sent.

use lettre::message::header::ContentType;
use lettre::message::{Attachment as Part, Body, MultiPart, SinglePart};

use crate::address::{Address, one_line};
use crate::error::SendError;

/// Maximum total length of attachments, in bytes. Servers commonly accept 25 MB, base64 included.
const ATTACHMENT_BYTES_MAX: usize = 15 << 20;
/// Maximum length of a subject. Longer subjects are truncated.
const SUBJECT_CHARS_MAX: usize = 200;
/// Maximum number of recipients.
const RECIPIENTS_MAX: usize = 20;

/// A rendered and addressed mail, identified by its Message-ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Recipient.
    pub to: Address,
    /// Carbon copies.
    pub cc: Vec<Address>,
    /// Sender.
    pub from: Address,
    /// Address for replies, if other than `from`.
    pub reply_to: Option<Address>,
    /// Subject, one line.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part. Empty for none.
    pub html: String,
    /// Attachments.
    pub attachments: Vec<Attachment>,
    /// Message-ID, `local@domain` without angle brackets, made of letters, digits and `.-_+=`. The same for every
    /// attempt to send the mail.
    pub message_id: String,
}

/// A file attached to a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// Content type, such as `application/pdf` or `text/calendar; method=PUBLISH`.
    pub content_type: String,
    /// Content.
    pub bytes: Vec<u8>,
}

impl Message {
    /// Builds the RFC 5322 message with its envelope.
    pub(crate) fn build(&self) -> Result<lettre::Message, SendError> {
        let refuse = |reason: &str| SendError::Permanent(reason.to_owned());
        if !valid_id(&self.message_id) {
            return Err(refuse("the Message-ID is not of the form local@domain"));
        }
        if self.cc.len() >= RECIPIENTS_MAX {
            return Err(refuse("too many recipients"));
        }
        if self.attachments.iter().map(|file| file.bytes.len()).sum::<usize>() > ATTACHMENT_BYTES_MAX {
            return Err(refuse("the attachments are too large"));
        }
        let mailbox = |address: &Address, whose: &str| {
            address.mailbox().map_err(|_| refuse(&format!("{whose} is not a mail address")))
        };
        let mut builder = lettre::Message::builder()
            .message_id(Some(format!("<{}>", self.message_id)))
            .from(mailbox(&self.from, "from")?)
            .to(mailbox(&self.to, "to")?)
            .subject(one_line(&self.subject, SUBJECT_CHARS_MAX));
        for copy in &self.cc {
            builder = builder.cc(mailbox(copy, "cc")?);
        }
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(mailbox(reply_to, "reply_to")?);
        }
        // Marks the mail as sent by a program, so that other programs do not reply to it (RFC 3834).
        let builder = builder.raw_header(lettre::message::header::HeaderValue::new(
            lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
        self.body(builder)
    }

    fn body(&self, builder: lettre::message::MessageBuilder) -> Result<lettre::Message, SendError> {
        let text = SinglePart::plain(self.text.clone());
        let built = match (self.html.is_empty(), self.attachments.is_empty()) {
            (true, true) => builder.singlepart(text),
            (false, true) => builder.multipart(self.alternative()),
            (no_html, false) => {
                let mixed = MultiPart::mixed();
                let mixed =
                    if no_html { mixed.singlepart(text) } else { mixed.multipart(self.alternative()) };
                let files = self.attachments.iter().map(Attachment::part).collect::<Result<Vec<_>, _>>()?;
                builder.multipart(files.into_iter().fold(mixed, MultiPart::singlepart))
            }
        };
        built.map_err(|error| SendError::Permanent(format!("the mail cannot be built: {error}")))
    }

    fn alternative(&self) -> MultiPart {
        MultiPart::alternative_plain_html(self.text.clone(), self.html.clone())
    }
}

impl Attachment {
    fn part(&self) -> Result<SinglePart, SendError> {
        let content_type = ContentType::parse(&self.content_type);
        let content_type = content_type.ok().filter(|_| !self.content_type.chars().any(char::is_control));
        let refuse = || SendError::Permanent("an attachment has an invalid content type".to_owned());
        let content_type = content_type.ok_or_else(refuse)?;
        let name = one_line(&self.name, 120).replace(['/', '\\', '"', ':'], "-");
        let name = if name.trim_matches('.').is_empty() { "attachment".to_owned() } else { name };
        Ok(Part::new(name).body(Body::new(self.bytes.clone()), content_type))
    }
}

/// Whether an id is safe in a header and in a file name.
fn valid_id(id: &str) -> bool {
    let valid = |part: &str, more: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    id.len() <= 200
        && id.split_once('@').is_some_and(|(local, domain)| valid(local, ".-_+=") && valid(domain, ".-"))
}

#[cfg(test)]
mod tests {
    use super::valid_id;

    #[test]
    fn ids_outside_the_fixed_alphabet_are_invalid() {
        for id in ["rsv_1.confirmation@hotel.example", "a@b"] {
            assert!(valid_id(id), "{id}");
        }
        for id in ["", "a", "@b", "a@", "<a@b>", "a b@c", "a@b\r\nX: y", "a/../b@c", "a@b@c", "ł@b"] {
            assert!(!valid_id(id), "{id:?}");
        }
    }
}
