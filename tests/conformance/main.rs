//! Conformance tests: OpenAPI documents, problem types, scopes, and dependencies between crates. `REWRITE_GOLDENS=1` renews
//! the golden files.

mod authorization;
mod dependencies;
mod documents;
mod folders;
mod inputs;
mod sample;

use std::path::{Path, PathBuf};

/// Compares a text with the golden file, or renews the file.
#[track_caller]
fn golden(file: &Path, text: &str) {
    if std::env::var_os("REWRITE_GOLDENS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    if kept == text {
        return;
    }
    let at = kept.lines().zip(text.lines()).take_while(|(kept, now)| kept == now).count();
    let line = |text: &str| text.lines().nth(at).unwrap_or("(nothing)").to_owned();
    panic!(
        "{} differs from line {} on:\n  kept {}\n  now  {}\nREWRITE_GOLDENS=1 writes it anew",
        file.display(),
        at + 1,
        line(&kept),
        line(text)
    );
}

fn goldens() -> PathBuf {
    test_support::workspace().join("tests/goldens")
}
