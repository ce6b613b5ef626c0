//! `winterforge-peers`: one job of one proof system, measured in this process, as JSON.
//!
//! Build it for the machine it runs on (`RUSTFLAGS="-C target-cpu=native"`): Plonky3 chooses its vectors when it is
//! compiled. The report generator does so.

use std::io;
use std::process::ExitCode;

use winterforge_bench::error::Error;
use winterforge_bench::peers::{Run, System, kernels, prove};

const USAGE: &str = "usage: winterforge-peers JOB SYSTEM LOG_ROWS LOG_BLOWUP

  JOB     prove, extend or commit
  SYSTEM  winterfell, winterfell-our-field, plonky3 or winterforge

RAYON_NUM_THREADS sets the threads.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let Some(result) = run(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match result {
        Ok(figures) => {
            // A closed pipe is nobody's loss.
            let _ = serde_json::to_writer(io::stdout().lock(), &figures);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("winterforge-peers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> Option<Result<Run, Error>> {
    let [job, system, log_rows, log_blowup] = arguments else {
        return None;
    };
    let job = match *job {
        "prove" => prove,
        "extend" => kernels::extend,
        "commit" => kernels::commit,
        _ => return None,
    };
    let size = |text: &str, most: u32| text.parse().ok().filter(|&size| size <= most);
    let (log_rows, log_blowup) = (size(log_rows, 24)?, size(log_blowup, 7)?);
    Some(job(System::named(system)?, log_rows, log_blowup))
}
