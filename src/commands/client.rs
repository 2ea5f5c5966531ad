//! `auberge client create|list|rotate|revoke`.

use anyhow::bail;
use clap::Subcommand;
use contracts::ALL_HOTELS;
use serde_json::{Value, json};

use crate::client::{self, ApiClient, Target};
use crate::commands::output;
use crate::settings::Duration;

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
        /// A hotel (`htl_…`) that it may manage with the scope `hotel:manage`; may be repeated, or separated by commas.
        #[arg(long = "hotel", visible_alias = "hotels", value_name = "ID", value_delimiter = ',')]
        hotels: Vec<String>,
        /// It may manage all hotels with the scope `hotel:manage`, also those that are created later.
        #[arg(long, conflicts_with = "hotels")]
        all_hotels: bool,
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
    /// Replace a client's secret. The previous one stays valid for a day, unless another time is given.
    Rotate {
        /// The client's id, or its name if no other client has it.
        client: String,
        /// How long the previous secret stays valid: `2h`, `168h`, or `0s` if others may know it.
        #[arg(long, value_name = "TIME", default_value = "24h")]
        overlap: Duration,
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
        Arguments::Create { name, scope, mut hotels, all_hotels, json, target } => {
            if all_hotels {
                hotels = vec![ALL_HOTELS.to_owned()];
            }
            if hotels.is_empty() && scope.split_ascii_whitespace().any(|scope| scope == "hotel:manage") {
                eprintln!(
                    "note: hotel:manage is valid for no hotel: name hotels with --hotel, or use --all-hotels"
                );
            }
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
            let clients = list(&target.sign_in().await?).await?;
            if json {
                return output::print_json(&clients);
            }
            let row =
                |client: &Value| ["client_id", "name", "scope"].map(|name| text(&client[name])).to_vec();
            output::print_table(&["client", "name", "scope"], clients.iter().map(row).collect());
        }
        Arguments::Rotate { client, overlap, json, target } => {
            rotate(&client, overlap, json, &target).await?;
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

/// All clients.
async fn list(server: &ApiClient) -> anyhow::Result<Vec<Value>> {
    let mut clients = Vec::new();
    let mut path = "/v1/clients?limit=100".to_owned();
    loop {
        let page: Value = server.get(&path).await?;
        clients.extend(page["items"].as_array().cloned().unwrap_or_default());
        let Some(cursor) = page["next_cursor"].as_str() else { return Ok(clients) };
        path = format!("/v1/clients?limit=100&cursor={cursor}");
    }
}

async fn rotate(named: &str, overlap: Duration, json: bool, target: &Target) -> anyhow::Result<()> {
    let server = target.sign_in().await?;
    let clients = list(&server).await?;
    let active = |client: &&Value| client["revoked_at"].is_null();
    let by_id = clients.iter().find(|client| client["client_id"] == named);
    let by_name: Vec<&Value> =
        clients.iter().filter(active).filter(|client| client["name"] == named).collect();
    let id = match (by_id, by_name.as_slice()) {
        (Some(client), _) => text(&client["client_id"]),
        (None, [client]) => text(&client["client_id"]),
        (None, []) => bail!("no client has the id or the name {named}: see `auberge client list`"),
        (None, many) => {
            bail!("{} clients have the name {named}: use the id, see `auberge client list`", many.len())
        }
    };
    let body = json!({"overlap_secs": overlap.secs()});
    let rotated: Value = server.post(&format!("/v1/clients/{id}/secret"), &body).await?;
    // The administrator's file would be useless once the previous secret is invalid.
    let updated = target.update_secret(&id, &text(&rotated["client_secret"]))?;
    if json {
        return output::print_json(&rotated);
    }
    println!("client_id      {id}");
    println!("client_secret  {}  (shown once)", text(&rotated["client_secret"]));
    match rotated["client"]["previous_secret_expires_at"].as_str() {
        Some(until) => println!("The previous secret is valid until {until}."),
        None => println!("The previous secret is no longer valid."),
    }
    if let Some(file) = updated {
        println!("{} has the new secret.", file.display());
    }
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
