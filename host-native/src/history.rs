//! `leader-elector history`: who led, term by term, walked by bisection within a budget of requests.

use std::time::Duration;

use http::{Request, Response, StatusCode};
use leader_elector::transport::Transport;
use leader_elector_core::gist::{Rest, history};
use leader_elector_core::record::{Text, rfc3339};
use leader_elector_host::say::{denial, print, printable};
use serde::Serialize;
use serde_json::json;

use crate::cli::{HistoryArgs, OutputFormat};
use crate::config;
use crate::{Failure, connect};

/// One term, as far as the revisions tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Term {
    holder: String,
    token: u64,
    start: Option<String>,
    end: Option<String>,
    seconds: Option<i64>,
    released: bool,
}

impl From<&history::Term> for Term {
    fn from(term: &history::Term) -> Self {
        Self {
            holder: term.holder.clone(),
            token: term.token.get(),
            start: term.start.as_ref().map(rfc3339),
            end: term.end.as_ref().map(rfc3339),
            seconds: term.seconds(),
            released: term.released,
        }
    }
}

/// Prints the terms, newest first.
pub(crate) async fn run(args: HistoryArgs) -> Result<(), Failure> {
    let (settings, transport) = config::reader(&args.lock, connect)?;
    let (file, timeout) = (settings.file.clone(), settings.request_timeout);
    let mut walk = Walk { rest: Rest::new(settings)?, file, timeout, transport, left: args.max_requests, spent: 0 };
    let (versions, complete) = walk.list().await?;
    let mut texts: Vec<Option<Text>> = versions.iter().map(|_| None).collect();
    while let Some(index) = history::next_to_fetch(&versions, &texts) {
        if walk.left == 0 {
            break;
        }
        texts[index] = Some(walk.text(&versions[index]).await?);
    }
    let terms: Vec<Term> = history::terms(&versions, &texts).iter().map(Term::from).collect();
    let whole = complete && history::next_to_fetch(&versions, &texts).is_none();
    let budget = args.max_requests;
    if args.output == OutputFormat::Json {
        let shown = json!({ "terms": terms, "complete": whole, "requests": walk.spent, "max_requests": budget });
        return print(&serde_json::to_string_pretty(&shown).map_err(anyhow::Error::from)?);
    }
    let head = format!("{:<24}{:>8}  {:<22}{:<22}{:>9}", "HOLDER", "TOKEN", "START", "LAST SEEN", "SECONDS");
    let rows = terms.iter().map(|term| {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".to_owned());
        let seconds = term.seconds.map_or_else(|| "?".to_owned(), |seconds| seconds.to_string());
        let (holder, start, end) = (printable(&term.holder), or(&term.start), or(&term.end));
        format!("{holder:<24}{:>8}  {start:<22}{end:<22}{seconds:>9}", term.token)
    });
    let table = std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n");
    let rest = if whole { "" } else { "; older or shorter terms may be missing, --max-requests N looks further" };
    print(&format!("{table}\n\n{} revisions, {} of at most {budget} requests{rest}", versions.len(), walk.spent))
}

/// Spends requests.
struct Walk {
    rest: Rest,
    file: String,
    timeout: Duration,
    transport: Transport,
    left: u32,
    spent: u32,
}

impl Walk {
    /// The revisions, newest first, and whether those are all.
    async fn list(&mut self) -> Result<(Vec<String>, bool), Failure> {
        let mut versions = Vec::new();
        // Half of the budget at most: the texts are what tells.
        let pages = (self.left / 2).max(1);
        for page in 1..=pages {
            let response = self.get(self.rest.page(page)).await?;
            let more = history::versions(response.body()).ok_or_else(not_understood)?;
            let last = more.len() < Rest::PAGE;
            history::add_page(&mut versions, more);
            if last {
                return Ok((versions, true));
            }
        }
        Ok((versions, false))
    }

    async fn text(&mut self, version: &str) -> Result<Text, Failure> {
        let response = self.get(self.rest.revision(version)).await?;
        history::text(response.body(), &self.file).ok_or_else(not_understood)
    }

    async fn get(&mut self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Failure> {
        self.left = self.left.saturating_sub(1);
        self.spent += 1;
        let answer = self.transport.send_within(request, self.timeout).await;
        let response = answer.map_err(|no| Failure::Refused(format!("unknown: {}", no.what)))?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => {
                let denied = denial(&Rest::failure(&response));
                Err(Failure::Refused(denied.unwrap_or_else(|| format!("unknown: {status}"))))
            }
        }
    }
}

fn not_understood() -> Failure {
    Failure::Refused("unknown: 200 with a body that is not understood".to_owned())
}
