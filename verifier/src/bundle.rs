//! The bundle: one self-describing file that holds a statement and its proof. The byte layout is specified in
//! docs/bundle.md.
//!
//! Everything up to the main roots is the *header*. It is hashed into the joint seed byte for byte, and there is one
//! byte string for each header: integers are little-endian and of fixed width, and every count is checked against what
//! follows before anything is allocated.

use winterforge_air::plan::{MAX_BATCH, PLAN_VERSION, PlanParameters};
use winterforge_model::{ModelId, QType, SEMANTICS_VERSION};

use crate::key::KeyDigest;
pub use crate::lineage::{BundleDigest, MAX_PARENTS, Parents, TooManyParents};
use crate::security::{Profile, SecurityLevel};

/// First bytes of every bundle.
pub const MAGIC: [u8; 8] = *b"WFBUNDLE";
/// Version of this encoding.
pub const FORMAT_VERSION: u16 = 1;
/// Version of the protocol: transcript, joint challenge, checks.
pub const PROTOCOL_VERSION: u16 = 1;

/// Set in the mode of a bundle that was made with a key.
const HAS_KEY: u8 = 1;
/// Set in the mode of a bundle that names parents.
const HAS_PARENTS: u8 = 2;

/// Most axes of a tensor, batch included.
const MAX_RANK: usize = 8;

/// The hash of commitments and transcript.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashId {
    /// BLAKE3 with 256-bit digests.
    #[default]
    Blake3,
    /// Poseidon2 over the field of the proofs, with digests of four elements.
    Poseidon2,
}

impl HashId {
    /// Every hash.
    pub const ALL: [Self; 2] = [Self::Blake3, Self::Poseidon2];

    /// What it is called on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Poseidon2 => "poseidon2",
        }
    }
}

/// How a proof is made: everything that is not the statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// The proven security asked for.
    pub level: SecurityLevel,
    /// The trade between proving time and size.
    pub profile: Profile,
    /// The hash.
    pub hash: HashId,
    /// The freedom in laying out tables.
    pub plan: PlanParameters,
}

/// Cells of a tensor of the statement.
#[derive(Clone, Debug)]
pub enum Values {
    /// float32, compared and encoded by their bits.
    Float(Vec<f32>),
    /// 8-bit integers of a type.
    Quantized(QType, Vec<i32>),
    /// Numbers of rows of the model's table.
    Tokens(Vec<u32>),
}

impl Values {
    /// What the cells are, for people.
    pub fn kind(&self) -> String {
        match self {
            Self::Float(_) => "float32".to_owned(),
            Self::Quantized(qtype, _) => qtype.to_string(),
            Self::Tokens(_) => "tokens".to_owned(),
        }
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            (Self::Quantized(a_type, a), Self::Quantized(b_type, b)) => a_type == b_type && a == b,
            (Self::Tokens(a), Self::Tokens(b)) => a == b,
            _ => false,
        }
    }
}

/// A tensor of the statement. The first axis is the sample.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicTensor {
    /// Sizes, batch first.
    pub shape: Vec<usize>,
    /// As many cells as the shape says.
    pub values: Values,
}

impl PublicTensor {
    /// Whether sample `index` is `x`, as a model is fed: float32 by their bits, integers as such.
    pub fn is_sample(&self, index: usize, x: &[f32]) -> bool {
        let Some(start) = index.checked_mul(x.len()) else {
            return false;
        };
        let at = start..start.saturating_add(x.len());
        match &self.values {
            Values::Float(cells) => cells
                .get(at)
                .is_some_and(|cells| cells.iter().zip(x).all(|(a, b)| a.to_bits() == b.to_bits())),
            Values::Quantized(_, cells) => cells
                .get(at)
                .is_some_and(|cells| cells.iter().zip(x).all(|(&a, &b)| a as f32 == b)),
            Values::Tokens(tokens) => tokens
                .get(at)
                .is_some_and(|tokens| tokens.iter().zip(x).all(|(&a, &b)| a as f32 == b)),
        }
    }
}

/// What is stated, and how the proof of it is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The model.
    pub model_id: ModelId,
    /// How the proof is made.
    pub parameters: Parameters,
    /// The input as the model is fed: float32 where it begins with QuantizeLinear, tokens where with an
    /// embedding.
    pub input: PublicTensor,
    /// The last quantized tensor.
    pub output: PublicTensor,
    /// Traces of the computation.
    pub shards: u32,
    /// The key that the model's parameters are committed in; `None` if the verifier needs the model.
    pub key: Option<KeyDigest>,
    /// The bundles that whoever proved this one names as its origins. Bound by the proof, and stating nothing of its
    /// own: [`crate::lineage`].
    pub parents: Parents,
}

