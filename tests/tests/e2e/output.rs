//! What people read, whole: a change of it is looked at.

use silver_tests::{Ran, World, world::filters};

/// Compares with the inline snapshot that follows; what differs from run to run has a name.
macro_rules! reads {
    ($ran:expr, @$text:literal) => {
        insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(Ran::snapshot(&$ran), @$text) })
    };
}

#[test]
fn help() {
    reads!(World::new().silver(["--help"]), @r#"
    exit 0
    --- stdout
    Deploys ready-made applications with your customizations, and proves what runs where

    Usage: silver [OPTIONS] <COMMAND>

    Commands:
      pack  Make a pack of a directory with a pack.toml, or of a zip
      inspect  Show what a pack is: manifest, files, plugins and what they ask for, bill of
                    materials, provenance
      update  Deploy a pack, or bring an application to another version, customization or setting
      plan  Show what `silver update` would do, and write it to a file for `silver apply`
      apply  Carry out what `silver plan -o FILE` planned: exactly that, or nothing
      diff  Compare a pack or a directory with what really lies on the node, line by line
      status  Show the applications: which release, does it answer, was anything altered
      releases  List the releases of an application that are on the node, oldest first
      rollback  Go back to the release before: code and customization always, data only after a
                    breaking migration
      disable  Answer 503 at an application's locations and stop its processes
      enable  Undo `disable`
      deactivate  Remove an application's routes and stop its processes; release and data stay
      activate  Undo `deactivate`
      merge  Lay a customization over a pack and show or write the merged tree, without deploying
                    it
      explain  Tell where a file of an application comes from, by which rule, and what it replaced
      manage-app  Run a command of the pack on a customization: install the application's own plugins,
                    say
      plugin  Write plugins; what the plugins of a pack ask for, and what of it they may do
      customize  Bring a customization up to date with a new version of its pack, and lock its app
                    plugins
      keys  Keys that packs are signed with, and whose packs are trusted
      logs  Show what an application's processes said, and who visited it
      env  Show the environment of an application's processes, secrets masked
      run  Run a program in an application's environment
      shell  Open the application's shell, or a plain one in its environment
      serve  Deploy a directory here for development, show its logs, and deploy it again whenever
                    a file changes
      doctor  Look for what is not as it was deployed: files of releases, and the set-up of a
                    server
      registry  What was deployed: the log, its files, and the proof that nothing was altered
      add-node  Note a server in nodes.toml: where it is, and the key that its host has
      setup-node  Prepare a server for applications: packages, users, directories, units, the front,
                    the firewall
      list-nodes  List the servers of nodes.toml: can they be reached, which silver is there, how much
                    room
      create-node  Create a node and note it in nodes.toml
      destroy-node  Destroy a node that `create-node` has created, with everything on it
      list-images  List what nodes can be made of
      local  The background agent of this machine's node: status and stop
      completions  Print a script that completes silver's commands in a shell
      help  Print this message or the help of the given subcommand(s)

    Options:
          --json  Report as JSON: lists are arrays of flat objects
      -y, --yes  Answer yes to every question
          --node <NAME>  The node, or several of them and groups: `NAME[,NAME]…`; default: `local`,
                          this machine
      -q, --quiet  Say less: no progress
          --color <WHEN>  Colours [default: auto] [possible values: auto, always, never]
      -h, --help  Print help
      -V, --version  Print version

    Exit codes:
      0  done, or nothing to do
      1  error
      2  usage: the command line or an input file is wrong
      3  differences found (diff, doctor, plan --exit-code)
      4  the update failed and was reverted
      5  reverting failed too: needs a person
      6  node unreachable
      7  locked by another command
      8  integrity: registry, digest, signature or tree head
      130  interrupted
    "#);
}

#[test]
fn inspect() {
    let world = World::new();
    world.hello("good");
    reads!(world.silver(["inspect", "hello-good.zip"]), @r#"
    exit 0
    --- stdout
    name: hello
    version: 1.0.0
    app_version: 1.0.0
    id: org.silver.hello
    summary: A counter in SQLite: the smallest pack that does everything
    license: Apache-2.0 OR MIT
    homepage: -
    runtime: python
    runtime_version: >=3.9
    platform: -
    silver: -
    processes: web
    services: data
    secrets: token
    state: conf/site.ini, db, log
    digest: sha256:[DIGEST]
    archive: sha256:[DIGEST]
    size: [SIZE]
    unpacked: [SIZE]
    files: 7
    signature: unsigned
    key_id: -
    rotated_from: -
    known_to: -
    known_by_former_key: -

    SETTINGS
    NAME  TYPE  DEFAULT  PROMPT
    greeting  text  Hello  How visitors are greeted
    title  text  A counter  Shown as the page's title; an administrator may change it in conf/site.ini as well

    SLOTS
    NAME  FROM  INTO  MODE  SUMMARY
    templates  templates/**  instance:templates  override  the page, as a Python string.Template: templates/index.html
    notes  notes/**  instance:notes  add  text files, shown below /notes/

    PLUGINS

    FILES (7)
    f [SIZE] [SHORT] README.md
    f [SIZE] [SHORT] app.py
    f [SIZE] [SHORT] edition.json
    f [SIZE] [SHORT] instance/conf/hello.ini
    f [SIZE] [SHORT] instance/conf/site.ini
    f [SIZE] [SHORT] instance/templates/index.html
    f [SIZE] [SHORT] pack.toml

    BILL OF MATERIALS

    PROVENANCE
    made by silver 0.1.0
    source: not under version control
    --- stderr
    no plugins: customizations go by the slots
    "#);
}

#[test]
fn plans() {
    let world = World::new();
    let [good, breaking] = ["good", "breaking"].map(|edition| world.hello(edition));
    reads!(world.silver(["update", good.to_str().unwrap(), "--dry-run"]), @r#"
    exit 0
    --- stdout
    hello: first deployment of hello 1.0.0 (node local)
      release  hello.[DAY]_1 (1.0.0)
      locations  hello.localhost
      files  7 files, [SIZE] bytes, all new
      settings  greeting = "Hello"
                   title = "A counter"
      new secrets  token (generated)
      to send  [SIZE] bytes
      requests  are not answered now
      on failure  everything that was made is removed again
      steps
         1 make-state  make what the application writes to, where it is missing
                                   on failure: remove data and secrets, then remove hello.[DAY]_1
         2 make-secrets  make the secrets that are missing
         3 set-keys:conf/site.ini  set our 1 key of conf/site.ini
                                   on failure: put the former keys of conf/site.ini back
         4 init  make the first data: `python3 ${SILVER_TREE_DIR}/app.py init` (at most 30 s)
         5 start-check  start hello.[DAY]_1, unseen
                                   on failure: stop hello.[DAY]_1
         6 ready-check  wait until it answers: /health answers 200 (at most 20 s)
         7 check:health page  /health answers 200 (at most 10 s)
         8 check:self test  `python3 ${SILVER_TREE_DIR}/app.py self-test` succeeds (at most 10 s)
         9 check:log is clean  log/hello.log has no `Skipping "` (at most 5 s)
        10 stop-check  stop it again
        11 start  start hello.[DAY]_1 to serve
                                   on failure: let requests of hello.[DAY]_1 end, then stop it
        12 ready  wait until it answers: /health answers 200 (at most 20 s)
        13 locations  answer at hello.localhost
                                   on failure: answer nowhere
        14 switch  hello.[DAY]_1 becomes current
                                   on failure: no release is current
        15 probe  ask through the front
        16 open  from here on nothing is reverted by itself
        17 prune  keep 3 old releases
    "#);
    world.update("good").ok();
    reads!(world.silver(["update", breaking.to_str().unwrap(), "--dry-run"]), @r#"
    exit 0
    --- stdout
    hello: 1.0.0 → 2.0.0 (node local)
      release  hello.[DAY]_1 (1.0.0) → hello.[DAY]_2 (2.0.0)
      locations  hello.localhost
      files  0 added, 2 changed, 0 removed; 7 files, [SIZE] bytes in all
                   ~ edition.json ([SIZE] → [SIZE] bytes)
                   ~ pack.toml ([SIZE] → [SIZE] bytes)
      to send  [SIZE] bytes
      requests  are held up to 30 s, then answered with 503; closed for at most 101 s and the time to copy the data
      on failure  hello.[DAY]_1 is started again; the data go back to the checkpoint; nothing was written in between
      rollback  code and customization go back, and the data to before-hello.[DAY]_2: what is written from then on would be lost
      steps
         1 close-writes  hold requests
                                   on failure: let requests through, then remove hello.[DAY]_2
         2 stop-old  stop hello.[DAY]_1
                                   on failure: start hello.[DAY]_1, then wait until hello.[DAY]_1 answers
         3 checkpoint  copy the data as before-hello.[DAY]_2
         4 make-state  make what the application writes to, where it is missing
         5 make-secrets  make the secrets that are missing
         6 set-keys:conf/site.ini  set our 1 key of conf/site.ini
                                   on failure: put the former keys of conf/site.ini back
         7 migrate  bring the data up to the new code: `python3 ${SILVER_TREE_DIR}/app.py migrate` (at most 30 s)
                                   on failure: restore before-hello.[DAY]_2
         8 start-check  start hello.[DAY]_2, unseen
                                   on failure: stop hello.[DAY]_2
         9 ready-check  wait until it answers: /health answers 200 (at most 20 s)
        10 check:health page  /health answers 200 (at most 10 s)
        11 check:self test  `python3 ${SILVER_TREE_DIR}/app.py self-test` succeeds (at most 10 s)
        12 check:log is clean  log/hello.log has no `Skipping "` (at most 5 s)
        13 stop-check  stop it again
        14 start  start hello.[DAY]_2 to serve
                                   on failure: stop hello.[DAY]_2
        15 ready  wait until it answers: /health answers 200 (at most 20 s)
        16 switch  hello.[DAY]_1 → hello.[DAY]_2
                                   on failure: hello.[DAY]_1 becomes current again
        17 probe  ask through the front
        18 open  from here on nothing is reverted by itself
        19 open-writes  let requests through
        20 prune  keep 3 old releases
    "#);
}

#[test]
fn what_is_deployed() {
    let world = World::new();
    world.write("mine/customize.toml", "[pack]\nid = \"org.silver.hello\"\n");
    world.write("mine/templates/index.html", "mine: $greeting\n");
    let zip = world.hello("good");
    reads!(world.silver(["update", zip.to_str().unwrap(), "--customize=mine/", "--yes", "--quiet"]), @r#"
    exit 0
    --- stdout
    hello: first deployment of hello 1.0.0 (node local)
      release  hello.[DAY]_1 (1.0.0)
      locations  hello.localhost
      files  7 files, [SIZE] bytes, all new
      settings  greeting = "Hello"
                   title = "A counter"
      new secrets  token (generated)
      to send  [SIZE] bytes
      requests  are not answered now
      on failure  everything that was made is removed again
      steps
         1 make-state  make what the application writes to, where it is missing
                                   on failure: remove data and secrets, then remove hello.[DAY]_1
         2 make-secrets  make the secrets that are missing
         3 set-keys:conf/site.ini  set our 1 key of conf/site.ini
                                   on failure: put the former keys of conf/site.ini back
         4 init  make the first data: `python3 ${SILVER_TREE_DIR}/app.py init` (at most 30 s)
         5 start-check  start hello.[DAY]_1, unseen
                                   on failure: stop hello.[DAY]_1
         6 ready-check  wait until it answers: /health answers 200 (at most 20 s)
         7 check:health page  /health answers 200 (at most 10 s)
         8 check:self test  `python3 ${SILVER_TREE_DIR}/app.py self-test` succeeds (at most 10 s)
         9 check:log is clean  log/hello.log has no `Skipping "` (at most 5 s)
        10 stop-check  stop it again
        11 start  start hello.[DAY]_1 to serve
                                   on failure: let requests of hello.[DAY]_1 end, then stop it
        12 ready  wait until it answers: /health answers 200 (at most 20 s)
        13 locations  answer at hello.localhost
                                   on failure: answer nowhere
        14 switch  hello.[DAY]_1 becomes current
                                   on failure: no release is current
        15 probe  ask through the front
        16 open  from here on nothing is reverted by itself
        17 prune  keep 3 old releases
    hello.[DAY]_1 is live at http://hello.localhost:[PORT]/
    "#);
    reads!(world.silver(["status"]), @r#"
    exit 0
    --- stdout
    APP  STATE  HEALTH  MESSAGE  VERSION  APP VERSION  RELEASE  SINCE  URL  PROCESSES  RESTARTS  DRIFT  RUNNING
    hello  active  up  answers in [TIME]  1.0.0  1.0.0  hello.[DAY]_1  [DATE]  http://hello.localhost:[PORT]/  1  0  -  -
    "#);
    reads!(world.silver(["explain", "hello", "templates/index.html"]), @r#"
    exit 0
    --- stdout
    instance/templates/index.html added by pack hello 1.0.0
      rule: as the pack has it
      from: app:instance/templates/index.html
      content: sha256:[SHORT]
    instance/templates/index.html changed by overlay
      rule: slot templates: override
      from: customization:templates/index.html
      replaced: sha256:[SHORT]
      content: sha256:[SHORT]
    "#);
    reads!(world.silver(["registry", "log"]), @r#"
    exit 0
    --- stdout
    EVENT  TIME  KIND  APP  RELEASE  VERSION  OUTCOME  BY  WHY
    0  [DATE]  deploy  hello  hello.[DAY]_1  1.0.0  done  [OPERATOR]  -
    "#);
}

#[test]
fn errors() {
    let world = World::new();
    world.update("good").ok();
    let broken = world.hello("broken-self-test");
    reads!(world.silver(["update", broken.to_str().unwrap(), "--yes", "--quiet"]), @r#"
    exit 4
    --- stdout
    hello: 1.0.0 → 1.0.4 (node local)
      release  hello.[DAY]_1 (1.0.0) → hello.[DAY]_2 (1.0.4)
      locations  hello.localhost
      files  0 added, 2 changed, 0 removed; 7 files, [SIZE] bytes in all
                   ~ edition.json ([SIZE] → [SIZE] bytes)
                   ~ pack.toml ([SIZE] → [SIZE] bytes)
      to send  [SIZE] bytes
      requests  go on all the time
      on failure  hello.[DAY]_1 serves on; the data are not touched
      rollback  code and customization go back, the data stay
      steps
         1 make-state  make what the application writes to, where it is missing
                                   on failure: remove hello.[DAY]_2
         2 make-secrets  make the secrets that are missing
         3 set-keys:conf/site.ini  set our 1 key of conf/site.ini
                                   on failure: put the former keys of conf/site.ini back
         4 migrate  bring the data up to the new code: `python3 ${SILVER_TREE_DIR}/app.py migrate` (at most 30 s)
         5 start-check  start hello.[DAY]_2, unseen
                                   on failure: stop hello.[DAY]_2
         6 ready-check  wait until it answers: /health answers 200 (at most 20 s)
         7 check:health page  /health answers 200 (at most 10 s)
         8 check:self test  `python3 ${SILVER_TREE_DIR}/app.py self-test` succeeds (at most 10 s)
         9 check:log is clean  log/hello.log has no `Skipping "` (at most 5 s)
        10 stop-check  stop it again
        11 start  start hello.[DAY]_2 to serve
                                   on failure: let requests of hello.[DAY]_2 end, then stop it
        12 ready  wait until it answers: /health answers 200 (at most 20 s)
        13 switch  hello.[DAY]_1 → hello.[DAY]_2
                                   on failure: hello.[DAY]_1 becomes current again
        14 probe  ask through the front
        15 open  from here on nothing is reverted by itself
        16 drain  let requests of hello.[DAY]_1 end, then stop it (at most 30 s)
        17 prune  keep 3 old releases
    --- stderr
    warning: what the application said last:
      | self-test: this edition says no
    error: the update failed at `check:self test`: `check` of `hello.[DAY]_2`: `python3 ${SILVER_TREE_DIR}/app.py self-test` exited with 1; everything is as before, hello.[DAY]_1 is current
    hint: put right what the message names and run the same command again
    "#);
    reads!(world.silver(["rollback", "helloo"]), @r#"
    exit 2
    --- stderr
    error: there is no application `helloo` on this node
    hint: there are: hello
    "#);
    reads!(world.silver(["updat", "hello-good.zip"]), @r#"
    exit 2
    --- stderr
    error: unrecognized subcommand 'updat'

      tip: a similar subcommand exists: 'update'

    Usage: silver [OPTIONS] <COMMAND>

    For more information, try '--help'.
    "#);
}
