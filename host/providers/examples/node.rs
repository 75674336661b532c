//! Makes and moves nodes by hand, for whoever works on silver:
//! `node create NAME [IMAGE]`, `list`, `exec NAME SCRIPT`, `start|stop|kill|reboot|cut|mend|destroy NAME`.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a tool for people")]

use silver_providers::{Nspawn, Provider, Wanted, image::Images, nspawn::DIRECTORY};
use std::{error::Error, fs, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("caused by: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<ExitCode, Box<dyn Error>> {
    let home = PathBuf::from(std::env::var_os("HOME").ok_or("HOME is not set")?);
    let provider = Nspawn::new(DIRECTORY, Images::new(home.join(".cache/silver-test")));
    match words {
        ["create", name, image @ ..] => {
            let keys = fs::read_dir(home.join(".ssh"))?
                .flatten()
                .filter(|entry| entry.path().extension().is_some_and(|end| end == "pub"));
            let keys = keys.map(|entry| fs::read_to_string(entry.path())).collect::<Result<_, _>>()?;
            let wanted = Wanted { name: (*name).into(), image: image.first().map(|&image| image.into()), keys };
            let node = provider.create(&wanted, &mut |text| eprintln!("{text}"))?;
            println!("{} {}", node.address, node.host_key);
        }
        ["list"] => {
            for node in provider.nodes()? {
                println!("{} {} {} {}", node.name, node.address, node.image, if node.running { "running" } else { "off" });
            }
        }
        ["exec", name, script] => {
            let output = provider.node(name)?.exec(script)?;
            print!("{}", String::from_utf8_lossy(&output.stdout));
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            return Ok(ExitCode::from(u8::try_from(output.status.code().unwrap_or(255)).unwrap_or(255)));
        }
        ["start", name] => provider.node(name)?.start()?,
        ["stop", name] => provider.node(name)?.stop()?,
        ["kill", name] => provider.node(name)?.kill()?,
        ["reboot", name] => provider.node(name)?.reboot()?,
        ["cut", name] => provider.node(name)?.partition(true)?,
        ["mend", name] => provider.node(name)?.partition(false)?,
        ["destroy", name] => provider.destroy(name)?,
        _ => {
            return Err(
                "usage: node create NAME [IMAGE] | list | exec NAME SCRIPT | start|stop|kill|reboot|cut|mend|destroy NAME".into(),
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
