//! The pages with sample services: what guests can do, and what is refused.

#[path = "../examples/gallery/accounts.rs"]
mod accounts;
mod browser;
#[path = "../examples/gallery/data.rs"]
mod data;
#[allow(dead_code)]
#[path = "../examples/gallery/services.rs"]
mod services;
#[path = "../examples/gallery/urls.rs"]
mod urls;

use browser::{Browser, Seen, assert_well_formed, escape};
use contracts::reservations::Status;
use poem::Request;
use poem::http::{StatusCode, header};
use services::SampleServices;

#[tokio::test]
async fn every_page_is_well_formed() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    for (name, path) in services.urls() {
        let seen = browser.get(&path).await;
        if seen.status == StatusCode::SEE_OTHER {
            continue;
        }
        let expected = if path == "/nowhere" { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(seen.status, expected, "{name}");
        assert_well_formed(&seen, &path);
    }
}

/// Goes from a hotel's page to the checkout of its first offer.
async fn to_checkout(browser: &mut Browser, services: &SampleServices) -> Seen {
    let hotel = browser.get(&format!("/hotels/{}", services.hotel(0))).await;
    assert_eq!(hotel.status, StatusCode::OK);
    let offer = hotel.hidden("offer");
    let checkout = browser.post("/checkout", &[("offer", &offer)]).await;
    assert_eq!(checkout.status, StatusCode::OK, "{}", checkout.body);
    assert_well_formed(&checkout, "/checkout");
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
async fn a_guest_books_pays_and_cancels_without_an_account() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    assert!(browser.get("/").await.has("Popular cities"));
    assert_eq!(browser.cookie, None, "no cookie before it is needed");
    let checkout = to_checkout(&mut browser, &services).await;
    let paying =
        book(&mut browser, &checkout, "Ada Lovelace", "ada@analytical.example", "pm_card_visa").await;
    assert_eq!(paying.status, StatusCode::SEE_OTHER, "{}", paying.body);
    let done = browser.get(&paying.location).await;
    let booking = browser.get(&done.location).await;
    assert_well_formed(&booking, &done.location);
    for text in [
        "Paris is booked",
        "Confirmation (PDF)",
        "Receipt (PDF)",
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
    assert!(list.has("Upcoming") && list.has("Hôtel du Passage"));
    let cancel = browser.get(&format!("{}/cancel", done.location)).await;
    assert!(cancel.has("Your refund"));
    assert_well_formed(&cancel, "cancel");
    let stale = browser
        .post(&format!("{}/cancel", done.location), &[("csrf", &cancel.hidden("csrf")), ("expected", "1")])
        .await;
    assert!(
        stale.has("The refund has changed"),
        "the booking is not cancelled for another refund than shown"
    );
    let gone = browser
        .post(
            &format!("{}/cancel", done.location),
            &[("csrf", &cancel.hidden("csrf")), ("expected", &cancel.hidden("expected"))],
        )
        .await;
    assert_eq!(gone.status, StatusCode::SEE_OTHER);
    assert!(browser.get(&done.location).await.has("This booking is cancelled"));
    // Other browsers cannot see the booking.
    let mut stranger = Browser::at(&services);
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
async fn a_booking_cannot_be_cancelled_once_the_check_in_day_is_over() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let id = services.booking(Status::Confirmed);
    let (booking, key) = (format!("/bookings/{id}"), format!("?key={}", services.tag(id)));
    assert!(browser.get(&format!("{booking}{key}")).await.has("Cancel the booking"));
    // The page was opened in time, and is sent too late.
    let form = browser.get(&format!("{booking}/cancel")).await;
    let past = protocol::Timestamp::wall_clock().plus_secs(-1);
    services.change(Status::Confirmed, |one| one.quote.policy.guest_until = past);
    let fields = [("csrf", form.hidden("csrf")), ("expected", form.hidden("expected"))];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let late = browser.post(&format!("{booking}/cancel"), &fields).await;
    assert_eq!((late.status, late.location.as_str()), (StatusCode::SEE_OTHER, booking.as_str()));
    let shown = browser.get(&booking).await;
    assert!(shown.has("can no longer be cancelled online") && shown.has("Paris is booked"), "{}", shown.body);
    assert!(!shown.has("Cancel the booking") && !shown.has("This booking is cancelled"), "{}", shown.body);
    assert_eq!(browser.get(&format!("{booking}/cancel")).await.status, StatusCode::SEE_OTHER);
    assert!(browser.get(&booking).await.has("Please contact the hotel."), "the redirect says why");
    // After the stay the page looks back.
    services.change(Status::Confirmed, |one| {
        let today = contracts::Date((past.millis() / 86_400_000) as i32);
        one.quote.stay = contracts::Stay::new(today.plus_days(-5), today.plus_days(-2)).unwrap();
    });
    let over = browser.get(&booking).await;
    assert!(over.has("Your stay is over"), "{}", over.body);
    for absent in ["Check in from", "is booked", "can no longer be cancelled", "Cancel the booking"] {
        assert!(!over.has(absent), "{absent}");
    }
}

#[tokio::test]
async fn a_cancelled_booking_says_who_cancelled_and_has_credit_notes() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let id = services.booking(Status::Cancelled);
    let (booking, key) = (format!("/bookings/{id}"), format!("?key={}", services.tag(id)));
    let shown = browser.get(&format!("{booking}{key}")).await;
    for text in ["Cancellation (PDF)", "Receipt (PDF)", "Credit note CN-000017 (PDF)"] {
        assert!(shown.has(text), "{text}: {}", shown.body);
    }
    assert!(!shown.has("The hotel cancelled") && !shown.has("Cancelled by the hotel"));
    let note = browser.get(&format!("{booking}/credit-notes/CN-000017.pdf")).await;
    assert_eq!(
        (note.status, &note.headers[header::CONTENT_TYPE]),
        (StatusCode::OK, &"application/pdf".parse().unwrap())
    );
    assert!(
        note.headers[header::CONTENT_DISPOSITION].to_str().unwrap().contains("credit-note-CN-000017.pdf")
    );
    for wrong in ["CN-000018.pdf", "CN-000017", "%2e%2e.pdf"] {
        let seen = browser.get(&format!("{booking}/credit-notes/{wrong}")).await;
        assert_eq!(seen.status, StatusCode::NOT_FOUND, "{wrong}");
    }
    let mut stranger = Browser::at(&services);
    let seen = stranger.get(&format!("{booking}/credit-notes/CN-000017.pdf")).await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    services.change(Status::Cancelled, |one| {
        one.cancelled_by = Some(contracts::reservations::CancelledBy::Hotel);
        one.penalty = 1_000;
    });
    let shown = browser.get(&booking).await;
    for text in ["The hotel cancelled this booking.", "It keeps", "Cancelled by the hotel"] {
        assert!(shown.has(text), "{text}: {}", shown.body);
    }
    services.change(Status::Cancelled, |one| {
        one.cancelled_by = Some(contracts::reservations::CancelledBy::Partner);
    });
    assert!(browser.get(&booking).await.has("The partner with whom you booked cancelled this booking."));
}

