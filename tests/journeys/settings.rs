//! Settings that cannot work are refused before anything starts, all at once and by line.

use serde_json::Value;
use test_support::TestServer;

use crate::text;

/// Errors in nine lines.
const WRONG: &str = "\
[http]
addres = \"127.0.0.1:80\"
[mail]
from = \"Auberge\"
[payments]
bank = \"stripe\"
base_url = \"https://api.stripe.com\"
secret_key = \"sk_live_1\"
publishable_key = \"pk_test_1\"
[reservations]
hold = \"soon\"
[limits]
calls_max = 0
request_timeout = \"0s\"
[services.reservation]
shards = 1
";

#[tokio::test]
async fn config_check_reports_all_errors_at_once() {
    let server = TestServer::plan().hotels(vec![]).open().await;
    let file = server.path().join("wrong.toml");
    std::fs::write(&file, WRONG).unwrap();
    let file = file.to_string_lossy();
    let found = server.auberge(&["config", "check", &file]);
    assert_eq!(found.code, Some(1), "{found:?}");
    for (line, message) in [
        (2, "unknown field `addres`"),
        (4, "`from` is no sender"),
        (6, "set `webhook_secret`"),
        (9, "of the same mode"),
        (11, "write 90s, 5m or 2h"),
        (13, "`calls_max` must be 1 to"),
        (14, "`request_timeout` must be 1s to 1h"),
        (15, "is not a service"),
    ] {
        let has = |text: &str| text.contains(&format!("line {line}: ")) && text.contains(message);
        assert!(found.out.lines().any(has), "line {line}, {message}: {}", found.out);
    }
    assert_eq!(found.out.lines().count(), 8, "{}", found.out);
    let json = server.auberge(&["config", "check", &file, "--json"]);
    let errors = serde_json::from_str::<Value>(&json.out).unwrap()["errors"].take();
    assert_eq!(errors.as_array().map(Vec::len), Some(8), "{errors}");
    assert_eq!((errors[0]["line"].as_u64(), text(&errors[1]["text"]).is_empty()), (Some(2), false));

    // A start reports them all too, and so it does for variables.
    let port = test_support::free_port().to_string();
    let data = server.path().join("never").to_string_lossy().into_owned();
    let address = format!("127.0.0.1:{port}");
    let refused = server.auberge(&["serve", "--config", &file, "--data", &data, "--http", &address]);
    assert!(refused.code == Some(1) && refused.err.contains("8 errors"), "{refused:?}");
    assert!(!std::path::Path::new(&data).exists(), "a refused start creates nothing");
}

#[tokio::test]
async fn variables_are_checked_like_the_file() {
    let mut server = TestServer::plan().hotels(vec![]).open().await;
    server.stop();
    server.set_variables(&[
        ("AUBERGE_LIMITS__CALLS_MAX", "0"),
        ("AUBERGE_LIMITS__CACHE_MIB", "much"),
        ("AUBERGE_MAIL__PASSWORD_FILE", "/nowhere"),
    ]);
    let why = server.try_start().await.unwrap_err();
    for message in [
        "[limits] `calls_max` must be",
        "AUBERGE_LIMITS__CACHE_MIB: ",
        "AUBERGE_MAIL__PASSWORD_FILE: cannot read",
    ] {
        assert!(why.contains(message), "{message}: {why}");
    }
    server.set_variables(&[]);
    server.start().await;
}

#[tokio::test]
async fn a_store_is_not_opened_without_its_cluster_key() {
    let mut server = TestServer::plan().hotels(vec![]).open().await;
    server.stop();
    let data = server.data.clone();
    let (key, kept) = (data.join("cluster.key"), server.path().join("kept.key"));
    std::fs::rename(&key, &kept).unwrap();
    let why = server.try_start().await.unwrap_err();
    assert!(why.contains("cluster.key is missing"), "{why}");
    assert!(!key.exists(), "no new key may be created beside existing data");

    std::fs::copy(&kept, &key).unwrap();
    let mut bytes = std::fs::read(&key).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&key, bytes).unwrap();
    let why = server.try_start().await.unwrap_err();
    assert!(why.contains("not the cluster key that the data was written with"), "{why}");
    let empty = server.path().join("empty.toml");
    std::fs::write(&empty, "").unwrap();
    let (empty, data) = (empty.to_string_lossy().into_owned(), data.to_string_lossy().into_owned());
    let found = server.auberge(&["config", "check", &empty, "--data", &data]);
    assert!(found.code == Some(1) && found.out.contains("not the cluster key"), "{found:?}");

    std::fs::copy(&kept, &key).unwrap();
    server.start().await;
    server.assert_invariants().await;
}
