//! `auberge login` and `auberge logout`: signing in as a person, by the OAuth 2.0 device grant (RFC 8628): this program
//! shows a code, the person types it into a browser anywhere, and agrees there. No password comes near the terminal.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::json;

use crate::client::sign_in::{self, DeviceAuthorization, Store};
use crate::client::{plain_off_loopback, trimmed, usual_url};
use crate::commands::output;

/// Where `auberge serve` listens when it is told nothing.
const USUAL_URL: &str = "http://127.0.0.1:8080";
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Sign in as yourself: prints a code and the address of a page, and waits until you have agreed there, in any browser.
///
/// Verbs that operate a server act as you from then on; `auberge logout` ends that.
#[derive(Debug, Args)]
pub struct Login {
    /// The server [default: AUBERGE_URL, that of ./auberge-data/admin.json, or http://127.0.0.1:8080].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Ask for these scopes only, separated by spaces: what your account may not do is left out in any case.
    #[arg(long, value_name = "SCOPES", default_value = "")]
    scope: String,
    /// Print JSON, one object a line: the code, then what came of it.
    #[arg(long)]
    json: bool,
}

/// End a sign-in, here and on the server.
#[derive(Debug, Args)]
pub struct Logout {
    /// The server, where you are signed in at several.
    #[arg(long, value_name = "URL", conflicts_with = "all")]
    url: Option<String>,
    /// Everywhere.
    #[arg(long)]
    all: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `auberge login`.
///
/// # Errors
/// When the server cannot be reached, the person refuses, or nobody decides in time.
pub async fn login(arguments: Login) -> anyhow::Result<()> {
    let url = server_of(arguments.url);
    if plain_off_loopback(&url) {
        eprintln!("{url} speaks plain HTTP: who listens on the way can take the sign-in");
    }
    let store = Store::of_user()?;
    let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let codes = sign_in::begin(&http, &url, &arguments.scope).await?;
    if arguments.json {
        say(&json!({
            "url": url,
            "verification_uri": codes.verification_uri,
            "verification_uri_complete": codes.verification_uri_complete,
            "user_code": codes.user_code,
            "expires_in": codes.expires_in,
        }))?;
    } else {
        println!("{}", instructions(&codes));
        std::io::stdout().flush()?;
    }
    let waiting = output::spinner("waiting for you to agree; Ctrl-C gives up");
    let granted = tokio::select! {
        granted = sign_in::wait(&http, &url, &codes) => granted,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted: nobody is signed in; the code will expire unused")),
    };
    waiting.finish_and_clear();
    let granted = granted?;
    let scope = granted.scope.clone().unwrap_or_default();
    let kept = granted.kept(&url, &scope);
    store.put(&kept).context("keeping the sign-in")?;
    if arguments.json {
        return say(&json!({"url": url, "signed_in": true, "scope": scope}));
    }
    println!("Signed in at {url}; verbs act as you there until `auberge logout`.");
    if !scope.split(' ').any(|scope| scope.starts_with("cluster:")) {
        println!(
            "Your account may not operate the cluster: an administrator says `auberge user grant EMAIL --administrator`, \
             then you sign in again."
        );
    }
    Ok(())
}

/// Runs `auberge logout`.
///
/// # Errors
/// When it cannot be said which sign-in is meant; or when a server did not hear of it, though nothing is kept here any
/// more.
pub async fn logout(arguments: Logout) -> anyhow::Result<()> {
    let store = Store::of_user()?;
    let given = arguments.url.or_else(|| std::env::var("AUBERGE_URL").ok().filter(|_| !arguments.all));
    let all = store.all()?;
    let chosen = match (given.as_deref().map(trimmed), all.as_slice()) {
        (Some(url), _) => all.into_iter().filter(|kept| kept.url == url).collect(),
        (None, many) if many.len() > 1 && !arguments.all => bail!(
            "you are signed in at {}: say which with --url, or --all",
            many.iter().map(|kept| kept.url.as_str()).collect::<Vec<_>>().join(" and ")
        ),
        (None, _) => all,
    };
    let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
    let (mut ended, mut unheard) = (Vec::new(), Vec::new());
    for kept in chosen {
        let told = sign_in::revoke(&http, &kept).await;
        store.remove(&kept.url)?;
        if let Err(why) = told {
            unheard.push(format!("{} did not hear of it ({why:#})", kept.url));
        }
        ended.push(kept.url);
    }
    if arguments.json {
        say(&json!({"signed_out": ended}))?;
    } else if ended.is_empty() {
        println!("You are signed in nowhere.");
    } else {
        println!("Signed out of {}.", ended.join(" and "));
    }
    if !unheard.is_empty() {
        bail!(
            "{}: the session there ends by itself when it has not been used for 14 days",
            unheard.join("; ")
        );
    }
    Ok(())
}

/// Which server is meant.
fn server_of(given: Option<String>) -> String {
    let given = given.or_else(|| std::env::var("AUBERGE_URL").ok());
    let url = given.or_else(usual_url).unwrap_or_else(|| USUAL_URL.to_owned());
    trimmed(&url)
}

fn instructions(codes: &DeviceAuthorization) -> String {
    let mut text = format!(
        "To sign in, open this page in any browser, and type the code:\n\n  {}\n  code  {}\n",
        codes.verification_uri, codes.user_code
    );
    if let Some(complete) =
        codes.verification_uri_complete.as_ref().filter(|_| std::io::stdout().is_terminal())
    {
        text.push_str(&format!("\nWith the code in it already:\n\n  {complete}\n"));
    }
    let minutes = codes.expires_in.div_ceil(60);
    text.push_str(&format!("\nIt is good for {minutes} minutes."));
    text
}

/// A line of JSON, at once.
fn say(value: &serde_json::Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{value}")?;
    out.flush()?;
    Ok(())
}
