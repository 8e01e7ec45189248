//! The proxies of the environment, as curl reads them: what counts, and what may stand in it.

use std::ffi::OsString;

use http::uri::Authority;
use leader_elector_core::gist::harmless;

/// For each kind of address the variables that name its proxy; the first that is not empty counts. curl knows no
/// `HTTP_PROXY`, for fear of CGI, where a visitor sets it; nearly all other programs do.
const HTTPS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const HTTP: [&str; 4] = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
/// What is reached without one: names with all below them, addresses, networks (10.0.0.0/8), or `*`: everything.
const NO: [&str; 2] = ["no_proxy", "NO_PROXY"];

/// Every variable that names a proxy.
pub(crate) const VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

const SCHEMES: [&str; 6] = ["http", "https", "socks5", "socks5h", "socks4", "socks4a"];

/// Which way requests go. The addresses may hold a password, so nothing here is shown.
#[derive(Clone, Default)]
pub struct Proxies {
    /// For https.
    pub https: Option<String>,
    /// For plain http.
    pub http: Option<String>,
    /// What is reached without them.
    pub none_for: String,
}

impl Proxies {
    /// Those of this process.
    ///
    /// # Errors
    /// A mistake for each variable that counts and cannot be used: to pass over it would be to go around a proxy that
    /// somebody relies on.
    pub fn from_environment() -> Result<Self, Vec<String>> {
        Self::read(|name| std::env::var_os(name))
    }

    fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Vec<String>> {
        let first = |names: &[&'static str]| {
            names.iter().find_map(|name| Some((*name, variable(name).filter(|value| !value.is_empty())?)))
        };
        let none_for = first(&NO).map(|(_, value)| value.to_string_lossy().into_owned()).unwrap_or_default();
        if none_for.trim() == "*" {
            return Ok(Self::default());
        }
        let mut mistakes = Vec::new();
        let mut proxy = |names| {
            let (name, value) = first(names)?;
            usable(name, value).map_err(|mistake| mistakes.push(mistake)).ok()
        };
        let (https, http) = (proxy(&HTTPS), proxy(&HTTP));
        // One variable may count for both.
        mistakes.dedup();
        if mistakes.is_empty() { Ok(Self { https, http, none_for }) } else { Err(mistakes) }
    }
}

/// A proxy's address with its scheme.
fn usable(name: &str, value: OsString) -> Result<String, String> {
    let wrong = |shown: &str| {
        format!(
            "{name} is `{}`: allowed is [SCHEME://][USER:PASSWORD@]HOST[:PORT], SCHEME one of {}; what is no letter or digit in a password as %XX",
            harmless(shown),
            SCHEMES.join(", ")
        )
    };
    let value = value.into_string().map_err(|value| wrong(&value.to_string_lossy()))?;
    let (scheme, rest) = value.trim().split_once("://").unwrap_or(("http", value.trim()));
    let scheme = scheme.to_ascii_lowercase();
    // What curl takes it for, and some desktops write.
    let scheme = if scheme == "socks" { "socks4" } else { &scheme };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, address) = rest.rsplit_once('@').unwrap_or(("", rest));
    // In a URL these would end the host.
    let fits = SCHEMES.contains(&scheme) && !user.contains(['/', '?', '#', '\\']) && is_address(address);
    if fits { Ok(format!("{scheme}://{rest}")) } else { Err(wrong(&value)) }
}

