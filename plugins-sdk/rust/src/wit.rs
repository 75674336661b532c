//! The text of the interface, for authors in other languages and for tests.

/// Name and version of the package, as they stand in import and export names.
pub const PACKAGE: &str = "silver:plugin@0.1.0";

/// The files of the package: name, text.
pub const FILES: [(&str, &str); 4] = [
    ("types.wit", include_str!("../../wit/types.wit")),
    ("trees.wit", include_str!("../../wit/trees.wit")),
    ("app.wit", include_str!("../../wit/app.wit")),
    ("worlds.wit", include_str!("../../wit/worlds.wit")),
];
