//! Output that commands share: JSON, tables and progress.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::server::trust::AdministratorSignIn;

/// Prints `value` as JSON.
///
/// # Errors
/// When standard output is closed.
pub fn print_json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// Prints a table.
pub fn print_table(head: &[&str], rows: Vec<Vec<String>>) {
    println!("{}", table(head, rows));
}

/// Formats a table.
pub fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(head.to_vec());
    // One line for each row, without separators.
    for between in [
        comfy_table::TableComponent::HorizontalLines,
        comfy_table::TableComponent::MiddleIntersections,
        comfy_table::TableComponent::LeftBorderIntersections,
        comfy_table::TableComponent::RightBorderIntersections,
    ] {
        table.remove_style(between);
    }
    table.add_rows(rows);
    table.to_string()
}

/// A progress bar on a terminal; nothing in a pipe, where commands print lines instead.
pub fn progress(total: u64, unit: &str) -> indicatif::ProgressBar {
    if !std::io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let style = format!("{{wide_bar}} {{pos}}/{{len}} {unit}, {{per_sec}}, {{eta}} left");
    let style = indicatif::ProgressStyle::with_template(&style)
        .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
    indicatif::ProgressBar::new(total).with_style(style)
}

/// A spinner on a terminal; nothing in a pipe.
pub fn spinner(what: &'static str) -> indicatif::ProgressBar {
    if !std::io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let spinner = indicatif::ProgressBar::new_spinner().with_message(what);
    spinner.enable_steady_tick(std::time::Duration::from_millis(120));
    spinner
}

/// The administrator's sign-in. The password is included on a terminal only, because pipes are often logged.
pub fn administrator(sign_in: &AdministratorSignIn, public_url: &str) -> String {
    if std::io::stdout().is_terminal() {
        format!("{} with the password {} (shown once)", sign_in.email, sign_in.password)
    } else {
        format!("{}: choose a password by mail, at {public_url}/password-reset", sign_in.email)
    }
}