#[tokio::test]
async fn submitted_values_are_kept_and_errors_are_shown_with_their_fields() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let checkout = to_checkout(&mut browser, &services).await;
    let again = book(&mut browser, &checkout, "<b>Ada</b> \"L\"", "nonsense", "4242424242424242").await;
    assert_eq!(again.status, StatusCode::OK);
    assert_well_formed(&again, "checkout with errors");
    assert!(
        again.has("aria-invalid=\"true\"")
            && again.has("This is not a valid email address.")
            && again.has("Your card could not be checked with the bank")
    );
    assert!(
        again.has("&lt;b&gt;Ada&lt;/b&gt;") || again.has("&lt;b&gt;Ada&lt;&#x2f;b&gt;"),
        "submitted values are kept and escaped"
    );
    assert!(!again.has("4242424242424242"), "a card number is never shown");
    assert!(services.is_untouched(), "nothing was booked");
}

#[tokio::test]
async fn a_visitor_whose_network_holds_too_many_rooms_waits_and_keeps_what_was_typed() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let checkout = to_checkout(&mut browser, &services).await;
    services.let_holds_wait(Some(240));
    let refused = book(&mut browser, &checkout, "Ada Lovelace", "ada@guest.example", "pm_card_visa").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers["retry-after"], "240");
    assert_well_formed(&refused, "checkout of a visitor who waits");
    assert!(refused.has("Too many unpaid rooms are held from your network") && refused.has("in 4 minutes"));
    assert!(refused.has("Ada Lovelace") && refused.has("ada@guest.example"));
    assert!(services.is_untouched(), "nothing was booked");
    // The same form can be sent again.
    services.let_holds_wait(None);
    let paying = book(&mut browser, &refused, "Ada Lovelace", "ada@guest.example", "pm_card_visa").await;
    assert!(paying.location.ends_with("/paying"), "{} {}", paying.status, paying.location);
}

