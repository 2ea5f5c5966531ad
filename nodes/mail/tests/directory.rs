//! Delivery to a directory.

use std::path::Path;

use mail::{Address, Attachment, Mailer, Message, SendError, Settings};

fn message() -> Message {
    Message {
        to: Address::new("Łukasz Żółć", "lukasz@example.org").expect("an address"),
        cc: vec![Address::new("", "desk@hotel.example").expect("an address")],
        from: Address::new("Hotel Σωκράτης", "no-reply@hotel.example").expect("an address"),
        reply_to: Some(Address::new("Desk", "desk@hotel.example").expect("an address")),
        subject: "Potwierdzenie №1".into(),
        text: "Dzień dobry\n".into(),
        html: "<p>Dzień <b>dobry</b></p>".into(),
        attachments: vec![
            Attachment {
                name: "paragon-Łódź.pdf".into(),
                content_type: "application/pdf".into(),
                bytes: vec![0, 255, 1],
            },
            Attachment {
                name: "stay.ics".into(),
                content_type: "text/calendar; method=PUBLISH".into(),
                bytes: b"BEGIN:VCALENDAR".to_vec(),
            },
        ],
        message_id: "rsv_1.confirmation@hotel.example".into(),
    }
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> =
        std::fs::read_dir(directory).expect("it exists").map(|f| f.expect("read").path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_mail_sent_several_times_is_one_file() {
    let parent = tempfile::tempdir().expect("a directory");
    let path = parent.path().join("outbox");
    let mailer = Mailer::new(&Settings::Directory { path: path.clone() }).expect("set up");
    for _ in 0..3 {
        mailer.send(&message()).await.expect("written");
    }
    let files = files(&path);
    assert_eq!(files.len(), 1, "{files:?}");
    let text = std::fs::read_to_string(&files[0]).expect("text");
    for part in [
        "Message-ID: <rsv_1.confirmation@hotel.example>\r\n",
        "lukasz@example.org",
        "Cc: desk@hotel.example\r\n",
        "Reply-To: Desk <desk@hotel.example>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "Content-Type: application/pdf\r\n",
        "Content-Type: text/calendar; method=PUBLISH\r\n",
        "multipart/alternative",
        "AP8B",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.is_ascii(), "headers and bodies are encoded");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&files[0])), (0o700, 0o600));
    }
}

#[tokio::test]
async fn user_input_cannot_add_a_header() {
    let parent = tempfile::tempdir().expect("a directory");
    let mailer = Mailer::new(&Settings::Directory { path: parent.path().join("out") }).expect("set up");
    let evil = "x\r\nBcc: victim@example.org\r\n\r\nbody";
    let mut mail = message();
    mail.to.name = evil.into();
    mail.subject = evil.into();
    mail.attachments[0].name = evil.into();
    mailer.send(&mail).await.expect("written");
    let text = std::fs::read_to_string(&files(&parent.path().join("out"))[0]).expect("text");
    assert!(!text.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc:")), "{text}");
    let change: [fn(&mut Message, &str); 5] = [
        |mail, evil| mail.to.email = format!("a@b.example{evil}"),
        |mail, evil| mail.cc[0].email = format!("a@b.example{evil}"),
        |mail, evil| mail.from.email = format!("a@b.example{evil}"),
        |mail, evil| mail.message_id = format!("a@b.example{evil}"),
        |mail, evil| mail.attachments[0].content_type = format!("text/plain{evil}"),
    ];
    for change in change {
        let mut mail = message();
        change(&mut mail, evil);
        let refused = mailer.send(&mail).await;
        assert!(
            matches!(refused, Err(SendError::Permanent(ref why)) if !why.contains("victim")),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn oversized_mails_fail_permanently_and_unwritable_directories_transiently() {
    let parent = tempfile::tempdir().expect("a directory");
    let path = parent.path().join("out");
    let mailer = Mailer::new(&Settings::Directory { path: path.clone() }).expect("set up");
    let mut mail = message();
    mail.attachments[0].bytes = vec![0; 16 << 20];
    assert!(matches!(mailer.send(&mail).await, Err(SendError::Permanent(_))));
    std::fs::remove_dir_all(&path).expect("removed");
    std::fs::write(&path, "a file in the way").expect("written");
    assert!(matches!(mailer.send(&message()).await, Err(SendError::Transient(_))));
}
