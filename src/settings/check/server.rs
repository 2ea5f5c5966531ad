//! Checks the settings of a server: HTTP, mail, the bank, holds, limits and services.

use super::Findings;
use crate::server::mail;
use crate::services;
use crate::settings::{Bank, Duration, Encryption, MailTransport, Settings};

const BRAND_CHARS_MAX: usize = 120;
const DAY_SECS: u32 = 24 * 60 * 60;
const HOLD_SECS_MAX: u32 = 7 * DAY_SECS;
const REQUEST_TIMEOUT_SECS_MAX: u32 = 60 * 60;
const HEADER_TIMEOUT_SECS_MAX: u32 = 5 * 60;
const HORIZON_DAYS_MAX: u32 = 1100;
/// The host whose webhook secrets have a known form.
const STRIPE_HOST: &str = "api.stripe.com";

pub(super) const NOT_ON_LOOPBACK: &str =
    "is not on loopback: set `certificate` and `certificate_key`, or `behind_proxy`";

pub(super) fn check(settings: &Settings, findings: &mut Findings<'_>) {
    check_http(settings, findings);
    check_mail(settings, findings);
    check_payments(settings, findings);
    check_reservations(settings, findings);
    check_limits(settings, findings);
}

pub(super) fn check_services(settings: &Settings, findings: &mut Findings<'_>) {
    for (name, service) in &settings.services {
        let table = format!("services.{name}");
        if name == directory::SERVICE {
            if service.shards != 1 {
                findings.add(&table, "shards", "must be 1: the directory has one shard");
            }
            continue;
        }
        if !services::NAMES.contains(&name.as_str()) {
            let message = format!("is not a service; the services are {}", services::NAMES.join(", "));
            findings.add_table(&table, &message);
        }
        if !(1..=64).contains(&service.shards) {
            findings.add(&table, "shards", "must be 1 to 64");
        }
    }
}

/// Checks that nodes have a bank that all of them reach.
pub(super) fn check_shared_bank(settings: &Settings, findings: &mut Findings<'_>) {
    if settings.nodes.is_empty() {
        return;
    }
    match settings.payments.bank {
        None => findings.add("payments", "bank", "is not set: a node needs sandbox or stripe"),
        Some(Bank::Sandbox) if settings.payments.base_url.is_none() => {
            let message = "is sandbox, which the nodes share: start it with `auberge bank`, and copy the settings that it \
                         prints (`base_url` and its secrets)";
            findings.add("payments", "bank", message);
        }
        Some(Bank::Sandbox | Bank::Stripe) => {}
    }
}

pub(super) fn is_plain_http(settings: &Settings) -> bool {
    settings.http.certificate.is_none() && !settings.http.behind_proxy
}

fn check_http(settings: &Settings, findings: &mut Findings<'_>) {
    let http = &settings.http;
    let brand = settings.brand.name.trim();
    if brand.is_empty() || brand.chars().count() > BRAND_CHARS_MAX {
        let message = format!("must not be empty, and at most {BRAND_CHARS_MAX} characters long");
        findings.add("brand", "name", &message);
    }
    if let Some(url) = &http.public_url
        && let Err(why) = check_url(url)
    {
        findings.add("http", "public_url", why);
    }
    for origin in &http.cors_origins {
        let host = origin.split_once("://").map(|(_, host)| host);
        if host.is_none_or(|host| host.contains('/')) || check_url(origin).is_err() {
            findings.add(
                "http",
                "cors_origins",
                &format!("has `{origin}`; an origin is scheme://host[:port]"),
            );
        }
    }
    if http.certificate.is_some() != http.certificate_key.is_some() {
        let set = if http.certificate.is_some() { "certificate" } else { "certificate_key" };
        findings.add("http", set, "is set alone: `certificate` and `certificate_key` must both be set");
    }
    if is_plain_http(settings) && !http.address.ip().is_loopback() {
        findings.add("http", "address", NOT_ON_LOOPBACK);
    }
    if http.metrics_listen == Some(http.address) {
        findings.add("http", "metrics_listen", "is in use by `address`: set another port");
    }
}

