//! What it takes to reach the API: the token, certificates and proxies, as they were given.

use std::ffi::OsString;
use std::path::Path;

use leader_elector_core::gist;

use crate::args::ApiArgs;
use crate::config::Mistakes;
use crate::place;
use crate::proxies::Proxies;
use crate::world::{Access, CaFile};

/// How the API is reached, and what reaches it. What cannot be used is left out, so that the rest is checked as well.
pub(crate) fn access<T>(
    args: &ApiArgs,
    token_needed: bool,
    connect: impl FnOnce(&Access) -> Result<T, String>,
    mistakes: &mut Mistakes,
) -> (Access, Option<T>) {
    let token = match &args.token_file {
        Some(path) => mistakes.take(token_from(path)),
        None => token_in(|name| std::env::var_os(name)),
    };
    if token_needed && token.is_none() && args.token_file.is_none() {
        mistakes.0.push(
            "token is not given: allowed is a token with the scope `gist`, in GITHUB_API_TOKEN, LEADER_ELECTION_GITHUB_API_TOKEN or --token-file"
                .to_owned(),
        );
    }
    let ca_file = args.ca_file.as_ref().and_then(|path| {
        let pem = place::read(path).map_err(|error| format!("ca file is `{}`: {error}", path.display()));
        Some(CaFile { path: path.clone(), pem: mistakes.take(pem)? })
    });
    let proxies = if cfg!(target_os = "wasi") { Ok(Proxies::default()) } else { Proxies::from_environment() };
    let proxies = proxies.map_err(|more| mistakes.0.extend(more)).unwrap_or_default();
    let access = Access { token: token.map(Into::into), token_file: args.token_file.clone(), ca_file, proxies };
    let transport = mistakes.take(connect(&access));
    (access, transport)
}

/// The token in the environment: the first that is not empty.
fn token_in(variable: impl Fn(&str) -> Option<OsString>) -> Option<String> {
    ["GITHUB_API_TOKEN", "LEADER_ELECTION_GITHUB_API_TOKEN"].iter().find_map(|name| {
        let token = variable(name)?.to_string_lossy().trim().to_owned();
        (!token.is_empty()).then_some(token)
    })
}

/// The token in a file: its content without the white space around it.
///
/// # Errors
/// Names the file and what is allowed.
pub fn token_from(path: &Path) -> Result<String, String> {
    let shown = gist::harmless(&path.to_string_lossy());
    let text = place::read(path).map_err(|error| format!("token file is `{shown}`: {error}"))?;
    let token = str::from_utf8(&text).unwrap_or_default().trim();
    if gist::is_token(token) {
        Ok(token.to_owned())
    } else {
        Err(format!(
            "token file is `{shown}`: allowed is one token of visible ASCII characters (its content is not shown)"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_token_hides_no_other() {
        let token = |first: &str, second: &str| {
            token_in(|name| Some(if name == "GITHUB_API_TOKEN" { first } else { second }.into()))
        };
        assert_eq!(token("", "s3cret").as_deref(), Some("s3cret"));
        assert_eq!(token(" \n", " s3cret\n").as_deref(), Some("s3cret"));
        assert_eq!(token("first", "s3cret").as_deref(), Some("first"));
        assert_eq!(token("", ""), None);
    }
}
