//! The mutations: each breaks one rule by one change to the real source.

/// One change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutation {
    /// Unique, and short enough for a table.
    pub(crate) name: &'static str,
    /// The rule that it breaks: R1 to R13, or a section of the lock's page.
    pub(crate) rule: &'static str,
    /// Below `core/src`.
    pub(crate) file: &'static str,
    /// Stands in the file exactly once.
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// Why nothing breaks: another guard says the same. Only such a mutation may survive.
    pub(crate) harmless: Option<&'static str>,
}

const fn breaks(
    name: &'static str,
    rule: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
) -> Mutation {
    Mutation { name, rule, file, from, to, harmless: None }
}

const fn doubled(mutation: Mutation, why: &'static str) -> Mutation {
    Mutation { harmless: Some(why), ..mutation }
}

const ELECTOR: &str = "elector.rs";
const OWN: &str = "gist/own.rs";
const SNAPSHOT: &str = "gist/snapshot.rs";
const TERM: &str = "gist/term.rs";
const DESK: &str = "gist/desk.rs";
const TIMING: &str = "timing.rs";

/// All of them. The first ten are those that `cargo xtask test` tries: one for each way to two leaders.
pub(crate) const ALL: &[Mutation] = &[
    breaks(
        "a lease counts from its acknowledgement",
        "R2",
        OWN,
        "Some(Written { head: chain.head().clone(), sent, solid, overlaid: index > 0 })",
        "Some(Written { head: chain.head().clone(), sent: now, solid: solid.max(now), overlaid: index > 0 })",
    ),
    breaks(
        "a claim settles by reading",
        "claim, settle, confirm",
        TERM,
        "let step = self.write(now, desk, chain.head().clone());",
        "if let Some(index) = chain.find_valid(claim, &desk.ledger)
            && let Some(written) = own.acknowledge(now.at, claim, (chain, index), Duration::ZERO)
        {
            own.begin();
            return WriteStep::Done(Reply::Written(written));
        }
        let step = self.write(now, desk, chain.head().clone());",
    ),
    breaks(
        "a foreign lease is waited for by half",
        "R1",
        ELECTOR,
        "let free_at = seen.received + seen.standing.stands_for;",
        "let free_at = seen.received + seen.standing.stands_for / 2;",
    ),
    breaks(
        "a void revision counts",
        "valid and void",
        SNAPSHOT,
        "Some(parent) => Ok(parent.as_str() == base),",
        "Some(parent) => Ok(!parent.as_str().is_empty() || base.is_empty()),",
    ),
    breaks(
        "every write is solid at once",
        "solid",
        OWN,
        "let solid = if settle.is_zero() {",
        "let solid = if settle.is_zero() || sent <= now {",
    ),
    breaks(
        "the next term keeps the token",
        "R7",
        ELECTOR,
        "let token = self.newest_token.next()?;",
        "let token = self.newest_token.max(Token::NONE.next()?);",
    ),
    breaks(
        "what was displaced is free",
        "R9",
        SNAPSHOT,
        "snapshot.stands_for = own_claim.max(below.displaced);",
        "snapshot.stands_for = own_claim.max(below.displaced / 1000);",
    ),
    breaks(
        "a release is sent while the work runs",
        "R6",
        ELECTOR,
        "            self.events.push(Event::Stopping { why, by });
            self.state = State::Stopping { own: Some(own) };",
        "            self.events.push(Event::Stopping { why, by });
            self.due = (by.before(self.timing.lease()), Why::Release);
            self.state = State::Releasing { own, looks: 1 };",
    ),
    breaks(
        "a restart is the same instance",
        "R8",
        "record.rs",
        "self.mark.as_ref().is_some_and(|mark| mark.instance == instance)",
        "self.mark.as_ref().is_some_and(|mark| mark.instance.split('#').next() == instance.split('#').next())",
    ),
    breaks(
        "a push that was refused counts as taken",
        "push mode",
        "gist/push.rs",
        r#"match line.strip_prefix(b"ok ") {"#,
        r#"match line.strip_prefix(b"ok ").or_else(|| line.strip_prefix(b"ng ")?.split(|b| *b == b' ').next()) {"#,
    ),
    // ---- the elector ----
    breaks(
        "a new version does not start the lease anew",
        "R1",
        ELECTOR,
        "self.seen.as_ref().filter(|seen| seen.standing.state == standing.state);",
        "self.seen.as_ref().filter(|seen| seen.standing.state == standing.state || seen.received <= now);",
    ),
    breaks(
        "what is not solid is led on",
        "R2",
        ELECTOR,
        "(written.sent + self.timing.renew_deadline()).min(written.solid + self.timing.usable_lease())",
        "(written.sent + self.timing.renew_deadline()).max(written.solid + self.timing.usable_lease())",
    ),
    breaks(
        "a term begins after its own end",
        "R2",
        ELECTOR,
        "if now >= until.before(self.timing.stop_grace()) {
            self.due = (now, Why::Poll);
            return;
        }",
        "",
    ),
    breaks(
        "the lease is shown after its end",
        "R2",
        ELECTOR,
        "State::Leading { own, until, .. } if now < *until => Some(Lease",
        "State::Leading { own, until, .. } if now < *until + FIRST_RETRY => Some(Lease",
    ),
    breaks(
        "the work's grace is forgotten",
        "R2",
        ELECTOR,
        "&& now >= until.before(self.timing.stop_grace())
        {
            self.end_term",
        "&& now >= until
        {
            self.end_term",
    ),
    breaks(
        "another holder is overlooked",
        "R3",
        ELECTOR,
        "!is_own && (record.is_held() || record.token > own.token)",
        "!is_own && record.token > own.token && !record.is_held()",
    ),
    breaks(
        "another holder at first sight is overlooked",
        "R3",
        ELECTOR,
        "Reply::Failed(Failure::Superseded) => None,
            Reply::Failed(Failure::Conflict | Failure::Unknown) =>",
        "Reply::Failed(Failure::Superseded | Failure::Conflict | Failure::Unknown) =>",
    ),
    breaks(
        "a lost precondition is written over again",
        "R4",
        ELECTOR,
        "self.due = (now, Why::Retry);
                self.state = State::Leading { own: Own { head: None, ..own }, until, rests_on };",
        "self.due = (now, Why::Retry);
                self.state = State::Leading { own, until, rests_on };",
    ),
    breaks(
        "after no answer it writes again without a read",
        "R5",
        ELECTOR,
        "self.retry(now, until);
                self.state = State::Leading { own: Own { head: None, ..own }, until, rests_on };",
        "self.retry(now, until);
                self.state = State::Leading { own, until, rests_on };",
    ),
    breaks(
        "a claim confirmed during a stop is led on",
        "R6",
        ELECTOR,
        "if self.stop.is_some() {
            return self.release_or_end(now);
        }
        if now >= until",
        "if now >= until",
    ),
    breaks(
        "nothing is released after a stop",
        "R6",
        ELECTOR,
        "(Some(_), Some(own)) => {
                self.due = (now, Why::Release);
                self.state = State::Releasing { own, looks: 1 };
            }",
        "(Some(_), Some(_)) => self.end(now),",
    ),
    breaks(
        "a release is tried without end",
        "R6",
        ELECTOR,
        "&& now >= own.sent + self.timing.lease()
        {
            self.give_up_release",
        "&& now >= own.sent + self.timing.lease() * 1000
        {
            self.give_up_release",
    ),
    breaks(
        "a throttled candidate asks again at once",
        "R10",
        "gist/throttle.rs",
        "return Some(Duration::from_secs(seconds));",
        "return Some(Duration::from_secs(seconds / 2));",
    ),
    breaks(
        "a throttling that comes late is not heard",
        "R10",
        "gist/mod.rs",
        "fn overheard(&mut self, now: Now, response: &Response<Vec<u8>>) -> Option<Duration> {
        self.desk.throttle.overhear(now.at, response)",
        "fn overheard(&mut self, now: Now, response: &Response<Vec<u8>>) -> Option<Duration> {
        self.desk.throttle.remaining(now.at).filter(|_| response.body().is_empty())",
    ),
    breaks(
        "a follower sleeps past the end of the lease",
        "R12",
        ELECTOR,
        "} else if free_at + seen.spread <= poll {",
        "} else if free_at + seen.spread + self.timing.lease() <= poll {",
    ),
    doubled(
        breaks(
            "a claim follows a read that was sent too early",
            "R12",
            ELECTOR,
            "if free || (now >= free_at && read_sent >= free_at) {",
            "if free || now >= free_at {",
        ),
        "the claim names the head that was read: after a renewal that came between it is void or refused, a write spent",
    ),
    breaks("claims that met meet again at once", "R12", ELECTOR, "self.collided = true;", "self.collided = false;"),
    breaks(
        "who stepped down claims at once",
        "stop",
        ELECTOR,
        "self.away_until = Some(now + self.timing.lease());",
        "self.away_until = Some(now);",
    ),
    breaks(
        "time that was slept through does not count",
        "R13",
        "sleep.rs",
        "(ahead > TOLERANCE).then_some(ahead)",
        "(ahead > TOLERANCE * 1_000_000).then_some(ahead)",
    ),
    breaks(
        "an answer that comes too late counts",
        "lock",
        "candidate.rs",
        "if of == id && now.at < give_up_at)",
        "if of == id && (now.at < give_up_at || of == id))",
    ),
    // ---- the timings ----
    breaks(
        "a lease may be finer than a second",
        "R11",
        TIMING,
        "require(lease.subsec_nanos() == 0, E::LeaseNotWhole { lease });",
        "",
    ),
    breaks(
        "no margin between renew deadline and lease",
        "timing",
        TIMING,
        "renew_deadline.saturating_add(margin) <= lease,",
        "renew_deadline <= lease.saturating_add(margin),",
    ),
    breaks(
        "the clock rates have no margin",
        "timing",
        TIMING,
        "renew_interval.saturating_add(timeout) < renew_deadline,",
        "renew_interval < renew_deadline.saturating_add(timeout),",
    ),
    // ---- what stands in the gist ----
    breaks(
        "text that is no record is free",
        "R9",
        SNAPSHOT,
        "snapshot.unclear = Some(why.0.clone());
                lease",
        "snapshot.unclear = Some(why.0.clone());
                lease / 1000",
    ),
    breaks(
        "a foreign record is free",
        "R9",
        SNAPSHOT,
        "Text::Record(record) if record.is_held() => record.lease,",
        "Text::Record(record) if record.is_held() => record.lease / 1000,",
    ),
    breaks(
        "a record of ours stands for our lease, not for its own",
        "R9",
        SNAPSHOT,
        "snapshot.stands_for = record.lease;",
        "snapshot.stands_for = lease.min(record.lease);",
    ),
    breaks(
        "claimed though the newest token is not known",
        "newest_token",
        SNAPSHOT,
        "if text.record().is_none() && below.token_unknown {",
        "if text.record().is_some() && below.token_unknown {",
    ),
    breaks(
        "a token that was read is forgotten",
        "R7",
        "gist/ledger.rs",
        "self.note_token(record.token);",
        "self.note_token(record.token.min(self.newest_token));",
    ),
    doubled(
        breaks(
            "the oldest visible counts even as the head",
            "valid and void",
            SNAPSHOT,
            "None if self.longest => Ok(index > 0),",
            "None if self.longest => Ok(index > 0 || self.longest),",
        ),
        "a list of one revision is complete, and a complete list is asked before the longest",
    ),
    breaks(
        "the other mode is written over",
        "one gist, one mode",
        SNAPSHOT,
        "if record.write_mode().is_some_and(|write| write != mode) {",
        "if record.write_mode().is_some_and(|write| write != mode && record.lease.is_zero()) {",
    ),
    doubled(
        breaks(
            "a file that is cut off is a record",
            "free, held, unclear",
            "gist/wire.rs",
            "Some(Some(file)) if file.truncated => {",
            "Some(Some(file)) if file.truncated && file.content.is_none() => {",
        ),
        "GitHub cuts off at a megabyte, and more than 64 KB are no record anyway",
    ),
    breaks(
        "a lease of hours is a record",
        "free, held, unclear",
        "record.rs",
        "0..=3600 } else { 1..=3600 }",
        "0..=3600 } else { 1..=360_000 }",
    ),
    // ---- claim, settle, confirm, solid ----
    breaks(
        "no time to settle",
        "claim, settle, confirm",
        TERM,
        "let until = now.at + settle;",
        "let until = now.at + settle / 1000;",
    ),
    doubled(
        breaks(
            "a confirmation counts without its claim",
            "claim, settle, confirm",
            TERM,
            "is_some_and(|claim| own.lies_below(claim, (&chain, index)));",
            "is_some_and(|claim| own.lies_below(claim, (&chain, index)) || !claim.is_empty());",
        ),
        "it is written only on a head whose state is the claim, and is valid on that head only",
    ),
    doubled(
        breaks(
            "a confirmation seen by a read counts without its claim",
            "claim, settle, confirm",
            TERM,
            "(chain.list[index] == snapshot.state && on_claim).then_some((nonce, index))",
            "(chain.list[index] == snapshot.state || on_claim).then_some((nonce, index))",
        ),
        "as above; and what lies on a confirmed claim and is valid was written by who waited for its lease, or by a person",
    ),
    breaks(
        "a claim of unknown outcome is adopted",
        "unknown outcomes",
        OWN,
        "if !self.begun {
            return None;
        }",
        "",
    ),
    breaks(
        "a write proves what was only just known",
        "solid",
        OWN,
        "&& write.known.is_some_and(|known| known + settle <= sent)",
        "&& write.known.is_some_and(|known| known <= sent)",
    ),
    breaks(
        "a write proves what does not lie below it",
        "solid",
        OWN,
        "&& self.lies_below(&write.nonce, (chain, index))",
        "&& write.version.is_some()",
    ),
    breaks(
        "200 is an acknowledgement, whatever it shows",
        "patch mode",
        "gist/patch.rs",
        "Some(text) if self.is_sent(text) => Ok(",
        "Some(text) if self.is_sent(text) || text.record().is_some() => Ok(",
    ),
    breaks(
        "a claim replaces the commit of another",
        "push mode",
        TERM,
        "let replaces = own.has_pushed(base) && !*appends;",
        "let replaces = (own.has_pushed(base) || ground.chain.list.len() > 1) && !*appends;",
    ),
    breaks(
        "the files beside the lock are lost",
        "push mode",
        "gist/pack.rs",
        "let mut files = self.files.clone();",
        "let mut files = Files::new();",
    ),
    breaks(
        "the token goes wherever the API says",
        "push mode",
        "gist/repository.rs",
        "(encrypted && bare && (here || is_of_site(api_host, host))).then_some(())",
        "(encrypted && bare && (here || !is_of_site(host, host) || api_host != host || host == api_host)).then_some(())",
    ),
    // ---- reading without being fooled ----
    breaks(
        "a stale read is believed",
        "reading",
        DESK,
        "if self.ledger.is_older(head) {",
        "if self.ledger.is_older(head) && list.is_empty() {",
    ),
    breaks(
        "a list from another moment is believed",
        "reading",
        "gist/read.rs",
        "self.unproven_head = true;",
        "self.unproven_head = false;",
    ),
    breaks(
        "a revision that is gone is passed over",
        "reading",
        "gist/read.rs",
        "if response.status() == StatusCode::NOT_FOUND {
                    return Err(moved_on());
                }",
        "if response.status() == StatusCode::NOT_FOUND {
                    desk.ledger.note_text(&version, Arc::new(Text::Nothing));
                    return self.resolve(desk);
                }",
    ),
    breaks(
        "writes follow each other within a second",
        "waiting as told",
        DESK,
        "(!wait.is_zero()).then_some(wait)",
        "(wait > super::WRITE_INTERVAL).then_some(wait)",
    ),
    breaks(
        "immediate renewals without number",
        "waiting as told",
        TERM,
        "Intent::Renew => pause.is_some() && !std::mem::replace(&mut desk.immediate_renewal_used, true),",
        "Intent::Renew => pause.is_some(),",
    ),
    doubled(
        breaks(
            "a claim is pushed without a look at the branch's head",
            "push mode",
            TERM,
            "if id != base {
        return Err(moved_on());
    }",
            "",
        ),
        "git compares the old id under the ref's lock anyway: the look only saves a push that would be refused",
    ),
    breaks(
        "every read starts the lease anew",
        "R1",
        ELECTOR,
        "Some(seen) => (seen.received, seen.spread),",
        "Some(seen) => (now, seen.spread),",
    ),
    doubled(
        breaks(
            "an acknowledgement after the end revives a term",
            "R2",
            ELECTOR,
            "        self.pass_deadlines(now);
        match input {",
            "        match input {",
        ),
        "no request is given longer than the lease, and `Candidate` hears no answer after its give-up moment",
    ),
    breaks(
        "what lies on our own write is renewed over unread",
        "R3",
        ELECTOR,
        "(!written.overlaid).then(|| written.head.clone())",
        "Some(written.head.clone())",
    ),
    breaks(
        "another holder is told of once all is known",
        "R3",
        "gist/read.rs",
        "if first_sight {",
        "if first_sight && self.head_text.is_none() {",
    ),
    breaks(
        "the lock of another is released",
        "R6",
        ELECTOR,
        "let record = standing.record.as_deref().filter(|record| record.is_own(self.me.instance()));",
        "let record = standing.record.as_deref();",
    ),
    breaks(
        "a release names no base",
        "R6",
        OWN,
        "base: Some(base.as_str().to_owned()),",
        "base: (!released).then(|| base.as_str().to_owned()),",
    ),
    breaks(
        "the record has another token than the term",
        "R7",
        OWN,
        "            token: term.token,
            strategy",
        "            token: term.token.next().unwrap_or(term.token),
            strategy",
    ),
    doubled(
        breaks(
            "the election forgets a token of unknown outcome",
            "R7",
            ELECTOR,
            "self.newest_token = self.newest_token.max(token);
",
            "",
        ),
        "the lock notes it as well, and names it with what it reads next",
    ),
    breaks(
        "tokens go on beyond 2^53",
        "R7",
        "record.rs",
        "if self.0 < Self::MAX.0 { Some(Self(self.0 + 1)) } else { None }",
        "Some(Self(self.0 + 1))",
    ),
    breaks(
        "a record of our own name is our own",
        "R8",
        ELECTOR,
        "let is_own = seen.standing.record.as_ref().is_some_and(|record| record.is_own(self.me.instance()));",
        "let is_own = seen.standing.record.as_ref().is_some_and(|record| record.holder == self.me.name());",
    ),
    breaks("a wait that nobody named never grows", "R10", "gist/throttle.rs", "self.untold += 1;", ""),
    breaks(
        "a wait until a moment is cut short",
        "R10",
        "gist/throttle.rs",
        "Some(Duration::from_secs(reset.saturating_sub(date)))",
        "Some(Duration::from_secs(reset.saturating_sub(date + 30)))",
    ),
    breaks(
        "a follower asks without a pause",
        "budget",
        ELECTOR,
        "let poll = (flight.sent + self.timing.poll()).max(now);",
        "let poll = flight.sent.max(now);",
    ),
    breaks(
        "it asks to be woken a little too early",
        "budget",
        ELECTOR,
        "        Next::WakeAt(at, why)
",
        "        Next::WakeAt(at.before(Duration::from_millis(1)), why)
",
    ),
    breaks(
        "a confirmation is written on whatever stands",
        "claim, settle, confirm",
        TERM,
        "if own.version_of(claim) != Some(&snapshot.state) {",
        "if own.version_of(claim).is_none() {",
    ),
    breaks("every write has the same nonce", "valid and void", DESK, "self.counter += 1;", ""),
    breaks(
        "a write that landed void is acknowledged",
        "patch mode",
        "gist/patch.rs",
        "Some(_) => Ok(Some(Landed::Void)),",
        "Some(_) => Ok(Some(Landed::Valid(chain.clone(), child))),",
    ),
    doubled(
        breaks(
            "a push goes onto what was not judged",
            "push mode",
            TERM,
            "if ground.chain.head() != base {
            return Err(moved_on());
        }",
            "",
        ),
        "the election reads after everything that moves the ground, so that they never differ; git compares the old id too",
    ),
    doubled(
        breaks(
            "an ETag outlives the head that it belongs to",
            "reading",
            DESK,
            "if self.kept.as_ref().is_some_and(|kept| kept.snapshot.chain.head() != head) {
            self.kept = None;
        }",
            "",
        ),
        "what is written then names the older head as its base: it is void or refused",
    ),
    breaks(
        "files that are not all listed are pushed over",
        "push mode",
        "gist/repository.rs",
        "let files = if is_truncated {",
        "let files = if is_truncated && settings.gist.is_empty() {",
    ),
    breaks(
        "a redirect leads to another origin",
        "waiting as told",
        "gist/wire.rs",
        "_ if same_origin => target.to_string(),",
        "_ if same_origin || target.host().is_some() => target.to_string(),",
    ),
    breaks("all of the lease is used", "R2", TIMING, "lease.saturating_mul(98) / 100", "lease"),
    breaks(
        "a write on another holder's is merely void",
        "R3",
        "gist/patch.rs",
        "Some(text) if held_by_other(text, desk) && holds(child, text) => Err(superseded()),",
        "",
    ),
    breaks(
        "a predecessor in a stale answer is a holder",
        "reading",
        "gist/patch.rs",
        "held_by_other(text, desk) && !desk.ledger.is_old_text(text));",
        "held_by_other(text, desk));",
    ),
    breaks(
        "what a throttled look says, the write says",
        "patch mode",
        TERM,
        "if self.claim.is_none() && !is_looked_up {",
        "if self.claim.is_none() {",
    ),
    breaks(
        "what a throttled confirmation says, the claim says",
        "claim, settle, confirm",
        TERM,
        "if self.claim.is_none() && !is_looked_up {",
        "if !is_looked_up {",
    ),
    breaks(
        "a read answered ends a row of throttled writes",
        "R10",
        "gist/throttle.rs",
        "if is_served && !(is_read && self.writes) {",
        "if is_served {",
    ),
    breaks(
        "what lies on the last renewal is released over",
        "R3",
        ELECTOR,
        "head: next_base(&written), sent, ..own",
        "head: Some(written.head.clone()), sent, ..own",
    ),
    breaks(
        "an earlier release is that of a claim that may land",
        "R6",
        ELECTOR,
        "Some(record) if !record.is_held() && record.token >= own.token => self.released(now),",
        "Some(record) if !record.is_held() => self.released(now),",
    ),
    breaks(
        "304 means that nothing of ours stands",
        "R6",
        ELECTOR,
        "(Reply::Unchanged, Some(seen)) => Reply::Standing(seen.standing.clone()),",
        "",
    ),
    breaks(
        "a wall clock that was set back is not followed",
        "R13",
        "sleep.rs",
        "*before > lead",
        "*before > lead && *before - lead < 1000",
    ),
];
