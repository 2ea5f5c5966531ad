//! The text and the structure of rendered documents.

mod tools;

use contracts::pdf::Refusal;
use pdf::Purpose;
use pdf::builtin::source;
use serde_json::json;

fn built_in(name: &str, data: &serde_json::Value) -> Vec<u8> {
    let source = source(name).expect("a built-in template");
    let document = pdf::document(source, &data.to_string(), Purpose::Document)
        .unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
    assert!(document.starts_with(b"%PDF-1.7\n"));
    tools::check(&document);
    document
}

#[test]
fn built_in_documents_say_what_they_said() {
    for name in ["confirmation", "receipt", "credit-note"] {
        let document = built_in(name, &tools::example(name));
        if let Some(text) = tools::text(&document) {
            tools::golden(&format!("{name}.txt"), &text);
        }
    }
}

#[test]
fn foreign_names_are_found_again() {
    for guest in ["Łukasz Żółć", "Σωκράτης Παπαδόπουλος", "Нина Ильинична", "Nguyễn Thị Ánh", "O’Neil-Müller"]
    {
        let mut data = tools::example("confirmation");
        data["booking"]["guest_name"] = guest.into();
        data["hotel"]["address"] = guest.into();
        let document = built_in("confirmation", &data);
        if let Some(words) = tools::words(&document) {
            assert!(words.matches(guest).count() >= 2, "{guest}: {words}");
        }
    }
}

#[test]
fn the_same_data_makes_the_same_bytes() {
    for name in ["confirmation", "receipt", "credit-note"] {
        let first = built_in(name, &tools::example(name));
        for _ in 0..20 {
            let source = source(name).expect("a built-in template");
            assert!(
                pdf::document(source, &tools::example(name).to_string(), Purpose::Document).expect("made")
                    == first,
                "{name}"
            );
        }
    }
}

#[test]
fn what_may_be_missing_may_be_missing() {
    let mut data = tools::example("confirmation");
    for field in ["phone", "email"] {
        data["hotel"][field] = serde_json::Value::Null;
    }
    data["booking"].as_object_mut().expect("an object").remove("requests");
    data["taxes"] = json!([]);
    data["test"] = false.into();
    let document = built_in("confirmation", &data);
    if let Some(words) = tools::words(&document) {
        assert!(
            !words.contains("TEST") && !words.contains("Your wishes") && !words.contains("none"),
            "{words}"
        );
    }
    let mut data = tools::example("receipt");
    data.as_object_mut().expect("an object").remove("time_zone");
    built_in("receipt", &data);
    let mut data = tools::example("credit-note");
    for field in ["time_zone", "reverses"] {
        data.as_object_mut().expect("an object").remove(field);
    }
    built_in("credit-note", &data);
}

#[test]
fn the_document_of_a_cancelled_booking_says_so() {
    let mut data = tools::example("confirmation");
    data["booking"]["status"] = "cancelled".into();
    data["cancellation"] =
        json!({"text": "This booking was cancelled by the hotel.", "open": false, "by": "hotel"});
    for test in [true, false] {
        data["test"] = test.into();
        let document = built_in("confirmation", &data);
        let Some(words) = tools::words(&document) else { return };
        for expected in
            ["CANCELLED", "Your booking is cancelled", "Cancelled booking", "was cancelled by the hotel"]
        {
            assert!(words.contains(expected), "{expected}: {words}");
        }
        assert_eq!(words.contains("TEST"), test, "{words}");
        for absent in ["free of charge", "change or cancel", "confirmed", "Booking confirmation"] {
            assert!(!words.contains(absent), "{absent}: {words}");
        }
    }
}

#[test]
fn a_credit_note_that_reverses_another_says_so() {
    let mut data = tools::example("credit-note");
    data["reverses"] = "CN-000003".into();
    let document = built_in("credit-note", &data);
    let Some(words) = tools::words(&document) else { return };
    assert!(words.contains("Reversal of a credit note") && words.contains("CN-000003 is void"), "{words}");
}

#[test]
fn long_stays_take_more_pages() {
    let mut data = tools::example("confirmation");
    let lines: Vec<_> = (0..90).map(|day| json!({"date": "2026-12-18", "amount": 10_000 + day})).collect();
    data["lines"] = lines.into();
    let document = built_in("confirmation", &data);
    let Some(text) = tools::text(&document) else { return };
    let pages: Vec<&str> = text.split('\u{c}').filter(|page| !page.trim().is_empty()).collect();
    assert!(pages.len() >= 3, "{}", pages.len());
    for (number, page) in pages.iter().enumerate() {
        assert!(page.contains(&format!("Page {} of {}", number + 1, pages.len())), "{page}");
        assert!(page.contains("TEST"), "{page}");
        assert_eq!(
            page.contains("Night of"),
            page.contains("18 Dec 2026 "),
            "the header comes again: {page}"
        );
    }
}

/// Text that tries to inject Markdown, template or PDF syntax.
const HOSTILE: [&str; 12] = [
    "((((",
    "))) Tj ET endstream endobj 99 0 obj << /JS (app.alert) >>",
    "\\",
    "<script>alert(1)</script>",
    "# Heading\n\n| a | b |\n|---|---|\n",
    "**bold** _it_ `code` [link](javascript:alert(1)) ![i](http://x/y.png)",
    "---\ntitle: mine\n---",
    "```qr\nhttps://evil.example\n```",
    "{{ hotel.name }} {% for x in y %}",
    "\u{0}\u{7}\u{1b}[31m\r\nred",
    "\u{81}0) Tj",
    "\u{202e}txt.exe \u{200b}\u{feff}",
];

