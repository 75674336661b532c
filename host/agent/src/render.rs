//! Files of the instance view that hold facts of the node or secrets: made when processes start,
//! below `run/apps/<app>/<label>/conf`, and removed when the release runs no more. Only their owner reads them (0400);
//! where that is root, the group of the app's user may, too (0440).

use crate::{
    apps::Placed,
    dirs::Dirs,
    environment::{Environment, EnvironmentError},
};
use silver_pack::render::{RenderError, set_keys, template};
use silver_plugin_api::plan::{Rendered, RenderedSource};
use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown, fchown},
    path::{Path, PathBuf},
};

/// Why a file could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A value cannot be filled in.
    #[error("a value of `{file}`")]
    Value {
        /// Path in the instance view.
        file: String,
        /// Why.
        #[source]
        source: EnvironmentError,
    },
    /// The file cannot hold its values.
    #[error("`{file}`")]
    Render {
        /// Path in the instance view.
        file: String,
        /// Why.
        #[source]
        source: RenderError,
    },
    /// A file could not be read or written.
    #[error("`{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl FileError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Value { source, .. } => source.hint(),
            Self::Render { source, .. } => source.hint(),
            Self::File { .. } => None,
        }
    }
}

/// Makes all rendered files of a release, and the directory for them. `reader` is the group that may read them.
pub fn render(dirs: &Dirs, placed: &Placed, environment: &Environment, reader: Option<u32>) -> Result<(), FileError> {
    let conf = dirs.run_release(placed.app(), &placed.label).join("conf");
    directory(&conf, reader).map_err(|source| FileError::File { path: conf.clone(), source })?;
    for rendered in &placed.release.rendered {
        let text = text_of(dirs, placed, environment, rendered)?;
        let path = dirs.rendered(placed.app(), &placed.label, &rendered.path);
        write(&conf, &path, text.as_bytes(), reader).map_err(|source| FileError::File { path, source })?;
    }
    Ok(())
}

/// Removes them.
pub fn remove(dirs: &Dirs, app: &str, label: &str) {
    let conf = dirs.run_release(app, label).join("conf");
    if let Err(error) = fs::remove_dir_all(&conf)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %conf.display(), %error, "cannot remove rendered files");
    }
}

fn text_of(dirs: &Dirs, placed: &Placed, environment: &Environment, rendered: &Rendered) -> Result<String, FileError> {
    let file = rendered.path.to_string();
    let root = dirs.tree(placed.app(), &placed.label).join(placed.release.layout_root.as_str());
    let value = |value| environment.resolve(value).map_err(|source| FileError::Value { file: file.clone(), source });
    let made = match &rendered.source {
        RenderedSource::Keys { format, base, set } => {
            let base = match fs::read_to_string(root.join(base.as_str())) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                read => read.map_err(|source| FileError::File { path: root.join(base.as_str()), source })?,
            };
            let set = set.iter().map(|set| Ok((set.key.clone(), value(&set.value)?))).collect::<Result<Vec<_>, FileError>>()?;
            let owned: Vec<String> = set.iter().map(|(key, _)| key.clone()).collect();
            set_keys(*format, &base, &owned, &set)
        }
        RenderedSource::Template { template: from, values } => {
            let path = root.join(from.as_str());
            let text = fs::read_to_string(&path).map_err(|source| FileError::File { path, source })?;
            let values =
                values.iter().map(|(name, part)| Ok((name.clone(), value(part)?))).collect::<Result<Vec<_>, FileError>>()?;
            template(from.as_str(), &text, &values)
        }
    };
    made.map_err(|source| FileError::Render { file, source })
}

/// Everybody who may read it may before it has its name: a process that runs may be just reading the former one.
fn write(conf: &Path, path: &Path, bytes: &[u8], reader: Option<u32>) -> io::Result<()> {
    let parent = path.parent().unwrap_or(path);
    let mut between: Vec<&Path> = parent.ancestors().take_while(|above| *above != conf).collect();
    between.reverse();
    for above in between {
        directory(above, reader)?;
    }
    let mut file = tempfile::Builder::new().prefix(".new-").permissions(Permissions::from_mode(0o600)).tempfile_in(parent)?;
    file.write_all(bytes)?;
    if reader.is_some() {
        fchown(file.as_file(), None, reader)?;
    }
    file.as_file().set_permissions(Permissions::from_mode(if reader.is_some() { 0o440 } else { 0o400 }))?;
    file.persist(path)?;
    Ok(())
}

fn directory(path: &Path, reader: Option<u32>) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    if reader.is_some() {
        chown(path, None, reader)?;
        fs::set_permissions(path, Permissions::from_mode(0o750))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{environment::Context, testing};
    use silver_plugin_api::{
        TreePath,
        plan::{FileFormat, SetKey, Value},
    };
    use std::collections::BTreeMap;

    #[test]
    fn secrets_and_facts_are_filled_in_and_the_file_is_private() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::below(home.path());
        let mut release = testing::release("a");
        let path = |text: &str| TreePath::new(text).unwrap();
        release.rendered = vec![
            Rendered {
                path: path("conf/app.ini"),
                source: RenderedSource::Keys {
                    format: FileFormat::Ini,
                    base: path("conf/app.ini"),
                    set: vec![SetKey { key: "db.password".into(), value: Value::secret("db") }],
                },
            },
            Rendered {
                path: path("conf/new.json"),
                source: RenderedSource::Keys {
                    format: FileFormat::Json,
                    base: path("absent.json"),
                    set: vec![SetKey { key: "url".into(), value: Value::fact("SILVER_URL") }],
                },
            },
            Rendered {
                path: path("conf/app.js"),
                source: RenderedSource::Template {
                    template: path("conf/app.js.j2"),
                    values: vec![("password".into(), Value::secret("db"))],
                },
            },
        ];
        let placed = testing::placed(release, "a.20260101_1", &["a.localhost"]);
        let root = dirs.tree("a", "a.20260101_1").join("instance/conf");
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("app.ini"), "# kept\n[db]\nhost = here\n").unwrap();
        fs::write(root.join("app.js.j2"), "const password = {{ password }};\n").unwrap();
        let secrets = BTreeMap::from([("db".to_owned(), "p\"4\\ss".to_owned())]);
        let context = Context { dirs: &dirs, port: 8484, placed: &placed, secrets: &secrets, phase: "serve", endpoint: None };
        let environment = Environment::compose(&context).unwrap();
        for _ in 0..2 {
            render(&dirs, &placed, &environment, None).unwrap(); // also over what is there
        }
        let read = |name: &str| fs::read_to_string(dirs.rendered("a", "a.20260101_1", &path(name))).unwrap();
        assert!(read("conf/app.ini").starts_with("# kept\n[db]\nhost = here\n"), "{}", read("conf/app.ini"));
        assert!(read("conf/app.ini").contains("password = p\"4\\ss"));
        assert!(read("conf/new.json").contains("http://a.localhost:8484"));
        assert!(!read("conf/app.js").contains("p\"4"), "escaped: {}", read("conf/app.js"));
        let mode = fs::metadata(dirs.rendered("a", "a.20260101_1", &path("conf/app.ini"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o400);
        remove(&dirs, "a", "a.20260101_1");
        assert!(!dirs.run_release("a", "a.20260101_1").join("conf").exists());
    }
}
