//! A single server of the real binary.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::caller::Caller;
use crate::hotels::two_hotels;
use crate::mail::{self, Mail};
use crate::process::{BackgroundProcess, Ran, free_port};

/// Builder of a [`TestServer`].
#[derive(Debug, Default)]
pub struct Plan {
    demo: bool,
    hotels: Option<Vec<Value>>,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    data: Option<PathBuf>,
    descriptors_max: Option<u32>,
}

impl Plan {
    /// Serves the demo hotels and imports no others.
    #[must_use]
    pub fn demo(self) -> Self {
        Self { demo: true, hotels: Some(Vec::new()), ..self }
    }

    /// Sets the hotels to import.
    #[must_use]
    pub fn hotels(self, hotels: Vec<Value>) -> Self {
        Self { hotels: Some(hotels), ..self }
    }

    /// Adds an argument to `auberge serve`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the data directory. The default is a directory inside the server's temporary directory.
    #[must_use]
    pub fn data(self, data: PathBuf) -> Self {
        Self { data: Some(data), ..self }
    }

    /// Sets the hard limit of file descriptors.
    #[must_use]
    pub fn descriptors_max(self, descriptors_max: u32) -> Self {
        Self { descriptors_max: Some(descriptors_max), ..self }
    }

    /// Starts the server and imports the hotels.
    pub async fn open(self) -> TestServer {
        let directory =
            tempfile::Builder::new().prefix("auberge-test-").tempdir().expect("temporary directory");
        let data = self.data.unwrap_or_else(|| directory.path().join("data"));
        let url = String::new();
        let mut server = TestServer {
            directory,
            data,
            url,
            port: free_port(),
            demo: self.demo,
            arguments: self.arguments,
            variables: self.variables,
            descriptors_max: self.descriptors_max,
            process: None,
            starts: 0,
        };
        server.url = format!("http://127.0.0.1:{}", server.port);
        server.start().await;
        server.import(&self.hotels.unwrap_or_else(two_hotels)).await;
        server
    }
}

/// A running server.
#[derive(Debug)]
pub struct TestServer {
    directory: TempDir,
    /// The data directory.
    pub data: PathBuf,
    /// The base URL, without a trailing slash.
    pub url: String,
    port: u16,
    demo: bool,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    descriptors_max: Option<u32>,
    process: Option<BackgroundProcess>,
    starts: u32,
}

impl TestServer {
    /// Starts a server with the hotels of [`two_hotels`].
    pub async fn open() -> Self {
        Plan::default().open().await
    }

    /// A builder with default options.
    pub fn plan() -> Plan {
        Plan::default()
    }

    /// A directory for files of the test.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Panics
    /// When the server does not start.
    pub async fn start(&mut self) {
        if let Err(why) = self.try_start().await {
            panic!("the server does not start: {why}");
        }
    }

    /// Starts the server and waits until it is ready or exits.
    ///
    /// # Errors
    /// The exit status and the log, when the server exits.
    pub async fn try_start(&mut self) -> Result<(), String> {
        self.starts += 1;
        let mut command = self.command();
        command
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .arg("--http")
            .arg(format!("127.0.0.1:{}", self.port));
        if !self.demo {
            command.arg("--no-demo");
        }
        command.args(&self.arguments);
        let mut process = BackgroundProcess::start(
            &mut command,
            &self.directory.path().join(format!("serve-{}.log", self.starts)),
        );
        match process.wait_for_log("Auberge is ready at ").await {
            Ok(()) => {
                self.process = Some(process);
                Ok(())
            }
            Err(status) => Err(format!("{status}: {}", process.log())),
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Stops the server with SIGTERM.
    ///
    /// # Panics
    /// When the process does not exit, or exits with an error.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let status = process.terminate();
            assert!(status.success(), "stopping: {status}: {}", process.log());
        }
    }

    /// The log since the last start.
    pub fn log(&self) -> String {
        self.process.as_ref().map(BackgroundProcess::log).unwrap_or_default()
    }

    /// Sets the environment variables from the next start.
    pub fn set_variables(&mut self, variables: &[(&str, &str)]) {
        self.variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    }

