//! The server itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::caller::Caller;
use crate::hotels::two_hotels;
use crate::mail::{self, Mail};
use crate::process::{BackgroundProcess, Ran, free_port};

/// How a server is to be.
#[derive(Debug, Default)]
pub struct Plan {
    demo: bool,
    hotels: Option<Vec<Value>>,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    data: Option<PathBuf>,
}

impl Plan {
    /// With the demo hotels, and no others.
    #[must_use]
    pub fn demo(self) -> Self {
        Self { demo: true, hotels: Some(Vec::new()), ..self }
    }

    /// With these hotels.
    #[must_use]
    pub fn hotels(self, hotels: Vec<Value>) -> Self {
        Self { hotels: Some(hotels), ..self }
    }

    /// With one more argument to `auberge serve`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With an environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// On this data directory rather than one in the server's own directory.
    #[must_use]
    pub fn data(self, data: PathBuf) -> Self {
        Self { data: Some(data), ..self }
    }

    /// Starts it, and imports its hotels.
    pub async fn open(self) -> TestServer {
        let directory = tempfile::Builder::new().prefix("auberge-test-").tempdir().expect("a directory");
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
            process: None,
            starts: 0,
        };
        server.url = format!("http://127.0.0.1:{}", server.port);
        server.start().await;
        server.import(&self.hotels.unwrap_or_else(two_hotels)).await;
        server
    }
}

/// A running Auberge.
#[derive(Debug)]
pub struct TestServer {
    directory: TempDir,
    /// Its data directory.
    pub data: PathBuf,
    /// Where it is, without a slash at the end.
    pub url: String,
    port: u16,
    demo: bool,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    process: Option<BackgroundProcess>,
    starts: u32,
}

impl TestServer {
    /// With the two hotels of [`two_hotels`].
    pub async fn open() -> Self {
        Plan::default().open().await
    }

    /// To be said in more detail.
    pub fn plan() -> Plan {
        Plan::default()
    }

    /// A place for files of the test.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Starts the server again, where it is not running.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(&mut self) {
        if let Err(why) = self.try_start().await {
            panic!("the server does not start: {why}");
        }
    }

    /// Starts the server, which may refuse.
    ///
    /// # Errors
    /// What it says.
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

    /// Stops it as an operator would (SIGTERM).
    ///
    /// # Panics
    /// When it does not stop, or does so with an error.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let status = process.terminate();
            assert!(status.success(), "stopping: {status}: {}", process.log());
        }
    }

    /// What it has said since its last start.
    pub fn log(&self) -> String {
        self.process.as_ref().map(BackgroundProcess::log).unwrap_or_default()
    }

    /// With other variables from the next start on.
    pub fn set_variables(&mut self, variables: &[(&str, &str)]) {
        self.variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AUBERGE_")) {
            command.env_remove(name);
        }
        command.current_dir(self.directory.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command of the CLI to its end.
    pub fn auberge(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command().args(arguments))
    }

    /// Runs an operator's command, as the administrator of this server.
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
        std::fs::write(&file, lines).expect("writing hotels");
        self.operate(&["import", "hotels", &file.to_string_lossy()]).done();
    }

    /// Somebody without a token.
    pub fn anyone(&self) -> Caller {
        Caller::new(self.url.clone())
    }

    /// The administrator's client.
    pub async fn admin(&self) -> Caller {
        let file = std::fs::read_to_string(self.data.join("admin.json")).expect("admin.json");
        let admin: Value = serde_json::from_str(&file).expect("admin.json");
        self.sign_in(&text(&admin["client_id"]), &text(&admin["client_secret"])).await
    }

    /// Signs a client in with its secret.
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

    /// A new client of its own, signed in.
    pub async fn partner(&self, scope: &str) -> Caller {
        let (id, secret) = self.new_client(scope, &[]).await;
        self.sign_in(&id, &secret).await
    }

    /// A new client's id and secret; with `hotels`, bound to these.
    pub async fn new_client(&self, scope: &str, hotels: &[&str]) -> (String, String) {
        let mut body = json!({"name": "Partner", "scope": scope, "grant_types": ["client_credentials"]});
        if !hotels.is_empty() {
            body["hotels"] = json!(hotels);
        }
        let made = self.admin().await.post("/v1/clients", &body).await.expect(200).json();
        (text(&made["client_id"]), text(&made["client_secret"]))
    }

    /// A partner that may book and pay.
    pub async fn booker(&self) -> Caller {
        self.partner("reservations:read reservations:write payments:read payments:write").await
    }

    /// The id of an imported hotel.
    ///
    /// # Panics
    /// When there is none of this reference.
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
                next.unwrap_or_else(|| panic!("no {reference}: {page}"))
            );
        }
    }

    /// Mails that were written so far, in no order.
    pub fn mails(&self) -> Vec<Mail> {
        mail::read(&self.data.join("outbox"))
    }

    /// The mail to somebody whose subject contains this, once it is there.
    pub async fn mail(&self, to: &str, subject: &str) -> Mail {
        crate::eventually(&format!("a mail to {to} about {subject}"), || async {
            self.mails().into_iter().find(|mail| mail.to.contains(to) && mail.subject.contains(subject))
        })
        .await
    }

    /// Returns once no event or effect waits in any outbox.
    pub async fn wait_until_outboxes_empty(&self) {
        let admin = self.admin().await;
        crate::eventually("the outboxes to be empty", || async {
            let groups = admin.get("/v1/cluster/groups").await.expect(200).json();
            let groups = groups["items"].as_array().cloned().unwrap_or_default();
            groups.iter().all(|group| group["outbox"] == 0).then_some(())
        })
        .await;
    }

    /// Has every invariant checked.
    ///
    /// # Panics
    /// When one is broken.
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
            eprintln!("the server's last lines:");
            last.into_iter().rev().for_each(|line| eprintln!("  {line}"));
        }
    }
}

/// The binary that this build made: beside the directory that the tests are in.
pub(crate) fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("AUBERGE_BIN") {
        return named.into();
    }
    let own = std::env::current_exe().expect("the test's own path");
    let place = own.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    place.join("auberge")
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
