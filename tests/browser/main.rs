//! Browser tests: headless Chromium, controlled by `journeys.mjs` with playwright-core. `tests/run` installs both; without them
//! these tests are skipped. Screenshots of every page are under `target/screenshots`.

use std::process::Command;

use test_support::{Plan, StripeServer, TestServer, tool, workspace};

/// Runs one of the journeys of `journeys.mjs` against a server with the demo hotels.
async fn play(journey: &str) {
    play_on(TestServer::plan(), journey, "").await;
}

/// The same against a server of this plan, whose bank is at `bank_url`.
async fn play_on(plan: Plan, journey: &str, bank_url: &str) {
    let tools = workspace().join("target/tools/browser");
    let (Some(node), Some(chromium)) = (tool("node"), tool("chromium")) else { return };
    if !tools.join("node_modules/playwright-core").is_dir() {
        assert!(
            std::env::var_os("AUBERGE_TOOLS").is_none_or(|word| word != "required"),
            "playwright-core is missing"
        );
        eprintln!("left out: playwright-core is not installed (tests/run installs it)");
        return;
    }
    let server = plan.demo().open().await;
    let screenshots = workspace().join("target/screenshots");
    let played = Command::new(node)
        .arg(workspace().join("tests/browser/journeys.mjs"))
        .arg(journey)
        .env("SERVER_URL", &server.url)
        .env("BANK_URL", bank_url)
        .env("BANK_KEY", StripeServer::SECRET_KEY)
        .env("OUTBOX", server.data.join("outbox"))
        .env("PROFILE", server.path().join("chromium"))
        .env("DOWNLOADS", server.path().join("downloads"))
        .env("SCREENSHOTS", &screenshots)
        .env("CHROMIUM", chromium)
        .env("TOOLS", tools)
        .output()
        .unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&played.stdout), String::from_utf8_lossy(&played.stderr));
    assert!(played.status.success(), "{said}");
    println!("{said}");
    for file in std::fs::read_dir(server.path().join("downloads")).into_iter().flatten().flatten() {
        if file.path().extension().is_some_and(|end| end == "pdf") {
            test_support::pdf_text(&std::fs::read(file.path()).unwrap());
        }
    }
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_without_an_account_books_pays_and_cancels() {
    play("guest").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_with_an_account_confirms_with_three_d_secure() {
    play("account").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_without_javascript() {
    play("plain").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_entered_in_the_field_of_the_bank() {
    let Some(bank) = StripeServer::open().await else { return };
    play_on(bank.server(), "stripe", &bank.url()).await;
    let charged = bank.intents().await.into_iter().filter(|intent| intent["status"] == "succeeded").count();
    assert_eq!(charged, 1, "the booking is charged once");
}
