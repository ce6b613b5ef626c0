//! Runs the fuzz targets on stable Rust, or writes their seeds.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use winterforge_fuzz::memory::Counting;
use winterforge_fuzz::run::{Limits, Summary, execute, run};
use winterforge_fuzz::{TARGETS, Target, seeds, target};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const USAGE: &str = "\
usage: winterforge-fuzz TARGET|all [--executions N] [--seconds S] [--seed SEED]
       winterforge-fuzz TARGET --input FILE     one execution, as it is
       winterforge-fuzz seeds                   writes the files in seeds/ anew";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

/// Whether all went well.
fn command(arguments: &[String]) -> Result<bool, String> {
    let (name, mut options) = arguments.split_first().ok_or(USAGE)?;
    if name == "seeds" {
        return seeds::write()
            .map(|()| true)
            .map_err(|error| error.to_string());
    }
    let chosen: Vec<&Target> = match name.as_str() {
        "all" => TARGETS.iter().collect(),
        name => vec![target(name).ok_or_else(|| {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            format!(
                "{name}: no such target; there are {}\n{USAGE}",
                names.join(", ")
            )
        })?],
    };
    let (mut limits, mut seed) = (Limits::default(), 1);
    while let [name, value, rest @ ..] = options {
        let number = || {
            value
                .parse::<u64>()
                .map_err(|error| format!("{name} {value}: {error}"))
        };
        match name.as_str() {
            "--executions" => limits.executions = Some(number()?),
            "--seconds" => limits.time = Some(Duration::from_secs(number()?)),
            "--seed" => seed = number()?,
            "--input" => return once(chosen[0], Path::new(value)),
            _ => return Err(USAGE.to_owned()),
        }
        options = rest;
    }
    if !options.is_empty() {
        return Err(USAGE.to_owned());
    }
    let mut all_well = true;
    for target in chosen {
        all_well &= fuzz(target, seed, limits)?;
    }
    Ok(all_well)
}

fn fuzz(target: &Target, seed: u64, limits: Limits) -> Result<bool, String> {
    let files = seeds::read(target.name).map_err(|error| format!("{}: {error}", target.name))?;
    let line = |summary: &Summary| {
        let Summary {
            executions,
            accepted,
            outcomes,
            most_bytes,
            slowest,
            time,
        } = summary;
        let per_s = *executions as f64 / time.as_secs_f64().max(1e-9);
        format!(
            "{:10}  seed {seed}  {executions} executions in {:.0} s ({per_s:.0}/s)  {accepted} accepted  {outcomes} outcomes  {most_bytes} bytes at most  {:.1} ms at most",
            target.name,
            time.as_secs_f64(),
            slowest.as_secs_f64() * 1e3
        )
    };
    let is_watched = std::io::stderr().is_terminal();
    let result = run(target, files, seed, limits, |summary| {
        if is_watched {
            let _ = write!(std::io::stderr(), "\r{}", line(summary));
        }
    });
    if is_watched {
        let _ = writeln!(std::io::stderr());
    }
    match result {
        Ok(summary) => {
            println!("{}", line(&summary));
            Ok(true)
        }
        Err(failure) => {
            let path = format!("{}.{seed}.failure", target.name);
            println!(
                "{}: execution {} with seed {seed}: {}; the input is in {path}",
                target.name, failure.execution, failure.what
            );
            std::fs::write(&path, &failure.input).map_err(|error| format!("{path}: {error}"))?;
            Ok(false)
        }
    }
}

fn once(target: &Target, path: &Path) -> Result<bool, String> {
    let input = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    match execute(target, &input) {
        Ok((outcome, bytes)) => {
            println!("{outcome:?}, {bytes} bytes at most");
            Ok(true)
        }
        Err(what) => {
            println!("{what}");
            Ok(false)
        }
    }
}
