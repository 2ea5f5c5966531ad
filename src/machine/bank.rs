//! Who the bank is: the sandbox, opened here or by whoever started this node, or Stripe.

use std::path::Path;

use anyhow::{Context, bail};

use crate::settings::{Bank, Settings};

/// The bank as the services and pages see it.
pub struct Counter {
    /// Where it is.
    pub bank: payments::BankSettings,
    /// What it signs with.
    pub webhook_secret: Option<payments::WebhookSecret>,
    /// Its key for pages.
    pub publishable_key: String,
}

/// Opens the sandbox bank, whose webhooks go to `public_url`.
///
/// # Errors
/// When its books or its address cannot be had.
pub async fn open_sandbox(
    data: &Path,
    settings: &Settings,
    public_url: &str,
) -> anyhow::Result<sandbox_bank::Running> {
    let mut options = sandbox_bank::Options::new(data.join("bank"));
    if let Some(address) = settings.payments.sandbox_address {
        options.addr = address;
    }
    let bank = sandbox_bank::Sandbox::start(options).await.context("the sandbox bank")?;
    bank.send_webhooks_to(format!("{public_url}/v1/webhooks/stripe"));
    Ok(bank)
}

impl Counter {
    /// The sandbox of this process.
    pub fn of_sandbox(bank: &sandbox_bank::Running) -> Self {
        Self {
            bank: payments::BankSettings {
                base_url: bank.base_url.clone(),
                secret_key: bank.secret_key.clone(),
                sandbox: true,
                timeout: None,
            },
            webhook_secret: Some(payments::WebhookSecret::new(bank.webhook_secret.clone())),
            publishable_key: bank.publishable_key.clone(),
        }
    }

    /// The bank that the settings name: Stripe, or somebody else's sandbox.
    ///
    /// # Errors
    /// When they do not say enough.
    pub fn of_settings(settings: &Settings, kind: Bank) -> anyhow::Result<Self> {
        let said = &settings.payments;
        let need = |name: &str, value: &Option<String>| {
            let word = match kind {
                Bank::Sandbox => "sandbox",
                Bank::Stripe => "stripe",
            };
            value.clone().with_context(|| format!("payments.{name} is needed with bank = \"{word}\""))
        };
        let sandbox = kind == Bank::Sandbox;
        if sandbox && said.base_url.is_none() {
            bail!(
                "a cluster's nodes share one bank: start it with `auberge bank` and put what it prints into [payments]"
            );
        }
        Ok(Self {
            bank: payments::BankSettings {
                base_url: need("base_url", &said.base_url)?,
                secret_key: need("secret_key", &said.secret_key)?,
                sandbox,
                timeout: None,
            },
            webhook_secret: said.webhook_secret.clone().map(payments::WebhookSecret::new),
            publishable_key: said.publishable_key.clone().unwrap_or_default(),
        })
    }
}
