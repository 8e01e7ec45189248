//! What lies between a candidate and its store in the networks of companies: a forward proxy, an authority of their own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::process::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::stage::{Candidate, Server, leader_elector};
use super::{SOON, STARTED};

/// Serves every connection to a free port of this machine until the test's process ends.
fn serve<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let (told, address) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            told.send(listener.local_addr().expect("an address")).expect("the test waits");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(handle(stream));
            }
        });
    });
    address.recv().expect("it listens")
}

/// A forward proxy that notes the head of each connection's first request.
struct Proxy {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn start() -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heads);
        Self { address: serve(move |stream| proxy(stream, Arc::clone(&noted))), heads }
    }

    fn heads(&self) -> Vec<String> {
        std::mem::take(&mut *self.heads.lock().expect("no panic"))
    }
}

async fn proxy(mut client: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = client.read_u8().await else { return };
        head.push(byte);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let target = text.split(' ').nth(1).unwrap_or_default();
    let host = target.trim_start_matches("http://").split('/').next().unwrap_or_default();
    let server = TcpStream::connect(host).await;
    heads.lock().expect("no panic").push(text.clone());
    let Ok(mut server) = server else { return };
    // Either end may have gone.
    if text.starts_with("CONNECT ") {
        _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
    } else {
        _ = server.write_all(&head).await;
    }
    _ = copy_bidirectional(&mut client, &mut server).await;
}

/// A SOCKS5 proxy, and each connection that it was asked for: by whom, and to where.
fn socks() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let address = serve(move |client| {
        let noted = Arc::clone(&noted);
        async move {
            // A client that hangs up early is no connection.
            _ = connect(client, &noted).await;
        }
    });
    (address, asked)
}

/// RFC 1928 and 1929: a greeting, a password if one is offered, then CONNECT to a port of this machine.
async fn connect(mut client: TcpStream, asked: &Mutex<Vec<String>>) -> std::io::Result<()> {
    assert_eq!(client.read_u8().await?, 5, "SOCKS5");
    let methods = counted(&mut client).await?;
    let by = if methods.contains(&2) {
        client.write_all(&[5, 2]).await?;
        assert_eq!(client.read_u8().await?, 1, "the password's own version");
        let (user, password) = (counted(&mut client).await?, counted(&mut client).await?);
        client.write_all(&[1, 0]).await?;
        format!("{}:{}@", String::from_utf8_lossy(&user), String::from_utf8_lossy(&password))
    } else {
        client.write_all(&[5, 0]).await?;
        String::new()
    };
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    assert_eq!(request[..3], [5, 1, 0], "CONNECT");
    let host = match request[3] {
        1 => std::net::Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => String::from_utf8_lossy(&counted(&mut client).await?).into_owned(),
        kind => panic!("an address of kind {kind}"),
    };
    let port = client.read_u16().await?;
    asked.lock().expect("no panic").push(format!("{by}{host}"));
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    copy_bidirectional(&mut client, &mut server).await.map(|_| ())
}

