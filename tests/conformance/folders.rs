//! Folders of a crate must not import each other in a cycle. A folder and its subfolders may: a parent gathers its
//! children, and a child uses what its parent shares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The folders below a `src`, as module paths (`["client", "events"]`), each with those it imports and one file that does.
type Imports = BTreeMap<Vec<String>, BTreeMap<Vec<String>, PathBuf>>;

#[test]
fn folders_do_not_import_each_other_in_a_cycle() {
    let root = test_support::workspace();
    let mut cycles = Vec::new();
    for src in sources(&root) {
        let imports = imports(&src);
        for (folder, others) in &imports {
            for (other, file) in others {
                if reaches(&imports, other, folder) {
                    let file = file.strip_prefix(&root).unwrap_or(file).display();
                    cycles.push(format!(
                        "{} imports {} in {file}, and back",
                        folder.join("::"),
                        other.join("::")
                    ));
                }
            }
        }
    }
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}

/// The `src` folders of the workspace's crates.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.join("src")];
    let mut open: Vec<PathBuf> = ["nodes", "actors", "tests"].iter().map(|name| root.join(name)).collect();
    while let Some(folder) = open.pop() {
        let below = std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        for path in below.filter(|path| path.is_dir()) {
            if path.ends_with("src") { found.push(path) } else { open.push(path) }
        }
    }
    assert!(found.len() > 20, "the crates were not found below {}", root.display());
    found
}

fn imports(src: &Path) -> Imports {
    let mut files = Vec::new();
    let mut open = vec![src.to_owned()];
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
                files.push(path);
            }
        }
    }
    let modules: Vec<(PathBuf, Vec<String>)> = files
        .into_iter()
        .map(|file| (file.clone(), module(file.strip_prefix(src).expect("below src"))))
        .collect();
    // A module is a folder if another module lies below it.
    let folders: BTreeSet<Vec<String>> = modules
        .iter()
        .flat_map(|(_, module)| (1..module.len()).map(|length| module[..length].to_vec()))
        .collect();
    let mut imports = Imports::new();
    for (file, module) in &modules {
        let from = folder_of(&folders, module);
        let text = std::fs::read_to_string(file).expect("a source file");
        for path in paths(&text, module) {
            let to = folder_of(&folders, &path);
            if !to.starts_with(&from) && !from.starts_with(&to) {
                imports.entry(from.clone()).or_default().entry(to).or_insert_with(|| file.clone());
            }
        }
    }
    imports
}

/// `client/events.rs` is the module `client::events`, as is `client/events/mod.rs`.
fn module(file: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// The deepest folder that a module or an item lies in; empty for the crate's root.
fn folder_of(folders: &BTreeSet<Vec<String>>, path: &[String]) -> Vec<String> {
    let lengths = (1..=path.len()).rev();
    lengths.map(|length| path[..length].to_vec()).find(|part| folders.contains(part)).unwrap_or_default()
}

/// The paths within the crate that a file names: what follows `crate::` and `super::`, groups in braces included.
fn paths(text: &str, module: &[String]) -> Vec<Vec<String>> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or_default()).fold(
        String::new(),
        |mut code, line| {
            code.push_str(line);
            code.push('\n');
            code
        },
    );
    let code = code.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let mut found = Vec::new();
    for (start, word) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        let before = code[..start].chars().next_back();
        if before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':') {
            continue;
        }
        let mut base =
            if word == "crate::" { Vec::new() } else { module[..module.len().saturating_sub(1)].to_vec() };
        let mut rest = &code[start + word.len()..];
        while let Some(further) = rest.strip_prefix("super::") {
            base.pop();
            rest = further;
        }
        expand(&base, rest, &mut found);
    }
    found
}

/// Adds the paths that `rest`, the text behind `base::`, begins with: `a::b`, or `{a::b, c::{d, e}}`.
fn expand(base: &[String], rest: &str, found: &mut Vec<Vec<String>>) -> usize {
    if rest.starts_with('{') {
        let mut at = 1;
        while at < rest.len() {
            match rest.as_bytes()[at] {
                b'}' => return at + 1,
                letter if letter.is_ascii_alphabetic() || letter == b'_' => {
                    at += expand(base, &rest[at..], found);
                }
                _ => at += 1,
            }
        }
        return at;
    }
    let length = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
    let path = [base, &[rest[..length].to_owned()]].concat();
    match rest[length..].strip_prefix("::") {
        Some(further) => length + 2 + expand(&path, further, found).max(1),
        None => {
            found.push(path);
            length.max(1)
        }
    }
}

fn reaches(imports: &Imports, from: &[String], to: &[String]) -> bool {
    let (mut open, mut seen) = (vec![from.to_vec()], BTreeSet::new());
    while let Some(folder) = open.pop() {
        if folder == to {
            return true;
        }
        if seen.insert(folder.clone()) {
            open.extend(imports.get(&folder).into_iter().flat_map(BTreeMap::keys).cloned());
        }
    }
    false
}

#[test]
fn imports_are_read_as_the_compiler_reads_them() {
    let module: Vec<String> = ["server", "edge"].map(String::from).to_vec();
    let text = "use crate::{settings::{Bank, file::Text}, client};\nuse super::data::Dir; // crate::not::this\n\
                use super::super::services::mount;\nuse mycrate::x;\n";
    let found: Vec<String> = paths(text, &module).iter().map(|path| path.join("::")).collect();
    for wanted in ["settings::Bank", "settings::file::Text", "client", "server::data::Dir", "services::mount"]
    {
        assert!(found.iter().any(|path| path == wanted), "{wanted} is missing in {found:?}");
    }
    assert_eq!(found.len(), 5, "{found:?}");
}