#[test]
fn hostile_text_stays_text() {
    for hostile in HOSTILE {
        for (name, pointers) in [
            (
                "confirmation",
                &[
                    "/hotel/name",
                    "/hotel/address",
                    "/booking/guest_name",
                    "/booking/room_type",
                    "/booking/requests",
                    "/cancellation/text",
                    "/booking/number",
                    "/booking/url",
                    "/taxes/0/name",
                ] as &[&str],
            ),
            (
                "receipt",
                &[
                    "/hotel/name",
                    "/guest_name",
                    "/lines/0/text",
                    "/number",
                    "/paid/method",
                    "/booking/number",
                ],
            ),
            (
                "credit-note",
                &["/hotel/name", "/guest_name", "/number", "/reason", "/method", "/taxes/0/name"],
            ),
        ] {
            let mut data = tools::example(name);
            for pointer in pointers {
                *data.pointer_mut(pointer).expect("a field") = hostile.into();
            }
            let document = built_in(name, &data);
            for structure in [b"javascript".as_slice(), b"/JS", b"evil", b"/Launch", b"alert"] {
                assert!(!document.windows(structure.len()).any(|window| window == structure), "{hostile:?}");
            }
            assert_eq!(
                document.windows(5).filter(|window| window == b"/Page").count(),
                3,
                "{hostile:?}: one page, its list, its link"
            );
        }
    }
}

#[test]
fn text_is_shown_as_it_was_typed() {
    for typed in [
        "a (b) \\ c",
        "<script>alert(1)</script>",
        "**b** _i_ `c` [l](u) | # 1. - x",
        "{{ x }} {% y %}",
        "it's & \"q\"",
    ] {
        let mut data = tools::example("confirmation");
        data["booking"]["guest_name"] = typed.into();
        let document = built_in("confirmation", &data);
        if let Some(words) = tools::words(&document) {
            assert!(words.contains(typed), "{typed}: {words}");
        }
    }
}

#[test]
fn long_text_is_broken_and_bounded() {
    for long in ["x".repeat(10_000), "Ł".repeat(10_000), "word ".repeat(2_000), "山".repeat(3_000)] {
        let mut data = tools::example("confirmation");
        data["booking"]["guest_name"] = long.clone().into();
        data["hotel"]["name"] = long.into();
        built_in("confirmation", &data);
    }
    let mut data = tools::example("confirmation");
    data["booking"]["requests"] = "x ".repeat(120_000).into();
    let refused =
        pdf::document(source("confirmation").expect("built in"), &data.to_string(), Purpose::Document);
    assert!(
        matches!(&refused, Err(Refusal::TooLarge(why)) if why.contains("50 pages")),
        "{:?}",
        refused.map(|d| d.len())
    );
}

#[test]
fn refusals_name_what_is_wrong() {
    let data = json!({"a": {"b": 1}, "long": "x".repeat(250_000)}).to_string();
    let many_pages = "```page\n```\n".repeat(60);
    let deep = "> ".repeat(100) + "x";
    for (source, data, expect) in [
        ("x\n{{ a.c }}", data.as_str(), "line 2: `a.c`"),
        ("{{ guest }}", "{}", "line 1: `guest`"),
        ("{{ a|money }}", &data, "line 1"),
        ("{% include 'x' %}", &data, "`include`"),
        ("{% if %}", &data, "line 1"),
        ("x", "[1]", "not a JSON object"),
        ("x", "{\"a\":\n nonsense", "line 2"),
        ("x", &"x".repeat(300_000), "262144 bytes"),
        (&"x".repeat(70_000), "{}", "65536 bytes"),
        ("---\nfont: Comic\n---\n", "{}", "`font`"),
        ("```qr\n```", "{}", "QR"),
        ("```qr\n{{ long }}\n```", &data, "QR"),
        (&many_pages, "{}", "50 pages"),
        (&deep, "{}", "nested"),
        ("{% for i in long %}{% endfor %}{{ long }}{{ long }}{{ long }}{{ long }}{{ long }}", &data, ""),
    ] {
        let refusal = pdf::document(source, data, Purpose::Document).expect_err(expect);
        assert!(refusal.to_string().contains(expect), "{expect}: {refusal}");
    }
}

#[test]
fn the_language_of_templates() {
    let source = "# Title\n\nText *slanted*, **strong**, `code` and [a link](https://example.org).\n\n- one\n- two\n  1. three\n\n> quoted\n\n\
                  ---\n\n| Item | Price |\n|:--|--:|\n| Tea | 1 |\n| **Sum** | **1** |\n\n```\nlet x = 1;\n```\n\n```page\n```\n\n## Next\n\nLast.";
    let document = pdf::document(source, "{}", Purpose::Document).expect("made");
    tools::check(&document);
    if let Some(text) = tools::text(&document) {
        tools::golden("language.txt", &text);
    }
    assert!(document.windows(4).any(|window| window == b"/URI"), "the link can be followed");
}
