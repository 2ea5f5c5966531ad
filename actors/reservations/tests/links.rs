//! The secret link to a reservation: what it allows, and how it is replaced.

#[path = "common/mod.rs"]
mod common;
#[path = "common/services.rs"]
mod services;

use common::*;
use contracts::reservations::{
    BookingLink, Cancel, GetGuestContact, GetReservationByLink, Guest, Hold, ImportHotels, ListBy,
    ListReservations, Modify, Refusal, Reservation, RevokeLinks, SendLink, Status, TimelineEvent,
};
use contracts::{ReservationId, scope};
use protocol::Principal;
use reservations::{Effect, Occasion, Recipient, Reservations};
use serde_json::{Value, json};
use services::{TestApi, test_api};
use token::{ClusterKey, LinkKey};

const DAY: &str = "2026-12-24";

struct Fixture {
    bench: ReservationBench,
    key: LinkKey,
}

impl Fixture {
    fn new() -> Self {
        let key = ClusterKey::random().links("booking-link");
        let bench = ReservationBench::new(Reservations::new(key.clone()));
        bench.call(&administrator(), ImportHotels { hotels: vec![hotel()] }).unwrap();
        Self { bench, key }
    }

    /// What the link with this number opens.
    fn open(&self, reservation: ReservationId, number: u32) -> Result<u32, Refusal> {
        let parts = BookingLink { reservation, number }.parts();
        let tag = self.key.tag(&parts.each_ref().map(String::as_str));
        let opened = self.bench.call(&Principal::anonymous(), GetReservationByLink { reservation, tag })?;
        Ok(opened.link)
    }

    fn confirmed(&self, owner: &Principal) -> Reservation {
        let confirmed = confirmed(&self.bench, owner, nights(DAY, 2));
        self.bench.effects();
        confirmed
    }
}

/// The pages, for the bearer of a link.
fn bearer(reservation: ReservationId, number: u32) -> Principal {
    let subject = BookingLink { reservation, number }.subject();
    Principal { on_behalf_of: Some(subject), ..Principal::service("ui") }
}

fn send(fixture: &Fixture, caller: &Principal, reservation: ReservationId) -> Result<Reservation, Refusal> {
    fixture.bench.call(caller, SendLink { reservation, expect: None })
}

#[test]
fn a_link_opens_bookings_of_every_kind_of_owner_and_grants_no_other_rights() {
    let fixture = Fixture::new();
    for owner in [client("partner"), user("ann"), guest_session("gst_1")] {
        let held = hold(&fixture.bench, &owner, quote(&fixture.bench, nights(DAY, 1), 1)).unwrap();
        let other = hold(&fixture.bench, &owner, quote(&fixture.bench, nights("2027-01-10", 1), 1)).unwrap();
        let with_link = bearer(held.id, 1);
        assert_eq!(fixture.open(held.id, 1), Ok(1), "{owner:?}");
        assert_eq!(read(&fixture.bench, &with_link, held.id), Ok(held.clone()), "{owner:?}");
        let contact = fixture.bench.call(&with_link, GetGuestContact { reservation: held.id }).unwrap();
        assert_eq!((contact.email.as_str(), contact.link), ("guest@example.org", held.link()));
        // Not the rights of the owner: neither to another reservation, nor to a list, nor to a new one.
        assert_eq!(read(&fixture.bench, &with_link, other.id), Err(Refusal::NoSuchReservation));
        assert_eq!(cancel(&fixture.bench, &with_link, other.id), Err(Refusal::NoSuchReservation));
        let listing = ListReservations {
            by: ListBy::Owner,
            status: None,
            check_in_from: None,
            check_in_to: None,
            reference: None,
            updated_since: None,
            after: None,
            limit: 10,
        };
        assert_eq!(fixture.bench.call(&with_link, listing).unwrap().items, []);
        let another = quote(&fixture.bench, nights("2027-02-10", 1), 1);
        assert!(matches!(hold(&fixture.bench, &with_link, another), Err(Refusal::Invalid { .. })));
        // The subject of a link is one only when the pages name it.
        let forged = client(&held.link().subject());
        assert_eq!(read(&fixture.bench, &forged, held.id), Err(Refusal::NoSuchReservation));
        assert_eq!(cancel(&fixture.bench, &with_link, held.id).unwrap().status, Status::Cancelled);
        cancel(&fixture.bench, &owner, other.id).unwrap();
    }
    assert_eq!(fixture.bench.violations(), [] as [String; 0]);
}

