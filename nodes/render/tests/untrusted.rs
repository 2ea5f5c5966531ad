//! Stored templates: what they can do, and their restrictions.

use render::untrusted::check_untrusted;
use render::{Format, Limits, RenderErrorKind, render_untrusted};
use serde_json::json;

fn markdown(source: &str, data: &serde_json::Value) -> Result<String, render::RenderError> {
    render_untrusted(Format::Markdown, source, data, Limits::default())
}

#[test]
fn stored_templates_select_and_format_data() {
    let data = json!({
        "hotel": {"name": "Zum *Löwen*"}, "nights": 2, "total": {"amount": 123_450, "currency": "EUR"},
        "lines": [{"date": "2026-11-23", "amount": 100}], "issued_at": "2026-11-23T10:00:00Z", "zone": "Europe/Warsaw",
        "nothing": null, "names": ["a", "b"],
    });
    for (source, expect) in [
        ("{{ hotel.name }}", "Zum \\*Löwen\\*"),
        ("{{ nights|plural('night') }}", "2 nights"),
        ("{{ total|money }}", "€1\\,234\\.50"),
        (
            "{% for l in lines %}{{ l.date|date }} {{ l.amount|money('JPY') }}{% endfor %}",
            "Mon 23 Nov 2026 ¥100",
        ),
        ("{{ issued_at|datetime(zone) }}", "23 Nov 2026\\, 11\\:00 CET"),
        ("{{ nothing }}{{ hotel.phone|default('-') }}", "\\-"),
        ("{% if hotel.phone is defined %}x{% else %}y{% endif %}", "y"),
        ("{% set n = names|join(', ') %}{{ n|upper }}", "A\\, B"),
        ("{{ names|length }}", "2"),
    ] {
        assert_eq!(markdown(source, &data).as_deref(), Ok(expect), "{source}");
    }
}

#[test]
fn errors_contain_line_and_field() {
    let data = json!({"hotel": {}, "total": {"amount": "12", "currency": "EUR"}, "list": [1]});
    for (source, kind, line, words) in [
        ("a\n{{ hotel.nmae }}", RenderErrorKind::Data, 2, "`hotel.nmae`"),
        ("a\n\n{{ guest.name }}", RenderErrorKind::Data, 3, "guest"),
        ("{% if hotel.stars %}{% endif %}", RenderErrorKind::Data, 1, "hotel.stars"),
        ("{{ total|money }}", RenderErrorKind::Data, 1, "money needs"),
        ("{{ list }}", RenderErrorKind::Data, 1, "cannot be printed"),
        ("\n{{ list|shout }}", RenderErrorKind::Template, 2, "shout"),
        ("{{ list|safe }}", RenderErrorKind::Template, 1, "safe"),
        ("{{ range(9) }}", RenderErrorKind::Template, 1, "range"),
        ("\n{% for x in list %}", RenderErrorKind::Template, 2, "syntax"),
        ("{% include 'x.html' %}", RenderErrorKind::Template, 1, "include"),
    ] {
        let error = markdown(source, &data).expect_err(source);
        assert_eq!((error.kind, error.line), (kind, Some(line)), "{source}: {error}");
        assert!(error.reason.contains(words), "{source}: {error}");
    }
}

#[test]
fn errors_do_not_repeat_values() {
    let data = json!({"secret": "hunter2", "x": {"amount": 1, "currency": "hunter2"}});
    for source in [
        "{{ secret|money }}",
        "{{ x|money }}",
        "{{ secret|date }}",
        "{{ secret|datetime }}",
        "{{ secret - 1 }}",
        "{{ secret|abs }}",
    ] {
        let error = markdown(source, &data).expect_err(source);
        assert!(!error.to_string().contains("hunter2"), "{source}: {error}");
    }
}

#[test]
fn work_is_bounded() {
    let many: Vec<u32> = (0..20_000).collect();
    let data = json!({"many": many, "long": "x".repeat(200_000)});
    for source in [
        "{% for a in many %}{% for b in many %}{{ b }}{% endfor %}{% endfor %}",
        "{% for a in many %}{{ long }}{% endfor %}",
        "{% for a in many %}{% set x = long|upper %}{% endfor %}",
        "{% for a in many %}{% set x = many|join(long) %}{% endfor %}",
    ] {
        let error = markdown(source, &data).expect_err(source);
        assert_eq!(error.kind, RenderErrorKind::LimitExceeded, "{source}: {error}");
    }
    let error = check_untrusted(&"x".repeat(65_537), Limits::default()).expect_err("too long");
    assert_eq!(error.kind, RenderErrorKind::LimitExceeded);
    let error = check_untrusted("ok\n{% if %}", Limits::default()).expect_err("no condition");
    assert_eq!(error.line, Some(2));
}

#[test]
fn values_escape_for_their_format() {
    let data = json!({"x": "<b>\r\nBcc: *a*"});
    for (format, expect) in [
        (Format::Html, "&lt;b&gt;\r\nBcc: *a*"),
        (Format::Text, "<b> Bcc: *a*"),
        (Format::Markdown, "\\<b\\> Bcc\\: \\*a\\*"),
    ] {
        assert_eq!(render_untrusted(format, "{{ x }}", &data, Limits::default()).as_deref(), Ok(expect));
    }
}
