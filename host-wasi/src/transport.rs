//! Moves the bytes over wasi:http: one request, one answer, nothing repeated, nothing redirected, nothing logged.
//!
//! It has no deadline of its own: whoever waits drops the future at its moment, and with it everything that is under
//! way, name resolution and TLS included.

use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderValue, Method, Request, Response};
use leader_elector_core::Sent;
use leader_elector_host::NoAnswer;
use leader_elector_host::world::{LONGEST_BODY, whole};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method as WasiMethod, OutgoingBody, OutgoingRequest, Scheme,
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};
use wstd::runtime::AsyncPollable;

/// Sends a request and reads the whole answer.
pub(crate) async fn send(request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, NoAnswer> {
    let (head, body) = request.into_parts();
    let outgoing = outgoing(&head, body.len()).map_err(|what| NoAnswer { sent: Sent::No, what })?;
    let sink = if body.is_empty() { None } else { outgoing.body().ok() };
    let future = handle(outgoing, None).map_err(|code| failed(&code))?;
    if let Some(sink) = sink {
        // A body that cannot be written is no news: the answer, or why there is none, tells more.
        if let Ok(stream) = sink.write() {
            _ = write(&stream, &body).await;
        }
        _ = OutgoingBody::finish(sink, None);
    }
    AsyncPollable::new(future.subscribe()).wait_for().await;
    let answer = match future.get() {
        Some(Ok(Ok(answer))) => answer,
        Some(Ok(Err(code))) => return Err(failed(&code)),
        Some(Err(())) | None => return Err(NoAnswer::unknown("the answer was taken already")),
    };
    receive(&answer).await
}

fn outgoing(head: &http::request::Parts, length: usize) -> Result<OutgoingRequest, String> {
    let mut headers = head.headers.clone();
    // The runtime writes it from the address.
    headers.remove(HOST);
    if length > 0 {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    let list: Vec<_> = headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let fields = Fields::from_list(&list).map_err(|error| format!("a header cannot be sent: {error:?}"))?;
    let outgoing = OutgoingRequest::new(fields);
    let method = match head.method {
        Method::GET => WasiMethod::Get,
        Method::POST => WasiMethod::Post,
        Method::PATCH => WasiMethod::Patch,
        ref other => WasiMethod::Other(other.to_string()),
    };
    let scheme = if head.uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let path = head.uri.path_and_query().map(http::uri::PathAndQuery::as_str);
    let set = outgoing.set_method(&method).is_ok()
        && outgoing.set_scheme(Some(&scheme)).is_ok()
        && outgoing.set_authority(authority).is_ok()
        && outgoing.set_path_with_query(path).is_ok();
    if set { Ok(outgoing) } else { Err("the address cannot be sent".to_owned()) }
}

async fn write(stream: &OutputStream, mut bytes: &[u8]) -> Result<(), StreamError> {
    while !bytes.is_empty() {
        AsyncPollable::new(stream.subscribe()).wait_for().await;
        let room = usize::try_from(stream.check_write()?).unwrap_or(usize::MAX);
        let (now, later) = bytes.split_at(room.min(bytes.len()));
        stream.write(now)?;
        bytes = later;
    }
    stream.flush()
}

async fn receive(answer: &IncomingResponse) -> Result<Response<Vec<u8>>, NoAnswer> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = answer.status().try_into().map_err(|_| NoAnswer::unknown("a status out of range"))?;
    for (name, value) in answer.headers().entries() {
        if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), HeaderValue::from_bytes(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    let body = answer.consume().map_err(|()| NoAnswer::unknown("the answer was taken already"))?;
    {
        let stream = body.stream().map_err(|()| NoAnswer::unknown("the answer was taken already"))?;
        read(&stream, response.body_mut()).await?;
    }
    // What broke after the last byte is told with the trailers.
    let trailers = IncomingBody::finish(body);
    AsyncPollable::new(trailers.subscribe()).wait_for().await;
    if let Some(Ok(Err(code))) = trailers.get() {
        return Err(NoAnswer { sent: Sent::Unknown, ..failed(&code) });
    }
    whole(response)
}

async fn read(stream: &InputStream, body: &mut Vec<u8>) -> Result<(), NoAnswer> {
    loop {
        AsyncPollable::new(stream.subscribe()).wait_for().await;
        match stream.read(64 << 10) {
            Ok(bytes) => body.extend(bytes),
            Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => return Err(NoAnswer::unknown(error.to_debug_string())),
        }
        if body.len() > LONGEST_BODY {
            return Err(NoAnswer::too_long());
        }
    }
}

/// Only where no connection came about, nothing can have been applied. Codes that a later moment may have as well count
/// as unknown.
fn failed(code: &ErrorCode) -> NoAnswer {
    let sent = match code {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::TlsCertificateError
        | ErrorCode::HttpRequestDenied
        | ErrorCode::HttpRequestUriInvalid => Sent::No,
        _ => Sent::Unknown,
    };
    NoAnswer { sent, what: format!("{code:?}") }
}
