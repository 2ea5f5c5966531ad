//! A mail that is ready to go.

use lettre::message::header::ContentType;
use lettre::message::{Attachment as Part, Body, MultiPart, SinglePart};

use crate::address::{Address, one_line};
use crate::error::SendError;

/// All attachments of a mail together, in bytes. Servers commonly take 25 MB, base64 included.
const ATTACHMENT_BYTES_MAX: usize = 15 << 20;
/// The longest subject; what is longer is cut.
const SUBJECT_CHARS_MAX: usize = 200;
/// Recipients of a mail.
const RECIPIENTS_MAX: usize = 20;

/// A mail: rendered, addressed, and named for good by its Message-ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whom it is for.
    pub to: Address,
    /// Who gets a copy.
    pub cc: Vec<Address>,
    /// Whom it is from.
    pub from: Address,
    /// Where answers go, if not to `from`.
    pub reply_to: Option<Address>,
    /// One line.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part; empty for none.
    pub html: String,
    /// Files that come along.
    pub attachments: Vec<Attachment>,
    /// `local@domain`, without angle brackets, of letters, digits and `.-_+=`: the same at each attempt to send this mail.
    pub message_id: String,
}

/// A file that comes along with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// What the reader's program calls it.
    pub name: String,
    /// `application/pdf`, `text/calendar; method=PUBLISH`.
    pub content_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Message {
    /// As bytes of RFC 5322, with its envelope.
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
        // What a program sends should not start a conversation between programs (RFC 3834).
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
        let refuse = || SendError::Permanent("an attachment's content type cannot be read".to_owned());
        let content_type = content_type.ok_or_else(refuse)?;
        let name = one_line(&self.name, 120).replace(['/', '\\', '"', ':'], "-");
        let name = if name.trim_matches('.').is_empty() { "attachment".to_owned() } else { name };
        Ok(Part::new(name).body(Body::new(self.bytes.clone()), content_type))
    }
}

/// Whether an id may stand in a header and name a file.
fn valid_id(id: &str) -> bool {
    let word = |part: &str, more: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    id.len() <= 200
        && id.split_once('@').is_some_and(|(local, domain)| word(local, ".-_+=") && word(domain, ".-"))
}

#[cfg(test)]
mod tests {
    use super::valid_id;

    #[test]
    fn ids_are_of_a_fixed_alphabet() {
        for id in ["rsv_1.confirmation@hotel.example", "a@b"] {
            assert!(valid_id(id), "{id}");
        }
        for id in ["", "a", "@b", "a@", "<a@b>", "a b@c", "a@b\r\nX: y", "a/../b@c", "a@b@c", "ł@b"] {
            assert!(!valid_id(id), "{id:?}");
        }
    }
}
