//! `auberge login` and `auberge logout`: signing in as a person with the OAuth 2.0 device grant (RFC 8628). The command prints
//! a code, which the user types into a page in any browser and approves there. No password is typed in the terminal.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use crate::client::sign_in::{self, DeviceAuthorization, SignInStore};
use crate::client::{default_url, is_plain_http_off_loopback, trimmed};
use crate::commands::output;

/// The default address of `auberge serve`.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// Timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sign in as yourself: prints a code and the address of a page, and waits until you approve there, in any browser.
///
/// Commands that operate the server then act as you, until `auberge logout`.
#[derive(Debug, Args)]
pub struct Login {
    /// The server [default: AUBERGE_URL, that of ./auberge-data/admin.json, or http://127.0.0.1:8080].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Request only these scopes, separated by spaces. Scopes that your account does not have are never granted.
    #[arg(long, value_name = "SCOPES", default_value = "")]
    scope: String,
    /// Print JSON, one object a line: the code, then the outcome.
    #[arg(long)]
    json: bool,
}

/// End a sign-in, here and on the server.
#[derive(Debug, Args)]
pub struct Logout {
    /// The server, if you are signed in at several.
    #[arg(long, value_name = "URL", conflicts_with = "all")]
    url: Option<String>,
    /// Sign out everywhere.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `auberge login`.
///
/// # Errors
/// When the server cannot be reached, the user refuses, or the code expires.
pub async fn login(arguments: Login) -> anyhow::Result<()> {
    let url = server_of(arguments.url);
    if is_plain_http_off_loopback(&url) {
        eprintln!("warning: {url} is plain HTTP: the sign-in can be intercepted");
    }
    let store = SignInStore::of_user()?;
    let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let codes = sign_in::begin(&http, &url, &arguments.scope).await?;
    if arguments.json {
        print_line(&json!({
            "url": url,
            "verification_uri": codes.verification_uri(),
            "verification_uri_complete": codes.verification_uri_complete(),
            "user_code": codes.user_code(),
            "expires_in": codes.expires_in().as_secs(),
        }))?;
    } else {
        println!("{}", instructions(&codes));
        std::io::stdout().flush()?;
    }
    let waiting = output::spinner("waiting for your approval; Ctrl-C cancels");
    let granted = tokio::select! {
        granted = sign_in::wait(&http, &url, &codes) => granted,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted: nobody is signed in; the code will expire unused")),
    };
    waiting.finish_and_clear();
    let granted = granted?;
    let sign_in = sign_in::stored(&granted, &url, "", None);
    store.put(&sign_in).context("storing the sign-in")?;
    let scope = sign_in.scope;
    if arguments.json {
        return print_line(&json!({"url": url, "signed_in": true, "scope": scope}));
    }
    println!("Signed in at {url}. Commands act as you there until `auberge logout`.");
    if !scope.split(' ').any(|scope| scope.starts_with("cluster:")) {
        println!(
            "Your account may not operate the cluster: an administrator can allow it with `auberge user grant EMAIL \
             --administrator`; then sign in again."
        );
    }
    Ok(())
}

/// Runs `auberge logout`.
///
/// # Errors
/// When there are several sign-ins and none was selected; or when a server could not revoke the tokens, which are removed
/// here anyway.
pub async fn logout(arguments: Logout) -> anyhow::Result<()> {
    let store = SignInStore::of_user()?;
    let given = arguments.url.or_else(|| std::env::var("AUBERGE_URL").ok().filter(|_| !arguments.all));
    let all = store.all()?;
    let chosen = match (given.as_deref().map(trimmed), all.as_slice()) {
        (Some(url), _) => all.into_iter().filter(|stored| stored.url == url).collect(),
        (None, many) if many.len() > 1 && !arguments.all => bail!(
            "you are signed in at {}: select one with --url, or use --all",
            many.iter().map(|stored| stored.url.as_str()).collect::<Vec<_>>().join(" and ")
        ),
        (None, _) => all,
    };
    let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let (mut ended, mut not_revoked) = (Vec::new(), Vec::new());
    for sign_in in chosen {
        let revoked = sign_in::revoke(&http, &sign_in).await;
        store.remove(&sign_in.url)?;
        if let Err(why) = revoked {
            not_revoked.push(format!("{} did not revoke the tokens ({why:#})", sign_in.url));
        }
        ended.push(sign_in.url);
    }
    if arguments.json {
        print_line(&json!({"signed_out": ended}))?;
    } else if ended.is_empty() {
        println!("You are not signed in.");
    } else {
        println!("Signed out of {}.", ended.join(" and "));
    }
    if !not_revoked.is_empty() {
        bail!("{}: the session ends when it has not been used for 14 days", not_revoked.join("; "));
    }
    Ok(())
}

/// The server to sign in at.
fn server_of(given: Option<String>) -> String {
    let given = given.or_else(|| std::env::var("AUBERGE_URL").ok());
    let url = given.or_else(default_url).unwrap_or_else(|| DEFAULT_URL.to_owned());
    trimmed(&url)
}

fn instructions(codes: &DeviceAuthorization) -> String {
    let mut text = format!(
        "To sign in, open this page in any browser, and type the code:\n\n  {}\n  code  {}\n",
        codes.verification_uri(),
        codes.user_code()
    );
    if let Some(complete) = codes.verification_uri_complete().filter(|_| std::io::stdout().is_terminal()) {
        text.push_str(&format!("\nOr open the page with the code filled in:\n\n  {complete}\n"));
    }
    let minutes = codes.expires_in().as_secs().div_ceil(60);
    text.push_str(&format!("\nThe code is valid for {minutes} minutes."));
    text
}

/// Prints a line of JSON, and flushes it.
fn print_line(value: &serde_json::Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()?;
    Ok(())
}
