//! `auberge login` with the device authorization grant (RFC 8628), commands that use the stored tokens, and `auberge logout`.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use test_support::{BackgroundProcess, Caller, TestServer, eventually};

use crate::text;

const EMAIL: &str = "operator@inn.example";
const PASSWORD: &str = "a password of some length";

/// The command line of a user with a separate home directory.
struct Terminal<'a> {
    server: &'a TestServer,
    home: PathBuf,
}

impl<'a> Terminal<'a> {
    fn new(server: &'a TestServer, name: &str) -> Self {
        let home = server.path().join(name);
        std::fs::create_dir(&home).unwrap();
        Self { server, home }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auberge"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AUBERGE_")) {
            command.env_remove(name);
        }
        command.env("HOME", &self.home).env_remove("XDG_CONFIG_HOME").current_dir(&self.home);
        command.args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
        String::from_utf8(output.stderr).unwrap()
    }

    /// Starts `auberge login`. Returns the process and the JSON line with the user code.
    async fn begin(&self) -> (BackgroundProcess, Value) {
        let mut command = self.command(&["login", "--json", "--url", &self.server.url]);
        let mut login = BackgroundProcess::start(&mut command, &self.home.join("login.log"));
        login.wait_for_log("user_code").await.unwrap_or_else(|status| panic!("{status}: {}", login.log()));
        let line = eventually("the line with the user code", || async {
            let log = login.log();
            log.contains('\n').then(|| log.lines().next().unwrap().to_owned())
        });
        let line = line.await;
        (login, serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// Signs in and approves the request in the browser.
    async fn sign_in(&self) {
        let (mut login, codes) = self.begin().await;
        decide(self.server, &codes, "allow").await;
        let status = ended(&mut login).await;
        let log = login.log();
        assert_eq!(status, Some(0), "{log}");
        let result: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&result["signed_in"], text(&result["url"])),
            (&json!(true), self.server.url.as_str()),
            "{result}"
        );
        assert!(text(&result["scope"]).contains("cluster:manage"), "{result}");
        assert!(!log.contains("v4.public"), "the log must not contain a token: {log}");
    }

    fn sign_in_file(&self) -> PathBuf {
        let folder = self.home.join(".config/auberge/sign-ins");
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let files: Vec<PathBuf> =
            files.filter(|file| file.extension().is_some_and(|end| end == "json")).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files[0].clone()
    }
}

