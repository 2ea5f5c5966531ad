use data_encoding::BASE64URL_NOPAD;

use super::*;
use crate::{AUDIENCE, SigningKey};

const ISSUER: &str = "https://auberge.example";
const NOW: Timestamp = Timestamp(1_795_000_000_000);

fn claims() -> Claims {
    Claims {
        issuer: ISSUER.into(),
        subject: "usr_1".into(),
        audience: AUDIENCE.into(),
        issued_at: NOW,
        not_before: NOW,
        expires_at: NOW.plus_secs(600),
        token_id: "jti-1".into(),
        client_id: "web".into(),
        scope: "reservations:write profile profile".into(),
        on_behalf_of: None,
        resources: vec!["htl_1".into()],
        epoch: 3,
        family: Some("fam-1".into()),
    }
}

fn verifier(keys: &[&SigningKey]) -> (Verifier, ClusterKey) {
    let cluster = ClusterKey::random();
    let verifier = Verifier::new(ISSUER, &cluster);
    verifier.replace_keys(keys.iter().map(|key| key.public().clone()).collect());
    (verifier, cluster)
}

#[test]
fn a_valid_token_yields_its_principal() {
    let key = SigningKey::generate();
    let (verifier, _) = verifier(&[&key]);
    let token = key.sign(&claims());
    assert!(token.starts_with("v4.public."));
    let first = verifier.verify(&token, NOW).unwrap();
    assert_eq!(first.subject, "usr_1");
    assert_eq!(first.scopes, ["profile", "reservations:write"]);
    assert_eq!(first.resources, ["htl_1"]);
    let again = verifier.verify(&token, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &again), "the second verification uses the cache");
    assert_eq!(verifier.claims(&token, NOW), Ok(claims()));
    let service = Claims { subject: "svc:ui".into(), on_behalf_of: Some("gst_1".into()), ..claims() };
    assert_eq!(verifier.verify(&key.sign(&service), NOW).unwrap().effective_subject(), "gst_1");
}

#[test]
fn each_invalid_claim_is_rejected_with_its_reason_on_every_attempt() {
    let key = SigningKey::generate();
    let (verifier, _) = verifier(&[&key]);
    let table = [
        (Claims { audience: "elsewhere".into(), ..claims() }, 0, Err(Rejected::WrongAudience)),
        (Claims { issuer: "https://evil.example".into(), ..claims() }, 0, Err(Rejected::WrongIssuer)),
        (claims(), 599, Ok(())),
        (claims(), 600, Err(Rejected::Expired)),
        (Claims { not_before: NOW.plus_secs(5), ..claims() }, 0, Ok(())),
        (Claims { not_before: NOW.plus_secs(6), ..claims() }, 0, Err(Rejected::NotYet)),
        (Claims { issued_at: NOW.plus_secs(6), ..claims() }, 0, Err(Rejected::NotYet)),
    ];
    for (claims, secs, expected) in table {
        let token = key.sign(&claims);
        for attempt in 0..2 {
            let found = verifier.verify(&token, NOW.plus_secs(secs)).map(|_| ());
            assert_eq!(found, expected, "{claims:?} after {secs} s, attempt {attempt}");
        }
    }
}

