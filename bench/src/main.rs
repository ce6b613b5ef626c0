//! `winterforge-report`: measures, and writes `docs/benchmarks.md` with its figures.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{fs, io};

use winterforge_bench::error::Error;
use winterforge_bench::ezkl::Ezkl;
use winterforge_bench::machine::Machine;
use winterforge_bench::models::{EFFLITE, Model, Variant, set_large_folder};
use winterforge_bench::peers;
use winterforge_bench::report::Report;
use winterforge_bench::suite::Case;
use winterforge_bench::{committed, counts, figures, grinding, measure, suite};

const USAGE: &str = "usage: winterforge-report [--runs N] [--large] [--models DIRECTORY] [--quick] [--out DIRECTORY] | --counts-json

Measures the models in testdata/models and other proof systems, and writes benchmarks.md and figures/*.svg. Some ten minutes on two
quiet cores, and once some minutes to build the other systems for this machine.

  --runs N            different inputs per case, of which the median counts (default 9); other systems run a third as often
  --large             prove EfficientNet-Lite0 too, once: minutes and 6 GB more
  --models DIRECTORY  where efflite0 is (default ../shared/models beside the repository)
  --quick             one run, short traces: to see that it works. Writes to target/benchmarks-quick unless told otherwise
  --out DIRECTORY     where to write (default: docs/ of this repository)
  --counts-json       print the machine-independent counts as JSON and measure nothing";

/// Verifications per bundle, and of the large one.
const VERIFICATIONS: [usize; 2] = [101, 15];

/// Rows of the longest trace in a quick run, as a power of two.
const QUICK_LOG_ROWS: u32 = 14;

/// What to measure and where to write.
struct Options {
    runs: usize,
    large: bool,
    quick: bool,
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        ["--counts-json"] => counts::all().map(|counts| print!("{}", counts::to_json(&counts))),
        [command, rest @ ..] if command.starts_with("child-") => match child(command, rest) {
            Some(result) => result,
            None => return usage(),
        },
        _ => match options(&arguments) {
            Some(options) => report(&options),
            None => return usage(),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("winterforge-report: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(2)
}

fn options(arguments: &[&str]) -> Option<Options> {
    let mut options = Options {
        runs: 9,
        large: false,
        quick: false,
        out: None,
    };
    let mut arguments = arguments.iter();
    while let Some(&argument) = arguments.next() {
        match argument {
            "--runs" => {
                let count = arguments.next()?.parse().ok();
                options.runs = count.filter(|&runs| runs > 0)?;
            }
            "--out" => options.out = Some(arguments.next()?.into()),
            "--models" => set_large_folder(arguments.next()?.into()),
            "--large" => options.large = true,
            "--quick" => options.quick = true,
            _ => return None,
        }
    }
    Some(options)
}

/// What a measuring process does.
fn child(command: &str, arguments: &[&str]) -> Option<Result<(), Error>> {
    let result = match (command, arguments) {
        ("child-grind", [variant]) => {
            let hash = Variant::named(variant)?.hash;
            print_json(&grinding::try_s(hash));
            Ok(())
        }
        ("child-prove", [model, batch, variant, bundle, first]) => measure::prove(
            &Model::named(model)?,
            first.parse().ok()?,
            batch.parse().ok()?,
            Variant::named(variant)?,
            Path::new(bundle),
        )
        .map(|run| print_json(&run)),
        ("child-verify", [model, _, variant, bundle, count]) => measure::verify(
            &Model::named(model)?,
            Variant::named(variant)?,
            Path::new(bundle),
            count.parse().ok()?,
        )
        .map(|run| print_json(&run)),
        (_, [model, sample, key, bundle]) => {
            let (model, sample) = (Model::named(model)?, sample.parse().ok()?);
            let (key, bundle) = (Path::new(key), Path::new(bundle));
            let cost = match command {
                "child-committed-setup" => committed::setup(&model, Variant::default(), key),
                "child-committed-prove" => committed::prove(&model, sample, key, bundle),
                "child-committed-verify" => committed::verify(key, bundle),
                _ => return None,
            };
            cost.map(|cost| print_json(&cost))
        }
        _ => return None,
    };
    Some(result)
}

fn print_json(figures: &impl serde::Serialize) {
    // Only maps with keys that are no strings, and a closed pipe, fail.
    let _ = serde_json::to_writer(io::stdout().lock(), figures);
}

fn report(options: &Options) -> Result<(), Error> {
    let say = |line: &str| eprintln!("{line}");
    let directory = std::env::temp_dir().join(format!("winterforge-report-{}", std::process::id()));
    fs::create_dir_all(&directory).map_err(Error::io(&directory))?;
    let report = measure_all(options, &directory, say);
    fs::remove_dir_all(&directory).map_err(Error::io(&directory))?;
    let report = report?;

    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let out = options.out.clone().unwrap_or_else(|| {
        repository.join(if options.quick {
            "target/benchmarks-quick"
        } else {
            "docs"
        })
    });
    let folder = out.join("figures");
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let write = |path: PathBuf, text: String| fs::write(&path, text).map_err(Error::io(path));
    for (name, figure) in figures::all(&report) {
        write(folder.join(name), figure)?;
    }
    let path = out.join("benchmarks.md");
    write(path.clone(), report.to_string())?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}

fn measure_all(options: &Options, directory: &Path, say: impl Fn(&str)) -> Result<Report, Error> {
    let (runs, log_rows) = if options.quick {
        (1, QUICK_LOG_ROWS)
    } else {
        (options.runs, peers::suite::LOG_ROWS)
    };
    let (counts, counted) = (counts::all()?, counts::counted()?);
    say("building the other systems for this machine");
    let program = peers::suite::build()?;
    let peer_runs = runs.div_ceil(3);
    let peers = peers::suite::run(&program, peer_runs, log_rows, &say)?;
    let measured = suite::run(directory, Case::all(), runs, VERIFICATIONS[0], &say)?;
    let large = if !options.large {
        None
    } else if EFFLITE.is_present() {
        Some(EFFLITE)
    } else {
        say("efflite0 is not on this machine: left out");
        None
    };
    let cases = large.map(|model| Case {
        model,
        batch: 1,
        variant: Variant::default(),
    });
    let cases: Vec<Case> = cases.into_iter().collect();
    let measured_large = suite::run(directory, cases, 1, VERIFICATIONS[1], &say)?;
    let committed = committed::run(directory, peer_runs, large, &say)?;
    Ok(Report {
        machine: Machine::detect(),
        counts,
        counted,
        measured,
        large: measured_large.into_iter().next(),
        committed,
        peers,
        ezkl: Ezkl::read()?,
        runs,
        peer_runs,
        quick: options.quick,
    })
}
