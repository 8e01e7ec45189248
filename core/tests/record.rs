//! The record: what is one, what is none, and what survives. Never may a text that is not understood read as free.

use leader_elector_core::record::{LONGEST_TEXT, Text};

/// As Go's `json.Marshal` writes a `LeaderElectionRecord`.
const GO: &str = r#"{"holderIdentity":"napoleon","leaseDurationSeconds":30,"acquireTime":"2026-11-23T10:00:00Z","renewTime":"2026-11-23T10:00:05Z","leaderTransitions":3,"strategy":"","preferredHolder":""}"#;

#[test]
fn a_record_of_client_go_is_read() {
    let Text::Record(record) = Text::parse(GO) else { panic!("no record") };
    assert_eq!((record.holder.as_str(), record.token.get(), record.lease.as_secs()), ("napoleon", 3, 30));
    assert!(!record.is_ours() && record.is_held());
}

#[test]
fn the_seven_fields_are_always_present_and_unknown_ones_survive() {
    let Text::Record(record) = Text::parse(r#"{"holderIdentity":"","leaderTransitions":9,"x-team":{"a":[1]}}"#) else {
        panic!("no record")
    };
    let text = record.to_text();
    let fields: serde_json::Value = serde_json::from_str(&text).unwrap();
    for name in [
        "holderIdentity",
        "leaseDurationSeconds",
        "acquireTime",
        "renewTime",
        "leaderTransitions",
        "strategy",
        "preferredHolder",
    ] {
        assert!(fields.get(name).is_some(), "{name} is missing in {text}");
    }
    assert_eq!(fields["x-team"]["a"][0], 1);
}

#[test]
fn what_goes_out_comes_back() {
    let ours = GO.replace("\"strategy\"", r#""instance":"i","base":"b","nonce":"n","write":"push","strategy""#);
    for text in [GO, ours.as_str()] {
        let first = Text::parse(text);
        assert_eq!(Text::parse(&first.record().unwrap().to_text()), first);
    }
}

#[test]
fn nothing_is_nothing() {
    for text in ["", " ", "\n", "{}", " {} \n", "{\n}"] {
        assert_eq!(Text::parse(text), Text::Nothing, "{text:?}");
    }
}

/// One field of a held record replaced by something hostile.
fn with(field: &str, value: &str) -> String {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(GO).expect("an object");
    fields.remove(field);
    let rest = serde_json::to_string(&fields).expect("a text");
    format!("{{\"{field}\":{value},{}", &rest[1..])
}

#[test]
fn hostile_texts_are_unclear() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("\"{}\"", "x".repeat(2000));
    let fields = [
        ("leaseDurationSeconds", vec!["0", "3601", "-1", "1.5", "30.0", "\"30\"", "1e9", "true", "[30]"]),
        ("leaderTransitions", vec!["-1", "9007199254740991", "9007199254740992", "1e3", "0.5", "\"3\"", "{}"]),
        ("holderIdentity", vec!["7", "[]", "true", long.as_str()]),
        ("renewTime", vec!["\"yesterday\"", "7"]),
        ("instance", vec!["7"]),
        ("write", vec!["\"fax\"", "1"]),
    ];
    let mut texts: Vec<String> =
        fields.iter().flat_map(|(field, values)| values.iter().map(|value| with(field, value))).collect();
    texts.extend(
        ["hello", "null", "[]", "7", "\"\"", "{", "{\"a\":1}", "\u{feff}{}", "{}{}", "{} x", deep.as_str()]
            .map(str::to_owned),
    );
    texts.push(format!("{{\"holderIdentity\":\"\",{}", &GO[1..]));
    texts.push(GO.replace('}', r#","holderidentity":""}"#));
    texts.push(format!("{GO}{}", " ".repeat(LONGEST_TEXT)));
    for text in texts {
        let shown: String = text.chars().take(200).collect();
        assert!(matches!(Text::parse(&text), Text::Unclear(_)), "{shown}: {:?}", Text::parse(&text));
    }
}

#[test]
fn any_damage_to_a_held_record_never_frees_it() {
    // Every byte in turn: left out, and replaced. Deterministic, and more thorough than chance.
    let is_free = |text: &str| match Text::parse(text) {
        Text::Nothing => true,
        Text::Record(record) => !record.is_held(),
        Text::Unclear(_) => false,
    };
    for index in 0..GO.len() {
        assert!(!is_free(&GO[..index]) || index == 0, "cut at {index}");
        for byte in ["", "\"", "{", "}", "0", ",", ":", "\\", "\0", "é"] {
            let text = format!("{}{byte}{}", &GO[..index], &GO[index + 1..]);
            assert!(!is_free(&text), "{text}");
        }
    }
}