#[test]
fn a_new_link_replaces_the_earlier_ones() {
    let fixture = Fixture::new();
    let partner = client("partner");
    let held = hold(&fixture.bench, &partner, quote(&fixture.bench, nights("2027-01-10", 1), 1)).unwrap();
    let refused = Err(Refusal::WrongStatus { status: Status::Held });
    assert_eq!(
        send(&fixture, &partner, held.id),
        refused,
        "the address of a hold is not known to be the guest's"
    );
    cancel(&fixture.bench, &partner, held.id).unwrap();
    let refused = Err(Refusal::WrongStatus { status: Status::Cancelled });
    assert_eq!(
        send(&fixture, &partner, held.id),
        refused,
        "there was no mail, so there is no link to replace"
    );

    let booked = fixture.confirmed(&partner);
    for stranger in [client("other"), user("guest@example.org"), staff(hotel_in("other", "UTC").id)] {
        assert_eq!(send(&fixture, &stranger, booked.id), Err(Refusal::NoSuchReservation));
    }
    let sent = send(&fixture, &partner, booked.id).unwrap();
    assert_eq!((sent.link, sent.version), (2, booked.version + 1));
    assert_eq!(sent.timeline.last().map(|(_, event)| *event), Some(TimelineEvent::LinkReplaced));
    let mail = |number| Effect::Mail {
        reservation: booked.id,
        occasion: Occasion::LinkReplaced { number },
        to: Recipient::Guest,
    };
    assert_eq!(fixture.bench.effects(), [mail(2)]);
    assert_eq!(fixture.open(booked.id, 1), Err(Refusal::LinkReplaced));
    assert_eq!(fixture.open(booked.id, 2), Ok(2));
    assert_eq!(fixture.open(booked.id, 3), Err(Refusal::NoSuchReservation), "not made yet");
    // A browser that remembers the earlier link has lost its rights too.
    for (number, expected) in [(1, Err(Refusal::NoSuchReservation)), (2, Ok(booked.id))] {
        let read = read(&fixture.bench, &bearer(booked.id, number), booked.id).map(|found| found.id);
        assert_eq!(read, expected, "link {number}");
    }
    // A mailbox cannot be flooded.
    fixture.bench.advance_secs(15);
    assert_eq!(
        send(&fixture, &bearer(booked.id, 2), booked.id),
        Err(Refusal::LinkJustSent { wait_secs: 45 })
    );
    fixture.bench.advance_secs(45);
    assert_eq!(send(&fixture, &bearer(booked.id, 2), booked.id).unwrap().link, 3);
    assert_eq!(fixture.bench.effects(), [mail(3)]);

    // Turning links off sends no mail, and works at any time.
    let revoke = |caller: &Principal, expect| {
        fixture.bench.call(caller, RevokeLinks { reservation: booked.id, expect }).map(|found| found.link)
    };
    assert_eq!(revoke(&staff(hotel().id), Some(1)), Err(Refusal::Changed));
    assert_eq!(revoke(&staff(hotel().id), None), Ok(4));
    assert_eq!(fixture.bench.effects(), []);
    for number in 1..4 {
        assert_eq!(fixture.open(booked.id, number), Err(Refusal::LinkReplaced), "link {number}");
    }
    assert_eq!(fixture.bench.violations(), [] as [String; 0]);
}

#[test]
fn a_changed_mail_address_gets_a_new_link_and_the_old_mailbox_loses_its_own() {
    let fixture = Fixture::new();
    let ann = user("ann");
    let change = |caller: &Principal, reservation: ReservationId, email: &str, name: &str| {
        let guest = Some(Guest { name: name.into(), email: email.into(), phone: None });
        fixture.bench.call(caller, Modify { reservation, expect: None, guest, requests: None })
    };
    let booked = fixture.confirmed(&ann);
    let renamed = change(&ann, booked.id, "guest@example.org", "Ann").unwrap();
    assert_eq!((renamed.link, fixture.bench.effects()), (1, vec![]), "the mailbox is the same");
    let moved = change(&ann, booked.id, "ann@example.org", "Ann").unwrap();
    assert_eq!(moved.link, 2);
    assert_eq!(
        fixture.bench.effects(),
        [Effect::Mail {
            reservation: booked.id,
            occasion: Occasion::LinkReplaced { number: 2 },
            to: Recipient::Guest
        }]
    );
    assert_eq!(fixture.open(booked.id, 1), Err(Refusal::LinkReplaced));
    // Whoever has the link changes details, but cannot take the booking away from the guest.
    let with_link = bearer(booked.id, 2);
    let refused = change(&with_link, booked.id, "thief@example.org", "Ann");
    assert!(matches!(&refused, Err(Refusal::Invalid { field, .. }) if field == "guest/email"), "{refused:?}");
    assert_eq!(change(&with_link, booked.id, "ann@example.org", "Ann B.").unwrap().guest.name, "Ann B.");
    // A hold has had no mail: the new address gets the confirmation.
    let held = hold(&fixture.bench, &ann, quote(&fixture.bench, nights("2027-01-10", 1), 1)).unwrap();
    assert_eq!(change(&ann, held.id, "ann@example.org", "Ann").unwrap().link, 2);
    assert_eq!(fixture.bench.effects(), []);
    assert_eq!(fixture.bench.violations(), [] as [String; 0]);
}

