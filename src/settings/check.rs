//! What is wrong in a settings file, by line.

use super::{Bank, MailTransport, Settings};

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Counted from 1; none when it is about the file as a whole.
    pub line: Option<usize>,
    /// What, and what to do about it.
    pub text: String,
}

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Everything wrong in the text of a settings file.
pub fn check(text: &str) -> Vec<Complaint> {
    let settings = match toml::from_str::<Settings>(text) {
        Ok(settings) => settings,
        Err(error) => {
            let line = error.span().map(|span| line_of(text, span.start));
            return vec![Complaint { line, text: error.message().to_owned() }];
        }
    };
    let mut complaints = Vec::new();
    let mut complain = |key: &str, words: &str| {
        complaints.push(Complaint { line: line_of_key(text, key), text: format!("`{key}` {words}") });
    };
    if settings.mail.transport == MailTransport::Smtp && settings.mail.host.is_none() {
        complain("transport", "is smtp: say which server, with `host`");
    }
    if settings.mail.user.is_some() && settings.mail.encryption == super::Encryption::None {
        complain("user", "would send its password in the open: set `encryption` to starttls or tls");
    }
    if settings.payments.bank == Some(Bank::Stripe) {
        for (key, value) in [
            ("base_url", &settings.payments.base_url),
            ("secret_key", &settings.payments.secret_key),
            ("webhook_secret", &settings.payments.webhook_secret),
        ] {
            if value.is_none()
                && std::env::var_os(format!("AUBERGE_PAYMENTS__{}_FILE", key.to_uppercase())).is_none()
            {
                complain("bank", &format!("is stripe: say its `{key}`"));
            }
        }
    }
    if let Some(url) = &settings.http.public_url
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        complain("public_url", "begins with https:// (or http:// on loopback)");
    }
    if settings.http.certificate.is_some() != settings.http.certificate_key.is_some() {
        complain("certificate", "and `certificate_key` come together");
    }
    let plain = settings.http.certificate.is_none() && !settings.http.behind_proxy;
    if plain && !settings.http.address.ip().is_loopback() {
        complain("address", "is not on loopback: set `certificate` and `certificate_key`, or `behind_proxy`");
    }
    if settings.reservations.hold_secs == 0 {
        complain("hold_secs", "is at least 1: nobody could pay");
    }
    for (name, service) in &settings.services {
        if !crate::services::NAMES.contains(&name.as_str()) {
            complain(name, &format!("is no service; there are {}", crate::services::NAMES.join(", ")));
        }
        if !(1..=64).contains(&service.shards) {
            complain("shards", "is 1 to 64");
        }
    }
    complaints
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}

fn line_of_key(text: &str, key: &str) -> Option<usize> {
    let named = |line: &str| {
        let line = line.trim_start().trim_start_matches('[');
        let line = line.strip_prefix("services.").unwrap_or(line);
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(['=', ']']))
    };
    text.lines().position(named).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn complaints_name_the_line() {
        let table = [
            ("[http]\naddress = \"127.0.0.1:80\"\n", None),
            ("[http]\naddres = \"127.0.0.1:80\"\n", Some((2, "unknown field `addres`"))),
            ("[http]\naddress = \"nowhere\"\n", Some((2, "invalid socket address"))),
            ("[mail]\n\ntransport = \"smtp\"\n", Some((3, "say which server"))),
            (
                "[payments]\nbank = \"stripe\"\nsecret_key = \"k\"\nwebhook_secret = \"w\"\n",
                Some((2, "base_url")),
            ),
            ("[http]\naddress = \"0.0.0.0:80\"\n", Some((2, "not on loopback"))),
            ("[services.reservation]\nshards = 2\n", Some((1, "is no service"))),
            ("[services.reservations]\nshards = 0\n", Some((2, "1 to 64"))),
            ("[reservations]\nhold_secs = 0\n", Some((2, "at least 1"))),
            ("[http\n", Some((1, ""))),
        ];
        for (text, expected) in table {
            let complaints = check(text);
            match expected {
                None => assert_eq!(complaints, [], "{text}"),
                Some((line, words)) => {
                    assert_eq!(complaints[0].line, Some(line), "{text}: {complaints:?}");
                    assert!(complaints[0].text.contains(words), "{text}: {complaints:?}");
                }
            }
        }
    }
}