async fn ended(login: &mut BackgroundProcess) -> Option<i32> {
    let begun = std::time::Instant::now();
    loop {
        if let Some(status) = login.ended() {
            return status.code();
        }
        assert!(begun.elapsed() < test_support::PATIENCE, "`auberge login` does not exit: {}", login.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Submits the form of the verification page, as a browser does.
async fn decide(server: &TestServer, codes: &Value, decision: &str) {
    let browser = server.anyone();
    let complete = text(&codes["verification_uri_complete"]);
    assert!(
        complete.starts_with(text(&codes["verification_uri"])) && complete.starts_with(&server.url),
        "{codes}"
    );
    let page = browser.get(complete).await.expect(200);
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    let form = [
        ("csrf", field(&page.text(), "csrf")),
        ("user_code", text(&codes["user_code"]).to_owned()),
        ("decision", decision.to_owned()),
        ("email", EMAIL.to_owned()),
        ("password", PASSWORD.to_owned()),
    ];
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let decided = browser.form("/oauth/device", &form).header("cookie", &cookie).await.expect(200).text();
    let word = if decision == "allow" {
        "Your device is signed in"
    } else {
        "You have denied access to your device"
    };
    assert!(decided.contains(word), "{decided}");
}

fn field(html: &str, name: &str) -> String {
    let at = html
        .find(&format!("name=\"{name}\" value=\""))
        .unwrap_or_else(|| panic!("no field {name} in {html}"));
    let value = html[at..].split('"').nth(3).unwrap();
    value.replace("&#x2f;", "/").replace("&amp;", "&")
}

async fn operator(server: &TestServer) {
    let body = json!({"email": EMAIL, "password": PASSWORD, "name": "An operator"});
    let anyone = server.anyone();
    anyone.post("/v1/users", &body).await.expect(201);
    // Roles go to verified addresses only.
    let mail = server.mail(EMAIL, "confirm your address").await;
    let address = mail.link(&format!("{}/verify-email?token=", server.url)).expect("the link of the mail");
    let token = json!({"token": address.split_once("token=").unwrap().1});
    anyone.post("/v1/users/verify-email", &token).await.expect(204);
    server.operate(&["user", "grant", EMAIL, "--administrator"]).done();
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn change(file: &Path, name: &str, value: Value) {
    let mut kept = read(file);
    kept[name] = value;
    std::fs::write(file, kept.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_signs_in_with_a_device_code_and_runs_commands() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    operator(&server).await;
    let terminal = Terminal::new(&server, "anna");
    let signed_out = terminal.refused(&["cluster", "status"]);
    assert!(signed_out.contains("auberge login") && signed_out.contains("--admin"), "{signed_out}");

    terminal.sign_in().await;
    let file = terminal.sign_in_file();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // With one stored sign-in, commands need no URL.
    assert!(terminal.done(&["cluster", "status"]).contains("healthy"));
    assert!(terminal.done(&["cluster", "status", "--url", &server.url]).contains("healthy"));
    let made =
        terminal.done(&["client", "create", "--name", "Partner", "--scope", "reservations:read", "--json"]);
    assert!(made.contains("client_secret"), "{made}");
    // The stored sign-in takes precedence over an administrator file, and AUBERGE_TOKEN over both.
    let admin = server.data.join("admin.json").to_string_lossy().into_owned();
    std::fs::write(
        terminal.home.join("wrong.json"),
        std::fs::read_to_string(&admin).unwrap().replace("sec_", "sec_no"),
    )
    .unwrap();
    assert!(terminal.done(&["cluster", "status", "--admin", "wrong.json"]).contains("healthy"));
    let mut by_token = terminal.command(&["cluster", "status", "--url", &server.url]);
    let output = by_token.env("AUBERGE_TOKEN", "v4.public.nonsense").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "AUBERGE_TOKEN takes precedence");

    // An access token that is about to expire is refreshed, and the new tokens are stored.
    let before = read(&file);
    change(&file, "expires_at", json!(0));
    terminal.done(&["cluster", "nodes"]);
    let after = read(&file);
    assert!(
        after["access_token"] != before["access_token"] && after["refresh_token"] != before["refresh_token"]
    );
    assert!(after["expires_at"].as_i64() > Some(0));
    // Two more commands with an expired access token succeed.
    change(&file, "expires_at", json!(0));
    let both: Vec<_> = (0..2)
        .map(|_| terminal.command(&["cluster", "nodes"]).stdout(Stdio::null()).spawn().unwrap())
        .map(|mut running| running.wait().unwrap().success())
        .collect();
    assert_eq!(both, [true, true]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // The sign-in is not used for another server.
    let elsewhere = terminal.refused(&["cluster", "status", "--url", "http://127.0.0.1:9"]);
    assert!(elsewhere.contains("auberge login"), "{elsewhere}");

    // Signing out deletes the file and revokes the tokens on the server.
    let token = text(&read(&file)["access_token"]).to_owned();
    let output = terminal.done(&["logout"]);
    assert!(output.contains(&server.url) && !file.exists(), "{output}");
    let caller = Caller::new(server.url.clone()).with_token(token);
    eventually("the token to be revoked", || async {
        (caller.get("/v1/cluster").await.status == 401).then_some(())
    })
    .await;
    assert!(terminal.done(&["logout", "--json"]).contains("[]"), "a second logout succeeds");
    assert!(terminal.refused(&["cluster", "status"]).contains("auberge login"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn denied_interrupted_and_ended_sign_ins_are_reported() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    operator(&server).await;
    let terminal = Terminal::new(&server, "bert");

    let (mut login, codes) = terminal.begin().await;
    decide(&server, &codes, "deny").await;
    assert_eq!(ended(&mut login).await, Some(1));
    assert!(login.log().contains("refused in the browser"), "{}", login.log());

    let (mut login, _) = terminal.begin().await;
    login.signal("INT");
    assert_eq!(ended(&mut login).await, Some(1));
    assert!(login.log().contains("interrupted: nobody is signed in"), "{}", login.log());
    assert!(!terminal.home.join(".config/auberge/sign-ins").exists(), "no sign-in is stored");

    let gone = terminal.refused(&["login", "--url", "http://127.0.0.1:9"]);
    assert!(gone.contains("is the server running?"), "{gone}");
    let scope = terminal.refused(&["login", "--url", &server.url, "--scope", "everything"]);
    assert!(scope.contains("without --scope"), "{scope}");

    // A refresh token that the server refuses: the command asks for another sign-in.
    terminal.sign_in().await;
    let file = terminal.sign_in_file();
    change(&file, "refresh_token", json!("rt_of_nobody"));
    change(&file, "expires_at", json!(0));
    let refused = terminal.refused(&["cluster", "status"]);
    assert!(refused.contains("has ended") && refused.contains("auberge login --url"), "{refused}");
    assert!(!file.exists(), "a sign-in that has ended is deleted");
}
