//! `auberge user grant`.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::{self, Target};

/// Commands for accounts.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Set all roles of an account, in place of its current roles.
    Grant {
        /// The account's mail address.
        email: String,
        /// Grant the role administrator.
        #[arg(long)]
        administrator: bool,
        /// Grant the role staff of this hotel (`htl_…`); may be repeated.
        #[arg(long = "hotel", value_name = "ID")]
        hotels: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments::Grant { email, administrator, hotels, target } = arguments;
    let server = target.sign_in().await?;
    let body = json!({"email": email, "administrator": administrator, "hotels": hotels});
    let request = server.request(reqwest::Method::PUT, "/v1/users/roles").json(&body);
    let user: Value = client::send(request).await?;
    let bound = user["hotels"].as_array().map_or(0, Vec::len);
    println!(
        "{email}: {}",
        if administrator { "administrator".to_owned() } else { format!("staff of {bound} hotels") }
    );
    Ok(())
}
