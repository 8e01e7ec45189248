//! Faults: which request meets which.

use serde::{Deserialize, Serialize};

/// A fault and the requests that meet it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// The name or the secret of a token; all, if none is given.
    #[serde(default, skip_serializing)]
    token: Option<String>,
    /// GET, PATCH …, or `write` for a PATCH or a push; all, if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// How often it strikes; for ever, if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    pub(super) fault: Kind,
    /// With `delay`, how long; with `stale` and `lose_update`, how far back. Milliseconds.
    #[serde(default)]
    pub(super) ms: u64,
    /// With `status`: the answer.
    #[serde(default = "bad_gateway")]
    pub(super) status: u16,
    /// With `status` 403 or 429: seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<i64>,
    /// With `status`: the request takes effect all the same.
    #[serde(default)]
    pub(super) applied: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// The answer comes later.
    Delay,
    /// No effect and no answer, ever.
    Hang,
    /// An effect, but no answer, ever.
    LoseAnswer,
    /// The connection is closed before anything happens.
    Refuse,
    /// Another answer.
    Status,
    /// A GET is answered as it would have been a while ago.
    Stale,
    /// A PATCH is applied to the gist as it was a while ago: what was written since vanishes.
    LoseUpdate,
    /// A GET is answered in full although nothing has changed.
    Unconditional,
}

const fn bad_gateway() -> u16 {
    502
}

/// The rules in force, first match first.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Rule>);

impl Faults {
    pub(super) fn replace(&mut self, rules: Vec<Rule>) {
        self.0 = rules;
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// The fault that this request meets; one that strikes a number of times is used up by it.
    pub(super) fn strike(&mut self, name: &str, secret: &str, method: &str) -> Option<Rule> {
        let matching = |rule: &&mut Rule| {
            rule.times != Some(0)
                && rule.token.as_deref().is_none_or(|token| token == name || token == secret)
                && rule.method.as_deref().is_none_or(|wanted| is_meant(wanted, method))
        };
        let rule = self.0.iter_mut().find(matching)?;
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        Some(rule.clone())
    }
}

fn is_meant(wanted: &str, method: &str) -> bool {
    wanted.eq_ignore_ascii_case(method) || (wanted == "write" && ["PATCH", "POST"].contains(&method))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(json: &str) -> Faults {
        Faults(serde_json::from_str(json).expect("rules"))
    }

    #[test]
    fn a_rule_strikes_whom_it_names_as_often_as_it_says() {
        let mut faults = faults(r#"[{"token":"napoleon","method":"PATCH","times":1,"fault":"hang"}]"#);
        assert_eq!(faults.strike("stalin", "s", "PATCH"), None);
        assert_eq!(faults.strike("napoleon", "n", "GET"), None);
        assert_eq!(faults.strike("napoleon", "n", "PATCH").map(|rule| rule.fault), Some(Kind::Hang));
        assert_eq!(faults.strike("napoleon", "n", "PATCH"), None);
    }

    #[test]
    fn a_write_is_a_patch_or_a_push() {
        let mut faults = faults(r#"[{"method":"write","fault":"hang"}]"#);
        let struck: Vec<_> = ["GET", "PATCH", "POST"].map(|method| faults.strike("", "", method).is_some()).into();
        assert_eq!(struck, [false, true, true]);
    }

    #[test]
    fn a_rule_without_names_strikes_all() {
        let mut faults = faults(r#"[{"fault":"status","status":503}]"#);
        assert_eq!(faults.strike("", "", "GET").map(|rule| rule.status), Some(503));
    }

    #[test]
    fn a_misspelt_rule_is_refused() {
        assert!(serde_json::from_str::<Rule>(r#"{"fault":"hang","tokn":"x"}"#).is_err());
        assert!(serde_json::from_str::<Rule>(r#"{"fault":"hung"}"#).is_err());
    }

    #[test]
    fn secrets_are_not_shown_again() {
        let faults = faults(r#"[{"token":"s3cret","fault":"hang"}]"#);
        assert!(!serde_json::to_string(faults.rules()).expect("text").contains("s3cret"));
    }
}
