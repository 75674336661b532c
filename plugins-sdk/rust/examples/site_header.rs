//! The smallest useful customizer: `header.html` of the customization becomes
//! `templates/site_header.html` of the application, with the site's name filled in.

use silver_plugin::{
    Collision, Diagnostic, Failure, Location, Overlay, Reason, Tree, TreePath, TreeRole,
    customizer::{Claim, Customizer, Options},
};

struct SiteHeader;

const HEADER: &str = "header.html";

impl Customizer for SiteHeader {
    fn claims(&self, _: &Options) -> Result<Vec<Claim>, Failure> {
        Ok(vec![Claim {
            pattern: HEADER.into(),
            summary: "the header of every page; `@name@` stands for the site's name".into(),
        }])
    }

    fn check(&self, _: &dyn Tree, customization: &dyn Tree, _: &Options) -> Result<Vec<Diagnostic>, Failure> {
        Ok(header(customization)?.map(|(path, text)| findings(path, &text)).unwrap_or_default())
    }

    fn merge(
        &self,
        _: &dyn Tree,
        customization: &dyn Tree,
        into: &mut dyn Overlay,
        options: &Options,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let Some((path, text)) = header(customization)? else {
            return Ok(Vec::new());
        };
        let name = options.settings.get("name").unwrap_or(&options.app_name);
        let dest = TreePath::new("templates/site_header.html").expect("a constant path");
        let why = Reason::new("site header", [format!("customization:{path}"), "setting:name".into()]);
        into.put(&dest, text.replace("@name@", name).as_bytes(), false, Collision::Replace, why)?;
        Ok(findings(path, &text))
    }
}

fn header(customization: &dyn Tree) -> Result<Option<(TreePath, String)>, Failure> {
    let path = TreePath::new(HEADER).expect("a constant path");
    match customization.stat(&path) {
        Some(_) => customization.read_text(&path).map(|text| Some((path, text))),
        None => Ok(None),
    }
}

fn findings(path: TreePath, text: &str) -> Vec<Diagnostic> {
    if text.contains("@name@") {
        return Vec::new();
    }
    let finding = Diagnostic::warning("header-without-name", "the header does not show the site's name");
    vec![finding.at(Location::file(TreeRole::Customization, path)).help("write `@name@` where it belongs")]
}

silver_plugin::export!(customizer: SiteHeader);
