//! `winterforge-report`: measures, and writes `docs/benchmarks.md` with its figures.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use winterforge_bench::error::Error;
use winterforge_bench::machine::Machine;
use winterforge_bench::models::Model;
use winterforge_bench::report::Report;
use winterforge_bench::{counts, figures, grinding, measure, suite};
use winterforge_verifier::security::SecurityLevel;

const USAGE: &str = "usage: winterforge-report [--runs N] [--out DIRECTORY] | --counts-json

Measures models in testdata/models, counts EfficientNet-Lite0 if it is in ../shared/models, and writes benchmarks.md and figures/*.svg.

  --runs N         different inputs per case, of which the median counts (default 9)
  --out DIRECTORY  where to write (default: docs/ of this repository)
  --counts-json    print the machine-independent counts as JSON and measure nothing";

/// What the command line asks for.
enum Command {
    Report { runs: usize, out: PathBuf },
    Counts,
    Help,
    Prove(Child, usize),
    Verify(Child, usize),
    Grind,
}

/// The arguments of a measuring process.
struct Child {
    model: Model,
    batch: usize,
    level: SecurityLevel,
    bundle: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(command) = parse(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("winterforge-report: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[&str]) -> Option<Command> {
    match arguments {
        ["--help" | "-h"] => Some(Command::Help),
        ["--counts-json"] => Some(Command::Counts),
        ["child-grind"] => Some(Command::Grind),
        ["child-prove", rest @ .., first] => {
            Some(Command::Prove(Child::parse(rest)?, first.parse().ok()?))
        }
        ["child-verify", rest @ .., count] => {
            Some(Command::Verify(Child::parse(rest)?, count.parse().ok()?))
        }
        _ => {
            let mut runs = 9;
            let mut out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
            for pair in arguments.chunks(2) {
                match pair {
                    ["--runs", count] => runs = count.parse().ok().filter(|&runs| runs > 0)?,
                    ["--out", directory] => out = directory.into(),
                    _ => return None,
                }
            }
            Some(Command::Report { runs, out })
        }
    }
}

impl Child {
    fn parse(arguments: &[&str]) -> Option<Self> {
        let [model, batch, bits, bundle] = arguments else {
            return None;
        };
        Some(Self {
            model: Model::named(model)?,
            batch: batch.parse().ok()?,
            level: [SecurityLevel::Bits100, SecurityLevel::Bits128]
                .into_iter()
                .find(|level| level.bits().to_string() == *bits)?,
            bundle: bundle.into(),
        })
    }
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Help => println!("{USAGE}"),
        Command::Counts => print!("{}", counts::to_json(&counts::all()?)),
        Command::Prove(child, first) => {
            let Child {
                model,
                batch,
                level,
                bundle,
            } = child;
            print_json(&measure::prove(&model, first, batch, level, &bundle)?);
        }
        Command::Grind => print_json(&grinding::try_s()),
        Command::Verify(child, count) => {
            let Child {
                model,
                level,
                bundle,
                ..
            } = child;
            print_json(&measure::verify(&model, level, &bundle, count)?);
        }
        Command::Report { runs, out } => report(runs, &out)?,
    }
    Ok(())
}

fn print_json(figures: &impl serde::Serialize) {
    // Only maps with keys that are no strings, and a closed pipe, fail.
    let _ = serde_json::to_writer(io::stdout().lock(), figures);
}

fn report(rounds: usize, out: &Path) -> Result<(), Error> {
    let (counts, counted) = (counts::all()?, counts::counted()?);
    let measured = suite::run(rounds, |line| eprintln!("{line}"))?;
    let folder = out.join("figures");
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let write = |path: PathBuf, text: String| fs::write(&path, text).map_err(Error::io(path));
    for (name, figure) in figures::all(&counts, &measured) {
        write(folder.join(name), figure)?;
    }
    let report = Report {
        machine: Machine::detect(),
        counts,
        counted,
        measured,
        rounds,
    };
    let path = out.join("benchmarks.md");
    write(path.clone(), report.to_string())?;
    eprintln!("wrote {}", path.display());
    Ok(())
}
