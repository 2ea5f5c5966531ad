//! The bank: the sandbox, run by this process or another one, or Stripe.

use std::path::Path;

use anyhow::{Context, bail};

use crate::settings::{Bank, Settings};

/// The settings that services and pages need to reach the bank.
pub struct PaymentSettings {
    pub bank: payments::BankSettings,
    /// Verifies the bank's webhooks.
    pub webhook_secret: Option<payments::WebhookSecret>,
    /// The bank's key for pages.
    pub publishable_key: String,
    /// The script with the bank's card field, for pages; empty for the sandbox bank.
    pub script_url: String,
}

/// Starts the sandbox bank, which sends its webhooks to `public_url`.
///
/// # Errors
/// When its store cannot be opened, or its address cannot be bound.
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

impl PaymentSettings {
    /// The sandbox that this process runs.
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
            script_url: String::new(),
        }
    }

    /// The bank that the settings name: Stripe, or a sandbox of another process.
    ///
    /// # Errors
    /// When a required setting is missing.
    pub fn of_settings(settings: &Settings, kind: Bank) -> anyhow::Result<Self> {
        let configured = &settings.payments;
        let need = |name: &str, value: &Option<String>| {
            let bank = match kind {
                Bank::Sandbox => "sandbox",
                Bank::Stripe => "stripe",
            };
            value.clone().with_context(|| format!("payments.{name} is needed with bank = \"{bank}\""))
        };
        let sandbox = kind == Bank::Sandbox;
        if sandbox && configured.base_url.is_none() {
            bail!(
                "the nodes of a cluster share one bank: start it with `auberge bank`, and copy the settings that it prints into [payments]"
            );
        }
        Ok(Self {
            bank: payments::BankSettings {
                base_url: need("base_url", &configured.base_url)?,
                secret_key: need("secret_key", &configured.secret_key)?,
                sandbox,
                timeout: None,
            },
            webhook_secret: configured.webhook_secret.clone().map(payments::WebhookSecret::new),
            publishable_key: configured.publishable_key.clone().unwrap_or_default(),
            script_url: if sandbox { String::new() } else { configured.script_url().to_owned() },
        })
    }
}
