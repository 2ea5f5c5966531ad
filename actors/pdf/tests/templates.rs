//! Templates at the command boundary: commands and queries in; replies and refusals out.

use contracts::pdf::{Answer, Command, Query, Refusal, Reply, Summary, TEMPLATES_MAX, Template};
use group::testing::Bench;
use pdf::Pdf;
use protocol::Principal;

fn manager() -> Principal {
    Principal {
        subject: "usr_1".into(),
        scopes: vec!["documents".into(), "templates:manage".into()],
        ..Principal::default()
    }
}

fn put(name: &str, source: &str, expected_version: Option<u64>) -> Command {
    Command::PutTemplate { name: name.into(), source: source.into(), expected_version }
}

fn delete(name: &str, expected_version: Option<u64>) -> Command {
    Command::DeleteTemplate { name: name.into(), expected_version }
}

fn get(bench: &Bench<Pdf>, name: &str) -> Result<Template, Refusal> {
    match bench.query(&manager(), Query::GetTemplate { name: name.into() })? {
        Answer::Template(template) => Ok(template),
        other => panic!("{other:?}"),
    }
}

fn list(bench: &Bench<Pdf>, after: Option<&str>, limit: u16) -> (Vec<Summary>, Option<String>) {
    match bench.query(&manager(), Query::ListTemplates { after: after.map(Into::into), limit }) {
        Ok(Answer::Templates { items, next }) => (items, next),
        other => panic!("{other:?}"),
    }
}

fn render(bench: &Bench<Pdf>, template: &str, data: &str) -> Result<Vec<u8>, Refusal> {
    match bench.query(&manager(), Query::Render { template: template.into(), data_json: data.into() })? {
        Answer::Document(bytes) => Ok(bytes),
        other => panic!("{other:?}"),
    }
}

fn version(reply: Result<Reply, Refusal>) -> u64 {
    match reply {
        Ok(Reply::Kept { template, .. }) => template.version,
        other => panic!("{other:?}"),
    }
}

#[test]
fn templates_are_kept_changed_and_removed() {
    let bench = Bench::new(Pdf);
    let caller = manager();
    let first = bench.command(&caller, put("letter", "Hello {{ name }}", None)).expect("kept");
    let Reply::Kept { template, created } = first else { panic!("{first:?}") };
    assert!(
        created && template.version == 1 && template.updated_at == Some(bench.now()) && !template.built_in
    );
    assert_eq!(
        version(bench.command(&caller, put("letter", "Hello {{ name }}", None))),
        1,
        "no change, no version"
    );
    assert_eq!(version(bench.command(&caller, put("letter", "Bye {{ name }}", Some(1)))), 2);
    assert_eq!(get(&bench, "letter").expect("there").source, "Bye {{ name }}");
    assert!(render(&bench, "letter", "{\"name\": \"Ann\"}").expect("made").starts_with(b"%PDF"));
    assert_eq!(bench.command(&caller, delete("letter", Some(2))), Ok(Reply::Deleted { reset: false }));
    assert_eq!(get(&bench, "letter"), Err(Refusal::NoTemplate));
    assert_eq!(
        version(bench.command(&caller, put("letter", "Hello {{ name }}", None))),
        3,
        "no version comes again"
    );
    assert_eq!(bench.violations(), Vec::<String>::new());
}

#[test]
fn built_in_templates_are_overridden_and_reset() {
    let bench = Bench::new(Pdf);
    let caller = manager();
    let original = get(&bench, "confirmation").expect("built in");
    assert_eq!(
        (original.summary.version, original.summary.built_in, original.summary.updated_at),
        (0, true, None)
    );
    assert_eq!(bench.command(&caller, delete("confirmation", None)), Err(Refusal::BuiltIn));
    let reply = bench.command(&caller, put("confirmation", "Ours", Some(0))).expect("overridden");
    assert!(matches!(reply, Reply::Kept { created: false, .. }), "{reply:?}");
    assert_eq!(get(&bench, "confirmation").expect("there").source, "Ours");
    assert_eq!(bench.command(&caller, delete("confirmation", None)), Ok(Reply::Deleted { reset: true }));
    assert_eq!(get(&bench, "confirmation"), Ok(original));
}

