//! `auberge keys list|rotate|withdraw`.

use clap::Subcommand;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::client::{self, Target};
use crate::commands::cluster::moves::segment;
use crate::commands::output;

/// Commands for the keys that sign access tokens.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// List the signing keys whose tokens are accepted.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Generate a signing key, which replaces the active one after a minute.
    ///
    /// Tokens that the previous key signed stay valid until they expire, so nobody is signed out. Keys also rotate by
    /// themselves, every 30 days.
    Rotate {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Withdraw a signing key that others may know: tokens that it signed become invalid at once.
    Withdraw {
        /// The key's id: `k4.pid.…`.
        key: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Serialize, Deserialize)]
struct Keys {
    items: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    id: String,
    state: String,
    active_from: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retired_at: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the server cannot be reached, or refuses.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments {
        Arguments::List { json, target } => show(&target.sign_in().await?.get("/v1/keys").await?, json),
        Arguments::Rotate { json, target } => {
            show(&target.sign_in().await?.post("/v1/keys", &json!({})).await?, json)
        }
        Arguments::Withdraw { key, target } => {
            let server = target.sign_in().await?;
            let path = format!("/v1/keys/{}", segment(&key)?);
            client::send::<Value>(server.request(Method::DELETE, &path)).await?;
            println!("{key} is withdrawn: tokens that it signed become invalid within seconds");
            Ok(())
        }
    }
}

fn show(keys: &Keys, json: bool) -> anyhow::Result<()> {
    if json {
        return output::print_json(&keys.items);
    }
    let row = |key: &Key| {
        let retired_at = key.retired_at.clone().unwrap_or_default();
        vec![key.id.clone(), key.state.clone(), key.active_from.clone(), retired_at]
    };
    output::print_table(&["key", "state", "active from", "retired at"], keys.items.iter().map(row).collect());
    Ok(())
}
