use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIObFZ1aralhabmB65YzYKg19QwuGLsdrGRFHb52JZdTI";

fn read(text: &str) -> Nodes {
    Nodes::parse(text, FILE).unwrap()
}

#[test]
fn a_whole_file_is_read() {
    let nodes = read(&format!(
        "[nodes.web1]\naddress = \"deploy@203.0.113.7:2222\"\nhost-key = \"{KEY}\"\nlog-key = \"k\"\nprovider = \"lab\"\n\
         settings = {{ swap = 512 }}\n\
         [nodes.web2]\naddress = \"web2\"\n[groups.web]\nnodes = [\"web1\", \"web2\"]\n\
         [operators.ann]\nssh-keys = [\"{KEY} ann@home\"]\n[organisation]\nmail = \"ops@example.org\"\nswap = 1024\n\
         [providers.lab]\nkind = \"nspawn\"\nimage = \"debian-12\"\n"
    ));
    let web1 = &nodes.nodes["web1"];
    assert_eq!(web1.address, Address { user: Some("deploy".into()), host: "203.0.113.7".into(), port: Some(2222) });
    assert_eq!(web1.host_key.as_ref().unwrap().bare(), KEY);
    assert_eq!(nodes.operators["ann"].ssh_keys[0].comment, "ann@home");
    assert_eq!(nodes.providers["lab"].settings["image"], "debian-12");
    assert_eq!(nodes.settings("web1")["swap"], "512");
    assert_eq!(nodes.settings("web2")["swap"], "1024");
    assert_eq!(nodes.settings("web2")["mail"], "ops@example.org");
}

#[test]
fn names_and_groups_become_nodes_each_once() {
    let nodes = read("[nodes.a]\naddress = \"a\"\n[nodes.b]\naddress = \"b\"\n[groups.all]\nnodes = [\"b\", \"a\"]\n");
    let select = |text: &str| nodes.select(&text.split(',').map(str::to_owned).collect::<Vec<_>>());
    assert_eq!(select("all").unwrap(), ["b", "a"]);
    assert_eq!(select("a,all,local").unwrap(), ["a", "b", "local"]);
    let unknown = select("al").unwrap_err();
    assert_eq!((unknown.to_string(), unknown.hint()), ("there is no node or group `al`".into(), "did you mean `a`?".into()));
    let none = Nodes::default().select(&["web1".into()]).unwrap_err();
    assert!(none.hint().contains("silver add-node web1"));
}

#[test]
fn what_makes_no_sense_is_named_with_its_line() {
    for (text, expected) in [
        ("[nodes.local]\naddress = \"a\"\n", "`local` is always this machine"),
        ("[groups.g]\nnodes = [\"a\"]\n", "there is no node `a`"),
        ("[groups.g]\nnodes = []\n", "at least one node"),
        ("[nodes.a]\naddress = \"a\"\n[groups.a]\nnodes = [\"a\"]\n", "a node has this name already"),
        ("[nodes.a]\naddress = \"a\"\n[groups.g]\nnodes = [\"a\", \"a\"]\n", "is there twice"),
        ("[nodes.a]\naddress = \"a\"\nprovider = \"p\"\n", "there is no provider `p`"),
        ("[nodes.a]\naddress = \"a\"\nhostkey = \"x\"\n", "unknown field"),
        ("[nodes.a]\nhost-key = \"x y\"\naddress = \"a\"\n", "not base64"),
        ("[nodes.A]\naddress = \"a\"\n", "not a name"),
        ("[organisation]\nlist = [1]\n", "has to be a text"),
    ] {
        let error = Nodes::parse(text, FILE).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn addresses_are_taken_apart_and_no_option_of_ssh_gets_through() {
    for (text, user, host, port) in [
        ("web1", None, "web1", None),
        ("root@web1.example.org", Some("root"), "web1.example.org", None),
        ("deploy@203.0.113.7:2222", Some("deploy"), "203.0.113.7", Some(2222)),
        ("root@2001:db8::7", Some("root"), "2001:db8::7", None),
        ("root@[2001:db8::7]:22", Some("root"), "2001:db8::7", Some(22)),
    ] {
        let address: Address = text.parse().unwrap();
        assert_eq!((address.user.as_deref(), address.host.as_str(), address.port), (user, host, port), "{text}");
        assert_eq!(address.to_string().parse::<Address>().unwrap(), address);
    }
    for wrong in [
        "",
        "@",
        "a@",
        "@a",
        "-oProxyCommand=x",
        "a@-oProxyCommand=x",
        "-l@a",
        "a b",
        "a@b c",
        "a:0",
        "a:x",
        "a:65536",
        "[::1",
        "[::1]x",
        "ssh://a",
        "a/b",
        "a\n",
        "$(x)@a",
        "a;b",
    ] {
        assert!(wrong.parse::<Address>().is_err(), "{wrong}");
    }
}

#[test]
fn keys_are_what_they_say_and_have_the_fingerprint_that_ssh_shows() {
    let key: PublicKey = format!("{KEY} ann@home office").parse().unwrap();
    assert_eq!((key.kind(), key.bare().as_str(), key.comment.as_str()), ("ssh-ed25519", KEY, "ann@home office"));
    assert_eq!(key.fingerprint(), "SHA256:4KKfwgK7aWCAtXFqIqYmyzxWLvdEaWHY9/LcEW1d5Rc");
    let rest = KEY.split_once(' ').unwrap().1;
    for wrong in ["ssh-ed25519".into(), format!("ssh-rsa {rest}"), "ssh-ed25519 AAAA".into(), format!("{KEY} a\nb")] {
        assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
    }
}

#[test]
fn edits_keep_what_people_wrote() {
    let text = "# ours\n[nodes.web1] # the old one\naddress = \"root@a\" # moved\n\n[groups.web]\nnodes = [\"web1\"]\n";
    let name: Name = "web2".parse().unwrap();
    let mut entry = NodeEntry::at("root@b:23".parse().unwrap());
    entry.host_key = Some(format!("{KEY} comment").parse().unwrap());
    let added = add_node(text, &name, &entry).unwrap();
    assert!(added.starts_with("# ours\n[nodes.web1] # the old one\naddress = \"root@a\" # moved\n"), "{added}");
    assert_eq!(read(&added).nodes["web2"].address, entry.address);
    assert_eq!(add_node(&added, &name, &entry).unwrap_err(), EditError::Exists("web2".into()));
    assert!(add_node(text, &"web".parse().unwrap(), &entry).is_err(), "a group has this name");

    let keyed = set_log_key(&set_host_key(&added, "web1", &KEY.parse().unwrap()).unwrap(), "web1", "v1").unwrap();
    let web1 = &read(&keyed).nodes["web1"];
    assert_eq!((web1.host_key.as_ref().unwrap().bare(), web1.log_key.as_deref()), (KEY.to_owned(), Some("v1")));
    assert!(set_host_key(&keyed, "web1", &KEY.parse().unwrap()).unwrap() == keyed);
    assert!(set_log_key(text, "web9", "v1").is_err());

    let removed = remove_node(&keyed, "web1").unwrap();
    assert!(read(&removed).groups.is_empty() && read(&removed).nodes.len() == 1, "{removed}");
    let empty = add_node("", &name, &entry).unwrap();
    assert!(empty.starts_with("[nodes.web2]\naddress = \"root@b:23\"\nhost-key = "), "{empty}");
}