impl Header {
    /// Samples in the statement.
    pub fn batch(&self) -> usize {
        self.input.shape.first().copied().unwrap_or(0)
    }
}

/// Why bytes are no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not a bundle at all.
    #[error("the file does not begin with the mark of a Winterforge bundle")]
    Magic,
    /// A version that this program does not know.
    #[error(
        "{what} version {found} is not supported (this program knows {known}); use the release that made the bundle"
    )]
    Version {
        /// Which version.
        what: &'static str,
        /// In the file.
        found: u32,
        /// Supported.
        known: u32,
    },
    /// The file ends early.
    #[error("the file ends inside {what}, at byte {offset}")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Where it starts.
        offset: usize,
    },
    /// A field holds a value that no encoder writes.
    #[error("{what} before byte {offset} has no meaning")]
    Invalid {
        /// What was being read.
        what: &'static str,
        /// Where it ends.
        offset: usize,
    },
}

impl Header {
    /// The one encoding of this header.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        encode_versions(&mut bytes);
        bytes.extend(self.model_id.0);
        self.parameters.encode(&mut bytes);
        encode_tensor(&mut bytes, &self.input);
        encode_tensor(&mut bytes, &self.output);
        bytes.extend(self.shards.to_le_bytes());
        let has_key = if self.key.is_some() { HAS_KEY } else { 0 };
        let has_parents = if self.parents.is_empty() {
            0
        } else {
            HAS_PARENTS
        };
        bytes.push(has_key | has_parents);
        bytes.extend(self.key.iter().flat_map(|key| key.0));
        self.parents.encode(&mut bytes);
        bytes
    }

    /// Decodes a header and returns it with its length in bytes.
    ///
    /// # Errors
    /// [`BundleError`] if `bytes` do not begin with the encoding of a header.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), BundleError> {
        let mut reader = FieldReader::new(bytes);
        if reader.take(MAGIC.len(), "the mark").ok() != Some(&MAGIC) {
            return Err(BundleError::Magic);
        }
        reader.versions()?;
        let model_id = ModelId(reader.array("the model id")?);
        let parameters = reader.parameters()?;
        let input = reader.tensor("the input")?;
        let output = reader.tensor("the output")?;
        if input.shape.first() != output.shape.first() {
            return Err(reader.invalid("the output's batch size"));
        }
        let shards = u32::from_le_bytes(reader.array("the number of shards")?);
        let mode = reader.byte("the mode")?;
        if mode & !(HAS_KEY | HAS_PARENTS) != 0 {
            return Err(reader.invalid("the mode"));
        }
        let key = if mode & HAS_KEY != 0 {
            Some(KeyDigest(reader.array("the key's digest")?))
        } else {
            None
        };
        let parents = if mode & HAS_PARENTS != 0 {
            Parents::decode(&mut reader)?
        } else {
            Parents::default()
        };
        Ok((
            Self {
                model_id,
                parameters,
                input,
                output,
                shards,
                key,
                parents,
            },
            reader.offset,
        ))
    }
}

/// The versions of this program, as both files begin with them.
pub(crate) fn encode_versions(bytes: &mut Vec<u8>) {
    bytes.extend(FORMAT_VERSION.to_le_bytes());
    bytes.extend(PROTOCOL_VERSION.to_le_bytes());
    bytes.extend(SEMANTICS_VERSION.to_le_bytes());
    bytes.extend(PLAN_VERSION.to_le_bytes());
}

impl Parameters {
    /// Four bytes: level, profile, hash, longest trace.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        let Self {
            level,
            profile,
            hash,
            plan,
        } = *self;
        bytes.push(level.bits() as u8);
        bytes.push(profile_code(profile));
        bytes.push(hash_code(hash));
        bytes.push(plan.max_log_rows as u8);
    }
}

fn hash_code(hash: HashId) -> u8 {
    match hash {
        HashId::Blake3 => 0,
        HashId::Poseidon2 => 1,
    }
}

fn profile_code(profile: Profile) -> u8 {
    match profile {
        Profile::Fast => 0,
        Profile::Balanced => 1,
        Profile::Small => 2,
    }
}

fn require_version(what: &'static str, found: u32, known: u32) -> Result<(), BundleError> {
    if found == known {
        Ok(())
    } else {
        Err(BundleError::Version { what, found, known })
    }
}

