use super::*;

fn from(ip: &str) -> ClientAddress {
    ClientAddress { ip: Some(ip.parse().unwrap()), local: false }
}

const EMAIL: &str = "ann@example.org";

async fn fail(limits: &AttemptLimits, account: &str, address: &str, times: u32) {
    for _ in 0..times {
        let _ = limits.sign_in(account, from(address)).await.unwrap();
    }
}

fn wait(result: Result<Attempt, AttemptRefused>) -> u32 {
    match result {
        Ok(_) => 0,
        Err(AttemptRefused::TooEarly(secs)) => secs,
        Err(AttemptRefused::Unavailable(unavailable)) => panic!("{unavailable}"),
    }
}

#[tokio::test]
async fn failures_elsewhere_do_not_delay_the_owner_of_an_account() {
    let limits = AttemptLimits::in_memory();
    fail(&limits, EMAIL, "192.0.2.1", 5).await;
    assert_eq!(wait(limits.sign_in(" Ann@Example.org ", from("192.0.2.1")).await), 2 + 1);
    assert_eq!(wait(limits.sign_in(EMAIL, from("192.0.2.9")).await), 0);
    assert_eq!(wait(limits.sign_in("bob@example.org", from("192.0.2.1")).await), 0);
}

#[tokio::test]
async fn a_success_resets_the_account_but_not_the_address() {
    let limits = AttemptLimits::in_memory();
    fail(&limits, EMAIL, "2001:db8::1", 4).await;
    let attempt = limits.sign_in(EMAIL, from("2001:db8::1")).await.unwrap();
    limits.succeeded(attempt).await;
    for guess in 0..46 {
        fail(&limits, &format!("user{guess}"), "2001:db8::ffff", 1).await;
    }
    assert_eq!(wait(limits.sign_in("someone", from("2001:db8::2")).await), 1 + 1, "the same /64");
    assert_eq!(wait(limits.sign_in("someone", from("2001:db8:0:1::1")).await), 0, "another /64");
    assert_eq!(wait(limits.sign_in(EMAIL, from("2001:db8::1")).await), 0, "has signed in from there before");
}

#[tokio::test]
async fn one_ipv6_site_is_limited_over_its_networks() {
    let limits = AttemptLimits::in_memory();
    for guess in 0..200 {
        fail(&limits, &format!("user{guess}"), &format!("2001:db8:7:{guess:x}::1"), 1).await;
    }
    assert!(wait(limits.sign_in("someone", from("2001:db8:7:ffff::1")).await) > 0);
    assert_eq!(wait(limits.sign_in("someone", from("2001:db8:8::1")).await), 0);
}

#[tokio::test]
async fn codes_of_devices_and_passwords_are_counted_apart() {
    let limits = AttemptLimits::in_memory();
    for _ in 0..10 {
        let _ = limits.user_code(from("192.0.2.1")).await.unwrap();
    }
    assert!(limits.user_code(from("192.0.2.1")).await.is_err());
    assert!(limits.user_code(from("192.0.2.2")).await.is_ok());
    assert_eq!(wait(limits.sign_in(EMAIL, from("192.0.2.1")).await), 0);
}

#[tokio::test]
async fn requests_for_mails_are_limited_by_address() {
    let limits = AttemptLimits::in_memory();
    for _ in 0..10 {
        assert!(limits.mail(from("192.0.2.1")).await.is_ok());
    }
    assert!(matches!(limits.mail(from("192.0.2.1")).await, Err(AttemptRefused::TooEarly(11))));
    assert!(limits.mail(from("192.0.2.2")).await.is_ok());
    for _ in 0..20 {
        assert!(limits.mail(ClientAddress { ip: None, local: true }).await.is_ok(), "this machine");
    }
}
