//! The two heavy kernels of a proof, in each system's own form: extending columns, and committing to rows.

use p3_commit::Mmcs as _;
use p3_dft::TwoAdicSubgroupDft;
use p3_field::Field;
use p3_goldilocks::Goldilocks;
use p3_matrix::Matrix as _;
use p3_matrix::bitrev::BitReversibleMatrix;
use p3_matrix::dense::RowMajorMatrix;
use winter_air::PartitionOptions;
use winter_crypto::hashers::Blake3_256;
use winter_crypto::{Digest as _, MerkleTree, VectorCommitment};
use winter_math::{StarkField, fft};
use winter_prover::StarkDomain;
use winter_prover::matrix::{ColMatrix, RowMatrix};
use winterforge_air::field::Felt;
use winterforge_prover::device::{CpuDevice, Device, DeviceError, Domain, Extension, Form, Matrix};
use winterforge_verifier::bundle::HashId;

use super::air::{self, Base};
use super::{Run, System, plonky3, stock, timed_again};
use crate::error::Error;

/// Columns that winterfell extends side by side, as its provers do.
const SEGMENT_COLUMNS: usize = 8;

/// winterfell's columns, and what it extends them to.
pub struct Stock<B: Base> {
    columns: ColMatrix<B>,
    domain: StarkDomain<B>,
}

impl<B: Base> Stock<B> {
    /// `2^log_rows` rows of the [trace](air::columns), for a domain `2^log_blowup` times as large.
    pub fn new(log_rows: u32, log_blowup: u32) -> Self {
        let convert = |column: Vec<Felt>| -> Vec<B> { column.into_iter().map(B::lift).collect() };
        let columns = air::columns(log_rows).into_iter().map(convert).collect();
        let twiddles = fft::get_twiddles(1 << log_rows);
        Self {
            columns: ColMatrix::new(columns),
            domain: StarkDomain::from_twiddles(twiddles, 1 << log_blowup, B::GENERATOR),
        }
    }

    /// Extends the columns.
    pub fn extend(&self) -> RowMatrix<B> {
        let polynomials = self.columns.interpolate_columns();
        RowMatrix::evaluate_polys_over::<SEGMENT_COLUMNS>(&polynomials, &self.domain)
    }

    /// The root of the tree over the rows.
    pub fn commit(matrix: &RowMatrix<B>) -> [u8; 32] {
        let tree: MerkleTree<Blake3_256<B>> = matrix
            .commit_to_rows::<Blake3_256<B>, MerkleTree<Blake3_256<B>>>(PartitionOptions::new(
                1, 1,
            ));
        tree.commitment().as_bytes()
    }
}

/// Our device with columns to extend.
#[derive(Debug)]
pub struct Ours {
    device: CpuDevice,
    columns: Vec<Vec<Felt>>,
    domain: Domain,
}

impl Ours {
    /// As [`Stock::new`].
    pub fn new(log_rows: u32, log_blowup: u32) -> Self {
        Self {
            device: CpuDevice::default(),
            columns: air::columns(log_rows),
            domain: Domain {
                log_rows,
                log_cosets: log_blowup,
                offset: Felt::GENERATOR,
            },
        }
    }

    /// Extends the columns.
    ///
    /// # Errors
    /// If the device fails.
    pub fn extend(&self) -> Result<Matrix, DeviceError> {
        let columns: Vec<&[Felt]> = self.columns.iter().map(Vec::as_slice).collect();
        let job = Extension {
            columns: &columns,
            form: Form::Values,
            domain: self.domain,
        };
        Ok(self.device.extend(&job)?.data)
    }

    /// The root of the tree over the rows.
    ///
    /// # Errors
    /// If the device fails.
    pub fn commit(&self, matrix: &Matrix) -> Result<[u8; 32], DeviceError> {
        let leaves = self.device.hash_rows(HashId::Blake3, matrix)?.data;
        let nodes = self.device.merkle_tree(HashId::Blake3, leaves)?.data;
        let mut root = [0; 32];
        for (bytes, word) in root.chunks_exact_mut(4).zip(nodes.read()?[1]) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Ok(root)
    }
}

/// Plonky3's rows.
#[derive(Debug)]
pub struct Plonky3 {
    dft: plonky3::Dft,
    rows: RowMajorMatrix<Goldilocks>,
    log_blowup: usize,
}