/// HOST[:PORT], nothing before and nothing after.
fn is_address(given: &str) -> bool {
    let Ok(address) = given.parse::<Authority>() else { return false };
    let host = address.host();
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_ip = |host: &str| host.parse::<std::net::Ipv6Addr>().is_ok();
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(ip) => is_ip(ip),
        None => !host.is_empty() && host.bytes().all(is_name),
    };
    let port = address.port_u16().filter(|port| *port != 0).map_or(String::new(), |port| format!(":{port}"));
    is_host && given == format!("{host}{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Proxies, Vec<String>> {
        Proxies::read(|name| set.iter().find(|(given, _)| *given == name).map(|(_, value)| value.into()))
    }

    fn mistakes(set: &[(&str, &str)]) -> Vec<String> {
        read(set).err().unwrap_or_default()
    }

    #[test]
    fn the_first_that_is_not_empty_counts() {
        let all = |value: &str| Some(format!("http://{value}"));
        let proxies = read(&[("ALL_PROXY", "all"), ("https_proxy", ""), ("HTTPS_PROXY", "secure")]).expect("fits");
        assert_eq!((proxies.https, proxies.http), (all("secure"), all("all")));
        let proxies = read(&[("HTTPS_PROXY", "great"), ("https_proxy", "small"), ("no_proxy", "a"), ("NO_PROXY", "b")]);
        let proxies = proxies.expect("fits");
        assert_eq!((proxies.https, proxies.http, &*proxies.none_for), (all("small"), None, "a"));
    }

    #[test]
    fn where_none_is_wanted_none_is_looked_at() {
        let proxies = read(&[("ALL_PROXY", "gopher://proxy"), ("no_proxy", ""), ("NO_PROXY", " * ")]).expect("fits");
        assert_eq!((proxies.https, proxies.http), (None, None));
    }

    #[test]
    fn every_way_to_write_a_proxy_is_taken() {
        for (given, taken) in [
            ("proxy.corp:3128", "http://proxy.corp:3128"),
            ("HTTP://proxy.corp/", "http://proxy.corp"),
            ("https://ann:p%40ss@proxy.corp:8443", "https://ann:p%40ss@proxy.corp:8443"),
            ("ann:p@ss@proxy.corp", "http://ann:p@ss@proxy.corp"),
            ("socks5h://[::1]:1080", "socks5h://[::1]:1080"),
            ("socks4a://10.0.0.1", "socks4a://10.0.0.1"),
            ("socks://localhost:1080/", "socks4://localhost:1080"),
        ] {
            let proxies = read(&[("ALL_PROXY", given)]).unwrap_or_else(|mistakes| panic!("{given}: {mistakes:?}"));
            assert_eq!(proxies.https.as_deref(), Some(taken));
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_without_its_password() {
        for given in [
            "ftp://ann:s3cret@proxy.corp:21",
            "http://ann:s3cret@",
            "http://ann:s3cret@proxy.corp:99999",
            "http://ann:s3cret@proxy.corp:0",
            "http://ann:s3cret@proxy.corp:",
            "http://ann:s3cret@proxy.corp/pac",
            "http://ann:s3cret/s3cret@proxy.corp",
            "http://ann:s3cret?s3cret@proxy.corp",
            "http://ann:s3cret@proxy corp",
            "http://ann:s3cret@proxy!corp",
            "http://ann:s3cret@[::g]:1",
            "://ann:s3cret@proxy.corp",
        ] {
            let said = mistakes(&[("ALL_PROXY", given)]);
            assert!(said.len() == 1 && said[0].starts_with("ALL_PROXY is `"), "{given}: {said:?}");
            assert!(said[0].contains("socks5h") && !said[0].contains("s3cret"), "{given}: {said:?}");
        }
        let said = mistakes(&[("https_proxy", "http://:1"), ("HTTP_PROXY", "x://y"), ("ALL_PROXY", "z://")]);
        assert!(said.len() == 2 && said[0].starts_with("https_proxy") && said[1].starts_with("HTTP_PROXY"), "{said:?}");
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_text_is_a_mistake_as_well() {
        use std::os::unix::ffi::OsStringExt;

        let read = Proxies::read(|name| (name == "all_proxy").then(|| OsString::from_vec(b"http://\xff@proxy".into())));
        let mistakes = read.err().unwrap_or_default();
        assert!(mistakes.len() == 1 && mistakes[0].starts_with("all_proxy is `http://…@proxy`"), "{mistakes:?}");
    }
}
