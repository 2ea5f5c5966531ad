//! Third-party programs that tests use when they are installed.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root directory of the workspace.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Finds a program in `target/tools` or on `PATH`. Returns `None` and prints a line when it is missing, and the test skips what
/// needs it. `tests/run` installs all programs; as root it also sets `AUBERGE_TOOLS=required`.
///
/// # Panics
/// When `AUBERGE_TOOLS=required` and the program is missing.
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
        eprintln!("skipped: {name} is not installed (tests/run installs it)");
    }
    found
}

/// Checks a PDF with `qpdf` and extracts its text with `pdftotext`. Returns `None` when these programs are not installed.
///
/// # Panics
/// When the file is not a valid PDF.
pub fn pdf_text(bytes: &[u8]) -> Option<String> {
    assert!(
        bytes.starts_with(b"%PDF-"),
        "not a PDF: {}",
        String::from_utf8_lossy(&bytes[..bytes.len().min(200)])
    );
    let (qpdf, pdftotext) = (tool("qpdf")?, tool("pdftotext")?);
    let directory = tempfile::tempdir().expect("cannot create a temporary directory");
    let file = directory.path().join("document.pdf");
    std::fs::write(&file, bytes).expect("cannot write the PDF");
    let checked = Command::new(qpdf).arg("--check").arg(&file).output().expect("cannot run qpdf");
    assert!(checked.status.success(), "qpdf: {}", String::from_utf8_lossy(&checked.stderr));
    let read =
        Command::new(pdftotext).arg("-layout").arg(&file).arg("-").output().expect("cannot run pdftotext");
    assert!(read.status.success(), "pdftotext: {}", String::from_utf8_lossy(&read.stderr));
    Some(String::from_utf8_lossy(&read.stdout).into_owned())
}
