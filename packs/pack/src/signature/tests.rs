use super::*;
use crate::hash::sha256;
use proptest::prelude::*;

const TREE: &[u8] = b"f 1 0000000000000000000000000000000000000000000000000000000000000000 pack.toml\n";

fn key(seed: u8) -> SecretKey {
    SecretKey::from_random([seed; 8], &[seed; 32])
}

fn subject() -> Subject<'static> {
    Subject { id: "org.example.wiki", version: "1.2.3", digest: sha256(TREE) }
}

fn signed(by: u8) -> String {
    sign(&key(by), &subject(), TREE)
}

/// The statements from key to key.
fn chain(keys: &[u8]) -> String {
    keys.windows(2).map(|pair| rotate(&key(pair[0]), &key(pair[1]).public())).collect()
}

#[test]
fn a_signature_tells_whose_it_is() {
    assert_eq!(check(&subject(), TREE, None, None), Ok(None));
    let found = check(&subject(), TREE, Some(&signed(1)), None).unwrap().unwrap();
    assert_eq!(found, Signature { key: key(1).public(), rotated_from: vec![] });
    assert_eq!(signed(1), signed(1), "signing twice gives the same bytes");
    let found = check(&subject(), TREE, Some(&signed(3)), Some(&chain(&[1, 2, 3]))).unwrap().unwrap();
    assert_eq!(found.rotated_from, [key(1).public(), key(2).public()]);
}

#[test]
fn what_is_not_exactly_right_is_refused() {
    let good = signed(1);
    let lines: Vec<&str> = good.lines().collect();
    let (second, comment, fourth) = (lines[1], lines[2], lines[3]);
    let with = |line: usize, text: &str| {
        let mut lines = lines.clone();
        lines[line] = text;
        lines.join("\n")
    };
    let other = signed(2);
    let other: Vec<&str> = other.lines().collect();
    // the same eight bytes of name under another key
    let namesake = SecretKey::from_random([1; 8], &[9; 32]);
    let namesake_comment = format!("trusted comment: {}", subject().comment(&namesake.public()));
    let unhashed = with(1, &second.replacen("RU", "RW", 1));
    let elsewhere = sign(&key(1), &Subject { version: "1.2.4", ..subject() }, TREE);
    for (what, text) in [
        ("empty", String::new()),
        ("cut after line 1", lines[..1].join("\n")),
        ("cut after line 3", lines[..3].join("\n")),
        ("cut in the last line", good[..good.len() - 4].to_owned()),
        ("a line more", format!("{good}{comment}\n")),
        ("an empty line more", format!("{good}\n")),
        ("carriage returns", good.replace('\n', "\r\n")),
        ("no comment", with(0, "nothing")),
        ("a comment that controls the terminal", with(0, "untrusted comment: \u{1b}[2J")),
        ("legacy", unhashed),
        ("another algorithm", with(1, &second.replacen("RU", "RR", 1))),
        ("another key's signature", with(1, other[1])),
        ("another key's global signature", with(3, other[3])),
        ("another key's comment", with(2, other[2])),
        ("a comment for another version", with(2, &comment.replace("1.2.3", "1.2.4"))),
        ("a longer comment", with(2, &format!("{comment} "))),
        ("a tab in the comment", with(2, &format!("{comment}\t"))),
        ("a trusted comment that controls the terminal", with(2, "trusted comment: \u{1b}[2J")),
        ("a comment without a key", with(2, "trusted comment: timestamp:1")),
        ("a namesake's key in the comment", with(2, &namesake_comment)),
        ("both signatures the same", with(3, &second[..88])),
        ("base64 in another alphabet", with(3, &fourth.replacen('+', "-", 1).replacen('/', "_", 1).replace('=', "*"))),
        ("signed for another version", elsewhere),
    ] {
        let refused = check(&subject(), TREE, Some(&text), None);
        assert!(refused.is_err(), "{what}: {refused:?}\n{text}");
    }
    for (what, subject, tree) in [
        ("another tree", subject(), &b"f 1 other\n"[..]),
        ("another id", Subject { id: "org.example.other", ..subject() }, TREE),
        ("another digest", Subject { digest: sha256(b""), ..subject() }, TREE),
    ] {
        assert!(check(&subject, tree, Some(&good), None).is_err(), "{what}");
    }
}

