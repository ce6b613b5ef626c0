//! What `scripts/bench-ezkl.sh` measured, if it ran: figures of EZKL for the float networks behind our models.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Deserialize;

use crate::error::Error;

/// The figures, and what produced them.
#[derive(Clone, Debug, Deserialize)]
pub struct Ezkl {
    /// EZKL's version.
    pub version: String,
    /// The machine.
    pub machine: String,
    /// The networks.
    pub networks: Vec<Network>,
}

/// One network.
#[derive(Clone, Debug, Deserialize)]
pub struct Network {
    /// Our name of the model that it is the float network of.
    pub network: String,
    /// Making the set-up string.
    pub srs: Step,
    /// Making the keys.
    pub setup: Step,
    /// Evaluating the circuit.
    pub witness: Step,
    /// Proving.
    pub prove: Step,
    /// Verifying.
    pub verify: Step,
    /// The proving key.
    pub proving_key_bytes: u64,
    /// The set-up string.
    pub srs_bytes: u64,
    /// The proof.
    pub proof_bytes: u64,
}

/// One step, a process of its own, on all threads of the machine.
#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// CPU seconds.
    pub cpu_s: f64,
    /// Seconds that passed.
    pub wall_s: f64,
    /// Largest resident set.
    pub peak_bytes: u64,
}

impl Ezkl {
    /// The figures in `bench/ezkl.json`, if there is such a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read() -> Result<Option<Self>, Error> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ezkl.json");
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.map_err(Error::io(&path))?,
        };
        let detail = |error: serde_json::Error| error.to_string();
        match serde_json::from_str(&text).map_err(detail) {
            Ok(figures) => Ok(Some(figures)),
            Err(detail) => Err(Error::Data { path, detail }),
        }
    }
}