impl Plonky3 {
    /// As [`Stock::new`].
    pub fn new(log_rows: u32, log_blowup: u32) -> Self {
        Self {
            dft: plonky3::Dft::default(),
            rows: plonky3::rows(air::columns(log_rows)),
            log_blowup: log_blowup as usize,
        }
    }

    /// The rows, which extending them uses up.
    pub fn rows(&self) -> RowMajorMatrix<Goldilocks> {
        self.rows.clone()
    }

    /// Extends the columns, to rows in bit-reversed order, as its provers do.
    pub fn extend(&self, rows: RowMajorMatrix<Goldilocks>) -> RowMajorMatrix<Goldilocks> {
        let shift = Goldilocks::GENERATOR;
        let extended = self.dft.coset_lde_batch(rows, self.log_blowup, shift);
        extended.bit_reverse_rows().to_row_major_matrix()
    }

    /// The root of the tree over the rows.
    pub fn commit(rows: RowMajorMatrix<Goldilocks>) -> [u8; 32] {
        let (root, _) = plonky3::trees().commit(vec![rows]);
        root.roots()[0]
    }
}

/// The rows of our extension in Plonky3's form. Its own extension is by another root of unity.
///
/// # Errors
/// If the device does not hand the matrix out.
pub fn plonky3_rows(matrix: &Matrix) -> Result<RowMajorMatrix<Goldilocks>, DeviceError> {
    let view = matrix.view()?;
    let shape = view.shape();
    let mut cells = vec![Goldilocks::new(0); shape.words()];
    for column in 0..shape.columns {
        for coset in 0..shape.cosets {
            let first = coset * shape.columns + column;
            let places = cells.iter_mut().skip(first);
            let places = places.step_by(shape.columns * shape.cosets);
            for (cell, word) in places.zip(view.column(column, coset)) {
                *cell = Goldilocks::new(word.as_word());
            }
        }
    }
    Ok(RowMajorMatrix::new(cells, shape.columns))
}

/// Extends the columns.
///
/// # Errors
/// If our device fails.
pub fn extend(system: System, log_rows: u32, log_blowup: u32) -> Result<Run, Error> {
    fn stock<B: Base>(log_rows: u32, log_blowup: u32) -> Result<Run, Error> {
        let kernel = Stock::<B>::new(log_rows, log_blowup);
        Ok(timed_again(|| (), |()| kernel.extend())?.1)
    }
    match system {
        System::Winterfell => stock::<stock::Upstream>(log_rows, log_blowup),
        System::WinterfellOurField => stock::<Felt>(log_rows, log_blowup),
        System::Plonky3 => {
            let kernel = Plonky3::new(log_rows, log_blowup);
            Ok(timed_again(|| kernel.rows(), |rows| kernel.extend(rows))?.1)
        }
        System::Winterforge => {
            let kernel = Ours::new(log_rows, log_blowup);
            let (matrix, run) = timed_again(|| (), |()| kernel.extend())?;
            matrix.map_err(|error| Error::Peer(error.to_string()))?;
            Ok(run)
        }
    }
}

/// Commits to the rows of the extended columns. Every system's root is over the same rows in the same order.
///
/// # Errors
/// If our device fails.
pub fn commit(system: System, log_rows: u32, log_blowup: u32) -> Result<Run, Error> {
    fn stock<B: Base>(log_rows: u32, log_blowup: u32) -> Result<([u8; 32], Run), Error> {
        let matrix = Stock::<B>::new(log_rows, log_blowup).extend();
        timed_again(|| (), |()| Stock::commit(&matrix))
    }
    let failed = |error: DeviceError| Error::Peer(error.to_string());
    let (root, mut run) = match system {
        System::Winterfell => stock::<stock::Upstream>(log_rows, log_blowup)?,
        System::WinterfellOurField => stock::<Felt>(log_rows, log_blowup)?,
        System::Plonky3 => {
            let ours = Ours::new(log_rows, log_blowup);
            let rows = plonky3_rows(&ours.extend().map_err(failed)?).map_err(failed)?;
            timed_again(|| rows.clone(), Plonky3::commit)?
        }
        System::Winterforge => {
            let kernel = Ours::new(log_rows, log_blowup);
            let matrix = kernel.extend().map_err(failed)?;
            let (root, run) = timed_again(|| (), |()| kernel.commit(&matrix))?;
            (root.map_err(failed)?, run)
        }
    };
    run.root = root.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(run)
}
