//! Checks of documents with qpdf and pdftotext, if they are installed.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The data of a built-in template's example.
pub fn example(name: &str) -> serde_json::Value {
    let path = format!("{}/tests/data/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("an example")).expect("JSON")
}

/// Runs a tool on a document; `None` if the tool is not installed.
fn run(tool: &str, before: &[&str], document: &[u8], after: &[&str]) -> Option<(bool, String)> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = format!("document-{}-{}.pdf", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, document).expect("written");
    let output = Command::new(tool).args(before).arg(&file).args(after).stdin(Stdio::null()).output();
    std::fs::remove_file(&file).expect("removed");
    match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("{tool} is not installed: nothing checked");
            None
        }
        Err(error) => panic!("{tool}: {error}"),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            Some((output.status.success(), text))
        }
    }
}

/// Checks a document's structure.
pub fn check(document: &[u8]) {
    if let Some((sound, said)) = run("qpdf", &["--check"], document, &[]) {
        assert!(sound && said.contains("No syntax or stream encoding errors"), "{said}");
    }
}

/// The text of a document in its layout on the page.
pub fn text(document: &[u8]) -> Option<String> {
    run("pdftotext", &["-layout", "-enc", "UTF-8"], document, &["-"]).map(|(done, text)| {
        assert!(done, "{text}");
        text
    })
}

/// The text, with all white space collapsed to single spaces.
#[allow(dead_code)]
pub fn words(document: &[u8]) -> Option<String> {
    text(document).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Compares with the golden file; `REWRITE_GOLDENS=1` renews it.
#[allow(dead_code)]
pub fn golden(name: &str, text: &str) {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    let text: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let text = text.trim_end_matches(['\n', '\u{c}']).to_owned() + "\n";
    if std::env::var_os("REWRITE_GOLDENS").is_some() {
        std::fs::create_dir_all(format!("{}/tests/golden", env!("CARGO_MANIFEST_DIR"))).expect("a directory");
        std::fs::write(&path, &text).expect("written");
    }
    let expected = std::fs::read_to_string(&path).expect("a golden file");
    assert!(text == expected, "{name} is now:\n{text}");
}