#[test]
fn refused_changes_write_nothing() {
    let bench = Bench::new(Pdf);
    let caller = manager();
    assert_eq!(version(bench.command(&caller, put("letter", "x", None))), 1);
    let long = "x".repeat(65_537);
    let name = "n".repeat(65);
    let before = (get(&bench, "letter"), list(&bench, None, 100));
    for (command, expect) in [
        (put("", "x", None), "BadName"),
        (put("Letter", "x", None), "BadName"),
        (put("1st", "x", None), "BadName"),
        (put("a/b", "x", None), "BadName"),
        (put("ł", "x", None), "BadName"),
        (put(&name, "x", None), "BadName"),
        (put("letter", "y", Some(7)), "Changed"),
        (put("new", "y", Some(1)), "Changed { version: None }"),
        (put("receipt", "y", Some(1)), "Changed { version: Some(0) }"),
        (put("letter", "\n\n{{ x ~ y }}", None), "BadTemplate { line: Some(3)"),
        (put("letter", "{% if x %}", None), "BadTemplate { line: Some(1)"),
        (put("letter", "{{ x|shell }}", None), "BadTemplate { line: Some(1)"),
        (put("letter", &long, None), "TooLarge"),
        (delete("none", None), "NoTemplate"),
        (delete("letter", Some(2)), "Changed { version: Some(1) }"),
        (delete("receipt", None), "BuiltIn"),
    ] {
        let refusal = bench.command(&caller, command.clone()).expect_err(expect);
        assert!(format!("{refusal:?}").starts_with(expect), "{expect}: {refusal:?}");
        assert_eq!((get(&bench, "letter"), list(&bench, None, 100)), before, "{command:?}");
    }
}

#[test]
fn lists_come_in_pages_by_name() {
    let bench = Bench::new(Pdf);
    let caller = manager();
    for name in ["zebra", "apple", "receipt", "mango"] {
        bench.command(&caller, put(name, "x", None)).expect("kept");
    }
    let mut names = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let (items, next) = list(&bench, after.as_deref(), 2);
        assert!(items.len() <= 2);
        names.extend(items.into_iter().map(|item| (item.name, item.version)));
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let expect = [("apple", 2), ("confirmation", 0), ("mango", 4), ("receipt", 3), ("zebra", 1)];
    assert_eq!(names, expect.map(|(name, version)| (name.to_owned(), version)));
}

#[test]
fn no_more_templates_than_the_limit() {
    let bench = Bench::new(Pdf);
    let caller = manager();
    for number in 0..TEMPLATES_MAX {
        bench.command(&caller, put(&format!("t{number}"), "x", None)).expect("kept");
    }
    assert_eq!(bench.command(&caller, put("more", "x", None)), Err(Refusal::TooMany));
    assert!(bench.command(&caller, put("t0", "changed", None)).is_ok(), "changing one is still possible");
}

#[test]
fn documents_of_no_template_and_of_wrong_data() {
    let bench = Bench::new(Pdf);
    bench.command(&manager(), put("letter", "a\n{{ guest.name }}", None)).expect("kept");
    for (template, data, expect) in [
        ("none", "{}", "NoTemplate"),
        ("letter", "{}", "DataMismatch { line: Some(2)"),
        ("letter", "{\"guest\": 1}", "DataMismatch { line: Some(2)"),
        ("letter", "{\"guest\": {\"name\": [1]}}", "DataMismatch { line: Some(2)"),
        ("letter", "", "BadData"),
        ("letter", "7", "BadData"),
    ] {
        let refusal = render(&bench, template, data).expect_err(expect);
        assert!(format!("{refusal:?}").starts_with(expect), "{expect}: {refusal:?}");
    }
}

#[test]
fn who_may() {
    use protocol::Contract;
    let person = |scope: &str| Principal {
        subject: "usr_1".into(),
        scopes: vec![scope.into()],
        ..Principal::default()
    };
    let render = Query::Render { template: "receipt".into(), data_json: "{}".into() };
    let manage = [
        contracts::pdf::Pdf::command_access(&put("a", "b", None)),
        contracts::pdf::Pdf::command_access(&delete("a", None)),
    ];
    for access in manage {
        assert!(access.allows(&person("templates:manage")));
        for other in [person("documents"), Principal::service("reservations"), Principal::anonymous()] {
            assert!(!access.allows(&other), "{other:?}");
        }
    }
    let access = contracts::pdf::Pdf::query_access(&render);
    for caller in [
        person("documents"),
        Principal::service("reservations"),
        Principal::service("payments"),
        Principal::service("ui"),
    ] {
        assert!(access.allows(&caller), "{caller:?}");
    }
    for other in [person("templates:manage"), Principal::service("search"), Principal::anonymous()] {
        assert!(!access.allows(&other), "{other:?}");
    }
}
