//! Committed mode: a key is set up once, proofs are made with it, verifiers hold the key alone.
//!
//! Every step is a process of its own. Setting up leaves key and extended parameters in files, as the command line does;
//! proving starts from them.

use std::fs;
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use winterforge_prover::{ProvingKey, Silent, cache_path, prove_with_key};
use winterforge_verifier::key::Key;
use winterforge_verifier::{Policy, verify_with_key};

use crate::error::Error;
use crate::machine::{cpu_time, peak_bytes};
use crate::measure::{median, spawn};
use crate::models::{MODELS, Model, Variant};

/// Verifications, of which the median counts.
const VERIFICATIONS: usize = 51;

/// What a process took, and how large its result is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// CPU seconds, user and system.
    pub cpu_s: f64,
    /// Seconds that passed.
    pub wall_s: f64,
    /// Largest resident set.
    pub peak_bytes: u64,
    /// The key, or the bundle.
    pub bytes: u64,
}

/// One model in committed mode, on one thread.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The model.
    pub model: Model,
    /// Setting up, by round.
    pub setup: Vec<Cost>,
    /// The extended parameters that the prover keeps.
    pub cache_bytes: u64,
    /// Proving one input, by round.
    pub prove: Vec<Cost>,
    /// Verifying with the key; the time is of one of many verifications in a process.
    pub verify: Cost,
}

impl Committed {
    /// The median of a figure.
    pub fn median(costs: &[Cost], figure: impl Fn(&Cost) -> f64) -> f64 {
        median(costs.iter().map(figure).collect())
    }
}

/// Sets up a key for `variant` of `model` and writes it, and what is kept beside it.
///
/// # Errors
/// If a file is missing or cannot be written, or there is no plan.
pub fn setup(model: &Model, variant: Variant, key: &Path) -> Result<Cost, Error> {
    let start = Instant::now();
    let graph = model.load()?;
    let proving_key = ProvingKey::setup(&graph, variant.parameters())?;
    let bytes = proving_key.key.encode()?;
    fs::write(key, &bytes).map_err(Error::io(key))?;
    let cache = cache_path(key);
    proving_key
        .write_cache(&cache)
        .map_err(|source| Error::Cache(source.to_string()))?;
    cost(start, bytes.len())
}

/// Proves input `sample` of `model` with the key.
///
/// # Errors
/// If a file is missing or the proof fails.
pub fn prove(model: &Model, sample: usize, key: &Path, bundle: &Path) -> Result<Cost, Error> {
    let start = Instant::now();
    let graph = model.load()?;
    let inputs = model.inputs(&graph, sample, 1)?;
    let mut proving_key = ProvingKey::new(&graph, read_key(key)?)?;
    proving_key
        .read_cache(&cache_path(key))
        .map_err(|source| Error::Cache(source.to_string()))?;
    let proved = prove_with_key(&graph, &proving_key, &inputs, &Silent)?;
    fs::write(bundle, &proved.bundle).map_err(Error::io(bundle))?;
    cost(start, proved.bundle.len())
}

/// Verifies the bundle with the key, both read from their files each time.
///
/// # Errors
/// If a file is missing or the bundle is rejected.
pub fn verify(key: &Path, bundle: &Path) -> Result<Cost, Error> {
    let policy = Policy::default();
    let (mut cpu_s, mut wall_s, mut size) = (Vec::new(), Vec::new(), 0);
    for _ in 0..VERIFICATIONS {
        let (cpu, wall) = (cpu_time(), Instant::now());
        let bytes = fs::read(bundle).map_err(Error::io(bundle))?;
        verify_with_key(&bytes, &read_key(key)?, &policy)?;
        wall_s.push(wall.elapsed().as_secs_f64());
        cpu_s.push((cpu_time() - cpu).as_secs_f64());
        size = bytes.len();
    }
    Ok(Cost {
        cpu_s: median(cpu_s),
        wall_s: median(wall_s),
        peak_bytes: peak_bytes()?,
        bytes: size as u64,
    })
}

fn read_key(path: &Path) -> Result<Key, Error> {
    let bytes = fs::read(path).map_err(Error::io(path))?;
    Ok(Key::decode(&bytes)?)
}

fn cost(start: Instant, bytes: usize) -> Result<Cost, Error> {
    Ok(Cost {
        cpu_s: cpu_time().as_secs_f64(),
        wall_s: start.elapsed().as_secs_f64(),
        peak_bytes: peak_bytes()?,
        bytes: bytes as u64,
    })
}

/// Measures every model that is proven, in `directory`, `rounds` times with other inputs; and `large` once.
///
/// # Errors
/// If a child fails.
pub fn run(
    directory: &Path,
    rounds: usize,
    large: Option<Model>,
    say: impl Fn(&str),
) -> Result<Vec<Committed>, Error> {
    let models = MODELS.map(|model| (model, rounds)).into_iter();
    let all = models.chain(large.map(|model| (model, 1)));
    all.map(|(model, rounds)| {
        say(&format!("committed: {}", model.name));
        let (key, bundle) = (directory.join("model.key"), directory.join("committed.wfb"));
        let child = |step: &str, sample: usize| -> Result<Cost, Error> {
            let path = |path: &Path| path.display().to_string();
            let mut arguments = vec![format!("child-committed-{step}"), model.name.to_owned()];
            arguments.extend([sample.to_string(), path(&key), path(&bundle)]);
            spawn(&arguments, 1)
        };
        let rounds = 0..rounds;
        let setup = rounds
            .clone()
            .map(|_| child("setup", 0))
            .collect::<Result<_, _>>()?;
        let cache = cache_path(&key);
        let cache_bytes = fs::metadata(&cache).map_err(Error::io(&cache))?.len();
        let prove = rounds
            .map(|sample| child("prove", sample))
            .collect::<Result<_, _>>()?;
        Ok(Committed {
            model,
            setup,
            cache_bytes,
            prove,
            verify: child("verify", 0)?,
        })
    })
    .collect()
}