/// Checks the prefix of links.
fn check_url(url: &str) -> Result<(), &'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.ok_or("must begin with https:// (or http:// on loopback)")?;
    if rest.split(['/', ':', '?', '#']).next().unwrap_or_default().is_empty() {
        return Err("has no host");
    }
    if rest.contains(['?', '#', '@']) || rest.contains(char::is_whitespace) {
        return Err("must have no query, fragment, user name or space: it is the prefix of links");
    }
    Ok(())
}

fn check_mail(settings: &Settings, findings: &mut Findings<'_>) {
    let mail = &settings.mail;
    if mail.transport == MailTransport::Smtp && mail.host.is_none() {
        findings.add("mail", "transport", "is smtp: set the server with `host`");
    }
    if mail::address(&mail.from).is_err() {
        let message = format!("is no sender: `{}`. Write `Name <address>`, or an address alone", mail.from);
        findings.add("mail", "from", &message);
    }
    if mail.host.as_deref().is_some_and(|host| host.is_empty() || host.contains(['/', ' ', '@'])) {
        findings.add("mail", "host", "must be a host name or an IP address; the port has its own setting");
    }
    if mail.port == Some(0) {
        findings.add("mail", "port", "must be 1 to 65535");
    }
    match (&mail.user, &mail.password) {
        (Some(_), None) => {
            let message = "needs a password: name a file with AUBERGE_MAIL__PASSWORD_FILE";
            findings.add("mail", "user", message);
        }
        (None, Some(_)) => findings.add("mail", "password", "needs `user`"),
        (Some(_), Some(_)) if mail.encryption == Encryption::None => {
            let message = "would send its password unencrypted: set `encryption` to starttls or tls";
            findings.add("mail", "user", message);
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
}

fn check_payments(settings: &Settings, findings: &mut Findings<'_>) {
    let payments = &settings.payments;
    let name = match payments.bank {
        Some(Bank::Stripe) => "stripe",
        // A single server has its own sandbox; nodes share the one at `base_url`.
        Some(Bank::Sandbox) if payments.base_url.is_some() => "sandbox",
        Some(Bank::Sandbox) | None => return,
    };
    for (key, value) in [
        ("base_url", &payments.base_url),
        ("secret_key", &payments.secret_key),
        ("publishable_key", &payments.publishable_key),
        ("webhook_secret", &payments.webhook_secret),
    ] {
        if value.as_deref().is_none_or(|value| value.trim().is_empty()) {
            let message = format!("is {name}: set `{key}`{}", from_file(key));
            findings.add("payments", "bank", &message);
        }
    }
    let set = |value: &'_ Option<String>| value.clone().filter(|value| !value.trim().is_empty());
    let (url, secret, publishable) =
        (set(&payments.base_url), set(&payments.secret_key), set(&payments.publishable_key));
    let mode = |key: &Option<String>| key.as_deref().and_then(mode);
    if let Some(url) = &url {
        let host = url.split_once("://").map(|(_, rest)| rest.split(['/', ':']).next().unwrap_or_default());
        if let Err(why) = check_url(url) {
            findings.add("payments", "base_url", why);
        } else if url.starts_with("http://")
            && mode(&secret) == Some("live")
            && !host.is_some_and(is_loopback)
        {
            findings.add(
                "payments",
                "base_url",
                "would send the live key unencrypted: it must begin with https://",
            );
        }
        if host == Some(STRIPE_HOST)
            && let Some(secret) = set(&payments.webhook_secret)
            && !secret.starts_with("whsec_")
        {
            findings.add(
                "payments",
                "webhook_secret",
                "must begin with whsec_: it is the endpoint's signing secret",
            );
        }
    }
    if let Some(url) = &payments.script_url
        && let Err(why) = check_url(url)
    {
        findings.add("payments", "script_url", why);
    }
    if secret.as_deref().is_some_and(|key| !key.starts_with("sk_") && !key.starts_with("rk_")) {
        findings.add("payments", "secret_key", "must begin with sk_ or rk_: it is the account's secret key");
    }
    if publishable.as_deref().is_some_and(|key| !key.starts_with("pk_")) {
        findings.add("payments", "publishable_key", "must begin with pk_: pages show it to everyone");
    } else if let (Some(secret), Some(publishable)) = (mode(&secret), mode(&publishable))
        && secret != publishable
    {
        let message = format!(
            "is a {publishable} key, and `secret_key` is a {secret} key: both must be of the same mode"
        );
        findings.add("payments", "publishable_key", &message);
    }
}

fn from_file(key: &str) -> String {
    match key {
        "secret_key" | "webhook_secret" => {
            format!(" (prefer a file, named by AUBERGE_PAYMENTS__{}_FILE)", key.to_uppercase())
        }
        _ => String::new(),
    }
}

/// The mode in a key: `test` in `sk_test_…`.
fn mode(key: &str) -> Option<&'static str> {
    match key.split('_').nth(1) {
        Some("test") => Some("test"),
        Some("live") => Some("live"),
        _ => None,
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn check_reservations(settings: &Settings, findings: &mut Findings<'_>) {
    let reservations = &settings.reservations;
    if reservations.hold.secs() == 0 {
        findings.add("reservations", "hold", "must be at least 1s: a hold must last until it is paid");
    }
    for (key, duration) in [("hold", reservations.hold), ("hold_extension", reservations.hold_extension)] {
        if duration.secs() > HOLD_SECS_MAX {
            findings.add("reservations", key, "must be at most 7 days: unpaid holds take rooms");
        }
    }
    if !(1..=HORIZON_DAYS_MAX).contains(&reservations.horizon_days) {
        findings.add("reservations", "horizon_days", &format!("must be 1 to {HORIZON_DAYS_MAX}"));
    }
    if reservations.unpaid_holds_max == 0 {
        findings.add(
            "reservations",
            "unpaid_holds_max",
            "must be at least 1: without a hold nothing is booked",
        );
    }
    let (of_address, of_property) = (reservations.address_rooms_max, reservations.address_property_rooms_max);
    for (key, max) in [
        ("client_unpaid_holds_default", reservations.client_unpaid_holds_default),
        ("address_rooms_max", of_address),
        ("address_property_rooms_max", of_property),
    ] {
        if max == 0 {
            findings.add("reservations", key, "must be at least 1: without a hold nothing is booked");
        }
    }
    if of_property > of_address {
        findings.add(
            "reservations",
            "address_property_rooms_max",
            "must be at most `address_rooms_max`, which counts the rooms of all properties",
        );
    }
}

fn check_limits(settings: &Settings, findings: &mut Findings<'_>) {
    let limits = &settings.limits;
    let mut bounded = |key: &str, value: u64, min: u64, max: u64| {
        if !(min..=max).contains(&value) {
            findings.add("limits", key, &format!("must be {min} to {max}"));
        }
    };
    bounded("calls_max", limits.calls_max as u64, 1, 1_000_000);
    bounded("requests_per_second", limits.requests_per_second.into(), 1, 1_000_000);
    bounded("connections_max", limits.connections_max as u64, 16, 1_000_000);
    bounded("connections_per_address_max", limits.connections_per_address_max as u64, 1, 1_000_000);
    bounded("headers_max", limits.headers_max as u64, 20, 1000);
    bounded("header_bytes_max", limits.header_bytes_max as u64, 4096, 1 << 20);
    bounded("body_bytes_max", limits.body_bytes_max as u64, 1024, 1 << 30);
    bounded("card_attempts_max", limits.card_attempts_max.into(), 1, 1_000_000);
    bounded("address_card_attempts_max", limits.address_card_attempts_max.into(), 1, 1_000_000);
    bounded("cache_mib", limits.cache_mib, 1, 65_536);
    if !is_within(limits.request_timeout, 1, REQUEST_TIMEOUT_SECS_MAX) {
        findings.add("limits", "request_timeout", "must be 1s to 1h");
    }
    if !is_within(limits.header_timeout, 1, HEADER_TIMEOUT_SECS_MAX) {
        findings.add("limits", "header_timeout", "must be 1s to 5m");
    }
    if !is_within(limits.idle_timeout, 1, REQUEST_TIMEOUT_SECS_MAX) {
        findings.add("limits", "idle_timeout", "must be 1s to 1h");
    }
}

fn is_within(duration: Duration, min_secs: u32, max_secs: u32) -> bool {
    (min_secs..=max_secs).contains(&duration.secs())
}
