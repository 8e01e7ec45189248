//! Writing: what is said one after the other, with the commas between.

/// Writes JSON without a space in it.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    text: String,
    is_after_value: bool,
}

impl Writer {
    /// An empty text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins an object with `{`, a list with `[`.
    pub fn open(&mut self, bracket: char) -> &mut Self {
        self.begin();
        self.text.push(bracket);
        self.is_after_value = false;
        self
    }

    /// Ends what was begun.
    pub fn close(&mut self, bracket: char) -> &mut Self {
        self.text.push(bracket);
        self.is_after_value = true;
        self
    }

    /// The name of a field; its value follows.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.string(name);
        self.text.push(':');
        self.is_after_value = false;
        self
    }

    /// A string.
    pub fn string(&mut self, value: &str) -> &mut Self {
        self.begin();
        self.text.push('"');
        let mut copied = 0;
        for (at, byte) in value.bytes().enumerate() {
            let short = match byte {
                b'"' | b'\\' => char::from(byte),
                0x8 => 'b',
                0xc => 'f',
                b'\n' => 'n',
                b'\r' => 'r',
                b'\t' => 't',
                ..=0x1f => 'u',
                _ => continue,
            };
            self.text.push_str(value.get(copied..at).unwrap_or_default());
            self.text.push('\\');
            self.text.push(short);
            if short == 'u' {
                self.text.push_str(if byte < 0x10 { "000" } else { "001" });
                self.text.extend(char::from_digit(u32::from(byte % 16), 16));
            }
            copied = at + 1;
        }
        self.text.push_str(value.get(copied..).unwrap_or_default());
        self.text.push('"');
        self
    }

    /// A string, or `null`.
    pub fn string_or_null(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.string(value),
            None => self.raw("null"),
        }
    }

    /// A whole number.
    pub fn number(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_string())
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, value: bool) -> &mut Self {
        self.raw(if value { "true" } else { "false" })
    }

    /// A value that is JSON already.
    pub fn raw(&mut self, json: &str) -> &mut Self {
        self.begin();
        self.text.push_str(json);
        self
    }

    /// The text.
    #[must_use]
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    fn begin(&mut self) {
        if std::mem::replace(&mut self.is_after_value, true) {
            self.text.push(',');
        }
    }
}
