//! Delivery to an SMTP server with scripted responses.

use std::sync::{Arc, Mutex};

use mail::{Address, Encryption, Mailer, Message, SendError, Settings, Smtp};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The command that gets another response than usual, and that response. An empty response closes the connection.
#[derive(Clone, Copy)]
struct Script {
    command: &'static str,
    response: &'static str,
}

const NO_ERRORS: Script = Script { command: "(never)", response: "" };

/// Starts a server. Returns its port and the received lines.
async fn server(script: Script) -> (u16, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let received = Arc::new(Mutex::new(String::new()));
    let all = Arc::clone(&received);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, script, Arc::clone(&all)));
        }
    });
    (port, received)
}

async fn serve(stream: TcpStream, script: Script, received: Arc<Mutex<String>>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    if script.command == "(connect)" {
        return write.write_all(script.response.as_bytes()).await;
    }
    write.write_all(b"220 test ESMTP\r\n").await?;
    let mut data = false;
    while let Some(line) = lines.next_line().await? {
        received.lock().expect("unpoisoned").push_str(&format!("{line}\n"));
        let command = if data && line == "." {
            "."
        } else if data {
            continue;
        } else {
            line.split([' ', ':']).next().unwrap_or_default()
        };
        data = command == "DATA";
        if command == script.command {
            if script.response.is_empty() {
                return Ok(());
            }
            data = false;
            write.write_all(script.response.as_bytes()).await?;
            continue;
        }
        let response: &[u8] = match command {
            "EHLO" => b"250-test\r\n250 8BITMIME\r\n",
            "DATA" => b"354 go on\r\n",
            "QUIT" => b"221 bye\r\n",
            _ => b"250 2.0.0 fine\r\n",
        };
        write.write_all(response).await?;
    }
    Ok(())
}

fn mailer(port: u16) -> Mailer {
    let smtp =
        Smtp { port: Some(port), encryption: Encryption::None, timeout_secs: 5, ..Smtp::new("127.0.0.1") };
    Mailer::new(&Settings::Smtp(smtp)).expect("set up")
}

fn message() -> Message {
    Message {
        to: Address::new("Łukasz Żółć", "lukasz@example.org").expect("an address"),
        cc: vec![],
        from: Address::new("Hotel", "no-reply@hotel.example").expect("an address"),
        reply_to: None,
        subject: "Hello".into(),
        text: "A line\n.\nanother\n".into(),
        html: String::new(),
        attachments: vec![],
        message_id: "rsv_1@hotel.example".into(),
    }
}

#[tokio::test]
async fn a_mail_is_delivered_and_the_connection_is_reused() {
    let (port, received) = server(NO_ERRORS).await;
    let mailer = mailer(port);
    mailer.send(&message()).await.expect("sent");
    // The connection is returned to the pool by a background task.
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    mailer.send(&message()).await.expect("sent over the same connection");
    let received = received.lock().expect("unpoisoned").clone();
    for part in [
        "MAIL FROM:<no-reply@hotel.example>",
        "RCPT TO:<lukasz@example.org>",
        "Message-ID: <rsv_1@hotel.example>",
        "\n..\n",
    ] {
        assert!(received.contains(part), "{part}\n{received}");
    }
    assert_eq!(received.matches("EHLO").count(), 1, "{received}");
}

#[tokio::test]
async fn failures_are_classified_and_contain_no_address() {
    let permanent = true;
    for (command, response, is_permanent, words) in [
        ("RCPT", "550 5.1.1 <lukasz@example.org> unknown\r\n", permanent, "550 5.1.1"),
        (".", "554 5.7.1 lukasz@example.org looks like spam\r\n", permanent, "554 5.7.1"),
        ("RCPT", "450 4.2.1 lukasz@example.org is busy\r\n", !permanent, "450 4.2.1"),
        (".", "451 try later\r\n", !permanent, "451"),
        ("MAIL", "530 5.7.0 must issue a STARTTLS command first\r\n", !permanent, "530 5.7.0"),
        ("MAIL", "502 what?\r\n", !permanent, "502"),
        ("DATA", "", !permanent, "server"),
        (".", "", !permanent, "server"),
        ("EHLO", "nonsense\r\n", !permanent, "server"),
        ("(connect)", "421 too busy\r\n", !permanent, "421"),
        ("(connect)", "", !permanent, "server"),
    ] {
        let (port, _) = server(Script { command, response }).await;
        let error = mailer(port).send(&message()).await.expect_err(response);
        assert_eq!(matches!(error, SendError::Permanent(_)), is_permanent, "{command} {response}: {error}");
        assert!(error.to_string().contains(words), "{command} {response}: {error}");
        assert!(!error.to_string().contains("lukasz"), "{error}");
    }
}

#[tokio::test]
async fn an_unreachable_server_is_a_transient_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    drop(listener);
    assert!(matches!(mailer(port).send(&message()).await, Err(SendError::Transient(_))));
}

#[tokio::test]
async fn a_server_without_starttls_receives_no_mail() {
    let (port, received) = server(NO_ERRORS).await;
    let smtp = Smtp { port: Some(port), timeout_secs: 5, ..Smtp::new("127.0.0.1") };
    let mailer = Mailer::new(&Settings::Smtp(smtp)).expect("set up");
    assert!(matches!(mailer.send(&message()).await, Err(SendError::Transient(_))));
    assert!(!received.lock().expect("unpoisoned").contains("MAIL"));
}
