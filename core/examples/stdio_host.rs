//! The smallest host: one Gist candidate as a line-by-line process, without clock, socket and entropy of its own.
//!
//! One JSON object a line comes in, exactly one goes out for each. The first configures, every other one carries
//! `now_ms` (the candidate's monotonic clock, counting suspended time), `unix_ms` (its wall clock) and one of `wake`,
//! `response`, `failed`, `stop`, `work_stopped`. Exit 0 at the end of input; a line that is not understood is answered
//! with `{"error": …}` and changes nothing.
//!
//! ```sh
//! cargo build --release -p leader-elector-core --example stdio_host
//! ```

use std::io::{self, BufRead, Write};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use leader_elector_core::gist::{self, Gist};
use leader_elector_core::timing::{self, Timing};
use leader_elector_core::{
    Candidate, Clock, Event, Identity, Input, Instant, Next, Now, Output, RequestId, Sent, WallClock, WriteMode,
};
use serde::Deserialize;
use serde_json::{Value, json};

fn main() -> io::Result<()> {
    let mut candidate = None;
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().split(b'\n') {
        let answer = answer(&mut candidate, &line?).unwrap_or_else(|error| json!({ "error": error }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// One line in, one line out. An error leaves the candidate as it was.
fn answer(candidate: &mut Option<Candidate<Gist>>, line: &[u8]) -> Result<Value, String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let now = Now { at: Instant::from_millis(line.now_ms), wall: WallClock(line.unix_ms) };
    let input = match (&line, candidate.is_some()) {
        (Line { config: Some(config), .. }, false) => {
            *candidate = Some(config.candidate(now)?);
            Input::Wake
        }
        (Line { config: Some(_), .. }, true) => return Err("it is configured already".to_owned()),
        (_, false) => return Err("the first line is the configuration".to_owned()),
        (_, true) => line.input()?,
    };
    let candidate = candidate.as_mut().ok_or("the first line is the configuration")?;
    Ok(report(&candidate.handle(now, input)))
}

#[derive(Deserialize)]
struct Line {
    now_ms: u64,
    unix_ms: i64,
    config: Option<Config>,
    #[serde(default)]
    wake: bool,
    response: Option<Response>,
    failed: Option<Failed>,
    #[serde(default)]
    stop: bool,
    #[serde(default)]
    work_stopped: bool,
}

#[derive(Deserialize)]
struct Response {
    id: u64,
    status: u16,
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
struct Failed {
    id: u64,
    sent: String,
}

impl Line {
    fn input(self) -> Result<Input, String> {
        match self {
            Self { response: Some(response), .. } => response.parse(),
            Self { failed: Some(Failed { id, sent }), .. } => match sent.as_str() {
                "no" => Ok(Input::Failed(RequestId(id), Sent::No)),
                "unknown" => Ok(Input::Failed(RequestId(id), Sent::Unknown)),
                other => Err(format!("sent is `{other}`: allowed is no or unknown")),
            },
            Self { stop: true, .. } => Ok(Input::Stop),
            Self { work_stopped: true, .. } => Ok(Input::WorkStopped),
            Self { wake: true, .. } => Ok(Input::Wake),
            _ => Err("no known input: allowed is wake, response, failed, stop or work_stopped".to_owned()),
        }
    }
}

impl Response {
    fn parse(self) -> Result<Input, String> {
        let body = STANDARD.decode(&self.body).map_err(|error| format!("body is no base64: {error}"))?;
        let mut builder = http::Response::builder().status(self.status);
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        let response = builder.body(body).map_err(|error| format!("response: {error}"))?;
        Ok(Input::Response(RequestId(self.id), response))
    }
}

#[derive(Deserialize)]
struct Config {
    candidate: String,
    instance: String,
    gist: String,
    token: Option<String>,
    api: String,
    git: Option<String>,
    #[serde(default = "default_file")]
    file: String,
    #[serde(deserialize_with = "write_mode")]
    write: WriteMode,
    lease_ms: Option<u64>,
    renew_deadline_ms: Option<u64>,
    renew_ms: Option<u64>,
    poll_ms: Option<u64>,
    settle_ms: Option<u64>,
    stop_grace_ms: Option<u64>,
    request_timeout_ms: Option<u64>,
    #[serde(default)]
    seed: u64,
}

fn write_mode<'de, D: serde::Deserializer<'de>>(from: D) -> Result<WriteMode, D::Error> {
    let name = String::deserialize(from)?;
    WriteMode::named(&name)
        .ok_or_else(|| serde::de::Error::custom(format!("write is `{name}`: allowed are push and patch")))
}

fn default_file() -> String {
    gist::DEFAULT_FILE.to_owned()
}

impl Config {
    fn candidate(&self, now: Now) -> Result<Candidate<Gist>, String> {
        let default = timing::Settings::default();
        let or = |ms: Option<u64>, default: Duration| ms.map_or(default, Duration::from_millis);
        let settings = timing::Settings {
            lease: or(self.lease_ms, default.lease),
            renew_deadline: or(self.renew_deadline_ms, default.renew_deadline),
            renew_interval: or(self.renew_ms, default.renew_interval),
            poll: or(self.poll_ms, default.poll),
            settle: or(self.settle_ms, default.settle),
            stop_grace: or(self.stop_grace_ms, default.stop_grace),
            request_timeout: self.request_timeout_ms.map(Duration::from_millis),
        };
        let timing = Timing::new(settings, gist::WRITE_INTERVAL).map_err(|errors| sentences(&errors))?;
        let me = Identity::new(&self.candidate, &self.instance)
            .ok_or("candidate and instance: allowed are 1 to 1024 bytes each")?;
        let settings = gist::Settings {
            gist: self.gist.clone(),
            file: self.file.clone(),
            api: self.api.clone(),
            git: self.git.clone(),
            token: self.token.clone(),
            write: self.write,
            // Whoever drives this process moves the bytes: there is no wire here to listen on.
            allow_http: true,
            lease: timing.lease(),
            settle: timing.settle(),
            request_timeout: timing.request_timeout(),
        };
        let lock = Gist::new(settings, me, self.seed).map_err(|errors| sentences(&errors))?;
        Ok(Candidate::new(lock, timing, Clock::Boot, self.seed, now))
    }
}

fn sentences<E: ToString>(errors: &[E]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn report(output: &Output) -> Value {
    let (wake_at, why) = match output.next {
        Next::WakeAt(at, why) => (Some(ceil_ms(at)), why.to_string()),
        Next::OnInput(why) => (None, why.to_string()),
        Next::Done => (None, "done".to_owned()),
    };
    json!({
        "request": output.request.as_ref().map(|request| json!({
            "id": request.id.0,
            "method": request.http.method().as_str(),
            "url": request.http.uri().to_string(),
            "headers": request.http.headers().iter()
                .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
                .collect::<Vec<_>>(),
            "body": STANDARD.encode(request.http.body()),
            "give_up_ms": ceil_ms(request.give_up_at),
        })),
        "wake_at_ms": wake_at,
        "why": why,
        "leading": output.lease.map(|lease| json!({
            "token": lease.token.get(),
            "until_ms": lease.until.as_millis(),
        })),
        "events": output.events.iter().map(event).collect::<Vec<_>>(),
        "done": output.next == Next::Done,
    })
}

fn event(event: &Event) -> Value {
    match event {
        Event::NewLeader { leader } => json!({ "event": "new_leader", "leader": leader }),
        Event::StartedLeading { token } => json!({ "event": "started_leading", "token": token.get() }),
        Event::Stopping { why, by } => {
            json!({ "event": "stopping", "why": why.to_string(), "by_ms": by.as_millis() })
        }
        Event::StoppedLeading => json!({ "event": "stopped_leading" }),
        Event::Released => json!({ "event": "released" }),
        Event::Warning(warning) => json!({ "event": "warning", "why": warning.to_string() }),
    }
}

/// Nothing is due before its moment: a wake that came earlier would only be asked for again.
fn ceil_ms(at: Instant) -> u64 {
    at.as_nanos().div_ceil(1_000_000)
}
