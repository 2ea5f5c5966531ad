//! The mailer that the settings describe.

use std::path::Path;

use anyhow::Context;
use mail::{Address, Mailer};

use crate::settings::{self, MailTransport, Settings};

/// The mailer: an SMTP server, or a folder of files.
///
/// # Errors
/// When a required setting is missing, or a certificate cannot be read.
pub fn mailer(settings: &Settings, data: &Path) -> anyhow::Result<Mailer> {
    let mail = &settings.mail;
    let to = match mail.transport {
        MailTransport::Files => mail::Settings::Directory { path: folder(settings, data) },
        MailTransport::Smtp => {
            let host = mail.host.clone().context("mail.host is needed with transport = \"smtp\"")?;
            let read = |path: &std::path::PathBuf| {
                std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
            };
            mail::Settings::Smtp(mail::Smtp {
                port: mail.port,
                encryption: match mail.encryption {
                    settings::Encryption::Starttls => mail::Encryption::Starttls,
                    settings::Encryption::Tls => mail::Encryption::Tls,
                    settings::Encryption::None => mail::Encryption::None,
                },
                user: mail.user.clone(),
                password: mail.password.clone(),
                root_ca: mail.root_ca.as_ref().map(read).transpose()?,
                ..mail::Smtp::new(host)
            })
        }
    };
    Mailer::new(&to).context("mail")
}

/// The folder for mails that are written to files.
pub fn folder(settings: &Settings, data: &Path) -> std::path::PathBuf {
    settings.mail.folder.clone().unwrap_or_else(|| data.join("outbox"))
}

/// Parses `Name <address>`, or an address alone.
///
/// # Errors
/// When it is neither.
pub fn address(text: &str) -> anyhow::Result<Address> {
    let (name, email) = match text.trim().rsplit_once('<') {
        Some((name, email)) => (name, email.strip_suffix('>').context("mail.from has no `>`")?),
        None => ("", text),
    };
    Address::new(name.trim(), email.trim()).with_context(|| format!("mail.from, `{text}`"))
}

/// The host of a URL, as the domain of a mail address: `inn.example` of `https://inn.example:8443/x`. A host that is no
/// domain gives `auberge.example`.
pub fn host_of(url: &str) -> &str {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    if host.contains('.') && !host.starts_with(|c: char| c.is_ascii_digit()) {
        host
    } else {
        "auberge.example"
    }
}
