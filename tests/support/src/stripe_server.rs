//! A third-party server with Stripe's API (`localstripe`): no idempotency keys and no 3-D Secure redirects.

use std::process::Command;

use serde_json::Value;

use crate::{BackgroundProcess, Caller, Plan, TestServer, free_port, tool};

/// A running `localstripe`.
pub struct StripeServer {
    program: std::path::PathBuf,
    directory: tempfile::TempDir,
    process: BackgroundProcess,
    port: u16,
}

impl StripeServer {
    pub const SECRET_KEY: &str = "sk_test_12345";
    pub const PUBLISHABLE_KEY: &str = "pk_test_12345";
    pub const WEBHOOK_SECRET: &str = "whsec_for_this_test";

    /// Starts the server, or returns `None` if it is not installed.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn open() -> Option<Self> {
        let program = tool("localstripe")?;
        let directory = tempfile::tempdir().expect("a directory");
        let port = free_port();
        let process = run(&program, directory.path(), port);
        let mut server = Self { program, directory, process, port };
        server.process.listens(port).await;
        Some(server)
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts the server again, without its data.
    pub async fn start(&mut self) {
        self.process = run(&self.program, self.directory.path(), self.port);
        self.process.listens(self.port).await;
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Creates a payment method for a card number.
    ///
    /// # Panics
    /// When the server does not accept the card.
    pub async fn card(&self, number: &str) -> String {
        let client = Caller::new(self.url()).with_token(Self::SECRET_KEY);
        let card = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2035"),
            ("card[cvc]", "123"),
        ];
        let made = client.form("/v1/payment_methods", &card).await;
        assert_eq!(made.status, 200, "{}", made.text());
        made.json()["id"].as_str().expect("the id of a payment method").to_owned()
    }

    /// All payment intents, newest first.
    pub async fn intents(&self) -> Vec<Value> {
        let client = Caller::new(self.url()).with_token(Self::SECRET_KEY);
        let listed = client.get("/v1/payment_intents?limit=100").await.json();
        listed["data"].as_array().cloned().unwrap_or_default()
    }

    /// A server of Auberge whose bank this is.
    pub fn server(&self) -> Plan {
        TestServer::plan()
            .variable("AUBERGE_PAYMENTS__BANK", "stripe")
            .variable("AUBERGE_PAYMENTS__BASE_URL", self.url())
            .variable("AUBERGE_PAYMENTS__SCRIPT_URL", format!("{}/js.stripe.com/v3/", self.url()))
            .variable("AUBERGE_PAYMENTS__SECRET_KEY", Self::SECRET_KEY)
            .variable("AUBERGE_PAYMENTS__PUBLISHABLE_KEY", Self::PUBLISHABLE_KEY)
            .variable("AUBERGE_PAYMENTS__WEBHOOK_SECRET", Self::WEBHOOK_SECRET)
    }
}

impl Drop for StripeServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of the bank: {}", self.process.log());
        }
    }
}

fn run(program: &std::path::Path, directory: &std::path::Path, port: u16) -> BackgroundProcess {
    let mut command = Command::new(program);
    // It stores its data in the working directory and in TMPDIR.
    command
        .args(["--port", &port.to_string(), "--from-scratch"])
        .current_dir(directory)
        .env("TMPDIR", directory);
    BackgroundProcess::start(&mut command, &directory.join("bank.log"))
}
