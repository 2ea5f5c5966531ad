//! Checks a settings file, and names the line of each error.

mod nodes;

use super::{Bank, MailTransport, Settings};

/// An error in a settings file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Counted from 1; `None` if the error concerns the whole file.
    pub line: Option<usize>,
    /// The error, and how to fix it.
    pub text: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// The text of a file, and the errors found so far.
struct Findings<'a> {
    text: &'a str,
    found: Vec<Finding>,
}

impl Findings<'_> {
    /// Adds an error of `key` in `[table]`.
    fn add(&mut self, table: &str, key: &str, message: &str) {
        let line = line_of_key(self.text, table, key);
        self.found.push(Finding { line, text: format!("`{key}` {message}") });
    }

    /// Adds an error of `[table]`.
    fn add_table(&mut self, table: &str, message: &str) {
        let line = line_of_key(self.text, table, "");
        let name = table.rsplit('.').next().unwrap_or(table);
        self.found.push(Finding { line, text: format!("`{name}` {message}") });
    }
}

/// All errors in the text of a settings file.
pub fn check(text: &str) -> Vec<Finding> {
    let settings = match toml::from_str::<Settings>(text) {
        Ok(settings) => settings,
        Err(error) => {
            let line = error.span().map(|span| line_of(text, span.start));
            return vec![Finding { line, text: error.message().to_owned() }];
        }
    };
    let mut findings = Findings { text, found: Vec::new() };
    check_node(&settings, &mut findings);
    check_services(&settings, &mut findings);
    nodes::check(&settings, &mut findings);
    findings.found
}

/// All errors, those included that only `auberge node` reports and `auberge serve` ignores.
pub fn check_all(text: &str) -> Vec<Finding> {
    let mut findings = Findings { text, found: check(text) };
    if let Ok(settings) = toml::from_str::<Settings>(text) {
        let is_set = |key: &str| std::env::var_os(format!("AUBERGE_PAYMENTS__{key}")).is_some();
        let missing = settings.payments.base_url.is_none() && !is_set("BASE_URL") && !is_set("BASE_URL_FILE");
        if settings.payments.bank == Some(Bank::Sandbox) && !settings.nodes.is_empty() && missing {
            let message = "is sandbox, which the nodes share: start it with `auberge bank`, and copy the settings that it \
                         prints (`base_url` and its secrets)";
            findings.add("payments", "bank", message);
        }
    }
    findings.found
}

/// The errors in cluster-wide settings, without those that only a node needs.
pub fn check_cluster(text: &str) -> Vec<Finding> {
    let settings = match toml::from_str::<Settings>(text) {
        Ok(settings) => settings,
        Err(_) => return check(text),
    };
    let mut findings = Findings { text, found: Vec::new() };
    check_services(&settings, &mut findings);
    nodes::check_cluster(&settings, &mut findings);
    findings.found
}

fn check_node(settings: &Settings, findings: &mut Findings<'_>) {
    if settings.mail.transport == MailTransport::Smtp && settings.mail.host.is_none() {
        findings.add("mail", "transport", "is smtp: set the server with `host`");
    }
    if settings.mail.user.is_some() && settings.mail.encryption == super::Encryption::None {
        let message = "would send its password unencrypted: set `encryption` to starttls or tls";
        findings.add("mail", "user", message);
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
                findings.add("payments", "bank", &format!("is stripe: set `{key}`"));
            }
        }
    }
    if let Some(url) = &settings.http.public_url
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        findings.add("http", "public_url", "must begin with https:// (or http:// on loopback)");
    }
    if settings.http.certificate.is_some() != settings.http.certificate_key.is_some() {
        findings.add("http", "certificate", "and `certificate_key` must both be set");
    }
    if is_plain_http(settings) && !settings.http.address.ip().is_loopback() {
        findings.add("http", "address", NOT_ON_LOOPBACK);
    }
    if settings.reservations.hold.secs() == 0 {
        findings.add("reservations", "hold", "must be at least 1s: a hold must last until it is paid");
    }
}

fn check_services(settings: &Settings, findings: &mut Findings<'_>) {
    for (name, service) in &settings.services {
        let table = format!("services.{name}");
        if name == directory::SERVICE {
            if service.shards != 1 {
                findings.add(&table, "shards", "must be 1: the directory has one shard");
            }
            continue;
        }
        if !crate::services::NAMES.contains(&name.as_str()) {
            let message = format!("is not a service; the services are {}", crate::services::NAMES.join(", "));
            findings.add_table(&table, &message);
        }
        if !(1..=64).contains(&service.shards) {
            findings.add(&table, "shards", "must be 1 to 64");
        }
    }
}

const NOT_ON_LOOPBACK: &str =
    "is not on loopback: set `certificate` and `certificate_key`, or `behind_proxy`";

fn is_plain_http(settings: &Settings) -> bool {
    settings.http.certificate.is_none() && !settings.http.behind_proxy
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}

