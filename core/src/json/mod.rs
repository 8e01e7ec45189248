//! JSON, read where it stands and written as it comes: what the record, GitHub's answers and the emulator need of it.
//!
//! By hand, because a page is fetched: a reader for any type with any number in it, and with words for each mistake,
//! was a tenth of the page. Here nothing is built that nobody asked for, and what is skipped is only checked. That the
//! same texts are JSON as for `serde_json`, and mean the same, is tested against it.

mod read;
mod write;

pub use self::read::{Kind, Reader, Wrong, read};
pub use self::write::Writer;

/// The body of a PATCH: the content of one file; `None` takes it away.
pub(crate) fn one_file(name: &str, content: Option<&str>) -> String {
    let mut body = Writer::new();
    body.open('{').name("files").open('{').name(name);
    match content {
        Some(content) => body.open('{').name("content").string(content).close('}'),
        None => body.raw("null"),
    };
    body.close('}').close('}').finish()
}

/// The content of one file in a gist's JSON, or in what a PATCH asks for; empty where there is none, `None` where it is
/// no such thing.
#[cfg(feature = "sim")]
pub(crate) fn file(body: &[u8], file: &str) -> Option<String> {
    let mut content = String::new();
    read(body, |reader| {
        inside(reader, "files", &mut |reader| {
            inside(reader, file, &mut |reader| {
                inside(reader, "content", &mut |reader| {
                    content = reader.string_or_null()?.unwrap_or_default().into_owned();
                    Ok(())
                })
            })
        })
    })
    .ok()?;
    Some(content)
}

/// Reads one field of an object; what is no object has none.
#[cfg(feature = "sim")]
fn inside<'a>(
    reader: &mut Reader<'a>,
    field: &str,
    read: &mut dyn FnMut(&mut Reader<'a>) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    if reader.kind()? != Kind::Object {
        return reader.skip();
    }
    reader.object(&mut |name, reader| if name == field { read(reader) } else { reader.skip() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::{Kind, Reader, Writer, Wrong, read};

    /// The value that a text is, read by this module.
    fn value(reader: &mut Reader<'_>) -> Result<Value, Wrong> {
        Ok(match reader.kind()? {
            Kind::Null => {
                reader.is_null()?;
                Value::Null
            }
            Kind::Boolean => reader.boolean()?.into(),
            Kind::Number => serde_json::from_str(reader.raw()?).unwrap_or_default(),
            Kind::String => reader.string()?.into(),
            Kind::Array => {
                let mut list = Vec::new();
                reader.array(&mut |reader| {
                    list.push(value(reader)?);
                    Ok(())
                })?;
                list.into()
            }
            Kind::Object => {
                let mut fields = serde_json::Map::new();
                reader.object(&mut |name, reader| {
                    fields.insert(name.into_owned(), value(reader)?);
                    Ok(())
                })?;
                fields.into()
            }
        })
    }

    fn has_power(text: &[u8]) -> bool {
        text.iter().any(|byte| matches!(byte, b'e' | b'E'))
    }

    fn same(text: &[u8]) {
        let ours = read(text, value);
        let skipped = read(text, Reader::skip);
        let theirs = serde_json::from_slice::<Value>(text);
        // Near the greatest double the places decide here, and not its digits.
        if ours.is_err() && text.windows(3).any(|three| three.iter().all(u8::is_ascii_digit)) && has_power(text) {
            return;
        }
        assert_eq!(ours.clone().ok(), theirs.ok(), "{}", String::from_utf8_lossy(text));
        assert_eq!(ours.map(drop), skipped, "{}", String::from_utf8_lossy(text));
    }

    #[test]
    fn what_is_json_and_what_it_means_is_as_for_serde_json() {
        for text in [
            r#"{"a":[1,-2.5e3,0,true,false,null,"x"],"b":{}, "a" : [ ] }"#,
            r#""\u00e4\n\t\"\\\/\b\f\r\ud83d\ude00ä€😀""#,
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83d\u0041""#,
            r#""\ud83dx""#,
            r#""\u12g4""#,
            r#""\x""#,
            "\"\u{1}\"",
            "\"a\nb\"",
            "01",
            "-",
            "-0",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "0x1",
            "1 2",
            "tru",
            "nul",
            "[1,]",
            "[,1]",
            "{\"a\":1,}",
            "{\"a\" 1}",
            "{a:1}",
            "{1:1}",
            "[",
            "{",
            "\"",
            "",
            " ",
            "{\"a\"",
            "]",
            "[1}",
            "\u{feff}{}",
            "\"\\",
            "\"\\u12",
            "[\u{a0}]",
        ] {
            same(text.as_bytes());
        }
        same(b"\"\xff\"");
        for depth in [127, 128] {
            same(["[".repeat(depth), "]".repeat(depth)].concat().as_bytes());
            same(["{\"a\":".repeat(depth), "1".to_owned(), "}".repeat(depth)].concat().as_bytes());
        }
    }

    #[test]
    fn a_number_that_no_double_holds_is_none() {
        let long = "9".repeat(309);
        for text in ["1e309", "-1e999", "12e308", "1E+99999999999999999999999", &long] {
            assert_eq!(read(text.as_bytes(), Reader::skip), Err(Wrong::Syntax(text.len())), "{text}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
        for text in ["1e307", "1e-999", "0.1e308", &long[1..]] {
            assert_eq!(read(text.as_bytes(), Reader::skip), Ok(()), "{text}");
            assert!(serde_json::from_str::<Value>(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_number_is_whole_and_a_mistake_says_where() {
        let number = |text: &str| read(text.as_bytes(), Reader::number);
        assert_eq!(number(" 18446744073709551615 "), Ok(u64::MAX));
        for other in ["18446744073709551616", "-1", "1.0", "1e3"] {
            assert_eq!(number(other), Err(Wrong::Shape(0)), "{other}");
        }
        assert_eq!(number("\"1\""), Err(Wrong::Shape(0)));
        assert_eq!(number("1x"), Err(Wrong::Syntax(1)));
    }

    proptest! {
        #[test]
        fn any_text_of_its_characters_is_read_as_serde_json_reads_it(text in r#"[\[\]{}:,"\\ntrue0-9.eE+ -]{0,24}"#) {
            same(text.as_bytes());
        }

        #[test]
        fn what_is_written_is_read_by_others_as_it_was_meant(name in any::<String>(), text in any::<String>(), number in any::<u64>()) {
            let mut writer = Writer::new();
            writer.open('{').name(&name).open('[').string(&text).number(number).boolean(true).string_or_null(None).close(']');
            let written = writer.name("").raw("{}").close('}').finish();
            let mut meant = serde_json::Map::new();
            meant.insert(name, serde_json::json!([text, number, true, null]));
            meant.insert(String::new(), serde_json::json!({}));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).ok(), Some(Value::Object(meant)));
            same(written.as_bytes());
        }
    }
}
