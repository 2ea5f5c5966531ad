//! `auberge bank`: the sandbox bank alone, for a test cluster to share.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::commands::process::Stop;
use crate::server::bank::open_sandbox;
use crate::settings::{Payments, Settings};

/// Run the sandbox bank alone, so that several nodes on this machine share it. No money moves.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The directory of its store; created if it is missing.
    #[arg(long, value_name = "DIR", default_value = "./auberge-bank")]
    data: PathBuf,
    /// The address to listen on, on loopback [default: the port of the last start].
    #[arg(long, value_name = "ADDR")]
    address: Option<SocketAddr>,
    /// The server that receives its webhooks: the `public_url` of the cluster's settings.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
}

/// Runs until SIGINT or SIGTERM.
///
/// # Errors
/// When the store cannot be opened, or the address cannot be bound.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { data, address, url } = arguments;
    let settings = Settings {
        payments: Payments { sandbox_address: address, ..Payments::default() },
        ..Settings::default()
    };
    let bank = open_sandbox(&data, &settings, url.trim_end_matches('/')).await?;
    println!("The sandbox bank is running. Copy these settings into cluster.toml of every node:\n");
    println!("[payments]\nbank = \"sandbox\"\nbase_url = \"{}\"", bank.base_url);
    println!("secret_key = \"{}\"\npublishable_key = \"{}\"", bank.secret_key, bank.publishable_key);
    println!("webhook_secret = \"{}\"", bank.webhook_secret);
    Stop::listen()?.wait().await;
    bank.stop().await;
    Ok(())
}
