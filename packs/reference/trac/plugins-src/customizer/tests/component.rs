//! The same source twice: as a component in the sandbox, and natively. Both must make the same tree,
//! say the same and give the same reasons; then the interface between them is honest.

use silver_extensions::{Extensions, Limits, Plugin};
use silver_pack::{
    overlay::{Draft, OverlayLimits},
    snapshot::Snapshot,
};
use silver_plugin::customizer::{Customizer, Options};
use std::{fs, path::Path};
use trac_customizer::TracCustomizer;

#[test]
fn the_component_does_what_the_source_does() {
    let pack = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = pack.join("plugins/customizer.wasm");
    let component = fs::read(&file).unwrap_or_else(|error| panic!("{error}: run `cargo xtask plugins`"));
    let extensions = Extensions::new(None, Limits::default()).unwrap();
    let sandboxed = extensions.customizer(&Plugin::new("plugins/customizer.wasm"), &component).unwrap();

    let app = Snapshot::capture(&pack).unwrap();
    let mine = tempfile::tempdir().unwrap();
    for (name, text) in
        [("templates/site.html", "old"), ("htdocs/a/b.css", ""), ("plugins/x.py", ""), ("trac.ini", "[a]\nb = c\n")]
    {
        let path = mine.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for dir in [pack.join("example"), mine.path().to_owned()] {
        let customization = Snapshot::capture(&dir).unwrap();
        let options = Options { app_name: "trac".into(), target: "linux-x86_64-gnu2.36".into(), ..Options::default() };
        let merge = |customizer: &dyn Customizer| {
            let mut draft = Draft::new(&app);
            draft.enter("customizer", OverlayLimits::default());
            let findings = customizer.merge(&app, &customization, &mut draft, &options).unwrap();
            let (tree, reasons) = draft.finish();
            (customizer.claims(&options).unwrap(), findings, tree.digest(), serde_json::to_value(&reasons).unwrap())
        };
        assert_eq!(merge(&sandboxed), merge(&TracCustomizer), "{}", dir.display());
    }
}
