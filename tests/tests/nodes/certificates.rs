//! Certificates come from the authority that `nodes.toml` names: here a test server that speaks ACME.

use silver_tests::{
    nodes::{
        TestNode, Tests, lead, resolve,
        server::{HOST, Server},
    },
    wait_for,
};

pub(crate) const TESTS: Tests = &[("the_authority_of_nodes_toml_signs", the_authority_of_nodes_toml_signs)];

/// The authority on the node itself, which it trusts as it trusts any: by the machine's certificates.
const AUTHORITY: &str = r#"
cd /root
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=ca.example.org \
    -addext subjectAltName=DNS:ca.example.org -keyout ca.key -out ca.pem 2>/dev/null
cp ca.pem /usr/local/share/ca-certificates/ca.crt
update-ca-certificates >/dev/null 2>&1
echo '127.0.0.1 ca.example.org hello.example.org any.hello.example.org' >> /etc/hosts
cat > pebble.json <<end
{ "pebble": { "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000", "httpPort": 80, "tlsPort": 443,
              "certificate": "/root/ca.pem", "privateKey": "/root/ca.key" } }
end
systemd-run --quiet --unit=pebble --setenv=PEBBLE_VA_NOSLEEP=1 --setenv=PEBBLE_WFE_NONCEREJECT=0 pebble -config /root/pebble.json
"#;

fn the_authority_of_nodes_toml_signs() {
    let node = TestNode::ready("web1");
    node.sh(AUTHORITY);
    let organisation = "tls = \"acme\"\nemail = \"ops@example.org\"\nca = \"https://ca.example.org:14000/dir\"";
    let server = Server::with(node, organisation);
    let node = &server.node;
    let roots = "curl -s --cacert /root/ca.pem --resolve ca.example.org:15000:127.0.0.1 https://ca.example.org:15000/roots/0";
    let root = wait_for("the authority", || {
        let answer = node.try_sh(roots);
        Some(String::from_utf8(answer.stdout).unwrap()).filter(|text| text.contains("BEGIN CERTIFICATE"))
    });
    std::fs::write(node.disk().join("root/root.pem"), root).unwrap();

    // before any certificate is asked for, the plan says where a name leads
    let zip = server.world.hello("good");
    let text =
        format!("[pack]\nid = \"org.silver.hello\"\n[[deploy]]\nnode = \"web1\"\nlocations = [\"{HOST}\", \"*.{HOST}\"]\n");
    let mine = format!("--customize={}", server.world.write("mine/customize.toml", &text).parent().unwrap().display());
    let update = ["update", zip.to_str().unwrap(), &mine];
    lead(HOST, [192, 0, 2, 1]);
    let plan = server.silver(update.iter().chain(&["--dry-run"])).ok();
    assert!(plan.stderr().contains("hello.example.org leads to 192.0.2.1"), "{}", plan.stderr());
    assert!(plan.stderr().contains("any-name.hello.example.org leads nowhere"), "{}", plan.stderr());
    resolve(HOST, node);
    let plan = server.silver(update.iter().chain(&["--dry-run"])).ok();
    assert!(!plan.stderr().contains(" hello.example.org leads"), "{}", plan.stderr());

    server.silver(update.iter().chain(&["--yes"])).ok();
    // names that stand for many have theirs when they are first asked for
    for host in [HOST, "any.hello.example.org"] {
        let page = wait_for("a certificate", || {
            let answer = node.try_sh(&format!("curl -s --cacert /root/root.pem https://{host}/health"));
            answer.status.success().then(|| String::from_utf8(answer.stdout).unwrap())
        });
        assert_eq!(page, "healthy", "{host}");
    }
    let issuer = node.sh(&format!("curl -sv --cacert /root/root.pem https://{HOST}/health 2>&1 | grep issuer"));
    assert!(issuer.contains("Pebble Intermediate CA"), "{issuer}");
    let moved = server.http().get(HOST, "/health").unwrap();
    assert_eq!((moved.status, moved.header("location")), (308, "https://hello.example.org/health"));
}