/// Bytes behind their number.
async fn counted(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A `gist-server` behind TLS, and an authority that nobody knows.
struct Secure {
    url: String,
    server: Server,
    /// The certificate of the authority, in PEM.
    authority: PathBuf,
    /// That of another one, of the same name.
    stranger: PathBuf,
}

impl Secure {
    /// With a certificate for `host`.
    fn start(host: &str) -> Self {
        let server = Server::start();
        let [authority, stranger] = [authority(), authority()];
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new([host.to_owned()]).and_then(|leaf| leaf.signed_by(&key, &authority));
        let leaf = leaf.expect("a certificate").der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![leaf], key).expect("a pair");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let behind = server.url.trim_start_matches("http://").to_owned();
        let address = serve(move |stream| {
            let (acceptor, behind) = (acceptor.clone(), behind.clone());
            async move {
                // A client that does not trust us goes away.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut server = TcpStream::connect(behind).await.expect("it listens");
                _ = copy_bidirectional(&mut stream, &mut server).await;
            }
        });
        let write = |name: &str, of: &CertifiedIssuer<'_, KeyPair>| {
            let path = std::env::temp_dir().join(format!("leader-elector-{name}-{}.pem", address.port()));
            std::fs::write(&path, of.pem()).expect("written");
            path
        };
        let (authority, stranger) = (write("authority", &authority), write("stranger", &stranger));
        Self { url: format!("https://localhost:{}", address.port()), server, authority, stranger }
    }

    /// `status`, with these variables beside: its exit code, and what it said.
    fn status(&self, env: &[(&str, &str)]) -> (Option<i32>, String) {
        let all = [&[("GIST_ID", &*self.server.gist), ("GITHUB_API_URL", &*self.url)], env].concat();
        let output = leader_elector(&["status"], &all);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn authority(&self) -> &str {
        self.authority.to_str().expect("text")
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        for path in [&self.authority, &self.stranger] {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority")
}

/// Nobody leads, and the store said so.
const FREE: Option<i32> = Some(1);
/// The store cannot be asked.
const UNKNOWN: Option<i32> = Some(3);

#[test]
fn proxies_come_from_the_variables_that_curl_reads() {
    let server = Server::start();
    let proxy = Proxy::start();
    let address = format!("http://user:word@{}", proxy.address);
    let direct = |env: &[(&str, &str)]| {
        let all = [&[("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*server.url)], env].concat();
        let output = leader_elector(&["status"], &all);
        assert_eq!(output.status.code(), FREE, "{env:?}: {output:?}");
        proxy.heads()
    };
    let everywhere = ("NO_PROXY", "");
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        let heads = direct(&[(name, &address), everywhere]);
        assert_eq!(heads.len(), 1, "{name}: one connection is kept: {heads:?}");
        assert!(heads[0].starts_with(&format!("GET {}/gists/{}", server.url, server.gist)), "{name}: {heads:?}");
        // user:word
        assert!(heads[0].to_ascii_lowercase().contains("proxy-authorization: basic dxnlcjp3b3jk"), "{name}: {heads:?}");
    }
    for (name, no) in [
        ("HTTPS_PROXY", everywhere),
        ("HTTP_PROXY", ("NO_PROXY", "example.com,127.0.0.0/8")),
        ("ALL_PROXY", ("NO_PROXY", "*")),
        ("ALL_PROXY", ("NO_PROXY", "127.0.0.1")),
    ] {
        assert_eq!(direct(&[(name, &address), no]), Vec::<String>::new(), "{name} {no:?}");
    }
}

#[test]
fn a_name_is_spared_its_proxy_with_all_below_it_and_no_other() {
    let proxy = Proxy::start();
    let address = format!("http://{}", proxy.address);
    for (no, is_spared) in [
        ("corp.invalid", true),
        (".corp.invalid, elsewhere.invalid", true),
        ("API.corp.invalid", true),
        ("orp.invalid", false),
        ("api.corp", false),
        ("10.0.0.0/8", false),
    ] {
        let env = [
            ("GIST_ID", "abc"),
            ("GITHUB_API_URL", "http://api.corp.invalid"),
            ("LEADER_ELECTION_ALLOW_HTTP", "true"),
            ("http_proxy", &*address),
            ("NO_PROXY", no),
        ];
        let output = leader_elector(&["status"], &env);
        assert_eq!(output.status.code(), UNKNOWN, "nothing is there: {output:?}");
        assert_eq!(proxy.heads().is_empty(), is_spared, "{no}");
    }
}

#[test]
fn socks_is_a_proxy_as_any_other() {
    let server = Server::start();
    let url = server.url.replace("127.0.0.1", "localhost");
    let (proxy, asked) = socks();
    // With an h the proxy looks up the name.
    for (scheme, user, to) in
        [("socks5", "", "127.0.0.1"), ("socks5h", "", "localhost"), ("socks5h", "ann:p%40ss@", "ann:p@ss@localhost")]
    {
        for name in ["http_proxy", "ALL_PROXY"] {
            let address = format!("{scheme}://{user}{proxy}");
            let env = [("GIST_ID", &*server.gist), ("GITHUB_API_URL", &*url), ("NO_PROXY", ""), (name, &*address)];
            let output = leader_elector(&["status"], &env);
            assert_eq!(output.status.code(), FREE, "{address}: {output:?}");
            assert_eq!(std::mem::take(&mut *asked.lock().expect("no panic")), [to], "{name}={address}");
        }
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_a_mistake_in_every_call_beside_all_others() {
    let wrong = "gopher://ann:s3cret@proxy.corp:70";
    let calls: [&[&str]; 7] =
        [&["run"], &["status"], &["history"], &["reset"], &["init"], &["doctor"], &["doctor", "--scratch"]];
    for call in calls {
        for name in ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            let output = leader_elector(call, &[(name, wrong), ("GITHUB_API_URL", "ftp://api.test")]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{call:?}: {said}");
            let named = format!("error: {name} is `gopher://…@proxy.corp:70`: allowed is ");
            assert_eq!(said.matches(&named).count(), 1, "{call:?}: {said}");
            assert!(said.contains("error: api url is `ftp://api.test`"), "{call:?}, at once: {said}");
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}

#[test]
fn an_authority_of_ones_own_behind_a_proxy_leads_as_any_other() {
    let secure = Secure::start("localhost");
    let proxy = Proxy::start();
    let address = format!("http://{}", proxy.address);
    let env = [("HTTPS_PROXY", &*address), ("NO_PROXY", ""), ("LEADER_ELECTION_CA_FILE", secure.authority())];
    let mut napoleon = Candidate::start_with(&secure.url, &secure.server.gist, "napoleon", &["--write", "patch"], &env);
    napoleon.wait_for(STARTED, SOON);
    napoleon.signal(Signal::TERM);
    assert_eq!(napoleon.wait(), Some(0));
    let heads = proxy.heads();
    assert!(!heads.is_empty() && heads.iter().all(|head| head.starts_with("CONNECT localhost:")), "{heads:?}");
    assert!(!heads.concat().contains("secret-of-"), "the token is not for the proxy: {heads:?}");
}

#[test]
fn the_right_authority_is_trusted_and_no_other() {
    let secure = Secure::start("localhost");
    let stranger = secure.stranger.to_str().expect("text");
    for name in ["LEADER_ELECTION_CA_FILE", "SSL_CERT_FILE"] {
        let (code, said) = secure.status(&[(name, secure.authority()), ("NO_PROXY", "localhost")]);
        assert_eq!(code, FREE, "{name}: {said}");
    }
    for env in [&[][..], &[("LEADER_ELECTION_CA_FILE", stranger)], &[("SSL_CERT_FILE", stranger)]] {
        let (code, said) = secure.status(env);
        assert_eq!(code, UNKNOWN, "{env:?}: {said}");
        assert!(said.contains("certificate") && said.contains("--ca-file"), "{env:?}: {said}");
    }
    let other = Secure::start("elsewhere.example");
    let (code, said) = other.status(&[("LEADER_ELECTION_CA_FILE", other.authority())]);
    assert_eq!(code, UNKNOWN, "{said}");
    assert!(said.contains("elsewhere.example"), "{said}");
}

#[test]
fn a_file_that_holds_no_certificate_is_a_mistake_in_the_call() {
    let secure = Secure::start("localhost");
    for text in ["", "no certificate at all\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&secure.stranger, text).expect("written");
        let path = secure.stranger.to_str().expect("text");
        let (code, said) = secure.status(&[("LEADER_ELECTION_CA_FILE", path)]);
        assert_eq!(code, Some(2), "{text}: {said}");
        assert!(said.contains(path), "{text}: {said}");
    }
    let (code, said) = secure.status(&[("LEADER_ELECTION_CA_FILE", "/nowhere.pem")]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("/nowhere.pem"), "{said}");
}
