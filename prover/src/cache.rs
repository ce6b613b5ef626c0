//! The extended trace of parameters and its tree, kept in a file beside the key.
//!
//! The file is a convenience: what it holds follows from model and key. It is trusted for nothing. Its digest is checked
//! whenever it is loaded, and whoever finds it damaged, or made for another key, makes it again. It appears whole or not
//! at all.
//!
//! ```text
//! mark (8) | key digest (32) | columns, cosets, rows (8 each) | words | nodes (32 each) | BLAKE3 of all that (32)
//! ```

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use winterforge_air::field::Felt;
use winterforge_verifier::key::KeyDigest;

use crate::device::{Digests, Matrix, Shape};
use crate::setup::Commitment;
use crate::whole::write_whole;

const MARK: [u8; 8] = *b"WFCACHE1";

/// Words or nodes that are read or written at once.
const AT_ONCE: usize = 1 << 13;

/// Why a cache cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// It was made for another key.
    #[error("it belongs to another key")]
    OtherKey,
    /// It is cut off, or its bytes are not those that were written.
    #[error("it is cut off or damaged")]
    Damaged,
}

impl CacheError {
    /// Whether there is no such file.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::File(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// Where the cache of a key stands.
pub fn cache_path(key: &Path) -> PathBuf {
    let mut name = key.as_os_str().to_owned();
    name.push(".cache");
    name.into()
}

/// Writes a commitment.
pub(crate) fn write(
    path: &Path,
    key: KeyDigest,
    commitment: &Commitment,
) -> Result<(), CacheError> {
    write_whole(path, |file| write_to(file, key, commitment))
}

fn write_to(file: &mut File, key: KeyDigest, commitment: &Commitment) -> Result<(), CacheError> {
    let mut file = Hashing::new(BufWriter::with_capacity(1 << 20, file));
    let Commitment { matrix, nodes } = commitment;
    let failed = |error| io::Error::other(format!("a device did not hand out its words: {error}"));
    file.put(&MARK)?;
    file.put(&key.0)?;
    file.put(&sides(matrix.shape))?;
    let columns = matrix.view().map_err(failed)?.columns();
    for words in columns.flat_map(|column| column.chunks(AT_ONCE)) {
        let bytes: Vec<u8> = words
            .iter()
            .flat_map(|w| w.as_word().to_le_bytes())
            .collect();
        file.put(&bytes)?;
    }
    for nodes in nodes.read().map_err(failed)?.chunks(AT_ONCE) {
        let words = nodes.iter().flatten();
        let bytes: Vec<u8> = words.flat_map(|word| word.to_le_bytes()).collect();
        file.put(&bytes)?;
    }
    let digest = *file.hasher.finalize().as_bytes();
    file.inner.write_all(&digest)?;
    Ok(file.inner.flush()?)
}

/// Reads a commitment of this shape.
pub(crate) fn read(path: &Path, key: KeyDigest, shape: Shape) -> Result<Commitment, CacheError> {
    let file = File::open(path)?;
    let nodes = 2 * shape.cosets * shape.rows;
    let length = MARK.len() + 32 + 24 + 8 * shape.words() + 32 * nodes + 32;
    let found = file.metadata()?.len();
    let mut file = Hashing::new(BufReader::with_capacity(1 << 20, file));
    let (mut mark, mut owner, mut found_sides) = ([0; 8], [0; 32], [0; 24]);
    let mut header = || {
        file.get(&mut mark)?;
        file.get(&mut owner)?;
        file.get(&mut found_sides)
    };
    header().map_err(cut_off)?;
    if mark != MARK {
        return Err(CacheError::Damaged);
    }
    if owner != key.0 {
        return Err(CacheError::OtherKey);
    }
    if found_sides != sides(shape) || found != length as u64 {
        return Err(CacheError::Damaged);
    }
    let mut bytes = vec![0; 8 * AT_ONCE];
    let mut words = Vec::with_capacity(shape.words());
    while words.len() < shape.words() {
        let count = AT_ONCE.min(shape.words() - words.len());
        let bytes = &mut bytes[..8 * count];
        file.get(bytes).map_err(cut_off)?;
        for &word in bytes.as_chunks().0 {
            let word = u64::from_le_bytes(word);
            if !Felt::is_canonical(word) {
                return Err(CacheError::Damaged);
            }
            words.push(Felt::new(word));
        }
    }
    let mut tree = Vec::with_capacity(nodes);
    for _ in 0..nodes {
        let mut node = [0; 32];
        file.get(&mut node).map_err(cut_off)?;
        let words = node.as_chunks().0;
        tree.push(std::array::from_fn(|word| u32::from_le_bytes(words[word])));
    }
    let expected = *file.hasher.finalize().as_bytes();
    let mut digest = [0; 32];
    file.get(&mut digest).map_err(cut_off)?;
    if digest != expected {
        return Err(CacheError::Damaged);
    }
    Ok(Commitment {
        matrix: Matrix::new(shape, words),
        nodes: Digests::new(tree),
    })
}

fn sides(shape: Shape) -> [u8; 24] {
    let sides = [shape.columns, shape.cosets, shape.rows].map(|side| (side as u64).to_le_bytes());
    let mut bytes = [0; 24];
    for (bytes, side) in bytes.chunks_exact_mut(8).zip(sides) {
        bytes.copy_from_slice(&side);
    }
    bytes
}

fn cut_off(error: io::Error) -> CacheError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => CacheError::Damaged,
        _ => CacheError::File(error),
    }
}

/// A file with a digest of what went through.
struct Hashing<F> {
    inner: F,
    hasher: blake3::Hasher,
}

impl<F> Hashing<F> {
    fn new(inner: F) -> Self {
        let hasher = blake3::Hasher::new();
        Self { inner, hasher }
    }
}

impl<F: Write> Hashing<F> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.inner.write_all(bytes)
    }
}

impl<F: Read> Hashing<F> {
    fn get(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.read_exact(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }
}