#[test]
fn a_rotation_is_signed_by_the_key_that_goes_and_leads_forward() {
    let forged = rotate(&key(9), &key(2).public());
    let forged = forged.replace(&key(9).public().to_string(), &key(1).public().to_string());
    let spliced = {
        // the statement of 1 → 3 under the signature of 1 → 2
        let (one, two) = (chain(&[1, 2]), chain(&[1, 3]));
        let (one, two): (Vec<&str>, Vec<&str>) = (one.lines().collect(), two.lines().collect());
        [one[0], one[1], two[2], one[3]].join("\n")
    };
    let pack_signature = sign(&key(1), &subject(), TREE);
    for (what, by, rotations) in [
        ("forged", 2, forged),
        ("spliced", 3, spliced),
        ("a pack's signature instead", 2, pack_signature),
        ("leads elsewhere", 3, chain(&[1, 2])),
        ("not in order", 3, chain(&[2, 3]) + &chain(&[1, 2])),
        ("a link is missing", 4, chain(&[1, 2]) + &chain(&[3, 4])),
        ("back to a key that was given up", 1, chain(&[1, 2, 1])),
        ("in a circle", 2, chain(&[1, 2, 3, 2])),
        ("to itself", 1, chain(&[1, 1])),
        ("cut", 2, chain(&[1, 2])[..100].to_owned()),
        ("more after it", 2, chain(&[1, 2]) + "\n"),
        ("too many", 65, chain(&(0..=65).collect::<Vec<u8>>())),
    ] {
        let refused = check(&subject(), TREE, Some(&signed(by)), Some(&rotations));
        assert!(refused.is_err(), "{what}: {refused:?}");
    }
    assert_eq!(check(&subject(), TREE, None, Some(&chain(&[1, 2]))), Err(SignatureError::Unsigned));
    assert!(check(&subject(), TREE, Some(&signed(64)), Some(&chain(&(0..=64).collect::<Vec<u8>>()))).is_ok());
}

#[test]
fn a_signature_over_a_statement_is_none_over_a_pack() {
    // whoever gets a statement of rotation signed has no signature of a pack, and the other way round
    let statement = rotate(&key(1), &key(2).public());
    assert!(matches!(
        check(&subject(), TREE, Some(&statement), None),
        Err(SignatureError::OtherComment { .. } | SignatureError::Key(_))
    ));
}

#[test]
fn public_keys_have_one_text() {
    let text = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"; // minisign's documentation. typos: ignore
    let known: PublicKey = text.parse().unwrap();
    assert_eq!((known.to_string().as_str(), known.id().as_str()), (text, "E7620F1842B4E81F"));
    assert_eq!(PublicKey::parse_file(&known.to_file()), Ok(known));
    let identity = PublicKey::new([7; 8], &ed25519_dalek::VerifyingKey::from_bytes(&identity()).unwrap());
    for (what, text) in [
        ("nothing", String::new()),
        ("spaces", format!(" {text}")),
        ("a character less", text[1..].to_owned()),
        ("no padding bits", text.replacen("FO3", "FO", 1)), // typos: ignore
        ("another algorithm", text.replacen("RW", "RU", 1)),
        ("words", "unsigned".to_owned()),
        ("of small order", identity.to_string()),
    ] {
        assert!(text.parse::<PublicKey>().is_err(), "{what}");
    }
    for file in [text, &format!("{text}\n{text}\n"), &format!("untrusted comment: a\n{text}\n{text}\n"), ""] {
        assert!(PublicKey::parse_file(file).is_err(), "{file}");
    }
}

/// The encoding of the neutral point, for which `signature = 0…0` is valid.
fn identity() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
}

#[test]
fn another_implementation_agrees() {
    let (key, text) = (key(5), signed(5));
    let theirs = minisign_verify::PublicKey::decode(&key.public().to_file()).unwrap();
    let signature = minisign_verify::Signature::decode(&text).unwrap();
    theirs.verify(TREE, &signature, false).unwrap();
    assert!(theirs.verify(b"other", &signature, false).is_err());
}

proptest! {
    #[test]
    fn no_altered_signature_is_believed(at in 0_usize..400, by in 1_u8..=255) {
        let good = signed(1);
        let start = good.find('\n').unwrap() + 1; // the first line is anybody's
        let mut bytes = good.clone().into_bytes();
        let at = start + at % (bytes.len() - 1 - start);
        bytes[at] ^= by;
        if let Ok(text) = String::from_utf8(bytes) {
            prop_assert!(check(&subject(), TREE, Some(&text), None).is_err());
        }
    }

    #[test]
    fn whatever_is_read_is_an_error_and_no_more(text in "\\PC{0,300}") {
        prop_assert!(check(&subject(), TREE, Some(&text), Some(&text)).is_err());
        prop_assert!(SecretKey::parse(&text, Some("")).is_err());
        prop_assert!(text.parse::<PublicKey>().is_err());
    }
}
