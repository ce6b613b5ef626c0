//! Committing to a model, and the keys that this gives.

use std::path::Path;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use winterforge_model::Graph;
use winterforge_prover::device::CpuDevice;
use winterforge_prover::{ProvingKey, cache_path};
use winterforge_verifier::bundle::{HashId, Parameters};
use winterforge_verifier::key;
use winterforge_verifier::security::{Profile, SecurityLevel};

use crate::errors::Failure;
use crate::model::Model;
use crate::prove::on_threads;

/// The key of a model, and after a setup in this process what a prover answers with.
#[pyclass(frozen, module = "winterforge")]
pub(crate) struct Key {
    pub(crate) key: key::Key,
    proving: Option<ProvingKey>,
}

#[pymethods]
impl Key {
    /// Reads the bytes of a `.wfk` file.
    #[new]
    fn new(data: &[u8]) -> Result<Self, Failure> {
        Ok(Self {
            key: key::Key::decode(data)?,
            proving: None,
        })
    }

    /// The id of the model that it stands for.
    #[getter]
    fn model_id(&self) -> String {
        self.key.model_id.to_string()
    }

    /// Its digest, which bundles name it by.
    #[getter]
    fn digest(&self) -> Result<String, Failure> {
        Ok(self.key.digest()?.to_string())
    }

    /// The bytes of its file.
    fn encode<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, Failure> {
        Ok(PyBytes::new(py, &self.key.encode()?))
    }

    fn __repr__(&self) -> Result<String, Failure> {
        let (digest, model) = (self.digest()?, self.model_id());
        Ok(format!("<winterforge.Key {digest} of model {model}>"))
    }
}

impl Key {
    /// Ready to prove with. `file` is where the key was read from: the extended trace is kept beside it.
    pub(crate) fn proving(
        &self,
        graph: &Arc<Graph>,
        file: Option<&str>,
        warn: &mut dyn FnMut(String),
    ) -> Result<ProvingKey, Failure> {
        let device = CpuDevice::default();
        Ok(match (&self.proving, file) {
            (Some(proving), _) => proving.clone(),
            (None, Some(file)) => {
                let cache = cache_path(Path::new(file));
                ProvingKey::with_cache(&device, graph, self.key.clone(), &cache, warn)?
            }
            (None, None) => ProvingKey::new(graph, self.key.clone())?,
        })
    }
}

/// Commits to a model.
#[pyfunction]
pub(crate) fn setup(
    py: Python<'_>,
    model: &Model,
    security: u32,
    profile: &str,
    hash: &str,
    threads: Option<usize>,
) -> Result<Key, Failure> {
    let parameters = parameters(security, profile, hash)?;
    let graph = &model.graph;
    let proving = py.detach(|| on_threads(threads, || ProvingKey::setup(graph, parameters)))??;
    Ok(Key {
        key: proving.key.clone(),
        proving: Some(proving),
    })
}

/// How a proof is to be made, by the names that the command line has.
pub(crate) fn parameters(security: u32, profile: &str, hash: &str) -> Result<Parameters, Failure> {
    let levels = [SecurityLevel::Bits100, SecurityLevel::Bits128];
    let profiles = [Profile::Fast, Profile::Balanced, Profile::Small];
    let level = levels.into_iter().find(|level| level.bits() == security);
    let profile_id = profiles.into_iter().find(|known| known.name() == profile);
    Ok(Parameters {
        level: level.ok_or_else(|| {
            Failure::input(format!("security is 100 or 128 bits, not {security}"))
        })?,
        profile: profile_id.ok_or_else(|| {
            Failure::input(format!("profile is fast, balanced or small, not {profile}"))
        })?,
        hash: hash_id(hash)?,
        ..Parameters::default()
    })
}

/// A hash by the name that the command line has.
pub(crate) fn hash_id(name: &str) -> Result<HashId, Failure> {
    let known = HashId::ALL.into_iter().find(|known| known.name() == name);
    known.ok_or_else(|| Failure::input(format!("hash is blake3 or poseidon2, not {name}")))
}