fn encode_tensor(bytes: &mut Vec<u8>, tensor: &PublicTensor) {
    bytes.push(match tensor.values {
        Values::Float(_) => 0,
        Values::Quantized(QType::I8, _) => 1,
        Values::Quantized(QType::U8, _) => 2,
        Values::Tokens(_) => 3,
    });
    bytes.push(tensor.shape.len() as u8);
    for &size in &tensor.shape {
        bytes.extend((size as u32).to_le_bytes());
    }
    match &tensor.values {
        Values::Float(values) => bytes.extend(
            values
                .iter()
                .flat_map(|value| value.to_bits().to_le_bytes()),
        ),
        // An 8-bit integer of either type is its low byte.
        Values::Quantized(_, values) => bytes.extend(values.iter().map(|&value| value as u8)),
        Values::Tokens(tokens) => bytes.extend(tokens.iter().flat_map(|token| token.to_le_bytes())),
    }
}

/// Reads the fields of a header, of a bundle or of a key.
pub(crate) struct FieldReader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> FieldReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Bytes read.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The versions that must be those of this program.
    pub(crate) fn versions(&mut self) -> Result<(), BundleError> {
        for (what, known) in [("format", FORMAT_VERSION), ("protocol", PROTOCOL_VERSION)] {
            let found = u32::from(u16::from_le_bytes(self.array(what)?));
            require_version(what, found, u32::from(known))?;
        }
        for (what, known) in [("semantics", SEMANTICS_VERSION), ("plan", PLAN_VERSION)] {
            require_version(what, u32::from_le_bytes(self.array(what)?), known)?;
        }
        Ok(())
    }

    pub(crate) fn parameters(&mut self) -> Result<Parameters, BundleError> {
        let level = match self.byte("the security level")? {
            100 => SecurityLevel::Bits100,
            128 => SecurityLevel::Bits128,
            _ => return Err(self.invalid("the security level")),
        };
        let code = self.byte("the profile")?;
        let profile = [Profile::Fast, Profile::Balanced, Profile::Small]
            .into_iter()
            .find(|&p| profile_code(p) == code);
        let profile = profile.ok_or_else(|| self.invalid("the profile"))?;
        let code = self.byte("the hash")?;
        let hash = HashId::ALL.into_iter().find(|&h| hash_code(h) == code);
        let hash = hash.ok_or_else(|| self.invalid("the hash"))?;
        let max_log_rows = u32::from(self.byte("the plan parameters")?);
        if !PlanParameters::LOG_ROWS.contains(&max_log_rows) {
            return Err(self.invalid("the plan parameters"));
        }
        let plan = PlanParameters { max_log_rows };
        Ok(Parameters {
            level,
            profile,
            hash,
            plan,
        })
    }

    pub(crate) fn take(
        &mut self,
        count: usize,
        what: &'static str,
    ) -> Result<&'a [u8], BundleError> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(BundleError::Truncated {
            what,
            offset: self.offset,
        })?;
        self.offset += count;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], BundleError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    pub(crate) fn byte(&mut self, what: &'static str) -> Result<u8, BundleError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// The error for the field that was just read.
    pub(crate) fn invalid(&self, what: &'static str) -> BundleError {
        BundleError::Invalid {
            what,
            offset: self.offset,
        }
    }

    fn tensor(&mut self, what: &'static str) -> Result<PublicTensor, BundleError> {
        let kind = self.byte(what)?;
        let rank = usize::from(self.byte(what)?);
        if !(1..=MAX_RANK).contains(&rank) {
            return Err(self.invalid(what));
        }
        let mut shape = Vec::with_capacity(rank);
        let mut cells = 1usize;
        for _ in 0..rank {
            let size = u32::from_le_bytes(self.array(what)?) as usize;
            cells = cells
                .checked_mul(size)
                .filter(|&cells| cells > 0)
                .ok_or_else(|| self.invalid(what))?;
            shape.push(size);
        }
        if shape.first().is_none_or(|&batch| batch > MAX_BATCH) {
            return Err(self.invalid(what));
        }
        let width = if [0, 3].contains(&kind) { 4 } else { 1 };
        let length = cells.checked_mul(width).ok_or_else(|| self.invalid(what))?;
        let values = match kind {
            0 => {
                let (words, _) = self.take(length, what)?.as_chunks();
                let float = |&word: &[u8; 4]| f32::from_bits(u32::from_le_bytes(word));
                Values::Float(words.iter().map(float).collect())
            }
            1 => {
                let signed = |&byte: &u8| i32::from(byte.cast_signed());
                Values::Quantized(
                    QType::I8,
                    self.take(length, what)?.iter().map(signed).collect(),
                )
            }
            2 => {
                let unsigned = |&byte: &u8| i32::from(byte);
                Values::Quantized(
                    QType::U8,
                    self.take(length, what)?.iter().map(unsigned).collect(),
                )
            }
            3 => {
                let (words, _) = self.take(length, what)?.as_chunks();
                Values::Tokens(words.iter().map(|&word| u32::from_le_bytes(word)).collect())
            }
            _ => return Err(self.invalid(what)),
        };
        Ok(PublicTensor { shape, values })
    }
}
