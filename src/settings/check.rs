//! What is wrong in a settings file, by line.

mod nodes;

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

/// A file's text, and what is wrong in it so far.
struct Complaints<'a> {
    text: &'a str,
    found: Vec<Complaint>,
}

impl Complaints<'_> {
    /// About `key` in `[table]`.
    fn add(&mut self, table: &str, key: &str, words: &str) {
        let line = line_of_key(self.text, table, key);
        self.found.push(Complaint { line, text: format!("`{key}` {words}") });
    }

    /// About `[table]` itself.
    fn add_table(&mut self, table: &str, words: &str) {
        let line = line_of_key(self.text, table, "");
        let name = table.rsplit('.').next().unwrap_or(table);
        self.found.push(Complaint { line, text: format!("`{name}` {words}") });
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
    let mut complaints = Complaints { text, found: Vec::new() };
    one_machine(&settings, &mut complaints);
    services(&settings, &mut complaints);
    nodes::check(&settings, &mut complaints);
    complaints.found
}

/// The same for those who ask: also what only nodes need, where there are some. (`auberge serve` passes them by.)
pub fn check_all(text: &str) -> Vec<Complaint> {
    let mut complaints = Complaints { text, found: check(text) };
    if let Ok(settings) = toml::from_str::<Settings>(text) {
        let said = |key: &str| std::env::var_os(format!("AUBERGE_PAYMENTS__{key}")).is_some();
        let missing = settings.payments.base_url.is_none() && !said("BASE_URL") && !said("BASE_URL_FILE");
        if settings.payments.bank == Some(Bank::Sandbox) && !settings.nodes.is_empty() && missing {
            let words = "is sandbox, which nodes share: start it with `auberge bank`, and put what it prints here \
                         (`base_url` and its secrets)";
            complaints.add("payments", "bank", words);
        }
    }
    complaints.found
}

/// What is wrong in it as far as it is the cluster's: not what only a node needs, whose secrets are not here.
pub fn check_cluster(text: &str) -> Vec<Complaint> {
    let settings = match toml::from_str::<Settings>(text) {
        Ok(settings) => settings,
        Err(_) => return check(text),
    };
    let mut complaints = Complaints { text, found: Vec::new() };
    services(&settings, &mut complaints);
    nodes::check_cluster(&settings, &mut complaints);
    complaints.found
}

fn one_machine(settings: &Settings, complaints: &mut Complaints<'_>) {
    if settings.mail.transport == MailTransport::Smtp && settings.mail.host.is_none() {
        complaints.add("mail", "transport", "is smtp: say which server, with `host`");
    }
    if settings.mail.user.is_some() && settings.mail.encryption == super::Encryption::None {
        let words = "would send its password in the open: set `encryption` to starttls or tls";
        complaints.add("mail", "user", words);
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
                complaints.add("payments", "bank", &format!("is stripe: say its `{key}`"));
            }
        }
    }
    if let Some(url) = &settings.http.public_url
        && !(url.starts_with("https://") || url.starts_with("http://"))
    {
        complaints.add("http", "public_url", "begins with https:// (or http:// on loopback)");
    }
    if settings.http.certificate.is_some() != settings.http.certificate_key.is_some() {
        complaints.add("http", "certificate", "and `certificate_key` come together");
    }
    if speaks_plainly(settings) && !settings.http.address.ip().is_loopback() {
        complaints.add("http", "address", NOT_ON_LOOPBACK);
    }
    if settings.reservations.hold_secs == 0 {
        complaints.add("reservations", "hold_secs", "is at least 1: nobody could pay");
    }
}

fn services(settings: &Settings, complaints: &mut Complaints<'_>) {
    for (name, service) in &settings.services {
        let table = format!("services.{name}");
        if name == directory::SERVICE {
            if service.shards != 1 {
                complaints.add(&table, "shards", "is 1: there is one directory");
            }
            continue;
        }
        if !crate::services::NAMES.contains(&name.as_str()) {
            let words = format!("is no service; there are {}", crate::services::NAMES.join(", "));
            complaints.add_table(&table, &words);
        }
        if !(1..=64).contains(&service.shards) {
            complaints.add(&table, "shards", "is 1 to 64");
        }
    }
}

const NOT_ON_LOOPBACK: &str =
    "is not on loopback: set `certificate` and `certificate_key`, or `behind_proxy`";

fn speaks_plainly(settings: &Settings) -> bool {
    settings.http.certificate.is_none() && !settings.http.behind_proxy
}

fn line_of(text: &str, offset: usize) -> usize {
    text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1)
}

