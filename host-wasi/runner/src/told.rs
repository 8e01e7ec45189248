//! What the runner has to know of the component's own arguments and variables, read as the component reads them: an
//! argument before a variable, an empty variable for none, a switch as people write it.

/// Arguments and variables.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The component's arguments.
    pub args: &'a [String],
    /// Its variables.
    pub env: &'a [(String, String)],
}

impl Told<'_> {
    /// Whether the end of its standard input is the word `stop` to it.
    #[must_use]
    pub fn stops_at_end(self) -> bool {
        // As clap's `BoolishValueParser`; what is none of its words is refused by the component.
        let is_true = |value: &str| ["y", "yes", "t", "true", "on", "1"].contains(&&*value.to_ascii_lowercase());
        self.args.iter().any(|arg| arg == "--stop-on-eof")
            || self.variable("LEADER_ELECTION_STOP_ON_EOF").is_some_and(is_true)
    }

    /// A value, by its flag or else by its variable.
    pub(crate) fn value(self, flag: &str, name: &str) -> Option<String> {
        let mut rest = self.args.iter().skip_while(|arg| *arg != flag && !arg.starts_with(&format!("{flag}=")));
        let given = rest.next().and_then(|arg| match arg.split_once('=') {
            Some((_, value)) => Some(value.to_owned()),
            None => rest.next().cloned(),
        });
        given.or_else(|| self.variable(name).map(str::to_owned))
    }

    fn variable(&self, name: &str) -> Option<&str> {
        let value = self.env.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        value.filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops_at_end(args: &[&str], variable: Option<&str>) -> bool {
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let env: Vec<_> =
            variable.map(|value| ("LEADER_ELECTION_STOP_ON_EOF".to_owned(), value.to_owned())).into_iter().collect();
        Told { args: &args, env: &env }.stops_at_end()
    }

    #[test]
    fn a_switch_is_what_people_write() {
        for yes in ["1", "true", "TRUE", "yes", "y", "on", "On", "t"] {
            assert!(stops_at_end(&["run"], Some(yes)), "{yes}");
        }
        for no in ["", "0", "false", "no", "n", "off", "f", "perhaps"] {
            assert!(!stops_at_end(&["run"], Some(no)), "{no}");
        }
        assert!(!stops_at_end(&["run"], None));
        assert!(stops_at_end(&["run", "--stop-on-eof"], Some("no")), "an argument comes first");
    }
}
