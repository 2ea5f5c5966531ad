//! Delivery to an SMTP server.

use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::error::{SendError, SettingsError};
use crate::settings::{Encryption, Smtp};

pub(crate) type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Creates a transport. Does not connect yet.
pub(crate) fn transport(settings: &Smtp) -> Result<Transport, SettingsError> {
    let tls = match settings.encryption {
        Encryption::None => Tls::None,
        Encryption::Starttls => Tls::Required(parameters(settings)?),
        Encryption::Tls => Tls::Wrapper(parameters(settings)?),
    };
    let timeout = Duration::from_secs(settings.timeout_secs);
    let mut builder = Transport::builder_dangerous(settings.host.clone())
        .port(settings.port())
        .tls(tls)
        .timeout(Some(timeout))
        .pool_config(PoolConfig::new().max_size(settings.connections_max.max(1)));
    match (&settings.user, &settings.password) {
        (Some(user), Some(password)) => {
            let local = matches!(settings.host.as_str(), "localhost" | "127.0.0.1" | "::1");
            if settings.encryption == Encryption::None && !local {
                return Err(SettingsError::PasswordInTheClear);
            }
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => return Err(SettingsError::HalfCredentials),
    }
    if let Some(name) = &settings.hello_name {
        builder = builder.hello_name(ClientId::Domain(name.clone()));
    }
    Ok(builder.build())
}

fn parameters(settings: &Smtp) -> Result<TlsParameters, SettingsError> {
    let mut builder = TlsParameters::builder(settings.host.clone());
    if let Some(pem) = &settings.root_ca {
        // The library silently accepts text without a certificate.
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(SettingsError::RootCa("it contains no certificate".to_owned()));
        }
        let root = Certificate::from_pem(pem.as_bytes())
            .map_err(|error| SettingsError::RootCa(error.to_string()))?;
        builder = builder.add_root_certificate(root);
    }
    builder.build().map_err(|error| SettingsError::Tls(error.to_string()))
}

/// Sends one mail.
pub(crate) async fn send(transport: &Transport, message: Message) -> Result<(), SendError> {
    match transport.send(message).await {
        Ok(_) => Ok(()),
        Err(error) => Err(classify(&error)),
    }
}

/// Classifies an error as permanent or transient. The server's text may contain addresses, so only its codes are
/// included.
fn classify(error: &smtp::Error) -> SendError {
    let Some(code) = error.status() else {
        let what = if error.is_timeout() {
            "the server did not respond in time"
        } else if error.is_tls() {
            "cannot establish a TLS connection to the server"
        } else if error.is_response() {
            "the server sent an invalid SMTP response"
        } else if error.is_client() {
            "the server lacks a feature that the mail requires"
        } else {
            "cannot connect to the server"
        };
        return SendError::Transient(what.to_owned());
    };
    let code = u16::from(code);
    let detail = std::error::Error::source(error).and_then(|source| enhanced_code(&source.to_string()));
    let reason = match detail {
        Some(detail) => format!("the server responded {code} {detail}"),
        None => format!("the server responded {code}"),
    };
    if refuses_message(code) { SendError::Permanent(reason) } else { SendError::Transient(reason) }
}

/// Codes that permanently refuse this mailbox or this content. Other codes above 500 concern commands, encryption or
/// authentication: these can be fixed in the settings while the mail is retried.
fn refuses_message(code: u16) -> bool {
    matches!(code, 510 | 511 | 521 | 523 | 541 | 550..=556 | 571)
}

/// The first enhanced status code (RFC 3463) in a text, such as `5.1.1`.
fn enhanced_code(text: &str) -> Option<String> {
    text.split([' ', '\r', '\n', ':']).find(|word| is_enhanced(word)).map(str::to_owned)
}

fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 3
        && matches!(parts[0], "2" | "4" | "5")
        && parts
            .iter()
            .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permanent_and_transient_codes_are_distinguished() {
        assert!(refuses_message(550) && refuses_message(554));
        for code in [421, 450, 451, 452, 500, 501, 502, 503, 530, 534, 535, 538] {
            assert!(!refuses_message(code), "{code}");
        }
        assert_eq!(enhanced_code("5.1.1 <bob@x.example> unknown").as_deref(), Some("5.1.1"));
        assert_eq!(enhanced_code("see 10.0.0.1 or 1.2.3"), None);
    }

    #[test]
    fn invalid_settings_are_refused() {
        let half = Smtp { user: Some("u".into()), ..Smtp::new("mail.example") };
        assert_eq!(transport(&half).err(), Some(SettingsError::HalfCredentials));
        let clear = Smtp {
            user: Some("u".into()),
            password: Some("p".into()),
            encryption: Encryption::None,
            ..Smtp::new("mail.example")
        };
        assert_eq!(transport(&clear).err(), Some(SettingsError::PasswordInTheClear));
        let no_ca = Smtp { root_ca: Some("nonsense".into()), ..Smtp::new("mail.example") };
        assert!(matches!(transport(&no_ca).err(), Some(SettingsError::RootCa(_))));
        assert!(!format!("{:?}", Smtp { password: Some("hunter2".into()), ..clear }).contains("hunter2"));
    }
}
