//! Checks settings, and names the line of each error.

mod files;
mod nodes;
mod parse;
mod server;

use super::Settings;
pub use files::{Place, check as check_files};
pub use parse::parse;

/// An error in the settings.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Counted from 1; `None` if the error concerns the whole file, or a value that is not in it.
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

/// Which settings are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those of `auberge serve` and `auberge node`.
    Server,
    /// All, also those that only `auberge node` needs.
    All,
    /// The settings of the whole cluster. The secrets of nodes may be missing.
    Cluster,
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
        // A value from a variable has no line, so its table is named.
        let prefix = if line.is_some() { String::new() } else { format!("[{table}] ") };
        self.found.push(Finding { line, text: format!("{prefix}`{key}` {message}") });
    }

    /// Adds an error of `[table]`.
    fn add_table(&mut self, table: &str, message: &str) {
        let line = line_of_key(self.text, table, "");
        let name = table.rsplit('.').next().unwrap_or(table);
        self.found.push(Finding { line, text: format!("`{name}` {message}") });
    }
}

/// All errors in `settings`. `text` is the file that they come from, for the lines; empty if there is none.
pub fn check(settings: &Settings, text: &str, scope: Scope) -> Vec<Finding> {
    let mut findings = Findings { text, found: Vec::new() };
    server::check_services(settings, &mut findings);
    if scope == Scope::Cluster {
        nodes::check_cluster(settings, &mut findings);
    } else {
        server::check(settings, &mut findings);
        nodes::check(settings, &mut findings);
    }
    if scope == Scope::All {
        server::check_shared_bank(settings, &mut findings);
    }
    findings.found
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
    use super::*;
    use crate::settings::load::settings_of;

    fn findings(text: &str, scope: Scope) -> Vec<Finding> {
        settings_of(text, scope).1
    }

    const NODE: &str = "[http]\npublic_url = \"https://inn.example\"\n[nodes.n1]\ncertificates = \"x\"\n";
    const STRIPE: &str = "[payments]\nbank = \"stripe\"\nbase_url = \"https://api.stripe.com\"\n\
                          secret_key = \"sk_test_1\"\npublishable_key = \"pk_test_1\"\nwebhook_secret = \"whsec_1\"\n";

    #[test]
    fn findings_name_the_line() {
        let of_node = |more: &str| format!("{NODE}{more}");
        let of_stripe = |from: &str, to: &str| STRIPE.replace(from, to);
        let table = [
            ("[http]\naddress = \"127.0.0.1:80\"\n".to_owned(), None),
            ("[http]\naddres = \"127.0.0.1:80\"\n".to_owned(), Some((2, "unknown field `addres`"))),
            ("[http]\naddress = \"nowhere\"\n".to_owned(), Some((2, "invalid socket address"))),
            ("[http]\naddress = \"0.0.0.0:80\"\n".to_owned(), Some((2, "not on loopback"))),
            ("[http]\npublic_url = \"inn.example\"\n".to_owned(), Some((2, "must begin with https://"))),
            ("[http]\npublic_url = \"https://inn.example/?a=b\"\n".to_owned(), Some((2, "query"))),
            ("[http]\npublic_url = \"https://\"\n".to_owned(), Some((2, "host"))),
            ("[http]\ncors_origins = [\"https://a.example/x\"]\n".to_owned(), Some((2, "scheme://host"))),
            ("[http]\ncertificate = \"x\"\n".to_owned(), Some((2, "must both be set"))),
            ("[brand]\nname = \" \"\n".to_owned(), Some((2, "must not be empty"))),
            ("[mail]\n\ntransport = \"smtp\"\n".to_owned(), Some((3, "set the server"))),
            ("[mail]\nfrom = \"Auberge\"\n".to_owned(), Some((2, "Name <address>"))),
            ("[mail]\nfrom = \"Auberge <inn@inn.example\"\n".to_owned(), Some((2, "Name <address>"))),
            ("[mail]\nport = 0\n".to_owned(), Some((2, "1 to 65535"))),
            ("[mail]\nhost = \"smtp://mail.example\"\n".to_owned(), Some((2, "host name"))),
            ("[mail]\nuser = \"inn\"\n".to_owned(), Some((2, "AUBERGE_MAIL__PASSWORD_FILE"))),
            (of_stripe("", ""), None),
            (of_stripe("base_url = \"https://api.stripe.com\"\n", ""), Some((2, "base_url"))),
            (of_stripe("secret_key = \"sk_test_1\"\n", ""), Some((2, "secret_key"))),
            (of_stripe("publishable_key = \"pk_test_1\"\n", ""), Some((2, "publishable_key"))),
            (of_stripe("webhook_secret = \"whsec_1\"\n", ""), Some((2, "webhook_secret"))),
            (of_stripe("https://api", "api"), Some((3, "must begin with https://"))),
            (of_stripe("api.stripe.com", "bank.example"), None),
            (of_stripe("bank =", "script_url = \"js\"\nbank ="), Some((2, "must begin with https://"))),
            (of_stripe("sk_test_1", "pk_test_2"), Some((4, "must begin with sk_"))),
            (of_stripe("pk_test_1", "sk_test_2"), Some((5, "must begin with pk_"))),
            (of_stripe("sk_test_1", "sk_live_1"), Some((5, "of the same mode"))),
            (of_stripe("whsec_1", "secret"), Some((6, "must begin with whsec_"))),
            (
                of_stripe("https://api.stripe.com", "http://inn.example").replace("_test_", "_live_"),
                Some((3, "unencrypted")),
            ),
            ("[services.reservation]\nshards = 2\n".to_owned(), Some((1, "is not a service"))),
            ("[services.reservations]\nshards = 0\n".to_owned(), Some((2, "1 to 64"))),
            ("[reservations]\nhold = \"0s\"\n".to_owned(), Some((2, "at least 1"))),
            ("[reservations]\naddress_rooms_max = 0\n".to_owned(), Some((2, "at least 1"))),
            (
                "[reservations]\naddress_property_rooms_max = 21\n".to_owned(),
                Some((2, "at most `address_rooms_max`")),
            ),
            ("[reservations]\nclient_unpaid_holds_default = 0\n".to_owned(), Some((2, "at least 1"))),
            ("[reservations]\nhold = \"400h\"\n".to_owned(), Some((2, "at most 7 days"))),
            ("[reservations]\nhold = \"soon\"\n".to_owned(), Some((2, "write 90s, 5m or 2h"))),
            ("[reservations]\nhorizon_days = 0\n".to_owned(), Some((2, "1 to 1100"))),
            ("[reservations]\nunpaid_holds_max = 0\n".to_owned(), Some((2, "at least 1"))),
            ("[limits]\ncalls_max = 0\n".to_owned(), Some((2, "1 to 1000000"))),
            ("[limits]\nrequests_per_second = 0\n".to_owned(), Some((2, "1 to 1000000"))),
            ("[limits]\nbody_bytes_max = 10\n".to_owned(), Some((2, "1024 to 1073741824"))),
            ("[limits]\nrequest_timeout = \"0s\"\n".to_owned(), Some((2, "1s to 1h"))),
            ("[limits]\nrequest_timeout = \"300ms\"\n".to_owned(), Some((2, "1s to 1h"))),
            ("[limits]\nconnections_max = 0\n".to_owned(), Some((2, "16 to 1000000"))),
            ("[limits]\nconnections_per_address_max = 0\n".to_owned(), Some((2, "1 to 1000000"))),
            ("[limits]\nheader_timeout = \"0s\"\n".to_owned(), Some((2, "1s to 5m"))),
            ("[limits]\nidle_timeout = \"2h\"\n".to_owned(), Some((2, "1s to 1h"))),
            ("[limits]\nheaders_max = 5\n".to_owned(), Some((2, "20 to 1000"))),
            ("[limits]\nheader_bytes_max = 100\n".to_owned(), Some((2, "4096 to 1048576"))),
            ("[http]\nmetrics_listen = \"127.0.0.1:8080\"\n".to_owned(), Some((2, "in use by `address`"))),
            (of_node("metrics_listen = \"127.0.0.1:8080\"\n"), Some((5, "in use for clients"))),
            ("[limits]\ncard_attempts_max = 0\n".to_owned(), Some((2, "1 to 1000000"))),
            ("[limits]\naddress_card_attempts_max = 0\n".to_owned(), Some((2, "1 to 1000000"))),
            ("[limits]\ncache_mib = 0\n".to_owned(), Some((2, "1 to 65536"))),
            ("[http\n".to_owned(), Some((1, ""))),
            (of_node(""), None),
            (of_node("link = \"here\"\n"), Some((5, "invalid socket address"))),
            (of_node("link = \"10.0.0.1:0\"\n"), Some((5, "a port"))),
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
            (
                of_node(
                    "[cluster]\nseeds = [{ name = \"n1\", address = \"x:1\" }, { name = \"n1\", address = \"y:1\" }]\n",
                ),
                Some((6, "names n1 twice")),
            ),
            (of_node("[cluster]\nseeds = [{ name = \"n1\" }]\n"), Some((6, "missing field `address`"))),
            (of_node("[services.pdf]\nonly_on = [\"big\"]\n"), Some((6, "no node has the label"))),
            (of_node("[services.pdf]\nnever_with = [\"pdfs\"]\n"), Some((6, "is not a service"))),
            (of_node("[services.pdf]\nreplicas = 4\n"), Some((6, "1, 3, 5 or 7"))),
            ("[nodes.n1]\ncertificates = \"x\"\n".to_owned(), Some((1, "public_url"))),
        ];
        for (text, expected) in table {
            let findings = findings(&text, Scope::Server);
            match expected {
                None => assert_eq!(findings, [], "{text}"),
                Some((line, message)) => {
                    let found = |found: &Finding| found.line == Some(line) && found.text.contains(message);
                    assert!(findings.iter().any(found), "{text}: {findings:?}");
                }
            }
        }
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let text = "[brand]\nname = 5\n[http]\naddres = \"x\"\naddress = \"nowhere\"\ncors_origins = [\n  1,\n]\n\
                    [mail]\nfrom = \"nobody\"\n[limits]\ncalls_max = 0\nrequest_timeout = \"0s\"\n\
                    [servces.pdf]\nshards = 1\n[payments]\nbank = \"stripe\"\n";
        let lines: Vec<_> = findings(text, Scope::All).iter().map(|found| found.line.unwrap()).collect();
        // Four settings of the bank are missing.
        assert_eq!(lines, [2, 4, 5, 7, 10, 12, 13, 14, 17, 17, 17, 17]);
        // A syntax error does not hide what can be read.
        let found = findings("[http\naddress = \"127.0.0.1:80\"\n[limits]\ncalls_max = 0\n", Scope::All);
        let lines: Vec<_> = found.iter().map(|found| found.line).collect();
        assert!(lines.contains(&Some(1)) && lines.contains(&Some(4)), "{found:?}");
    }

    #[test]
    fn nodes_need_a_bank_that_they_share() {
        let bank = "[payments]\nbank = \"sandbox\"\n";
        assert_eq!(findings(bank, Scope::All), [], "a single node runs its own");
        let both = format!("{NODE}{bank}");
        assert_eq!(findings(&both, Scope::Server), [], "`serve` ignores it");
        let found = findings(&both, Scope::All);
        assert_eq!((found.len(), found[0].line), (1, Some(6)), "{found:?}");
        assert!(found[0].text.contains("auberge bank"), "{found:?}");
        let half = format!("{both}base_url = \"http://127.0.0.1:1\"\n");
        let found = findings(&half, Scope::All);
        assert_eq!(found.len(), 3, "{found:?}");
        let keys =
            "secret_key = \"sk_test_x\"\npublishable_key = \"pk_test_x\"\nwebhook_secret = \"whsec_x\"\n";
        assert_eq!(findings(&format!("{half}{keys}"), Scope::All), []);
        assert_eq!(
            findings(NODE, Scope::All)[0].text,
            "[payments] `bank` is not set: a node needs sandbox or stripe"
        );
    }

    #[test]
    fn the_sample_is_valid() {
        assert_eq!(findings(include_str!("../../cluster.toml"), Scope::All), []);
    }
}
