//! `auberge bank`: the sandbox bank by itself, for clusters that are tried out.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::commands::process::Stop;
use crate::server::bank::open_sandbox;
use crate::settings::{Payments, Settings};

/// Run the sandbox bank by itself, so that several nodes on this machine share one. No money moves.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where its books are kept; made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "./auberge-bank")]
    data: PathBuf,
    /// Where to listen, on loopback; by default the port that it had last time.
    #[arg(long, value_name = "ADDR")]
    address: Option<SocketAddr>,
    /// Where the cluster takes its webhooks: the `public_url` of its settings.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
}

/// Runs until it is told to stop.
///
/// # Errors
/// When its books or address cannot be had.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments { data, address, url } = arguments;
    let settings = Settings {
        payments: Payments { sandbox_address: address, ..Payments::default() },
        ..Settings::default()
    };
    let bank = open_sandbox(&data, &settings, url.trim_end_matches('/')).await?;
    println!("The sandbox bank is open. For cluster.toml, the same on every node:\n");
    println!("[payments]\nbank = \"sandbox\"\nbase_url = \"{}\"", bank.base_url);
    println!("secret_key = \"{}\"\npublishable_key = \"{}\"", bank.secret_key, bank.publishable_key);
    println!("webhook_secret = \"{}\"", bank.webhook_secret);
    Stop::listen()?.wait().await;
    bank.stop().await;
    Ok(())
}
