//! `auberge admin recover`: the way back for whoever has lost `admin.json`, on the machine of a node. The cluster key in the
//! data directory authorises it.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use contracts::{ALL_HOTELS, scope};
use protocol::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use token::ClusterKey;

use crate::client::{self, ApiClient};
use crate::commands::cluster::init;
use crate::commands::output;
use crate::files::write_private;
use crate::server::data_dir;
use crate::server::trust::AdminFile;

/// The default address of `auberge serve`.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// Commands for the administrator.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Write a new `admin.json`, when it was lost or its client was revoked. The server must be running.
    ///
    /// The administrator's client gets a new secret, and the old one becomes invalid. If the client was revoked, another one is
    /// created. Run the command on the machine of a node: the cluster key in its data directory authorises it.
    Recover(Recover),
}

#[derive(Debug, Args)]
pub struct Recover {
    /// The data directory of the node [default: ./auberge-data].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The node's settings file, which has its data directory.
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The address of the node's edge [default: the one in its data directory, or http://127.0.0.1:8080].
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no cluster key, or the server cannot be reached or refuses.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments::Recover(Recover { data, config, url, json }) = arguments;
    let given = match (data, &config) {
        (Some(data), _) => data,
        (None, Some(config)) => init::of_config(config)?,
        (None, None) => PathBuf::from("./auberge-data"),
    };
    let file = given.join("admin.json");
    let data = node_directory(&given)?;
    let metadata = data_dir::read(&data)?;
    let node = metadata.and_then(|metadata| metadata.node);
    let before = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<AdminFile>(&text).ok());
    let known = before.map(|before| before.url).or_else(|| node.as_ref().map(|node| node.url.clone()));
    let url = client::trimmed(&url.or(known).unwrap_or_else(|| DEFAULT_URL.to_owned()));
    let key = ClusterKey::load(&data.join("cluster.key")).context("the cluster key")?;
    let name = node.map_or_else(|| data_dir::SINGLE_NODE_NAME.to_owned(), |node| node.name);
    // The credential is valid for a minute, on nodes with the same cluster key only.
    let server = ApiClient::with_token(url.clone(), key.node_credential(&name, Timestamp::wall_clock()))?;
    let recovered = recover(&server).await?;
    let (client_id, client_secret) = (text(&recovered, "client_id")?, text(&recovered, "client_secret")?);
    let administrator = AdminFile { url, client_id, client_secret };
    write_private(&file, &serde_json::to_vec_pretty(&administrator)?)?;
    if json {
        return output::print_json(&json!({"file": file, "client_id": administrator.client_id}));
    }
    println!("{} has the credentials of the client {}.", file.display(), administrator.client_id);
    println!("Check what other administrators did with `auberge cluster audit --admin {}`.", file.display());
    Ok(())
}

/// The data directory that has the cluster key: the given one, or of the first node of `serve --nodes`.
fn node_directory(given: &Path) -> anyhow::Result<PathBuf> {
    let found = [given.to_owned(), given.join(data_dir::SINGLE_NODE_NAME)];
    let found = found.into_iter().find(|data| data.join("cluster.key").exists());
    let Some(found) = found else {
        bail!(
            "there is no cluster.key in {}: run this on the machine of a node, and name its data directory with --data",
            given.display()
        );
    };
    Ok(found)
}

/// A new secret for the administrator's client, or a new client if it was revoked.
async fn recover(server: &ApiClient) -> anyhow::Result<Value> {
    let path = format!("/v1/clients/{}/secret", auth::ADMIN_CLIENT);
    let request = server.request(Method::POST, &path).json(&json!({"overlap_secs": 0}));
    let response = request.send().await;
    let response =
        response.with_context(|| format!("no response from {}: start the server first", server.url()))?;
    let status = response.status();
    let bytes = response.bytes().await.context("the response was cut off")?;
    if status.is_success() {
        return serde_json::from_slice(&bytes).context("unexpected response");
    }
    let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let is = |name: &str| problem["type"].as_str().is_some_and(|kind| kind.ends_with(name));
    if status == reqwest::StatusCode::UNAUTHORIZED {
        bail!(
            "{} has another cluster key: name the data directory of one of its nodes with --data",
            server.url()
        );
    }
    if !is("/client-revoked") && !is("/not-found") {
        return Err(client::problem(status, &bytes));
    }
    let body = json!({
        "name": "Administrator", "scope": scope::ALL.join(" "), "grant_types": ["client_credentials"],
        "hotels": [ALL_HOTELS],
    });
    server.post("/v1/clients", &body).await
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    value[name].as_str().map(str::to_owned).with_context(|| format!("the response has no {name}"))
}