/// The line of `key = …` within `[table]`, or that of the table's head.
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
    fn complaints_name_the_line() {
        let node = "[http]\npublic_url = \"https://inn.example\"\n[nodes.n1]\ncertificates = \"x\"\n";
        let of_node = |more: &str| format!("{node}{more}");
        let table = [
            ("[http]\naddress = \"127.0.0.1:80\"\n".to_owned(), None),
            ("[http]\naddres = \"127.0.0.1:80\"\n".to_owned(), Some((2, "unknown field `addres`"))),
            ("[http]\naddress = \"nowhere\"\n".to_owned(), Some((2, "invalid socket address"))),
            ("[mail]\n\ntransport = \"smtp\"\n".to_owned(), Some((3, "say which server"))),
            (
                "[payments]\nbank = \"stripe\"\nsecret_key = \"k\"\nwebhook_secret = \"w\"\n".to_owned(),
                Some((2, "base_url")),
            ),
            ("[http]\naddress = \"0.0.0.0:80\"\n".to_owned(), Some((2, "not on loopback"))),
            ("[services.reservation]\nshards = 2\n".to_owned(), Some((1, "is no service"))),
            ("[services.reservations]\nshards = 0\n".to_owned(), Some((2, "1 to 64"))),
            ("[reservations]\nhold_secs = 0\n".to_owned(), Some((2, "at least 1"))),
            ("[http\n".to_owned(), Some((1, ""))),
            (of_node(""), None),
            (of_node("link = \"here\"\n"), Some((5, "invalid socket address"))),
            (of_node("http = \"0.0.0.0:80\"\n"), Some((5, "not on loopback"))),
            (of_node("advertise = \"inn\"\n"), Some((5, "host:port"))),
            (of_node("[nodes.N2]\ncertificates = \"x\"\n"), Some((5, "a-z, 0-9"))),
            (of_node("[nodes.n2]\nlink = \"127.0.0.1:7401\"\n"), Some((5, "auberge cert node"))),
            (of_node("[nodes.n2]\ncertificates = \"y\"\n"), Some((5, "n1 listens there too"))),
            (of_node("[cluster]\nname = \"Inn\"\n"), Some((6, "a-z, 0-9"))),
            (of_node("[cluster]\nreplicas = 2\n"), Some((6, "1, 3, 5 or 7"))),
            (of_node("[cluster]\nreplace_after = \"5 d\"\n"), Some((6, "write 90s, 5m or 2h"))),
            (of_node("[cluster]\ninsecure = true\n"), Some((6, "certificates"))),
            (of_node("[cluster]\nseeds = [{ name = \"n1\", address = \"x\" }]\n"), Some((6, "host:port"))),
            (of_node("[services.pdf]\nonly_on = [\"big\"]\n"), Some((6, "no node has the label"))),
            (of_node("[services.pdf]\nnever_with = [\"pdfs\"]\n"), Some((6, "is no service"))),
            (of_node("[services.pdf]\nreplicas = 4\n"), Some((6, "1, 3, 5 or 7"))),
            ("[nodes.n1]\ncertificates = \"x\"\n".to_owned(), Some((1, "public_url"))),
        ];
        for (text, expected) in table {
            let complaints = check(&text);
            match expected {
                None => assert_eq!(complaints, [], "{text}"),
                Some((line, words)) => {
                    assert_eq!(
                        complaints.first().and_then(|found| found.line),
                        Some(line),
                        "{text}: {complaints:?}"
                    );
                    assert!(complaints[0].text.contains(words), "{text}: {complaints:?}");
                }
            }
        }
    }

    #[test]
    fn nodes_need_a_bank_that_they_share() {
        let nodes = "[http]\npublic_url = \"https://inn.example\"\n[nodes.n1]\ncertificates = \"x\"\n";
        let bank = "[payments]\nbank = \"sandbox\"\n";
        assert_eq!(super::check_all(bank), [], "alone it opens its own");
        let both = format!("{nodes}{bank}");
        assert_eq!(check(&both), [], "`serve` may go by it");
        let complaints = super::check_all(&both);
        assert_eq!((complaints.len(), complaints[0].line), (1, Some(6)), "{complaints:?}");
        assert!(complaints[0].text.contains("auberge bank"), "{complaints:?}");
        assert_eq!(super::check_all(&format!("{both}base_url = \"http://127.0.0.1:1\"\n")), []);
    }

    #[test]
    fn the_sample_is_right() {
        assert_eq!(check(include_str!("../../cluster.toml")), []);
    }
}