#[tokio::test]
async fn declined_cards_sold_out_rooms_and_3d_secure_are_handled() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let checkout = to_checkout(&mut browser, &services).await;
    let sold_out = book(&mut browser, &checkout, "Nobody", "a@b.example", "pm_card_visa").await;
    assert!(sold_out.location.starts_with("/hotels/") && sold_out.location.ends_with("#rooms"));
    let path = sold_out.location.trim_end_matches("#rooms").to_owned();
    assert!(browser.get(&path).await.has("These rooms are sold out for the night of"));

    let checkout = to_checkout(&mut browser, &services).await;
    let paying = book(&mut browser, &checkout, "Ada", "a@b.example", "pm_card_visa_chargeDeclined").await;
    let back = browser.get(&paying.location).await;
    assert!(back.location.ends_with("/pay"), "{}", back.location);
    let pay = browser.get(&back.location).await;
    assert_well_formed(&pay, "pay");
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
    assert_well_formed(&bank, "bank");
    assert!(bank.has("Confirm the payment at your bank") && bank.has("http-equiv=\"refresh\""));
    // The guest abandons the confirmation, and uses another card.
    let cancel = format!("{}/cancel", asked.location);
    assert!(bank.has("Use another card"));
    let forged = browser.post(&cancel, &[("csrf", "x")]).await;
    assert_ne!(forged.status, StatusCode::SEE_OTHER, "a form of another site abandons nothing");
    let left = browser.post(&cancel, &[("csrf", &bank.hidden("csrf"))]).await;
    let pay = browser.get(&left.location).await;
    assert_well_formed(&pay, "pay after another card");
    assert!(pay.has("Please choose another card") && pay.has("nothing was charged"), "{}", pay.body);
    let again = browser
        .post(
            &left.location,
            &[
                ("csrf", &pay.hidden("csrf")),
                ("once", &pay.hidden("once")),
                ("payment_method", "pm_card_threeDSecure2Required"),
            ],
        )
        .await;
    assert_eq!(again.location, asked.location);
    let returned = browser.get(&format!("{}?back=1", asked.location)).await;
    let booking = browser.get(&returned.location).await;
    assert!(booking.has("Paris is booked"));
}