/// The line of `key = …` in `[table]`, or else of the table's header.
fn line_of_key(text: &str, table: &str, key: &str) -> Option<usize> {
    let mut inside = false;
    let mut head = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            inside = name.trim() == table;
            head = head.or(inside.then_some(at + 1));
        }
        let named = line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
        if inside && !key.is_empty() && named {
            return Some(at + 1);
        }
    }
    head
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn findings_name_the_line() {
        let node = "[http]\npublic_url = \"https://inn.example\"\n[nodes.n1]\ncertificates = \"x\"\n";
        let of_node = |more: &str| format!("{node}{more}");
        let table = [
            ("[http]\naddress = \"127.0.0.1:80\"\n".to_owned(), None),
            ("[http]\naddres = \"127.0.0.1:80\"\n".to_owned(), Some((2, "unknown field `addres`"))),
            ("[http]\naddress = \"nowhere\"\n".to_owned(), Some((2, "invalid socket address"))),
            ("[mail]\n\ntransport = \"smtp\"\n".to_owned(), Some((3, "set the server"))),
            (
                "[payments]\nbank = \"stripe\"\nsecret_key = \"k\"\nwebhook_secret = \"w\"\n".to_owned(),
                Some((2, "base_url")),
            ),
            ("[http]\naddress = \"0.0.0.0:80\"\n".to_owned(), Some((2, "not on loopback"))),
            ("[services.reservation]\nshards = 2\n".to_owned(), Some((1, "is not a service"))),
            ("[services.reservations]\nshards = 0\n".to_owned(), Some((2, "1 to 64"))),
            ("[reservations]\nhold = \"0s\"\n".to_owned(), Some((2, "at least 1"))),
            ("[http\n".to_owned(), Some((1, ""))),
            (of_node(""), None),
            (of_node("link = \"here\"\n"), Some((5, "invalid socket address"))),
            (of_node("http = \"0.0.0.0:80\"\n"), Some((5, "not on loopback"))),
            (of_node("advertise = \"inn\"\n"), Some((5, "host:port"))),
            (of_node("[nodes.N2]\ncertificates = \"x\"\n"), Some((5, "a-z, 0-9"))),
            (of_node("[nodes.n2]\nlink = \"127.0.0.1:7401\"\n"), Some((5, "auberge cert node"))),
            (of_node("[nodes.n2]\ncertificates = \"y\"\n"), Some((5, "n1 listens on it too"))),
            (of_node("[cluster]\nname = \"Inn\"\n"), Some((6, "a-z, 0-9"))),
            (of_node("[cluster]\nreplicas = 2\n"), Some((6, "1, 3, 5 or 7"))),
            (of_node("[cluster]\nreplace_after = \"5 d\"\n"), Some((6, "write 90s, 5m or 2h"))),
            (of_node("[cluster]\nreplace_after = 300\n"), Some((6, "a duration with its unit"))),
            (of_node("[cluster]\ninsecure = true\n"), Some((6, "certificates"))),
            (of_node("[cluster]\nseeds = [{ name = \"n1\", address = \"x\" }]\n"), Some((6, "host:port"))),
            (of_node("[services.pdf]\nonly_on = [\"big\"]\n"), Some((6, "no node has the label"))),
            (of_node("[services.pdf]\nnever_with = [\"pdfs\"]\n"), Some((6, "is not a service"))),
            (of_node("[services.pdf]\nreplicas = 4\n"), Some((6, "1, 3, 5 or 7"))),
            ("[nodes.n1]\ncertificates = \"x\"\n".to_owned(), Some((1, "public_url"))),
        ];
        for (text, expected) in table {
            let findings = check(&text);
            match expected {
                None => assert_eq!(findings, [], "{text}"),
                Some((line, message)) => {
                    assert_eq!(
                        findings.first().and_then(|found| found.line),
                        Some(line),
                        "{text}: {findings:?}"
                    );
                    assert!(findings[0].text.contains(message), "{text}: {findings:?}");
                }
            }
        }
    }

    #[test]
    fn nodes_need_a_bank_that_they_share() {
        let nodes = "[http]\npublic_url = \"https://inn.example\"\n[nodes.n1]\ncertificates = \"x\"\n";
        let bank = "[payments]\nbank = \"sandbox\"\n";
        assert_eq!(super::check_all(bank), [], "a single node runs its own");
        let both = format!("{nodes}{bank}");
        assert_eq!(check(&both), [], "`serve` ignores it");
        let findings = super::check_all(&both);
        assert_eq!((findings.len(), findings[0].line), (1, Some(6)), "{findings:?}");
        assert!(findings[0].text.contains("auberge bank"), "{findings:?}");
        assert_eq!(super::check_all(&format!("{both}base_url = \"http://127.0.0.1:1\"\n")), []);
    }

    #[test]
    fn the_sample_is_valid() {
        assert_eq!(check(include_str!("../../cluster.toml")), []);
    }
}
