//! Long polls: a query waits until its answer is final.

use std::time::Duration;

use group::testing::{Adder, AdderQuery, Sum, TestServices};
use group::{Call, NoEffects};
use protocol::Principal;
use tokio::time::Instant;

const TIMEOUT: Duration = Duration::from_secs(3);

fn services() -> TestServices {
    let services = TestServices::new();
    services.add(Sum, NoEffects);
    services
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_returns_when_a_batch_makes_its_answer_final() {
    let services = services();
    let call = Call::bearer(services.token(&Principal::service("till")), TIMEOUT);
    let polling = tokio::spawn({
        let (client, call) = (services.client(), call.clone());
        async move { client.query::<Adder>(&call, AdderQuery::AtLeast(7)).await }
    });
    let begun = Instant::now();
    for amount in [3, 4, 5] {
        tokio::time::sleep(Duration::from_millis(100)).await;
        services.client().command::<Adder>(&call, amount).await.unwrap();
    }
    assert_eq!(polling.await.unwrap(), Ok(7), "the first final answer");
    assert_eq!(services.client().query::<Adder>(&call, AdderQuery::AtLeast(7)).await, Ok(12), "at once");
    assert_eq!(begun.elapsed(), Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_returns_the_last_answer_shortly_before_its_deadline() {
    let services = services();
    let call = Call::bearer(services.token(&Principal::service("till")), TIMEOUT);
    services.client().command::<Adder>(&call, 3).await.unwrap();
    let begun = Instant::now();
    assert_eq!(services.client().query::<Adder>(&call, AdderQuery::AtLeast(7)).await, Ok(3));
    assert!(begun.elapsed() < TIMEOUT && begun.elapsed() > TIMEOUT - Duration::from_millis(200));
}
