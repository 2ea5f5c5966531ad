//! `auberge user grant`.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::{self, Target};

/// Verbs about accounts.
#[derive(Debug, Subcommand)]
pub enum Arguments {
    /// Say what an account may do beside being a guest's: sets all its roles.
    Grant {
        /// The account's mail address.
        email: String,
        /// It may do everything.
        #[arg(long)]
        administrator: bool,
        /// It is staff of this hotel (`htl_…`); may be repeated.
        #[arg(long = "hotel", value_name = "ID")]
        hotels: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
}

/// Runs the verb.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let Arguments::Grant { email, administrator, hotels, target } = arguments;
    let server = target.sign_in().await?;
    let body = json!({"email": email, "administrator": administrator, "hotels": hotels});
    let request = server.request(reqwest::Method::PUT, "/v1/users/roles").json(&body);
    let user: Value = client::answer(request).await?;
    let bound = user["hotels"].as_array().map_or(0, Vec::len);
    println!(
        "{email}: {}",
        if administrator { "administrator".to_owned() } else { format!("staff of {bound} hotels") }
    );
    Ok(())
}