#[tokio::test]
async fn the_secret_link_opens_a_booking_and_the_session_remembers_it() {
    let services = SampleServices::new();
    let id = services.booking(Status::Confirmed);
    let tag = services.tag(id);
    let mut browser = Browser::at(&services);
    assert_eq!(browser.get(&format!("/bookings/{id}")).await.status, StatusCode::NOT_FOUND);
    for key in ["x".to_owned(), tag.to_uppercase() + "a", services.tag(services.booking(Status::CheckedIn))] {
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
    // The sample bookings were made by an OAuth client.
    assert!(browser.get(&format!("/bookings/{id}?key={tag}")).await.has("Paris is booked"));
    for file in ["confirmation.pdf", "receipt.pdf", "calendar.ics"] {
        let mut scanner = Browser::at(&services);
        let seen = scanner.get(&format!("/bookings/{id}/{file}?key={tag}")).await;
        assert_eq!(seen.status, StatusCode::OK, "{file}");
    }
    assert!(
        browser.get(&format!("/bookings/{id}")).await.has("Paris is booked"),
        "the session remembers the booking"
    );
    assert!(browser.get("/bookings").await.has("Grand Hôtel Mirabeau"));
    assert_eq!(browser.get(&format!("/bookings/{id}/qr.svg?key={tag}")).await.status, StatusCode::OK);
    let short = Browser::at(&services).get(&format!("/b/{id}/{tag}")).await;
    assert_eq!(short.location, format!("/bookings/{id}?key={tag}"));
}

#[tokio::test]
async fn the_bearer_of_a_link_cancels_the_booking_and_pays_for_a_hold() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let (held, confirmed) = (services.booking(Status::Held), services.booking(Status::Confirmed));
    let pay = browser.get(&format!("/bookings/{held}/pay?key={}", services.tag(held))).await;
    let fields =
        [("csrf", &*pay.hidden("csrf")), ("once", &pay.hidden("once")), ("payment_method", "pm_card_visa")];
    let paying = browser.post(&format!("/bookings/{held}/pay"), &fields).await;
    let done = browser.get(&paying.location).await;
    assert_eq!(done.location, format!("/bookings/{held}"), "{}", done.body);
    assert!(browser.get(&done.location).await.has("is paid and confirmed"));

    let cancel = browser.get(&format!("/bookings/{confirmed}/cancel?key={}", services.tag(confirmed))).await;
    let fields = [("csrf", &*cancel.hidden("csrf")), ("expected", &cancel.hidden("expected"))];
    let gone = browser.post(&format!("/bookings/{confirmed}/cancel"), &fields).await;
    assert!(browser.get(&gone.location).await.has("This booking is cancelled"));
}