#[test]
fn the_link_is_read_by_those_who_have_the_guests_rights() {
    let fixture = Fixture::new();
    let partner = client("partner");
    let booked = fixture.confirmed(&partner);
    let contact = |caller: &Principal| {
        fixture.bench.call(caller, GetGuestContact { reservation: booked.id }).map(|contact| contact.link)
    };
    for caller in [partner, bearer(booked.id, 1), Principal::service("payments")] {
        assert_eq!(contact(&caller), Ok(booked.link()), "{caller:?}");
    }
    let clerk = Principal {
        scopes: vec![scope::HOTEL_MANAGE.into(), scope::RESERVATIONS_WRITE.into()],
        ..staff(hotel().id)
    };
    assert_eq!(contact(&clerk), Err(Refusal::NotTheGuest), "staff acts in its own name");
    assert_eq!(contact(&administrator()), Err(Refusal::NotTheGuest));
    assert_eq!(contact(&client("other")), Err(Refusal::NoSuchReservation));
    assert_eq!(contact(&bearer(booked.id, 2)), Err(Refusal::NoSuchReservation));
    assert_eq!(contact(&Principal::service("ui")), Err(Refusal::NoSuchReservation));
}

/// A paid reservation behind the REST API, with its path.
async fn booked(api: &TestApi, owner: &Principal) -> (ReservationId, String) {
    let call = |caller: &Principal| {
        group::Call::bearer(api.services.token(caller), std::time::Duration::from_secs(5))
    };
    let client = api.services.client();
    client.call(&call(&administrator()), ImportHotels { hotels: vec![hotel()] }).await.unwrap();
    let stay = nights(DAY, 2);
    let offers = contracts::reservations::GetOffers { hotel: hotel().id, stay, guests: 2, rooms: 1 };
    let quote = client.call(&call(owner), offers).await.unwrap().offers.remove(0).quote;
    let guest = Guest { phone: Some("+48 12 345 67 89".into()), ..guest() };
    let admission = contracts::reservations::AdmissionId::new(1, quote.hotel, quote.rooms);
    let (hotel, rooms) = (quote.hotel, quote.rooms);
    let admit = contracts::reservations::AdmitHold { admission, hotel, rooms, address: HERE };
    client.call(&call(owner), admit).await.unwrap();
    let (requests, admission) = (Some("Quiet, please.".into()), Some(admission));
    let hold = Hold { quote, guest, requests, reference: None, admission };
    let held = client.call(&call(owner), hold).await.unwrap();
    let (payment, amount) = (contracts::PaymentId(1), held.total());
    let paid = contracts::reservations::PaymentSucceeded { reservation: held.id, payment, amount };
    client.call(&call(&payments()), paid).await.unwrap();
    api.services.settle().await;
    (held.id, format!("/v1/reservations/{}", held.id))
}