#[test]
fn altered_and_foreign_tokens_are_rejected() {
    let (key, foreign_key) = (SigningKey::generate(), SigningKey::generate());
    let (verifier, _) = verifier(&[&key]);
    let good = key.sign(&claims());
    let parts: Vec<&str> = good.split('.').collect();
    let body = BASE64URL_NOPAD.decode(parts[2].as_bytes()).unwrap();
    let altered = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut body = body.clone();
        change(&mut body);
        format!("v4.public.{}.{}", BASE64URL_NOPAD.encode(&body), parts[3])
    };
    let foreign = foreign_key.sign(&claims());
    let foreign_footer = foreign.rsplit('.').next().unwrap();
    let table = [
        ("a flipped bit of the claims", altered(&|body| body[9] ^= 1), Rejected::BadSignature),
        (
            "a flipped bit of the signature",
            altered(&|body| *body.last_mut().unwrap() ^= 1),
            Rejected::BadSignature,
        ),
        (
            "a signature cut short",
            altered(&|body| {
                body.pop();
            }),
            Rejected::BadSignature,
        ),
        (
            "more scope",
            altered(&|body| {
                let at = body.windows(7).position(|seven| seven == b"profile").unwrap();
                body.splice(at..at + 7, *b"cluster:manage");
            }),
            Rejected::BadSignature,
        ),
        (
            "a foreign signature with the id of a trusted key",
            {
                let body = foreign.split('.').nth(2).unwrap();
                format!("v4.public.{body}.{}", parts[3])
            },
            Rejected::BadSignature,
        ),
        (
            "a trusted signature with the id of a foreign key",
            format!("v4.public.{}.{foreign_footer}", parts[2]),
            Rejected::UnknownKey,
        ),
        ("a foreign token", foreign.clone(), Rejected::UnknownKey),
        ("no footer", format!("v4.public.{}", parts[2]), Rejected::Malformed),
        (
            "a footer without a key id",
            format!("v4.public.{}.{}", parts[2], BASE64URL_NOPAD.encode(b"{\"a\":\"b\"}")),
            Rejected::Malformed,
        ),
        ("an older version", good.replace("v4.", "v2."), Rejected::Malformed),
        ("a local token", good.replace("public", "local"), Rejected::BadSignature),
        ("a fifth part", format!("{good}.AAAA"), Rejected::Malformed),
        ("padding", format!("{good}="), Rejected::Malformed),
        ("nothing", String::new(), Rejected::Malformed),
        ("a JSON web token", "eyJhbGciOiJub25lIn0.e30.".into(), Rejected::Malformed),
        ("far too long", "v4.public.".to_owned() + &"A".repeat(TOKEN_BYTES_MAX), Rejected::Malformed),
    ];
    for (what, token, expected) in table {
        assert_eq!(verifier.verify(&token, NOW), Err(expected), "{what}");
    }
    assert!(verifier.verify(&good, NOW).is_ok());
}

#[test]
fn tokens_with_the_maximum_number_of_hotels_are_accepted() {
    let key = SigningKey::generate();
    let (verifier, _) = verifier(&[&key]);
    let hotels: Vec<String> = (0..200).map(|nth| format!("htl_{nth:026}")).collect();
    let scope = "a-scope:manage ".repeat(12).trim_end().to_owned();
    let token = key.sign(&Claims { resources: hotels.clone(), scope, ..claims() });
    assert_eq!(verifier.verify(&token, NOW).unwrap().resources, hotels, "{} bytes", token.len());
}

#[test]
fn payloads_signed_for_another_purpose_are_rejected() {
    use pasetors::keys::AsymmetricSecretKey;
    use pasetors::version4::{PublicToken, V4};
    let key = SigningKey::generate();
    let (verifier, _) = verifier(&[&key]);
    let secret = AsymmetricSecretKey::<V4>::from(key.secret_bytes()).unwrap();
    let footer = format!("{{\"kid\":\"{}\"}}", key.public().id());
    let json = serde_json::to_vec(&claims()).unwrap();
    let sign = |json: &[u8], purpose: &[u8]| {
        PublicToken::sign(&secret, json, Some(footer.as_bytes()), Some(purpose)).unwrap()
    };
    assert_eq!(verifier.verify(&sign(&json, b""), NOW), Err(Rejected::BadSignature));
    assert_eq!(verifier.verify(&sign(&json, b"receipt"), NOW), Err(Rejected::BadSignature));
    assert_eq!(verifier.verify(&sign(b"{}", b"access token"), NOW), Err(Rejected::Malformed));
    assert!(verifier.verify(&sign(&json, b"access token"), NOW).is_ok());
}

