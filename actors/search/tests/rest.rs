//! The REST API of search.

mod common;

use std::time::Duration;

use common::*;
use contracts::search::UpdateHotel;
use group::testing::TestServices;
use group::{Call, NoEffects};
use poem::{Endpoint, EndpointExt, IntoEndpoint, Request};
use poem_openapi::OpenApiService;
use protocol::Principal;
use serde_json::{Value, json};

/// The API of a service with twelve hotels in Munich.
async fn api() -> poem::endpoint::BoxEndpoint<'static> {
    let services = TestServices::new();
    services.add(search::Search::new(), NoEffects);
    let call = Call::bearer(services.token(&Principal::service("reservations")), Duration::from_secs(5));
    for number in 0..12 {
        let mut made = plain(&format!("{number:02}"));
        made.room_types[0].rate_plans[0].amount = 10_000 + number * 500;
        let update = UpdateHotel { hotel: made, at: at(number) };
        services.client().call(&call, update).await.expect("updates are not refused");
    }
    OpenApiService::new(search::rest::api(services.client(), edge::Cursors::random()), "search", "1")
        .into_endpoint()
        .boxed()
}

async fn get(api: &impl Endpoint<Output = poem::Response>, path: &str) -> (u16, Value) {
    let request = Request::builder().uri(path.parse().expect("a path")).finish();
    let response = match api.call(request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    };
    let status = response.status().as_u16();
    let body = response.into_body().into_string().await.expect("text");
    (status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}")))
}