#[tokio::test]
async fn links_are_replaced_over_rest_and_not_handed_to_readers() {
    let api = test_api(false);
    let partner = client("partner");
    let (reservation, path) = booked(&api, &partner).await;
    let link = |number| api.links.secret_link(BookingLink { reservation, number });
    let key = |number| link(number).rsplit_once("key=").unwrap().1.to_owned();
    let reader = principal("partner", &[scope::RESERVATIONS_READ]);
    let clerk = Principal {
        scopes: vec![
            scope::HOTEL_MANAGE.into(),
            scope::RESERVATIONS_READ.into(),
            scope::RESERVATIONS_WRITE.into(),
        ],
        ..staff(hotel().id)
    };
    let url_in_pdf = async |caller: &Principal, query: &str| {
        let pdf = api.get(caller, &format!("{path}/confirmation.pdf{query}")).await;
        assert_eq!(pdf.status, 200, "{}", pdf.text);
        let data: Value = serde_json::from_str(pdf.text.strip_prefix("%PDF ").unwrap()).unwrap();
        data["booking"]["url"].as_str().unwrap().to_owned()
    };
    let plain = format!("https://inn.example/bookings/{reservation}");
    let anyone = Principal::anonymous();
    for (caller, query, expected) in [
        (&partner, String::new(), link(1)),
        (&reader, String::new(), plain.clone()),
        (&clerk, String::new(), plain.clone()),
        (&anyone, format!("?key={}", key(1)), link(1)),
    ] {
        assert_eq!(url_in_pdf(caller, &query).await, expected, "{}", caller.subject);
    }
    for caller in [&partner, &reader, &clerk] {
        let read = api.get(caller, &path).await;
        assert!(read.status == 200 && !read.text.contains(&key(1)), "{}", read.text);
    }

    let links = format!("{path}/links");
    assert_eq!(api.send(&reader, "POST", &links, None, &[]).await.status, 403);
    assert_eq!(api.send(&client("other"), "POST", &links, None, &[]).await.status, 404);
    let sent = api.send(&partner, "POST", &links, None, &[]).await;
    assert_eq!((sent.status, &sent.json["status"]), (200, &json!("confirmed")), "{}", sent.text);
    assert!(!sent.text.contains(&key(2)), "the link is only mailed");
    let again = api.send(&partner, "POST", &links, None, &[]).await;
    assert_eq!(again.status, 429, "{}", again.text);
    api.services.settle().await;
    let mails = api.mails();
    let (_, mail) = mails.iter().find(|(name, _)| name.contains("link-2")).expect("a mail with the new link");
    assert!(mail.contains("guest@example.org") && mail.contains("application/pdf"), "{mail}");
    let by_key = async |number| {
        let found = api.get(&anyone, &format!("{path}?key={}", key(number))).await;
        (found.status, found.json["type"].as_str().unwrap_or_default().to_owned())
    };
    let (status, kind) = by_key(1).await;
    assert!(status == 410 && kind.ends_with("link-replaced"), "{status} {kind}");
    assert_eq!(by_key(2).await.0, 200);

    let etag = sent.etag.unwrap();
    let stale = [("If-Match", "\"1\"")];
    assert_eq!(api.send(&clerk, "DELETE", &links, None, &stale).await.status, 412);
    assert_eq!(api.send(&clerk, "DELETE", &links, None, &[("If-Match", &etag)]).await.status, 204);
    assert_eq!(by_key(2).await.0, 410);

    // A mail that waits while the links are turned off is not sent: its link is invalid already.
    api.services.advance_secs(60);
    assert_eq!(api.send(&partner, "POST", &links, None, &[]).await.status, 200);
    assert_eq!(api.send(&partner, "DELETE", &links, None, &[]).await.status, 204);
    api.services.settle().await;
    let late = |name: &str| name.contains("link-4") || name.contains("link-5");
    assert!(!api.mails().iter().any(|(name, _)| late(name)));

    // A new address gets the new link.
    let change = json!({"guest": {"email": "lukasz@example.org"}}).to_string();
    let changed = api.send(&partner, "PATCH", &path, Some(change), &[]).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    api.services.settle().await;
    assert_eq!((by_key(5).await.0, by_key(6).await.0), (410, 200));
    let mails = api.mails();
    let (_, mail) =
        mails.iter().find(|(name, _)| name.contains("link-6")).expect("a mail to the new address");
    assert!(mail.contains("lukasz@example.org") && !mail.contains("guest@example.org"), "{mail}");
    assert_eq!(api.services.violations(), [] as [String; 0]);
}

#[tokio::test]
async fn the_hotels_mail_has_the_guests_contact_and_leads_staff_to_the_booking() {
    let api = test_api(false);
    let (reservation, path) = booked(&api, &client("partner")).await;
    let mail = |part: &str| {
        let mails = api.mails();
        mails.iter().find(|(name, _)| name.contains(part)).unwrap_or_else(|| panic!("no {part}")).1.clone()
    };
    let link = format!("https://inn.example/sign-in?next=/bookings/{reservation}");
    api.send(&client("partner"), "POST", &format!("{path}/cancel"), None, &[]).await;
    api.services.settle().await;
    for part in ["new-booking", "cancellation"] {
        let mail = mail(part).replace("=\r\n", "").replace("=3D", "=");
        for text in ["guest@example.org", "+48 12 345 67 89", "Quiet, please.", &link] {
            assert!(mail.contains(text), "{part}: {text} in {mail}");
        }
        let reply_to = mail.lines().find(|line| line.starts_with("Reply-To:")).unwrap_or_default();
        assert!(reply_to.contains("guest@example.org"), "{part}: {mail}");
        assert!(!mail.contains("key="), "{part}: {mail}");
    }
}

#[test]
fn a_cancelled_booking_keeps_its_link() {
    let fixture = Fixture::new();
    let booked = fixture.confirmed(&user("ann"));
    let request = Cancel { reservation: booked.id, expect: None, penalty: None };
    assert_eq!(fixture.bench.call(&bearer(booked.id, 1), request).unwrap().status, Status::Cancelled);
    assert_eq!(fixture.open(booked.id, 1), Ok(1));
}
