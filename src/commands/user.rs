//! `auberge user grant`.

use clap::Subcommand;
use contracts::ALL_HOTELS;
use serde_json::{Value, json};

use crate::client::{self, Target};
use crate::commands::output;

/// Commands for accounts.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Set all roles of an account, in place of its current roles. Without any role, all are taken away.
    ///
    /// The account's address must be verified. Its owner is notified by mail and signs in again.
    Grant {
        /// The account's mail address.
        email: String,
        /// Grant the role administrator.
        #[arg(long)]
        administrator: bool,
        /// Grant the role staff of this hotel (`htl_…`); may be repeated, or separated by commas.
        #[arg(long = "hotel", visible_alias = "hotels", value_name = "ID", value_delimiter = ',')]
        hotels: Vec<String>,
        /// Grant the role staff of all hotels, also of those that are created later.
        #[arg(long, conflicts_with = "hotels")]
        all_hotels: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments::Grant { email, administrator, mut hotels, all_hotels, json, target } = arguments;
    if all_hotels {
        hotels = vec![ALL_HOTELS.to_owned()];
    }
    let server = target.sign_in().await?;
    let body = json!({"email": email, "administrator": administrator, "hotels": hotels});
    let request = server.request(reqwest::Method::PUT, "/v1/users/roles").json(&body);
    let user: Value = client::send(request).await?;
    if json {
        return output::print_json(&user);
    }
    let role = match (administrator, all_hotels, user["hotels"].as_array().map_or(0, Vec::len)) {
        (true, ..) => "administrator".to_owned(),
        (false, true, _) => "staff of all hotels".to_owned(),
        (false, false, 0) => "guest, without roles".to_owned(),
        (false, false, 1) => "staff of 1 hotel".to_owned(),
        (false, false, many) => format!("staff of {many} hotels"),
    };
    println!("{email}: {role}");
    Ok(())
}
