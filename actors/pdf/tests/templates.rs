//! Templates at the command boundary: commands and queries in; replies and refusals out.

mod tools;

use contracts::pdf::{
    Command, DeleteTemplate, DeletedTemplate, GetTemplate, ListTemplates, PutTemplate, Refusal,
    RenderDocument, StoredTemplate, Summary, TEMPLATES_MAX, Template,
};
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

fn put(name: &str, source: &str, expected_version: Option<u64>) -> PutTemplate {
    PutTemplate { name: name.into(), source: source.into(), expected_version }
}

fn delete(name: &str, expected_version: Option<u64>) -> DeleteTemplate {
    DeleteTemplate { name: name.into(), expected_version }
}

fn get(bench: &Bench<Pdf>, name: &str) -> Result<Template, Refusal> {
    bench.call(&manager(), GetTemplate { name: name.into() })
}

fn list(bench: &Bench<Pdf>, after: Option<&str>, limit: u16) -> (Vec<Summary>, Option<String>) {
    let page = bench.call(&manager(), ListTemplates { after: after.map(Into::into), limit }).unwrap();
    (page.items, page.next)
}

fn render(bench: &Bench<Pdf>, template: &str, data: &str) -> Result<Vec<u8>, Refusal> {
    bench.call(&manager(), RenderDocument { template: template.into(), data_json: data.into() })
}

fn version(reply: Result<StoredTemplate, Refusal>) -> u64 {
    reply.unwrap().template.version
}

