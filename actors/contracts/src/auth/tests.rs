use protocol::Timestamp;

use super::*;
use crate::users::Grants;

/// Logs and idempotency rows contain these bytes.
#[test]
fn stored_bytes_are_still_read() {
    let (one, two, three) = ([1; 32], [2; 32], [3; 32]);
    let client = || ClientAuthentication { client_id: "c".into(), secret_hash: Some([1; 32]) };
    let client_bytes = [b"\x01c\x01", &one[..]].concat();
    let grants = || Grants { user: UserId(7), scopes: vec!["s".into()], hotels: Vec::new(), epoch: 2 };
    let grants_bytes: &[u8] = b"\x07\x01\x01s\x00\x02";
    let key = || SealedKey { id: "i".into(), public: "p".into(), sealed: "s".into() };
    let scopes = || vec!["s".to_owned()];
    let rule = AttemptRule { free: 1, delay_secs: 2, delay_secs_max: 3, forget_secs: 4 };
    let counter = || AttemptCounter { key: 7, rule };
    let commands: [(Command, &[&[u8]]); 21] = [
        (InstallKey(key()).into(), &[&[0], b"\x01i\x01p\x01s"]),
        (RotateKeys.into(), &[&[1]]),
        (WithdrawKey { id: "i".into() }.into(), &[&[2], b"\x01i"]),
        (
            CreateClient {
                id: Some("c".into()),
                name: "n".into(),
                kind: ClientKind::Confidential,
                secret_hash: Some(one),
                redirect_uris: vec!["u".into()],
                scopes: scopes(),
                grant_types: vec![GrantType::DeviceCode],
                hotels: Vec::new(),
            }
            .into(),
            &[&[3], b"\x01\x01c\x01n\x01\x01", &one, b"\x01\x01u\x01\x01s\x01\x03\x00"],
        ),
        (RevokeClient { client_id: "c".into() }.into(), &[&[4], b"\x01c"]),
        (
            IssueAuthorizationCode {
                code_hash: two,
                client_id: "c".into(),
                redirect_uri: "u".into(),
                challenge: "h".into(),
                scopes: scopes(),
                grants: grants(),
            }
            .into(),
            &[&[5], &two, b"\x01c\x01u\x01h\x01\x01s", grants_bytes],
        ),
        (
            ExchangeCode {
                client: client(),
                code_hash: two,
                redirect_uri: "u".into(),
                challenge: "h".into(),
                refresh_hash: three,
            }
            .into(),
            &[&[6], &client_bytes, &two, b"\x01u\x01h", &three],
        ),
        (
            StartSession { grants: grants(), scopes: Some(scopes()), refresh_hash: three }.into(),
            &[&[7], grants_bytes, b"\x01\x01\x01s", &three],
        ),
        (
            RefreshSession { client: client(), old_hash: two, new_hash: three, scopes: None }.into(),
            &[&[8], &client_bytes, &two, &three, &[0]],
        ),
        (EndSession { refresh_hash: three }.into(), &[&[9], &three]),
        (
            RevokeRefreshToken { client: client(), refresh_hash: three }.into(),
            &[&[10], &client_bytes, &three],
        ),
        (
            RevokeAccessToken {
                client: client(),
                issued_to: "c".into(),
                token_id: "t".into(),
                expires_at: Timestamp(5),
            }
            .into(),
            &[&[11], &client_bytes, b"\x01c\x01t\x0a"],
        ),
        (UserChanged { user: UserId(7), epoch: 2 }.into(), &[&[12], &[7, 2]]),
        (
            StartDeviceAuthorization {
                client: client(),
                scopes: scopes(),
                device_hash: two,
                user_code_tag: "t".into(),
            }
            .into(),
            &[&[13], &client_bytes, b"\x01\x01s", &two, b"\x01t"],
        ),
        (
            DecideDeviceAuthorization { user_code_tag: "t".into(), approved: Some(grants()) }.into(),
            &[&[14], b"\x01t\x01", grants_bytes],
        ),
        (
            PollDeviceAuthorization { client: client(), device_hash: two, refresh_hash: three }.into(),
            &[&[15], &client_bytes, &two, &three],
        ),
        (KeyGenerated(key()).into(), &[&[16], b"\x01i\x01p\x01s"]),
        (EndAllSessions.into(), &[&[17]]),
        (
            CountAttempt { own: counter(), shared: vec![counter()] }.into(),
            &[&[18], &[7, 1, 2, 3, 4], &[1, 7, 1, 2, 3, 4]],
        ),
        (AttemptSucceeded { own: counter(), shared: vec![8] }.into(), &[&[19], &[7, 1, 2, 3, 4], &[1, 8]]),
        (
            RotateClientSecret { client_id: "c".into(), secret_hash: one, overlap_secs: 5 }.into(),
            &[&[20], b"\x01c", &one, &[5]],
        ),
    ];
    for (command, parts) in commands {
        let bytes = [&[1][..], &parts.concat()].concat();
        assert_eq!(codec::encode(&command), bytes, "{command:?}");
        assert_eq!(codec::decode::<Command>(&bytes), Ok(command));
    }

    let profile = ClientProfile {
        id: "c".into(),
        name: "n".into(),
        kind: ClientKind::Public,
        redirect_uris: Vec::new(),
        scopes: scopes(),
        grant_types: vec![GrantType::AuthorizationCode],
        hotels: Vec::new(),
        created_at: Timestamp(5),
        revoked_at: None,
        overlap_until: Some(Timestamp(5)),
    };
    let grant = SessionGrant {
        session: "s".into(),
        user: UserId(7),
        client_id: "c".into(),
        scopes: scopes(),
        hotels: Vec::new(),
        refresh_expires_at: Timestamp(5),
    };
    let started = StartedDeviceAuthorization { expires_at: Timestamp(5), interval_secs: 6 };
    let replies: [(Reply, &[u8]); 7] = [
        (().into(), b"\x00"),
        (profile.into(), b"\x01\x01c\x01n\x00\x00\x01\x01s\x01\x00\x00\x0a\x00\x01\x0a"),
        (grant.into(), b"\x02\x01s\x07\x01c\x01\x01s\x00\x0a"),
        (TokenExchangeReply::Reused.into(), b"\x03"),
        (started.into(), b"\x04\x0a\x06"),
        (DevicePollReply::Pending(AuthorizationPending { slow_down: true }).into(), b"\x05\x01"),
        (AttemptCounted { shared: true }.into(), b"\x06\x01"),
    ];
    for (reply, bytes) in replies {
        let bytes = [b"\x01", bytes].concat();
        assert_eq!(codec::encode(&reply), bytes, "{reply:?}");
        assert_eq!(codec::decode::<Reply>(&bytes), Ok(reply));
    }
}