#[tokio::test]
async fn hotels_are_listed_page_by_page_with_their_totals() {
    let api = api().await;
    let first = "/v1/hotels?city=M%C3%BCnchen&check_in=2026-12-24&check_out=2026-12-27&sort=price&limit=5";
    let (status, page) = get(&api, first).await;
    assert_eq!(status, 200, "{page}");
    let item = &page["items"][0];
    assert_eq!(item["total"], json!({ "amount": 30_000, "currency": "EUR" }));
    assert_eq!(item["from"], json!({ "amount": 10_000, "currency": "EUR" }));
    assert_eq!((&item["city"], &item["stars"], &item["rating"]), (&json!("Munich"), &json!(3), &json!(8.0)));
    assert_eq!(item["distance_km"], json!(0.06));
    assert_eq!(item["offer"]["rate_plan"], json!("Flexible"));
    assert_eq!(item["offer"]["free_cancellation_until"], json!("2026-12-23T14:00:00Z"));
    assert!(item["id"].as_str().is_some_and(|id| id.starts_with("htl_")));
    assert_eq!((&page["city"]["name"], &page["city"]["hotels"]), (&json!("Munich"), &json!(12)));
    assert!(page["as_of"].as_str().is_some_and(|instant| instant.ends_with('Z')), "{}", page["as_of"]);
    let mut names: Vec<Value> = Vec::new();
    let mut path = first.to_owned();
    loop {
        let (_, page) = get(&api, &path).await;
        names.extend(page["items"].as_array().unwrap().iter().map(|item| item["name"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else {
            assert!(page["next_cursor"].is_null() && page.as_object().unwrap().contains_key("next_cursor"));
            break;
        };
        path = format!("{first}&cursor={cursor}");
    }
    assert_eq!(names, (0..12).map(|number| json!(format!("Hotel {number:02}"))).collect::<Vec<_>>());
}

#[tokio::test]
async fn cities_and_single_hotels_are_found() {
    let api = api().await;
    let (status, cities) = get(&api, "/v1/cities?q=munch&limit=3").await;
    assert_eq!(status, 200, "{cities}");
    let munich = &cities["items"][0];
    assert_eq!(
        (&munich["id"], &munich["name"], &munich["hotels"]),
        (&json!("cty_2867714"), &json!("Munich"), &json!(12))
    );
    assert_eq!(munich["country"], json!("DE"));
    let (_, list) = get(&api, "/v1/hotels?city=cty_2867714&limit=1").await;
    let item = &list["items"][0];
    assert!(item.get("total").is_none() && item["from"]["amount"].is_i64(), "{item}");
    let (status, hotel) = get(&api, &format!("/v1/hotels/{}", item["id"].as_str().unwrap())).await;
    assert_eq!((status, &hotel["name"], &hotel["city"]), (200, &item["name"], &json!("Munich")), "{hotel}");
    assert_eq!(hotel["room_types"][0]["rate_plans"][0]["cancellation"]["free_until_hours"], json!(24));
}

#[tokio::test]
async fn a_city_is_told_by_which_name_it_matched_and_a_misspelled_name_selects_none() {
    let api = api().await;
    let (_, cities) = get(&api, "/v1/cities?q=monaco%20di%20bav&limit=1").await;
    let munich = &cities["items"][0];
    assert_eq!((&munich["name"], &munich["region"]), (&json!("Munich"), &json!("Bavaria")), "{munich}");
    assert_eq!(munich["matched_name"], json!("Monaco di Baviera"));
    assert_eq!(munich["matched_by"], json!("prefix"));
    assert_eq!(munich["full_name"], json!("Munich, Germany"));
    let (_, none) = get(&api, "/v1/cities?q=%F0%9F%8F%A8").await;
    assert_eq!(none["items"], json!([]));
    let (status, problem) = get(&api, "/v1/hotels?city=Munihc").await;
    assert_eq!((status, &problem["type"]), (404, &json!("/problems/no-such-city")), "{problem}");
    let likely = json!({ "id": "cty_2867714", "full_name": "Munich, Germany" });
    assert_eq!(problem["candidates"][0], likely, "{problem}");
    let (status, found) = get(&api, "/v1/hotels?city=cty_2867714").await;
    assert_eq!((status, &found["city"]["name"]), (200, &json!("Munich")));
}

#[tokio::test]
async fn invalid_requests_are_answered_with_problems() {
    let api = api().await;
    let dates = "check_in=2026-12-24&check_out=2026-12-27";
    let table = [
        ("/v1/hotels", 400),
        ("/v1/hotels?city=", 400),
        ("/v1/hotels?city=xqzzw", 404),
        ("/v1/hotels?city=cty_7", 404),
        ("/v1/hotels?city=Munich&check_in=2026-12-24", 422),
        ("/v1/hotels?city=Munich&check_out=2026-12-24", 422),
        ("/v1/hotels?city=Munich&check_in=2026-12-24&check_out=2026-12-24", 422),
        ("/v1/hotels?city=Munich&check_in=2026-11-01&check_out=2026-11-03", 422),
        ("/v1/hotels?city=Munich&check_in=tomorrow&check_out=2026-11-03", 400),
        (&format!("/v1/hotels?city=Munich&{dates}&guests=0"), 400),
        (&format!("/v1/hotels?city=Munich&{dates}&rooms=51"), 400),
        (&format!("/v1/hotels?city=Munich&{dates}&stars=6"), 400),
        (&format!("/v1/hotels?city=Munich&{dates}&min_price=-1"), 400),
        (&format!("/v1/hotels?city=Munich&{dates}&max_price=200.50"), 400),
        (&format!("/v1/hotels?city=Munich&{dates}&guests=1&rooms=2"), 422),
        ("/v1/hotels?city=Munich&guests=2&rooms=3", 422),
        // Without a number of guests there is one for each room.
        ("/v1/hotels?city=Munich&rooms=3", 200),
        (&format!("/v1/hotels?city=Munich&{dates}&sort=luck"), 400),
        (&format!("/v1/hotels?city=Munich&{dates}&limit=101"), 400),
        (&format!("/v1/hotels?city=Munich&{dates}&cursor=abc"), 400),
        ("/v1/hotels/htl_7", 404),
        ("/v1/hotels/htl_00000000000000000000000000", 404),
    ];
    for (path, expected) in table {
        let request = Request::builder().uri(path.parse().expect("a path")).finish();
        let status = match api.call(request).await {
            Ok(response) => response.status(),
            Err(error) => error.status(),
        };
        assert_eq!(status.as_u16(), expected, "{path}");
    }
}
