//! Who led, and until when it might have acted, from the lines of `--events json`; all candidates on one axis of time.

/// A time during which a candidate led. Milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reign {
    pub(crate) who: String,
    pub(crate) token: u64,
    pub(crate) from: u64,
    /// The moment of its word that it had ended, or the last deadline that it told: a reader may have acted until then.
    pub(crate) to: u64,
}

/// A line, read by whoever knows the clock it is written on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) at: u64,
    pub(crate) token: u64,
    /// `None`: it does not lead.
    pub(crate) deadline: Option<u64>,
}

/// What one candidate told, in order.
pub(crate) fn reigns(who: &str, lines: impl IntoIterator<Item = Told>) -> Vec<Reign> {
    let mut reigns: Vec<Reign> = Vec::new();
    let mut leads = false;
    for Told { at, token, deadline } in lines {
        match (deadline, reigns.last_mut()) {
            (Some(deadline), Some(reign)) if leads && reign.token == token => reign.to = deadline,
            (Some(deadline), _) => reigns.push(Reign { who: who.to_owned(), token, from: at, to: deadline }),
            (None, Some(reign)) if leads => reign.to = reign.to.min(at),
            (None, _) => {}
        }
        leads = deadline.is_some();
    }
    reigns
}

/// No two lead at once, and each term has a greater token than the one before it.
pub(crate) fn check(mut all: Vec<Reign>) {
    all.sort_by_key(|reign| reign.from);
    for pair in all.windows(2) {
        assert!(pair[0].to <= pair[1].from, "two leaders: {pair:?}");
        assert!(pair[0].token < pair[1].token, "the token did not grow: {pair:?}");
    }
}

#[test]
fn two_leaders_are_found() {
    let told = |at, token, deadline| Told { at, token, deadline };
    let a = reigns("a", [told(0, 1, Some(10)), told(5, 1, Some(15)), told(12, 1, None)]);
    assert_eq!(a, [Reign { who: "a".into(), token: 1, from: 0, to: 12 }]);
    let b = |from| reigns("b", [told(from, 2, Some(30))]);
    check([a.clone(), b(12)].concat());
    assert!(std::panic::catch_unwind(|| check([a.clone(), b(11)].concat())).is_err());
    let killed = reigns("c", [told(0, 1, Some(20))]);
    assert!(std::panic::catch_unwind(|| check([killed, b(19)].concat())).is_err());
}