#[tokio::test]
async fn a_new_link_closes_the_booking_for_those_who_have_an_earlier_one() {
    let services = SampleServices::new();
    let id = services.booking(Status::Confirmed);
    let first = services.tag(id);
    let (mut guest, mut other) = (Browser::at(&services), Browser::at(&services));
    let page = guest.get(&format!("/bookings/{id}?key={first}")).await;
    assert_well_formed(&page, "booking");
    assert!(page.has("Send a new link") && !page.has("Turn off old links"), "{}", page.body);
    assert_eq!(other.get(&format!("/bookings/{id}?key={first}")).await.status, StatusCode::OK);
    let links = format!("/bookings/{id}/links");
    let send = [("csrf", &*page.hidden("csrf")), ("do", "send")];
    assert_eq!(guest.post(&links, &[("do", "send")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(guest.post(&links, &[send[0], ("do", "x")]).await.status, StatusCode::BAD_REQUEST);
    let sent = guest.post(&links, &send).await;
    assert_well_formed(&sent, "link sent");
    assert!(sent.has("We have sent a new link to ada@analytical.example"), "{}", sent.body);
    assert_ne!(services.tag(id), first);
    for browser in [&mut guest, &mut other] {
        for path in [format!("/bookings/{id}"), format!("/bookings/{id}?key={first}")] {
            let closed = browser.get(&path).await;
            assert_eq!(closed.status, StatusCode::GONE, "{path}");
            assert!(closed.has("This link no longer works"), "{}", closed.body);
        }
        let qr = browser.get(&format!("/bookings/{id}/qr.svg?key={first}")).await;
        assert_eq!(qr.status, StatusCode::NOT_FOUND);
        assert!(browser.get("/bookings").await.has("No bookings yet"));
    }
    let page = guest.get(&format!("/bookings/{id}?key={}", services.tag(id))).await;
    assert!(page.has("Paris is booked"));
    // A second one within a minute: the page says so, and the link stays.
    let again = guest.post(&links, &[("csrf", &*page.hidden("csrf")), ("do", "send")]).await;
    let page = guest.get(&again.location).await;
    assert!(page.has("less than a minute ago") && page.has("Paris is booked"), "{}", page.body);
}

async fn sign_in(browser: &mut Browser, email: &str, next: &str) -> Seen {
    let page = browser.get(&format!("/sign-in?next={}", escape(next))).await;
    let csrf = page.hidden("csrf");
    let fields = [("csrf", &*csrf), ("email", email), ("password", services::PASSWORD), ("next", next)];
    browser.post("/sign-in", &fields).await
}

#[tokio::test]
async fn staff_signs_in_to_the_booking_and_never_gets_the_guests_link() {
    let services = SampleServices::new();
    let id = services.booking(Status::Confirmed);
    let mut browser = Browser::at(&services);
    let booking = format!("/bookings/{id}");
    let closed = browser.get(&booking).await;
    assert_eq!(closed.status, StatusCode::NOT_FOUND);
    assert_well_formed(&closed, "a booking without access");
    let sign_in_link = format!("/sign-in?next={}", escape(&booking));
    assert!(closed.has("Booking not found") && closed.has("sign-in?next="), "{}", closed.body);
    // The link in the hotel's mail.
    let seen = sign_in(&mut browser, services::STAFF_EMAIL, &booking).await;
    assert_eq!(seen.location, booking);
    assert_eq!(browser.get(&sign_in_link).await.location, booking, "who is signed in goes straight there");
    let page = browser.get(&booking).await;
    assert_well_formed(&page, "booking for staff");
    for text in ["Booking for Ada Lovelace", "mailto:ada@analytical.example", "Send the guest a new link"] {
        assert!(page.has(text), "{text}: {}", page.body);
    }
    for text in ["key=", services.tag(id).as_str(), "qr.svg", "Your booking is paid"] {
        assert!(!page.has(text), "{text}: {}", page.body);
    }
    let cancel = browser.get(&format!("{booking}/cancel")).await;
    assert_well_formed(&cancel, "cancelling by staff");
    assert!(cancel.has("the guest gets everything back"), "{}", cancel.body);
    let before = services.tag(id);
    let off =
        browser.post(&format!("{booking}/links"), &[("csrf", &*page.hidden("csrf")), ("do", "revoke")]).await;
    assert!(browser.get(&off.location).await.has("no longer work"));
    assert_ne!(services.tag(id), before);
    // Somebody else's account does not see it.
    let mut other = Browser::at(&services);
    assert_eq!(sign_in(&mut other, services::EMAIL, &booking).await.location, booking);
    let closed = other.get(&booking).await;
    assert_eq!(closed.status, StatusCode::NOT_FOUND);
    assert!(!closed.has("sign-in?next="), "who is signed in is not asked to sign in");
}

#[tokio::test]
async fn signing_out_forgets_the_bookings_of_the_browser() {
    for way_out in ["/sign-out", "/account/close"] {
        let services = SampleServices::new();
        let mut browser = Browser::at(&services);
        // One booking made in this browser, and one opened with its link.
        let checkout = to_checkout(&mut browser, &services).await;
        let paying = book(&mut browser, &checkout, "Ada", "a@b.example", "pm_card_visa").await;
        let made = browser.get(&paying.location).await.location;
        let opened = services.booking(Status::CheckedIn);
        browser.get(&format!("/bookings/{opened}?key={}", services.tag(opened))).await;
        sign_in(&mut browser, services::EMAIL, "/account").await;
        let before = browser.cookie.clone();
        let list = browser.get("/bookings").await;
        for path in [&made, &format!("/bookings/{opened}")] {
            let number = path.rsplit('/').next().unwrap();
            assert!(list.has(number), "{path}");
            assert_eq!(browser.get(path).await.status, StatusCode::OK, "{path}");
        }
        let account = browser.get("/account").await;
        let fields = [("csrf", &*account.hidden("csrf")), ("close-password", services::PASSWORD)];
        let out = browser.post(way_out, &fields).await;
        assert_eq!(out.location, "/", "{way_out}");
        for path in [&made, &format!("/bookings/{opened}")] {
            assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND, "{way_out}: {path}");
        }
        assert!(browser.get("/bookings").await.has("No bookings yet"), "{way_out}");
        // A copy of the earlier cookie does not open the link either: the store has forgotten it.
        let mut copy = Browser { cookie: before, ..Browser::at(&services) };
        let stale = copy.get(&format!("/bookings/{opened}")).await;
        assert_eq!(stale.status, StatusCode::NOT_FOUND, "{way_out}");
    }
}

#[tokio::test]
async fn forms_of_other_sites_and_sessions_are_refused() {
    let services = SampleServices::new();
    let (mut browser, mut other) = (Browser::at(&services), Browser::at(&services));
    let checkout = to_checkout(&mut browser, &services).await;
    let stolen = to_checkout(&mut other, &services).await;
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
        assert_well_formed(&seen, "forged");
    }
    for path in [
        "/sign-in",
        "/sign-up",
        "/sign-out",
        "/password-reset",
        "/reset-password",
        "/verify-email",
        "/account",
        "/account/email",
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
    assert!(services.is_untouched());
    for forged in ["v4.local.AAAA", "", "nonsense"] {
        assert_eq!(browser.post("/checkout", &[("offer", forged)]).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn signing_in_redirects_to_local_paths_only() {
    let services = SampleServices::new();
    for (next, expected) in [
        ("/account", "/account"),
        ("", "/bookings"),
        ("//evil.example", "/bookings"),
        ("https://evil.example/", "/bookings"),
        ("/\\evil", "/bookings"),
    ] {
        let mut browser = Browser::at(&services);
        let page = browser.get(&format!("/sign-in?next={}", escape(next))).await;
        let wrong = browser
            .post(
                "/sign-in",
                &[
                    ("csrf", &page.hidden("csrf")),
                    ("email", services::EMAIL),
                    ("password", "wrong"),
                    ("next", next),
                ],
            )
            .await;
        assert!(
            wrong.has("The email address or password is incorrect")
                && wrong.has(services::EMAIL)
                && !wrong.has("value=\"wrong\"")
        );
        let right = [
            ("csrf", &*page.hidden("csrf")),
            ("email", services::EMAIL),
            ("password", services::PASSWORD),
            ("next", next),
        ];
        let seen = browser.post("/sign-in", &right).await;
        assert_eq!((seen.status, seen.location.as_str()), (StatusCode::SEE_OTHER, expected), "{next}");
    }
}

#[tokio::test]
async fn the_account_page_requires_sign_in() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    assert_eq!(browser.get("/account").await.location, "/sign-in?next=%2Faccount");
    let page = browser.get("/sign-in").await;
    let form = page.hidden("csrf");
    browser
        .post("/sign-in", &[("csrf", &form), ("email", services::EMAIL), ("password", services::PASSWORD)])
        .await;
    assert_eq!(
        browser.post("/account", &[("csrf", &form), ("name", "A")]).await.status,
        StatusCode::FORBIDDEN,
        "forms from before the sign-in are refused"
    );
    let account = browser.get("/account").await;
    assert_well_formed(&account, "/account");
    assert!(account.has("Ada Lovelace") && account.has("not verified yet") && account.has("Sign out"));
    let empty = browser.post("/account", &[("csrf", &account.hidden("csrf")), ("name", " ")]).await;
    assert!(empty.has("The name is required."));
    let csrf = account.hidden("csrf");
    let close = async |browser: &mut Browser, password: &str| {
        browser.post("/account/close", &[("csrf", &*csrf), ("close-password", password)]).await
    };
    for password in ["", "wrong"] {
        let open = close(&mut browser, password).await;
        assert!(open.has("This is not your password. Your account is still open."), "{password}");
        assert_well_formed(&open, "/account/close");
    }
    let change = async |browser: &mut Browser, email: &str, password: &str| {
        let fields = [("csrf", &*csrf), ("new-email", email), ("email-password", password)];
        browser.post("/account/email", &fields).await
    };
    let wrong = change(&mut browser, "ada@new.example", "wrong").await;
    assert!(wrong.has("This is not your password.") && wrong.has("ada@new.example"));
    assert!(change(&mut browser, "ada", services::PASSWORD).await.has("This is not a valid email address."));
    let asked = change(&mut browser, "ada@new.example", services::PASSWORD).await;
    assert_eq!((asked.status, asked.location.as_str()), (StatusCode::SEE_OTHER, "/account"));
    assert!(browser.get("/account").await.has("We have sent you an email with a link."));
    let out = browser.post("/sign-out", &[("csrf", &account.hidden("csrf"))]).await;
    assert_eq!(out.location, "/");
    assert!(browser.get("/").await.has("You have signed out."));
    assert!(!browser.get("/").await.has("You have signed out."), "shown once");
}

#[tokio::test]
async fn registration_and_reset_do_not_reveal_accounts() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let page = browser.get("/sign-up").await;
    let csrf = page.hidden("csrf");
    let bad = browser
        .post("/sign-up", &[("csrf", &csrf), ("name", ""), ("email", "x"), ("password", "short")])
        .await;
    assert!(bad.has("The name is required.") && bad.has("at least 10 characters"));
    let mut bodies = Vec::new();
    for email in [services::EMAIL, "unknown@analytical.example"] {
        let seen = browser.post("/password-reset", &[("csrf", &csrf), ("email", email)]).await;
        assert_eq!(seen.status, StatusCode::OK);
        bodies.push(seen.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    let seen = browser
        .post(
            "/sign-up",
            &[("csrf", &csrf), ("name", "Ada"), ("email", services::EMAIL), ("password", "a long sentence")],
        )
        .await;
    assert!(seen.has("Check your email"));
    let dead = browser
        .post(
            "/verify-email",
            &[("csrf", &csrf), ("token", &format!("{}.1795435200.abc", contracts::UserId(7)))],
        )
        .await;
    assert!(dead.has("This link is no longer valid"));
}

#[tokio::test]
async fn numbers_are_formatted_for_the_browsers_language() {
    let services = SampleServices::new();
    for (language, price) in
        [("en-GB", "€411.00"), ("de", "411,00\u{a0}€"), ("fr-FR, en;q=0.1", "411,00\u{a0}€")]
    {
        let mut browser = Browser { language, ..Browser::at(&services) };
        let page = browser
            .get(&format!("/hotels/{}?check_in=2027-05-07&check_out=2027-05-09", services.hotel(0)))
            .await;
        assert!(page.has(price), "{language}");
    }
}

#[tokio::test]
async fn prices_are_filtered_by_decimals_in_the_form_of_the_browsers_language() {
    let services = SampleServices::new();
    let stay = "city=Paris&check_in=2027-05-07&check_out=2027-05-09";
    let cards = |page: &Seen| page.body.matches("class=\"hotel-card\"").count();
    let mut browser = Browser::at(&services);
    let all = browser.get(&format!("/search?{stay}")).await;
    let totals: Vec<i64> = all
        .body
        .split("class=\"price\">€")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().replace([',', '.'], "").parse().unwrap())
        .collect();
    let (least, most) = (*totals.iter().min().unwrap(), *totals.iter().max().unwrap());
    assert!(totals.len() > 1 && least < most, "{totals:?}");
    let decimal = |minor: i64, point: char| format!("{}{point}{:02}", minor / 100, minor % 100);
    let at_most = totals.iter().filter(|total| **total <= least).count();
    for (language, price, found) in [
        ("en-GB", decimal(least, '.'), at_most),
        ("de", decimal(least, ','), at_most),
        ("en-GB", decimal(least - 1, '.'), 0),
        ("de", decimal(least - 1, ','), 0),
    ] {
        let mut browser = Browser { language, ..Browser::at(&services) };
        let page = browser.get(&format!("/search?{stay}&max_price={price}")).await;
        assert_eq!(cards(&page), found, "{language} {price}");
        // The price is kept as it was entered, in links too.
        assert!(page.has(&format!("value=\"{price}\"")), "{language} {price}");
        assert!(found == 0 || page.has(&format!("max_price={}", price.replace(',', "%2C"))), "{price}");
        assert!(page.has("In EUR"), "{price}");
    }
    let page = browser.get(&format!("/search?{stay}&min_price={}&currency=EUR", decimal(most, '.'))).await;
    assert_eq!(cards(&page), totals.iter().filter(|total| **total >= most).count());
    let page = browser.get(&format!("/search?{stay}&max_price=cheap")).await;
    assert!(page.has("Please enter prices as numbers, for example 200.50."), "{}", page.body);
    assert_eq!(cards(&page), totals.len());
    let page = browser.get(&format!("/search?{stay}&guests=1&rooms=2")).await;
    assert!(page.has("at least one guest for each room"), "{}", page.body);
}

#[tokio::test]
async fn a_stay_for_nothing_is_booked_without_a_card() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let hotel = browser.get(&format!("/hotels/{}", services.hotel(0))).await;
    let offers = services::dependencies(&services, browser::URL).offers;
    let now = protocol::Timestamp::wall_clock();
    let mut quote: contracts::reservations::Quote = offers.open(&hotel.hidden("offer"), now).unwrap();
    quote.nightly.iter_mut().for_each(|amount| *amount = 0);
    quote.taxes.iter_mut().for_each(|tax| tax.amount = 0);
    quote.total = 0;
    let offer = offers.seal(&quote, Some(quote.expires_at));
    let checkout = browser.post("/checkout", &[("offer", &offer)]).await;
    assert_well_formed(&checkout, "/checkout");
    assert!(checkout.has("There is nothing to pay") && !checkout.has("payment_method"), "{}", checkout.body);
    let booked = book(&mut browser, &checkout, "Ada Lovelace", "ada@inn.example", "").await;
    assert_eq!(booked.status, StatusCode::SEE_OTHER, "{}", booked.body);
    let place = booked.location.clone();
    assert!(place.starts_with("/bookings/rsv_") && !place.contains("paying"), "{place}");
    let page = browser.get(&place).await;
    assert!(page.has("there is nothing to pay") && !page.has("is paid"), "{}", page.body);
    let cancel = browser.get(&format!("{place}/cancel")).await;
    assert!(cancel.has("Nothing was charged, so there is nothing to refund."), "{}", cancel.body);
}

#[tokio::test]
async fn pictures_depend_on_their_url_only() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let hotel = services.hotel(0);
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

#[tokio::test]
async fn the_name_that_was_typed_leads_to_the_city_that_is_shown() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let options = browser.get("/complete?q=tukh").await;
    assert!(options.body.contains("Tukholma → Stockholm, Sweden"), "{}", options.body);
    assert!(options.body.contains("data-value=\"Stockholm, Sweden\""), "{}", options.body);
    // The field then has the name under which the city is found again.
    let page = browser.get("/search?city=Tukholma").await;
    assert!(page.body.contains("Tukholma → Stockholm"), "{}", page.body);
    assert!(page.body.contains("value=\"Stockholm, Sweden\""), "{}", page.body);
    let page = browser.get("/search?city=Stockholm").await;
    assert!(!page.body.contains("→ Stockholm"), "{}", page.body);
}

#[tokio::test]
async fn other_places_are_proposed_and_a_misspelled_one_is_not_guessed() {
    let services = SampleServices::new();
    let mut browser = Browser::at(&services);
    let page = browser.get("/search?city=Paris").await;
    assert!(page.body.contains("Hotels in Paris") && page.body.contains("Did you mean"), "{}", page.body);
    assert!(page.body.contains("Paris, United States"), "{}", page.body);
    let page = browser.get("/search?city=Amstredam").await;
    assert_well_formed(&page, "/search");
    assert!(!page.body.contains("Hotels in Amsterdam"), "{}", page.body);
    assert!(page.body.contains("Which place do you mean?"), "{}", page.body);
    assert!(page.body.contains(">Amsterdam, Netherlands</a>"), "{}", page.body);
    for nonsense in ["xqzzw", "%F0%9F%8F%A8"] {
        let page = browser.get(&format!("/search?city={nonsense}")).await;
        assert_well_formed(&page, "/search");
        assert!(page.body.contains("We could not find this place"), "{}", page.body);
        assert!(!page.body.contains("Did you mean"), "{}", page.body);
    }
}
