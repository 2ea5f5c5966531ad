//! Built-in templates: layouts, formats, errors, reloading.

use render::{RenderErrorKind, Renderer};
use serde_json::json;

const PAGES: &[(&str, &str)] = &[
    ("layout.html", "<title>{% block title %}{% endblock %}</title>{{ site }}{% include 'foot.svg' %}"),
    ("foot.svg", "<svg>{{ name }}</svg>"),
    ("page.html", "{% extends 'layout.html' %}{% block title %}{{ name }}{% endblock %}"),
    ("subject.txt", "Hello {{ name }}\n"),
    ("note.md", "# {{ name }}"),
    ("missing.html", "a\n{{ gone }}"),
];

#[test]
fn values_are_escaped_by_template_suffix() {
    let renderer = Renderer::builtin(PAGES).expect("compiles").with_global("site", "A&B");
    let data = json!({"name": "<x>\n#1"});
    for (name, expect) in [
        ("page.html", "<title>&lt;x&gt;\n#1</title>A&amp;B<svg>&lt;x&gt;\n#1</svg>"),
        ("subject.txt", "Hello <x> #1"),
        ("note.md", "# \\<x\\> \\#1"),
    ] {
        assert_eq!(renderer.render(name, &data).as_deref(), Ok(expect), "{name}");
    }
}

#[test]
fn errors_contain_template_and_line() {
    let renderer = Renderer::builtin(PAGES).expect("compiles");
    let error = renderer.render("missing.html", &json!({})).expect_err("a missing field");
    assert_eq!(
        (error.kind, error.template.as_str(), error.line),
        (RenderErrorKind::Data, "missing.html", Some(2))
    );
    assert_eq!(
        renderer.render("none.html", &json!({})).expect_err("no template").kind,
        RenderErrorKind::NotFound
    );
    assert_eq!(Renderer::builtin(&[("a.html", "{% if %}")]).expect_err("syntax").template, "a.html");
    assert_eq!(Renderer::builtin(&[("a.exe", "")]).expect_err("format").kind, RenderErrorKind::Template);
}

#[test]
fn templates_are_reloaded_from_a_directory() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("page.html");
    let renderer = Renderer::builtin(PAGES).expect("compiles").reloading(directory.path());
    for text in ["one", "two"] {
        std::fs::write(&file, text).expect("written");
        assert_eq!(renderer.render("page.html", &json!({})).as_deref(), Ok(text));
    }
    assert_eq!(
        renderer.render("../page.html", &json!({})).expect_err("outside").kind,
        RenderErrorKind::NotFound
    );
}

#[test]
fn a_renderer_can_be_shared_between_threads() {
    fn check<T: Send + Sync>() {}
    check::<Renderer>();
}
