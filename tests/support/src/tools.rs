//! Programs that are not ours, where they are installed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's root.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// A program on the path, or under `target/tools`; says so when it is missing, and a test that needs it ends there.
/// `tests/run` installs all of them, and sets `AUBERGE_TOOLS=required`.
///
/// # Panics
/// When tools are required and this one is missing.
pub fn tool(name: &str) -> Option<PathBuf> {
    let tools = workspace().join("target/tools");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = [tools.join("venv/bin")].into_iter().chain(std::env::split_paths(&path));
    let found = places.map(|place| place.join(name)).find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("AUBERGE_TOOLS").is_none_or(|word| word != "required"),
            "{name} is not installed"
        );
        eprintln!("left out: {name} is not installed (tests/run installs it)");
    }
    found
}

/// The text of a PDF that `qpdf` finds sound, as `pdftotext` reads it; nothing where these are not installed.
///
/// # Panics
/// When the file is not sound.
pub fn pdf_text(bytes: &[u8]) -> Option<String> {
    assert!(
        bytes.starts_with(b"%PDF-"),
        "not a PDF: {}",
        String::from_utf8_lossy(&bytes[..bytes.len().min(200)])
    );
    let (qpdf, pdftotext) = (tool("qpdf")?, tool("pdftotext")?);
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("document.pdf");
    std::fs::write(&file, bytes).expect("writing a PDF");
    let checked = Command::new(qpdf).arg("--check").arg(&file).output().expect("qpdf");
    assert!(checked.status.success(), "qpdf: {}", String::from_utf8_lossy(&checked.stderr));
    let read = Command::new(pdftotext).arg("-layout").arg(&file).arg("-").output().expect("pdftotext");
    assert!(read.status.success(), "pdftotext: {}", String::from_utf8_lossy(&read.stderr));
    Some(String::from_utf8_lossy(&read.stdout).into_owned())
}
