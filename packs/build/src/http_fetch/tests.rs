//! A server with a certificate of its own, on a loopback address that only these tests may reach.

use super::*;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::Mutex,
    thread,
};

/// What a path is answered with; the connection ends after it.
type Answers = fn(&str) -> Vec<u8>;

/// The public addresses, and that of these servers.
fn or_here(address: &IpAddr) -> bool {
    is_public(address) || *address == IpAddr::from([127, 77, 0, 1])
}

/// The server; requests as they came.
struct Server {
    address: SocketAddr,
    certificate: Certificate<'static>,
    asked: Arc<Mutex<Vec<String>>>,
}

fn serve(answers: Answers) -> Server {
    let names = vec!["a.example".to_owned(), "b.example".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let (config, asked) = (Arc::new(config), Arc::new(Mutex::new(Vec::new())));
    let listener = TcpListener::bind("127.77.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let certificate = Certificate::from_der(cert.der()).to_owned();
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                request.push(byte[0]);
            }
            let request = String::from_utf8(request).unwrap();
            if request.is_empty() {
                continue;
            }
            let path = request.split(' ').nth(1).unwrap().to_owned();
            seen.lock().unwrap().push(request);
            // a client that has read enough hangs up
            if stream.write_all(&answers(&path)).is_ok() {
                stream.conn.send_close_notify();
                stream.flush().ok();
            }
        }
    });
    Server { address, certificate, asked }
}

impl Server {
    /// A client for which every name is this server's, but for `inside.example`.
    fn client(&self, limits: HttpLimits) -> HttpClient {
        let address = self.address;
        let lookup: Lookup = Arc::new(move |host| match host {
            "inside.example" => Ok(vec!["10.0.0.7:443".parse().unwrap()]),
            // one public address does not make the other one good
            "mixed.example" => Ok(vec!["1.1.1.1:443".parse().unwrap(), "[::1]:443".parse().unwrap()]),
            "nowhere.example" => Ok(Vec::new()),
            _ => Ok(vec![address]),
        });
        HttpClient { lookup, is_public: or_here, roots: Some(vec![self.certificate.clone()]), ..HttpClient::new(limits) }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn site(path: &str) -> Vec<u8> {
    match path {
        "/hello" => answer("200 OK", "X-Colour: \u{9b}31mred\r\n", "hello"),
        "/there" => answer("302 Found", "Location: /hello\r\n", ""),
        "/round" => answer("302 Found", "Location: round\r\n", ""),
        "/away" => answer("301 Moved", "Location: https://b.example/hello\r\n", ""),
        "/plain" => answer("302 Found", "Location: http://a.example/hello\r\n", ""),
        "/big" => answer("200 OK", "", &"x".repeat(3000)),
        "/endless" => [&b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"[..], &vec![b'x'; 1 << 20][..]].concat(),
        _ => answer("404 Not Found", "", "no"),
    }
}

fn get(client: &HttpClient, path: &str) -> Result<Reply, Failure> {
    client.get(&format!("https://a.example{path}"), None, None)
}

#[test]
fn a_page_is_fetched_and_a_redirect_on_the_same_host_followed() {
    let server = serve(site);
    let client = server.client(HttpLimits::default());
    let reply = client.get("https://a.example/hello", Some("text/plain"), None).unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, &b"hello"[..]));
    let colour = reply.headers.iter().find(|(name, _)| name == "x-colour").unwrap();
    assert!(!colour.1.contains('\u{9b}'), "text of a server cannot steer the terminal");
    assert_eq!(get(&client, "/there").unwrap().body, b"hello");
    assert_eq!(get(&client, "/nothing").unwrap().status, 404, "that is an answer");
    let asked = server.asked.lock().unwrap();
    let first = asked[0].to_lowercase();
    assert!(first.contains("accept: text/plain") && first.contains("host: a.example"), "{first}");
    assert!(!first.contains("cookie") && !first.contains("referer"), "{first}");
}

#[test]
fn a_pinned_page_has_its_digest_or_is_refused() {
    let client = serve(site).client(HttpLimits::default());
    let good = Digest::from_bytes(Sha256::digest(b"hello").into());
    assert!(client.get("https://a.example/hello", None, Some(&good)).is_ok());
    let error = client.get("https://a.example/big", None, Some(&good)).unwrap_err();
    assert!(matches!(&error, Failure::Invalid(list) if list[0].code == OTHER_DIGEST), "{error:?}");
}

#[test]
fn nothing_inside_is_reached_on_any_hop() {
    let server = serve(site);
    let client = server.client(HttpLimits::default());
    for (url, told) in
        [("https://inside.example/", "10.0.0.7"), ("https://mixed.example/", "::1"), ("https://a.example/away", "b.example")]
    {
        let Err(Failure::Denied(text)) = client.get(url, None, None) else { panic!("{url}") };
        assert!(text.contains(told), "{text}");
    }
    assert!(matches!(get(&client, "/plain"), Err(Failure::Invalid(_))));
    assert!(matches!(client.get("https://nowhere.example/", None, None), Err(Failure::NotFound(_))));
    assert_eq!(server.asked.lock().unwrap().len(), 2, "`/away` and `/plain`, and nothing after them");

    // with the look-up of this system: names and numbers of this machine
    let client = HttpClient::new(HttpLimits::default());
    for host in ["localhost", "127.0.0.1", "[::1]", "169.254.169.254", "0x7f000001", "2130706433"] {
        let result = client.get(&format!("https://{host}/"), None, None);
        assert!(matches!(result, Err(Failure::Denied(_) | Failure::NotFound(_))), "{host}: {result:?}");
    }
}

#[test]
fn sizes_and_numbers_are_bounded() {
    let server = serve(site);
    let client = server.client(HttpLimits { body: 1000, ..HttpLimits::default() });
    for path in ["/big", "/endless"] {
        assert!(matches!(get(&client, path), Err(Failure::Limit(_))), "{path}");
    }
    let client = server.client(HttpLimits { total: 12, ..HttpLimits::default() });
    get(&client, "/hello").unwrap();
    get(&client, "/hello").unwrap();
    assert!(matches!(get(&client, "/hello"), Err(Failure::Limit(_))), "2 bytes are left");
    let client = server.client(HttpLimits { requests: 5, ..HttpLimits::default() });
    let Err(Failure::Limit(text)) = get(&client, "/round") else { panic!("it went round for ever") };
    assert!(text.contains("5 requests"), "{text}");
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.77.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let lookup: Lookup = Arc::new(move |_| Ok(vec![address]));
    let limits = HttpLimits { time: Duration::from_millis(200), ..HttpLimits::default() };
    let client = HttpClient { lookup, is_public: or_here, ..HttpClient::new(limits) };
    assert!(matches!(get(&client, "/"), Err(Failure::Limit(_))));
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    let server = serve(site);
    let stranger = serve(site);
    let client = HttpClient { roots: Some(vec![stranger.certificate.clone()]), ..server.client(HttpLimits::default()) };
    assert!(matches!(get(&client, "/hello"), Err(Failure::Unavailable(_))));
    // a good certificate for another name
    let other = server.client(HttpLimits::default()).get("https://c.example/hello", None, None);
    assert!(matches!(other, Err(Failure::Unavailable(_))), "{other:?}");
    assert!(server.asked.lock().unwrap().is_empty());
}
