//! Mail through a third-party SMTP server (`aiosmtpd`): with and without encryption and authentication, and across an outage.

use std::path::PathBuf;
use std::process::Command;

use test_support::{BackgroundProcess, Mail, Stay, TestServer, free_port, tool, workspace};

/// An SMTP server that stores the mails it receives.
struct Post {
    directory: tempfile::TempDir,
    port: u16,
    secured: bool,
    process: Option<BackgroundProcess>,
}

impl Post {
    async fn open(secured: bool) -> Option<Self> {
        tool("aiosmtpd")?;
        let mut post =
            Self { directory: tempfile::tempdir().unwrap(), port: free_port(), secured, process: None };
        post.start().await;
        Some(post)
    }

    async fn start(&mut self) {
        let python = tool("python").or_else(|| tool("python3")).expect("Python is not installed");
        let mut command = Command::new(python);
        command
            .arg(workspace().join("tests/third_party/smtp.py"))
            .arg(self.port.to_string())
            .arg(self.directory.path());
        if self.secured {
            command.arg("innkeeper:a word to get in");
        }
        let mut process = BackgroundProcess::start(&mut command, &self.directory.path().join("post.log"));
        process.listens(self.port).await;
        self.process = Some(process);
    }

    fn stop(&mut self) {
        self.process = None;
    }

    fn mails(&self) -> Vec<Mail> {
        test_support::read_mails(self.directory.path())
    }

    async fn mail(&self, to: &str, subject: &str) -> Mail {
        test_support::eventually(&format!("a mail to {to} about {subject}"), || async {
            self.mails().into_iter().find(|mail| mail.to.contains(to) && mail.subject.contains(subject))
        })
        .await
    }

    fn certificate(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    fn server(&self) -> test_support::Plan {
        let plan = TestServer::plan()
            .variable("AUBERGE_MAIL__TRANSPORT", "smtp")
            .variable("AUBERGE_MAIL__HOST", "localhost")
            .variable("AUBERGE_MAIL__PORT", self.port.to_string());
        if !self.secured {
            return plan.variable("AUBERGE_MAIL__ENCRYPTION", "none");
        }
        let password = self.directory.path().join("password");
        std::fs::write(&password, "a word to get in\n").unwrap();
        plan.variable("AUBERGE_MAIL__ENCRYPTION", "starttls")
            .variable("AUBERGE_MAIL__ROOT_CA", self.certificate().to_string_lossy())
            .variable("AUBERGE_MAIL__USER", "innkeeper")
            .variable("AUBERGE_MAIL__PASSWORD_FILE", password.to_string_lossy())
    }
}

async fn book(server: &TestServer, email: &str) {
    let partner = server.booker().await;
    let hotel = server.hotel_id("river").await;
    let offer = partner.offer(&hotel, &Stay::from_day(40, 2), "Flexible").await;
    let held = partner.hold(&offer, email).await;
    partner.pay(&held, "pm_card_visa").await;
    partner.once(&held, "confirmed").await;
}

#[tokio::test]
async fn mails_are_sent_after_the_smtp_server_was_down() {
    let Some(mut post) = Post::open(false).await else { return };
    let mut server = post.server().open().await;
    book(&server, "first@guest.example").await;
    let confirmed = post.mail("first@guest.example", "is confirmed").await;
    assert!(confirmed.pdf().is_some() && confirmed.text.contains("Łucja Żółć"), "{}", confirmed.text);
    post.mail("first@guest.example", "Receipt").await;
    server.wait_until_outboxes_empty().await;

    // While the SMTP server is down, bookings succeed and mails wait in the outbox, also across a crash.
    post.stop();
    book(&server, "second@guest.example").await;
    server.kill();
    server.start().await;
    book(&server, "third@guest.example").await;
    post.start().await;
    for guest in ["second@guest.example", "third@guest.example"] {
        post.mail(guest, "is confirmed").await;
        post.mail(guest, "Receipt").await;
    }
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn mails_are_sent_with_encryption_and_a_password() {
    let Some(post) = Post::open(true).await else { return };
    let server = post.server().open().await;
    book(&server, "secured@guest.example").await;
    let mail = post.mail("secured@guest.example", "Receipt").await;
    test_support::pdf_text(&mail.pdf().expect("the mail has no receipt PDF").bytes);
    server.wait_until_outboxes_empty().await;
    server.assert_invariants().await;
}

#[tokio::test]
async fn an_untrusted_smtp_server_gets_no_mail() {
    let Some(post) = Post::open(true).await else { return };
    // The same SMTP server, but its certificate is not signed by the configured CA.
    let server = post.server().variable("AUBERGE_MAIL__ROOT_CA", other_ca(&post)).open().await;
    book(&server, "private@guest.example").await;
    let admin = server.admin().await;
    test_support::eventually("mails to wait in the outbox", || async {
        let groups = admin.get("/v1/cluster/groups").await.expect(200).json();
        let waiting: u64 =
            groups["items"].as_array().unwrap().iter().filter_map(|group| group["outbox"].as_u64()).sum();
        (waiting >= 2).then_some(())
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert!(post.mails().is_empty(), "a mail was sent to an untrusted server");
}

/// The path of a CA certificate that has not signed the server's certificate.
fn other_ca(post: &Post) -> String {
    let file = post.directory.path().join("other-ca.pem");
    file.to_string_lossy().into_owned()
}