    fn command(&self) -> Command {
        let mut command = match self.descriptors_max {
            None => Command::new(binary()),
            Some(count) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit -n {count} && exec \"$@\""), "sh"]).arg(binary());
                shell
            }
        };
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AUBERGE_")) {
            command.env_remove(name);
        }
        command.current_dir(self.directory.path());
        command.env(HOLDS_OF_CLIENTS.0, HOLDS_OF_CLIENTS.1);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a CLI command and waits until it exits.
    pub fn auberge(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command().args(arguments))
    }

    /// Runs a CLI command with the administrator's credentials.
    pub fn operate(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command().args(arguments).arg("--admin").arg(self.data.join("admin.json")))
    }

    /// Imports hotels with `auberge import hotels`.
    pub async fn import(&self, hotels: &[Value]) {
        if hotels.is_empty() {
            return;
        }
        let file = self.path().join("hotels.jsonl");
        let lines: String = hotels.iter().map(|hotel| format!("{hotel}\n")).collect();
        std::fs::write(&file, lines).expect("cannot write the import file");
        self.operate(&["import", "hotels", &file.to_string_lossy()]).done();
    }

    /// A client without a token.
    pub fn anyone(&self) -> Caller {
        Caller::new(self.url.clone())
    }

    /// A client with the administrator's token.
    pub async fn admin(&self) -> Caller {
        let file = std::fs::read_to_string(self.data.join("admin.json")).expect("admin.json");
        let admin: Value = serde_json::from_str(&file).expect("admin.json");
        self.sign_in(&text(&admin["client_id"]), &text(&admin["client_secret"])).await
    }

    /// Gets a token with client credentials, and returns a client with it.
    pub async fn sign_in(&self, client_id: &str, client_secret: &str) -> Caller {
        let anyone = self.anyone();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("client_secret", client_secret),
        ];
        let issued = anyone.form("/oauth/token", &form).await.expect(200).json();
        anyone.with_token(text(&issued["access_token"]))
    }

    /// Creates an OAuth client with this scope, and returns a client with its token.
    pub async fn partner(&self, scope: &str) -> Caller {
        let (id, secret) = self.new_client(scope, &[]).await;
        self.sign_in(&id, &secret).await
    }

    /// Creates an OAuth client and returns its id and secret. If `hotels` is not empty, the client is restricted to them.
    pub async fn new_client(&self, scope: &str, hotels: &[&str]) -> (String, String) {
        let mut body = json!({"name": "Partner", "scope": scope, "grant_types": ["client_credentials"]});
        if !hotels.is_empty() {
            body["hotels"] = json!(hotels);
        }
        let made = self.admin().await.post("/v1/clients", &body).await.expect(200).json();
        (text(&made["client_id"]), text(&made["client_secret"]))
    }

    /// Creates an OAuth client that may book and pay, and returns a client with its token.
    pub async fn booker(&self) -> Caller {
        self.partner("reservations:read reservations:write payments:read payments:write").await
    }

    /// The id of an imported hotel.
    ///
    /// # Panics
    /// When no hotel has this reference.
    pub async fn hotel_id(&self, reference: &str) -> String {
        let admin = self.admin().await;
        let mut path = "/v1/properties?limit=100".to_owned();
        loop {
            let page = admin.get(&path).await.expect(200).json();
            let mut items = page["items"].as_array().into_iter().flatten();
            if let Some(found) = items.find(|hotel| hotel["reference"] == reference) {
                return text(&found["id"]);
            }
            let next = page["next_cursor"].as_str();
            path = format!(
                "/v1/properties?limit=100&cursor={}",
                next.unwrap_or_else(|| panic!("no hotel {reference}: {page}"))
            );
        }
    }

    /// All mails that the server has written so far, in no particular order.
    pub fn mails(&self) -> Vec<Mail> {
        mail::read(&self.data.join("outbox"))
    }

    /// Waits for a mail to an address whose subject contains `subject`, and returns it.
    pub async fn mail(&self, to: &str, subject: &str) -> Mail {
        crate::eventually(&format!("a mail to {to} about {subject}"), || async {
            self.mails().into_iter().find(|mail| mail.to.contains(to) && mail.subject.contains(subject))
        })
        .await
    }

    /// Waits until all outboxes are empty.
    pub async fn wait_until_outboxes_empty(&self) {
        let admin = self.admin().await;
        crate::eventually("the outboxes to be empty", || async {
            let groups = admin.get("/v1/cluster/groups").await.expect(200).json();
            let groups = groups["items"].as_array().cloned().unwrap_or_default();
            groups.iter().all(|group| group["outbox"] == 0).then_some(())
        })
        .await;
    }

    /// Checks all invariants.
    ///
    /// # Panics
    /// When an invariant is violated.
    pub async fn assert_invariants(&self) {
        let checked = self.admin().await.post("/v1/cluster/check", &json!({})).await.expect(200).json();
        assert_eq!(checked["violations"], json!([]), "{checked}");
        assert!(checked["groups"].as_u64() >= Some(7), "{checked}");
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let last: Vec<&str> = log.lines().rev().take(30).collect();
            eprintln!("last log lines of the server:");
            last.into_iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}

/// A setting of the servers under test: their clients hold more rooms than a partner may by default.
pub(crate) const HOLDS_OF_CLIENTS: (&str, &str) =
    ("AUBERGE_RESERVATIONS__CLIENT_UNPAID_HOLDS_DEFAULT", "1000000");

/// The binary of this build, in the parent directory of the test binaries. `AUBERGE_BIN` overrides the path.
pub(crate) fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("AUBERGE_BIN") {
        return named.into();
    }
    let own = std::env::current_exe().expect("the path of the test binary is unknown");
    let place = own.ancestors().nth(2).expect("the test binary is not in target/PROFILE/deps");
    place.join("auberge")
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a JSON string: {value}")).to_owned()
}
