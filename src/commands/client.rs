//! `auberge client create|list|revoke`.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::{self, Target};
use crate::commands::output;

/// Commands for OAuth clients.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Create a client that signs in with its own secret (`client_credentials`), for a partner or an SDK.
    Create {
        /// A name for people.
        #[arg(long)]
        name: String,
        /// Its scopes, separated by spaces.
        #[arg(long)]
        scope: String,
        /// A hotel (`htl_…`) that it is restricted to; may be repeated.
        #[arg(long = "hotel", value_name = "ID")]
        hotels: Vec<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// List all clients.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a client's access, at once.
    Revoke {
        /// The client's id.
        client_id: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    match arguments {
        Arguments::Create { name, scope, hotels, json, target } => {
            let mut body = json!({"name": name, "scope": scope, "grant_types": ["client_credentials"]});
            if !hotels.is_empty() {
                body["hotels"] = json!(hotels);
            }
            let created: Value = target.sign_in().await?.post("/v1/clients", &body).await?;
            if json {
                return output::print_json(&created);
            }
            println!("client_id      {}", text(&created["client_id"]));
            println!("client_secret  {}  (shown once)", text(&created["client_secret"]));
        }
        Arguments::List { json, target } => {
            let server = target.sign_in().await?;
            let mut clients = Vec::new();
            let mut path = "/v1/clients?limit=100".to_owned();
            loop {
                let page: Value = server.get(&path).await?;
                clients.extend(page["items"].as_array().cloned().unwrap_or_default());
                let Some(cursor) = page["next_cursor"].as_str() else { break };
                path = format!("/v1/clients?limit=100&cursor={cursor}");
            }
            if json {
                return output::print_json(&clients);
            }
            let row =
                |client: &Value| ["client_id", "name", "scope"].map(|name| text(&client[name])).to_vec();
            output::print_table(&["client", "name", "scope"], clients.iter().map(row).collect());
        }
        Arguments::Revoke { client_id, target } => {
            let server = target.sign_in().await?;
            let request = server.request(reqwest::Method::DELETE, &format!("/v1/clients/{client_id}"));
            client::send::<Value>(request).await?;
            println!("{client_id} is revoked");
        }
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