#[test]
fn templates_are_kept_changed_and_removed() {
    let bench = Bench::new(Pdf);
    let caller = manager();
    let first = bench.call(&caller, put("letter", "Hello {{ name }}", None)).expect("kept");
    let StoredTemplate { template, created } = first;
    assert!(
        created && template.version == 1 && template.updated_at == Some(bench.now()) && !template.built_in
    );
    assert_eq!(
        version(bench.call(&caller, put("letter", "Hello {{ name }}", None))),
        1,
        "no change, no version"
    );
    assert_eq!(version(bench.call(&caller, put("letter", "Bye {{ name }}", Some(1)))), 2);
    assert_eq!(get(&bench, "letter").expect("there").source, "Bye {{ name }}");
    assert!(render(&bench, "letter", "{\"name\": \"Ann\"}").expect("made").starts_with(b"%PDF"));
    assert_eq!(bench.call(&caller, delete("letter", Some(2))), Ok(DeletedTemplate { reset: false }));
    assert_eq!(get(&bench, "letter"), Err(Refusal::NoTemplate));
    assert_eq!(
        version(bench.call(&caller, put("letter", "Hello {{ name }}", None))),
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
    assert_eq!(bench.call(&caller, delete("confirmation", None)), Err(Refusal::BuiltIn));
    let reply = bench.call(&caller, put("confirmation", "Ours", Some(0))).expect("overridden");
    assert!(!reply.created, "{reply:?}");
    assert_eq!(get(&bench, "confirmation").expect("there").source, "Ours");
    assert_eq!(bench.call(&caller, delete("confirmation", None)), Ok(DeletedTemplate { reset: true }));
    assert_eq!(get(&bench, "confirmation"), Ok(original));
}

#[test]
fn refused_changes_write_nothing() {
    let bench = Bench::new(Pdf);
    let caller = manager();
    assert_eq!(version(bench.call(&caller, put("letter", "x", None))), 1);
    let long = "x".repeat(65_537);
    let name = "n".repeat(65);
    let before = (get(&bench, "letter"), list(&bench, None, 100));
    for (command, expect) in [
        (put("", "x", None).into(), "BadName"),
        (put("Letter", "x", None).into(), "BadName"),
        (put("1st", "x", None).into(), "BadName"),
        (put("a/b", "x", None).into(), "BadName"),
        (put("ł", "x", None).into(), "BadName"),
        (put(&name, "x", None).into(), "BadName"),
        (put("letter", "y", Some(7)).into(), "Changed"),
        (put("new", "y", Some(1)).into(), "Changed { version: None }"),
        (put("receipt", "y", Some(1)).into(), "Changed { version: Some(0) }"),
        (put("letter", "\n\n{{ x ~ y }}", None).into(), "BadTemplate { line: Some(3)"),
        (put("letter", "{% if x %}", None).into(), "BadTemplate { line: Some(1)"),
        (put("letter", "{{ x|shell }}", None).into(), "BadTemplate { line: Some(1)"),
        (put("letter", &long, None).into(), "TooLarge"),
        (delete("none", None).into(), "NoTemplate"),
        (delete("letter", Some(2)).into(), "Changed { version: Some(1) }"),
        (delete("receipt", None).into(), "BuiltIn"),
    ] {
        let refusal = bench.command(&caller, Command::clone(&command)).expect_err(expect);
        assert!(format!("{refusal:?}").starts_with(expect), "{expect}: {refusal:?}");
        assert_eq!((get(&bench, "letter"), list(&bench, None, 100)), before, "{command:?}");
    }
}

#[test]
fn lists_come_in_pages_by_name() {
    let bench = Bench::new(Pdf);
    let caller = manager();
    for name in ["zebra", "apple", "receipt", "mango"] {
        bench.call(&caller, put(name, "x", None)).expect("kept");
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
    let expect =
        [("apple", 2), ("confirmation", 0), ("credit-note", 0), ("mango", 4), ("receipt", 3), ("zebra", 1)];
    assert_eq!(names, expect.map(|(name, version)| (name.to_owned(), version)));
}

#[test]
fn no_more_templates_than_the_limit() {
    let bench = Bench::new(Pdf);
    let caller = manager();
    for number in 0..TEMPLATES_MAX {
        bench.call(&caller, put(&format!("t{number}"), "x", None)).expect("kept");
    }
    assert_eq!(bench.call(&caller, put("more", "x", None)), Err(Refusal::TooMany));
    assert!(bench.call(&caller, put("t0", "changed", None)).is_ok(), "changing one is still possible");
}

#[test]
fn documents_of_no_template_and_of_wrong_data() {
    let bench = Bench::new(Pdf);
    bench.call(&manager(), put("letter", "a\n{{ guest.name }}", None)).expect("kept");
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
    use protocol::Request;
    let person = |scope: &str| Principal {
        subject: "usr_1".into(),
        scopes: vec![scope.into()],
        ..Principal::default()
    };
    let render = RenderDocument { template: "receipt".into(), data_json: "{}".into() };
    let manage = [put("a", "b", None).access(), delete("a", None).access()];
    for access in manage {
        assert!(access.allows(&person("templates:manage")));
        for other in [person("documents"), Principal::service("reservations"), Principal::anonymous()] {
            assert!(!access.allows(&other), "{other:?}");
        }
    }
    let access = render.access();
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

#[test]
fn built_in_templates_are_rendered_only_by_the_services_whose_data_they_show() {
    let bench = Bench::new(Pdf);
    let render = |caller: &Principal, template: &str| {
        let data_json = tools::example(template).to_string();
        bench.call(caller, RenderDocument { template: template.into(), data_json })
    };
    let scopes = |scopes: &[&str]| Principal {
        subject: "usr_2".into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..Principal::default()
    };
    for (template, owner, others) in [
        ("confirmation", "reservations", ["payments", "ui"].as_slice()),
        ("receipt", "payments", &["reservations"]),
        ("receipt", "ui", &[]),
    ] {
        let valid = render(&Principal::service(owner), template).expect("the owner renders it");
        tools::check(&valid);
        let text = tools::text(&valid);
        assert!(text.is_none_or(|text| !text.contains("PREVIEW")), "{template} of {owner}");
        let refused = Err(Refusal::Reserved(template.into()));
        for other in others {
            assert_eq!(render(&Principal::service(other), template), refused, "{template} of {other}");
        }
        assert_eq!(render(&scopes(&["documents"]), template), refused, "{template}");
        let preview = render(&scopes(&["documents", "templates:manage"]), template).expect("a preview");
        assert_ne!(preview, valid);
        if let Some(text) = tools::text(&preview) {
            assert!(text.contains("PREVIEW – not a valid document"), "{text}");
        }
    }
    // An overridden built-in template stays reserved, and a template of one's own does not.
    bench.call(&manager(), put("receipt", "# Receipt {{ number }}", None)).expect("stored");
    bench.call(&manager(), put("letter", "Hello", None)).expect("stored");
    assert_eq!(render(&scopes(&["documents"]), "receipt"), Err(Refusal::Reserved("receipt".into())));
    let letter = RenderDocument { template: "letter".into(), data_json: "{}".into() };
    assert!(bench.call(&scopes(&["documents"]), letter).is_ok());
}
