//! Counters of attempts.

use contracts::auth::{
    AttemptCounted, AttemptCounter, AttemptRule, AttemptSucceeded, CountAttempt, Refusal, Reply,
};

use crate::bench::Fixture;

const RULE: AttemptRule = AttemptRule { free: 3, delay_secs: 2, delay_secs_max: 60, forget_secs: 900 };

fn counter(key: u128) -> AttemptCounter {
    AttemptCounter { key, rule: RULE }
}

fn count(fixture: &Fixture, own: u128, shared: &[u128]) -> Result<Reply, Refusal> {
    fixture.send(CountAttempt { own: counter(own), shared: shared.iter().map(|key| counter(*key)).collect() })
}

fn counted(shared: bool) -> Result<Reply, Refusal> {
    Ok(Reply::Counted(AttemptCounted { shared }))
}

#[test]
fn delays_grow_and_never_lock_out() {
    let fixture = Fixture::new();
    for _ in 0..3 {
        assert_eq!(count(&fixture, 1, &[]), counted(true));
    }
    for delay in [2, 4, 8, 16, 32, 60, 60, 60] {
        assert_eq!(count(&fixture, 1, &[]), Err(Refusal::TooManyAttempts(delay + 1)));
        // Refused attempts are not counted: impatience does not lengthen the delay.
        fixture.bench.advance_secs(i64::from(delay) - 1);
        assert_eq!(count(&fixture, 1, &[]), Err(Refusal::TooManyAttempts(2)));
        fixture.bench.advance_secs(1);
        assert_eq!(count(&fixture, 1, &[]), counted(true), "after {delay} s");
    }
    fixture.bench.advance_secs(900);
    for _ in 0..3 {
        assert_eq!(count(&fixture, 1, &[]), counted(true), "forgotten");
    }
}

#[test]
fn attempts_of_others_do_not_delay_who_has_succeeded_before() {
    let fixture = Fixture::new();
    assert_eq!(count(&fixture, 1, &[9]), counted(true));
    let succeeded = AttemptSucceeded { own: counter(1), shared: vec![9] };
    assert_eq!(fixture.send(succeeded), Ok(Reply::Done(())));
    for other in 2..5 {
        assert_eq!(count(&fixture, other, &[9]), counted(true), "the success was taken back");
    }
    assert!(matches!(count(&fixture, 5, &[9]), Err(Refusal::TooManyAttempts(_))));
    assert_eq!(count(&fixture, 1, &[9]), counted(false));
}

#[test]
fn counters_are_removed() {
    let fixture = Fixture::new();
    // The first byte of a key is the number of its tree.
    let counters = || fixture.bench.rows().iter().filter(|(key, _)| key.first() == Some(&44)).count();
    for own in 0..20 {
        assert_eq!(count(&fixture, own, &[99]), counted(true).and_then(|_| count(&fixture, own, &[])));
        fixture.bench.advance_secs(70);
    }
    assert!((2..21).contains(&counters()), "{} counters", counters());
    fixture.bench.advance_secs(2 * 900);
    assert_eq!(fixture.bench.violations(), Vec::<String>::new());
    assert_eq!(counters(), 0);
}
