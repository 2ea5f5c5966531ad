//! The pages over a small town of services: what a guest does, and what nobody may.

#[path = "../examples/gallery/addresses.rs"]
mod addresses;
mod browser;
#[path = "../examples/gallery/people.rs"]
mod people;
#[path = "../examples/gallery/stay.rs"]
mod stay;
#[allow(dead_code)]
#[path = "../examples/gallery/town.rs"]
mod town;

use browser::{Browser, Seen, URL, escape, is_sound};
use contracts::reservations::Status;
use poem::Request;
use poem::http::{StatusCode, header};
use town::Town;

#[tokio::test]
async fn every_page_is_sound() {
    let town = Town::new();
    let links = town::deps(&town, URL).links;
    let mut browser = Browser::at(&town);
    for (name, path) in town.addresses(&links) {
        let seen = browser.get(&path).await;
        if seen.status == StatusCode::SEE_OTHER {
            continue;
        }
        let expected = if path == "/nowhere" { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(seen.status, expected, "{name}");
        is_sound(&seen, &path);
    }
}

/// Goes from a hotel's page to the checkout of its first offer.
async fn to_checkout(browser: &mut Browser, town: &Town) -> Seen {
    let hotel = browser.get(&format!("/hotels/{}", town.hotel(0))).await;
    assert_eq!(hotel.status, StatusCode::OK);
    let offer = hotel.hidden("offer");
    let checkout = browser.post("/checkout", &[("offer", &offer)]).await;
    assert_eq!(checkout.status, StatusCode::OK, "{}", checkout.body);
    is_sound(&checkout, "/checkout");
    checkout
}

async fn book(browser: &mut Browser, checkout: &Seen, name: &str, email: &str, card: &str) -> Seen {
    let (csrf, offer, once) = (checkout.hidden("csrf"), checkout.hidden("offer"), checkout.hidden("once"));
    let fields = [
        ("csrf", csrf.as_str()),
        ("offer", &offer),
        ("once", &once),
        ("name", name),
        ("email", email),
        ("payment_method", card),
    ];
    browser.post("/checkout/book", &fields).await
}

#[tokio::test]
async fn a_guest_books_pays_finds_and_cancels_without_an_account() {
    let town = Town::new();
    let mut browser = Browser::at(&town);
    assert!(browser.get("/").await.has("Cities to start from"));
    assert_eq!(browser.cookie, None, "no cookie before it is needed");
    let checkout = to_checkout(&mut browser, &town).await;
    let paying =
        book(&mut browser, &checkout, "Ada Lovelace", "ada@analytical.example", "pm_card_visa").await;
    assert_eq!(paying.status, StatusCode::SEE_OTHER, "{}", paying.body);
    let done = browser.get(&paying.location).await;
    let booking = browser.get(&done.location).await;
    is_sound(&booking, &done.location);
    for text in [
        "Paris is booked",
        "Confirmation, PDF",
        "Receipt, PDF",
        "Calendar file",
        "Cancel free of charge until",
        "rsv_",
    ] {
        assert!(booking.has(text), "{text}");
    }
    for (file, media_type) in [
        ("confirmation.pdf", "application/pdf"),
        ("receipt.pdf", "application/pdf"),
        ("calendar.ics", "text/calendar"),
    ] {
        let made = browser.get(&format!("{}/{file}", done.location)).await;
        assert_eq!(made.status, StatusCode::OK, "{file}");
        assert!(made.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with(media_type));
    }
    let list = browser.get("/bookings").await;
    assert!(list.has("To come") && list.has("Hôtel du Passage"));
    let sure = browser.get(&format!("{}/cancel", done.location)).await;
    assert!(sure.has("You get back"));
    is_sound(&sure, "cancel");
    let stale = browser
        .post(&format!("{}/cancel", done.location), &[("csrf", &sure.hidden("csrf")), ("expected", "1")])
        .await;
    assert!(stale.has("The refund has changed"), "nobody gives up a room for less than was said");
    let gone = browser
        .post(
            &format!("{}/cancel", done.location),
            &[("csrf", &sure.hidden("csrf")), ("expected", &sure.hidden("expected"))],
        )
        .await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER);
    assert!(browser.get(&done.location).await.has("This booking is cancelled"));
    // Nobody else sees any of it.
    let mut stranger = Browser::at(&town);
    for path in [
        done.location.clone(),
        format!("{}/cancel", done.location),
        format!("{}/confirmation.pdf", done.location),
    ] {
        assert_eq!(stranger.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(stranger.get("/bookings").await.has("No bookings yet"));
}

#[tokio::test]
async fn what_was_typed_stays_and_errors_stand_beside_their_fields() {
    let town = Town::new();
    let mut browser = Browser::at(&town);
    let checkout = to_checkout(&mut browser, &town).await;
    let again = book(&mut browser, &checkout, "<b>Ada</b> \"L\"", "nonsense", "4242424242424242").await;
    assert_eq!(again.status, StatusCode::OK);
    is_sound(&again, "checkout with errors");
    assert!(
        again.has("aria-invalid=\"true\"")
            && again.has("This is not a mail address.")
            && again.has("The bank has given no token")
    );
    assert!(
        again.has("&lt;b&gt;Ada&lt;/b&gt;") || again.has("&lt;b&gt;Ada&lt;&#x2f;b&gt;"),
        "what was typed is kept, and harmless"
    );
    assert!(!again.has("4242424242424242"), "a number is never said again");
    assert!(town.is_untouched(), "nothing was booked");
}

#[tokio::test]
async fn declined_cards_sold_out_rooms_and_banks_that_ask() {
    let town = Town::new();
    let mut browser = Browser::at(&town);
    let checkout = to_checkout(&mut browser, &town).await;
    let sold_out = book(&mut browser, &checkout, "Nobody", "a@b.example", "pm_card_visa").await;
    assert!(sold_out.location.starts_with("/hotels/") && sold_out.location.ends_with("#rooms"));
    let path = sold_out.location.trim_end_matches("#rooms").to_owned();
    assert!(browser.get(&path).await.has("These rooms are taken for the night of"));

    let checkout = to_checkout(&mut browser, &town).await;
    let paying = book(&mut browser, &checkout, "Ada", "a@b.example", "pm_card_visa_chargeDeclined").await;
    let back = browser.get(&paying.location).await;
    assert!(back.location.ends_with("/pay"), "{}", back.location);
    let pay = browser.get(&back.location).await;
    is_sound(&pay, "pay");
    assert!(pay.has("Your bank declined the card") && pay.has("Your room is held"));
    let asked = browser
        .post(
            &back.location,
            &[
                ("csrf", &pay.hidden("csrf")),
                ("once", &pay.hidden("once")),
                ("payment_method", "pm_card_threeDSecure2Required"),
            ],
        )
        .await;
    let bank = browser.get(&asked.location).await;
    is_sound(&bank, "bank");
    assert!(bank.has("Over to your bank") && bank.has("http-equiv=\"refresh\""));
    let returned = browser.get(&format!("{}?back=1", asked.location)).await;
    let booking = browser.get(&returned.location).await;
    assert!(booking.has("Paris is booked"));
}

#[tokio::test]
async fn the_secret_link_opens_a_booking_and_the_browser_remembers() {
    let town = Town::new();
    let links = town::deps(&town, URL).links;
    let id = town.booking(Status::Confirmed);
    let tag = links.tag(&[&id.to_string()]);
    let mut browser = Browser::at(&town);
    assert_eq!(browser.get(&format!("/bookings/{id}")).await.status, StatusCode::NOT_FOUND);
    for key in ["x".to_owned(), tag.to_uppercase() + "a", links.tag(&["rsv_other"])] {
        assert_eq!(
            browser.get(&format!("/bookings/{id}?key={key}")).await.status,
            StatusCode::NOT_FOUND,
            "{key}"
        );
        assert_eq!(
            browser.get(&format!("/bookings/{id}/qr.svg?key={key}")).await.status,
            StatusCode::NOT_FOUND,
            "{key}"
        );
    }
    assert!(browser.get(&format!("/bookings/{id}?key={tag}")).await.has("Paris is booked"));
    assert!(
        browser.get(&format!("/bookings/{id}")).await.has("Paris is booked"),
        "known in this browser now"
    );
    assert!(browser.get("/bookings").await.has("Grand Hôtel Mirabeau"));
    assert_eq!(browser.get(&format!("/bookings/{id}/qr.svg?key={tag}")).await.status, StatusCode::OK);
    let short = Browser::at(&town).get(&format!("/b/{id}/{tag}")).await;
    assert_eq!(short.location, format!("/bookings/{id}?key={tag}"));
}

#[tokio::test]
async fn forms_of_other_sites_and_sessions_change_nothing() {
    let town = Town::new();
    let (mut browser, mut other) = (Browser::at(&town), Browser::at(&town));
    let checkout = to_checkout(&mut browser, &town).await;
    let stolen = to_checkout(&mut other, &town).await;
    let offer = checkout.hidden("offer");
    let (good, foreign) = (checkout.hidden("csrf"), stolen.hidden("csrf"));
    for csrf in ["", "x", foreign.as_str()] {
        let fields = [
            ("csrf", csrf),
            ("offer", offer.as_str()),
            ("once", "once_0123456789abcdefghij"),
            ("name", "A"),
            ("email", "a@b.example"),
            ("payment_method", "pm_card_visa"),
        ];
        let seen = browser.post("/checkout/book", &fields).await;
        assert_eq!(seen.status, StatusCode::FORBIDDEN);
        is_sound(&seen, "forged");
    }
    for path in [
        "/sign-in",
        "/sign-up",
        "/sign-out",
        "/password-reset",
        "/reset-password",
        "/verify-email",
        "/account",
        "/account/close",
    ] {
        assert_eq!(
            browser.post(path, &[("email", "a@b.example")]).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let request = Request::builder()
        .method(poem::http::Method::POST)
        .uri_str("/sign-in")
        .content_type("application/x-www-form-urlencoded");
    let seen = browser
        .send(request.header("sec-fetch-site", "cross-site"), format!("csrf={good}&email=a&password=b"))
        .await;
    assert_eq!(seen.status, StatusCode::FORBIDDEN);
    assert!(town.is_untouched());
    for forged in ["v4.local.AAAA", "", "nonsense"] {
        assert_eq!(browser.post("/checkout", &[("offer", forged)]).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn signing_in_leads_back_here_and_nowhere_else() {
    let town = Town::new();
    for (next, expected) in [
        ("/account", "/account"),
        ("", "/bookings"),
        ("//evil.example", "/bookings"),
        ("https://evil.example/", "/bookings"),
        ("/\\evil", "/bookings"),
    ] {
        let mut browser = Browser::at(&town);
        let page = browser.get(&format!("/sign-in?next={}", escape(next))).await;
        let wrong = browser
            .post(
                "/sign-in",
                &[
                    ("csrf", &page.hidden("csrf")),
                    ("email", town::EMAIL),
                    ("password", "wrong"),
                    ("next", next),
                ],
            )
            .await;
        assert!(wrong.has("That did not match") && wrong.has(town::EMAIL) && !wrong.has("value=\"wrong\""));
        let right = [
            ("csrf", &*page.hidden("csrf")),
            ("email", town::EMAIL),
            ("password", town::PASSWORD),
            ("next", next),
        ];
        let seen = browser.post("/sign-in", &right).await;
        assert_eq!((seen.status, seen.location.as_str()), (StatusCode::SEE_OTHER, expected), "{next}");
    }
}

#[tokio::test]
async fn accounts_are_for_who_is_signed_in() {
    let town = Town::new();
    let mut browser = Browser::at(&town);
    assert_eq!(browser.get("/account").await.location, "/sign-in?next=%2Faccount");
    let page = browser.get("/sign-in").await;
    let form = page.hidden("csrf");
    browser.post("/sign-in", &[("csrf", &form), ("email", town::EMAIL), ("password", town::PASSWORD)]).await;
    assert_eq!(
        browser.post("/account", &[("csrf", &form), ("name", "A")]).await.status,
        StatusCode::FORBIDDEN,
        "forms from before are void"
    );
    let account = browser.get("/account").await;
    is_sound(&account, "/account");
    assert!(account.has("Ada Lovelace") && account.has("not verified yet") && account.has("Sign out"));
    let empty = browser.post("/account", &[("csrf", &account.hidden("csrf")), ("name", " ")]).await;
    assert!(empty.has("The name is needed."));
    let out = browser.post("/sign-out", &[("csrf", &account.hidden("csrf"))]).await;
    assert_eq!(out.location, "/");
    assert!(browser.get("/").await.has("You are signed out."));
    assert!(!browser.get("/").await.has("You are signed out."), "said once");
}

#[tokio::test]
async fn registration_and_reset_tell_nothing_about_addresses() {
    let town = Town::new();
    let mut browser = Browser::at(&town);
    let page = browser.get("/sign-up").await;
    let csrf = page.hidden("csrf");
    let bad = browser
        .post("/sign-up", &[("csrf", &csrf), ("name", ""), ("email", "x"), ("password", "short")])
        .await;
    assert!(bad.has("The name is needed.") && bad.has("at least 10 characters"));
    let mut bodies = Vec::new();
    for email in [town::EMAIL, "unknown@analytical.example"] {
        let seen = browser.post("/password-reset", &[("csrf", &csrf), ("email", email)]).await;
        assert_eq!(seen.status, StatusCode::OK);
        bodies.push(seen.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    let seen = browser
        .post(
            "/sign-up",
            &[("csrf", &csrf), ("name", "Ada"), ("email", town::EMAIL), ("password", "a long sentence")],
        )
        .await;
    assert!(seen.has("Look into your mail"));
    let dead = browser
        .post(
            "/verify-email",
            &[("csrf", &csrf), ("token", &format!("{}.1795435200.abc", contracts::UserId(7)))],
        )
        .await;
    assert!(dead.has("This link does not work any more"));
}

#[tokio::test]
async fn numbers_follow_the_browsers_language() {
    let town = Town::new();
    for (language, price) in
        [("en-GB", "€411.00"), ("de", "411,00\u{a0}€"), ("fr-FR, en;q=0.1", "411,00\u{a0}€")]
    {
        let mut browser = Browser { language, ..Browser::at(&town) };
        let page =
            browser.get(&format!("/hotels/{}?check_in=2027-05-07&check_out=2027-05-09", town.hotel(0))).await;
        assert!(page.has(price), "{language}");
    }
}

#[tokio::test]
async fn pictures_come_from_their_addresses_alone() {
    let town = Town::new();
    let mut browser = Browser::at(&town);
    let hotel = town.hotel(0);
    let good = [
        format!("/pictures/hotels/{hotel}.svg?stars=3&latitude=48&size=6&hour=21&v=1"),
        "/pictures/cities/5.svg?latitude=-12&size=4&hour=9&v=1".to_owned(),
        "/pictures/skyline.svg?hour=10".to_owned(),
    ];
    for path in good {
        let seen = browser.get(&path).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}");
        assert!(seen.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }
    for path in [
        "/pictures/hotels/x.svg?stars=3&latitude=48&size=6&hour=21".to_owned(),
        format!("/pictures/hotels/{hotel}.svg"),
        format!("/pictures/hotels/{hotel}.svg?stars=3&latitude=91&size=6&hour=21"),
        format!("/pictures/hotels/{hotel}.svg?stars=3&latitude=48&size=6&hour=24"),
        format!("/pictures/hotels/{hotel}.svg?stars=3&latitude=NaN&size=6&hour=1"),
        "/pictures/skyline.svg".to_owned(),
    ] {
        assert_eq!(browser.get(&path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(browser.cookie, None);
}