#[test]
fn revocations_apply_to_cached_tokens() {
    let key = SigningKey::generate();
    let (verifier, _) = verifier(&[&key]);
    let token = key.sign(&claims());
    let one = |name: &str| std::collections::BTreeSet::from([name.to_owned()]);
    let none = Revocations::default;
    let table = [
        ("nothing", none(), true),
        ("the token", Revocations { tokens: one("jti-1"), ..none() }, false),
        ("another token", Revocations { tokens: one("jti-2"), ..none() }, true),
        ("the session", Revocations { families: one("fam-1"), ..none() }, false),
        ("another session", Revocations { families: one("jti-1"), ..none() }, true),
        ("the client", Revocations { clients: one("web"), ..none() }, false),
        ("the subject's older epochs", Revocations { epochs: [("usr_1".into(), 3)].into(), ..none() }, true),
        (
            "the subject's epochs so far",
            Revocations { epochs: [("usr_1".into(), 4)].into(), ..none() },
            false,
        ),
        ("another subject's", Revocations { epochs: [("usr_2".into(), 4)].into(), ..none() }, true),
    ];
    for (what, revocations, good) in table {
        assert!(verifier.verify(&token, NOW).is_ok(), "valid before `{what}`");
        verifier.replace_revocations(revocations);
        let expected = if good { Ok(()) } else { Err(Rejected::Revoked) };
        assert_eq!(verifier.verify(&token, NOW).map(|_| ()), expected, "{what}, cached");
        assert_eq!(verifier.verify(&token, NOW).map(|_| ()), expected, "{what}, not cached");
        assert_eq!(verifier.claims(&token, NOW).map(|_| ()), expected, "{what}, claims");
        verifier.replace_revocations(none());
    }
}

#[test]
fn tokens_of_a_removed_key_are_rejected() {
    let (old, new) = (SigningKey::generate(), SigningKey::generate());
    let (verifier, _) = verifier(&[&old]);
    let (old_token, new_token) = (old.sign(&claims()), new.sign(&claims()));
    assert!(verifier.verify(&old_token, NOW).is_ok());
    assert_eq!(verifier.verify(&new_token, NOW), Err(Rejected::UnknownKey));
    verifier.replace_keys(PublicKeys::from_paserk([old.public().paserk(), new.public().paserk()]));
    assert!(verifier.verify(&old_token, NOW).is_ok());
    assert!(verifier.verify(&new_token, NOW).is_ok());
    verifier.replace_keys(PublicKeys::from_paserk([new.public().paserk(), "k4.public.nonsense".into()]));
    assert_eq!(verifier.verify(&old_token, NOW), Err(Rejected::UnknownKey));
    assert!(verifier.verify(&new_token, NOW).is_ok());
}

#[test]
fn a_node_credential_yields_the_service_node() {
    let key = SigningKey::generate();
    let (verifier, cluster) = verifier(&[&key]);
    let node = verifier.verify(&cluster.node_credential("n1", NOW), NOW).unwrap();
    assert_eq!((node.as_service(), node.client_id.as_str()), (Some("node"), "node:n1"));
    assert_eq!(
        verifier.verify(&cluster.node_credential("n1", NOW), NOW.plus_secs(60)),
        Err(Rejected::Expired)
    );
    assert_eq!(verifier.verify(&cluster.seal("offers").seal("n1", None), NOW), Err(Rejected::BadSignature));
}

#[test]
fn ids_follow_the_paserk_standard() {
    // From the test vectors of PASERK, k4.pid-2.
    let key = PublicKey::from_paserk("k4.public.cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8").unwrap();
    assert_eq!(key.id(), "k4.pid.9ShR3xc8-qVJ_di0tc9nx0IDIqbatdeM2mqLFBJsKRHs");
    assert_eq!(key.paserk(), "k4.public.cHFyc3R1dnd4eXp7fH1-f4CBgoOEhYaHiImKi4yNjo8");
}

use crate::PublicKey;

#[test]
fn without_keys_the_verifier_reports_no_keys_instead_of_an_unknown_key() {
    let key = SigningKey::generate();
    let (verifier, _) = verifier(&[]);
    let token = key.sign(&claims());
    assert_eq!(verifier.verify(&token, NOW), Err(Rejected::NoKeys));
    assert_eq!(verifier.verify("v4.public.nonsense", NOW), Err(Rejected::Malformed));
    verifier.replace_keys(PublicKeys::from_paserk([key.public().paserk()]));
    assert!(verifier.verify(&token, NOW).is_ok());
}
