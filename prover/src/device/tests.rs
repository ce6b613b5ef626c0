//! Devices against the definition of their jobs, and wrappers against devices that lie.

use std::path::Path;
use std::sync::Arc;

use winter_crypto::hashers::Blake3_256;
use winter_crypto::{Digest as _, MerkleTree};
use winter_math::{FieldElement, polynom};
use winterforge_verifier::poseidon2::Poseidon2;

use super::*;
use crate::stark::DeviceHash;

type Hash = Blake3_256<Felt>;

const DOMAIN: Domain = Domain {
    log_rows: 7,
    log_cosets: 2,
    offset: Felt::GENERATOR,
};

fn columns(count: u64) -> Vec<Vec<Felt>> {
    let cell = |column: u64, row: u64| {
        Felt::new((column * 977 + row + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    };
    (0..count)
        .map(|column| {
            (0..DOMAIN.rows() as u64)
                .map(|row| cell(column, row))
                .collect()
        })
        .collect()
}

/// All three jobs in a row.
fn commit<H: DeviceHash>(
    device: &dyn Device,
    columns: &[Vec<Felt>],
    form: Form,
) -> Result<(Matrix, Digests, Digests), DeviceError> {
    let columns: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
    let job = Extension {
        columns: &columns,
        form,
        domain: DOMAIN,
    };
    let matrix = device.extend(&job)?.data;
    let leaves = device.hash_rows(H::ID, &matrix)?.data;
    let nodes = device.merkle_tree(H::ID, leaves.clone())?.data;
    Ok((matrix, leaves, nodes))
}

#[test]
fn every_level_does_what_the_jobs_say() {
    do_jobs::<Hash>();
    do_jobs::<Poseidon2>();
}

fn do_jobs<H: DeviceHash>() {
    let columns = columns(11);
    for &level in Level::available() {
        let device = CpuDevice::with_level(level);
        let (matrix, leaves, nodes) = commit::<H>(&device, &columns, Form::Coefficients).unwrap();
        let view = matrix.view().unwrap();
        let generator = Felt::get_root_of_unity(DOMAIN.log_rows + DOMAIN.log_cosets);
        for position in [0, 1, 2, 3, 4, 77, 511] {
            let x = DOMAIN.offset * generator.pow(position as u64);
            let row: Vec<Felt> = view.row(position).collect();
            let want: Vec<Felt> = columns
                .iter()
                .map(|column| polynom::eval(column, x))
                .collect();
            assert_eq!(row, want, "{level:?}, position {position}");
            let digest = H::hash_elements(&row);
            assert_eq!(leaves.read().unwrap()[position], H::to_words(&digest));
        }
        let leaves = leaves.read().unwrap().iter();
        let leaves = leaves.map(|words| H::from_words(words).unwrap()).collect();
        let tree = MerkleTree::<H>::new(leaves).unwrap();
        assert_eq!(
            H::from_words(&nodes.read().unwrap()[1]).unwrap().as_bytes(),
            tree.root().as_bytes()
        );
    }
}

#[test]
fn values_and_coefficients_are_two_forms_of_a_column() {
    let device = CpuDevice::default();
    let coefficients = columns(2);
    let subgroup = Domain {
        log_cosets: 0,
        offset: Felt::ONE,
        ..DOMAIN
    };
    let columns: Vec<&[Felt]> = coefficients.iter().map(Vec::as_slice).collect();
    let job = Extension {
        columns: &columns,
        form: Form::Coefficients,
        domain: subgroup,
    };
    let values = device.extend(&job).unwrap().data;
    let values: Vec<Vec<Felt>> = values
        .view()
        .unwrap()
        .coset(0)
        .iter()
        .map(|column| column.to_vec())
        .collect();
    let a = commit::<Hash>(&device, &values, Form::Values).unwrap();
    let b = commit::<Hash>(&device, &coefficients, Form::Coefficients).unwrap();
    assert_eq!(a.2.read(), b.2.read());
}

#[test]
fn impossible_jobs_are_refused() {
    let device = CpuDevice::default();
    let short = [Felt::ONE; 5];
    let job = Extension {
        columns: &[&short],
        form: Form::Values,
        domain: DOMAIN,
    };
    assert!(matches!(
        device.extend(&job),
        Err(DeviceError::Job {
            job: Job::Extend,
            ..
        })
    ));
    let domain = Domain {
        log_rows: 30,
        log_cosets: 3,
        offset: Felt::ONE,
    };
    let job = Extension {
        columns: &[],
        form: Form::Values,
        domain,
    };
    assert!(matches!(
        device.extend(&job),
        Err(DeviceError::Job {
            job: Job::Extend,
            ..
        })
    ));
    for leaves in [0, 1, 3] {
        let result = device.merkle_tree(HashId::Blake3, Digests::new(vec![[0; 8]; leaves]));
        assert!(matches!(
            result,
            Err(DeviceError::Job {
                job: Job::MerkleTree,
                ..
            })
        ));
    }
}

/// The processor, but for one word of one job.
#[derive(Debug)]
struct Liar {
    cpu: CpuDevice,
    job: Job,
    word: usize,
}

impl Device for Liar {
    fn name(&self) -> String {
        String::from("liar")
    }

    fn extend(&self, job: &Extension<'_>) -> Result<Done<Matrix>, DeviceError> {
        let mut done = self.cpu.extend(job)?;
        if self.job == Job::Extend {
            let mut words: Vec<Felt> = done.data.view()?.columns().flatten().copied().collect();
            words[self.word] += Felt::ONE;
            done.data = Matrix::new(done.data.shape, words);
        }
        Ok(done)
    }

    fn hash_rows(&self, hash: HashId, matrix: &Matrix) -> Result<Done<Digests>, DeviceError> {
        self.lie(self.cpu.hash_rows(hash, matrix)?)
    }

    fn merkle_tree(&self, hash: HashId, leaves: Digests) -> Result<Done<Digests>, DeviceError> {
        self.lie(self.cpu.merkle_tree(hash, leaves)?)
    }
}

impl Liar {
    fn lie(&self, mut done: Done<Digests>) -> Result<Done<Digests>, DeviceError> {
        if self.job == done.report.job {
            let mut digests = done.data.read()?.to_vec();
            digests[self.word][3] ^= 1;
            done.data = Digests::new(digests);
        }
        Ok(done)
    }
}

#[test]
fn a_difference_is_named() {
    // Column 2, coset 1, row 5 is position 5 * 4 + 1.
    let word = (2 * DOMAIN.cosets() + 1) * DOMAIN.rows() + 5;
    let cases = [
        (Job::Extend, word, Some(2), 21),
        (Job::HashRows, 99, None, 99),
        (Job::MerkleTree, 3, None, 3),
    ];
    for (job, word, column, row) in cases {
        let liar = Liar {
            cpu: CpuDevice::default(),
            job,
            word,
        };
        let dual = Dual::new(Arc::new(CpuDevice::default()), Arc::new(liar));
        let devices = [String::from("cpu"), String::from("liar")];
        let want = DeviceError::Mismatch {
            devices,
            job,
            column,
            row,
        };
        assert_eq!(
            commit::<Hash>(&dual, &columns(3), Form::Values).unwrap_err(),
            want
        );
    }
}

#[test]
fn names_open_devices_and_records_replay() {
    let folder = std::env::temp_dir().join(format!("winterforge-record-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("jobs").display().to_string();
    let none: OpenOther<'_> = &|_| None;
    let columns = columns(3);
    let want = commit::<Hash>(&CpuDevice::default(), &columns, Form::Values)
        .unwrap()
        .2;
    for name in [
        "cpu",
        "dual:cpu,cpu",
        &format!("record:{file}"),
        &format!("replay:{file}"),
    ] {
        let device = open(name, none).unwrap();
        assert_eq!(device.name(), name);
        let nodes = commit::<Hash>(device.as_ref(), &columns, Form::Values)
            .unwrap()
            .2;
        assert_eq!(nodes.read(), want.read(), "{name}");
    }
    let replay = open(&format!("replay:{file}"), none).unwrap();
    let other = commit::<Hash>(replay.as_ref(), &columns[..2], Form::Values);
    assert!(
        matches!(other, Err(DeviceError::Failed { .. })),
        "a job that was not recorded"
    );
    // A file cut short is refused.
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(
        Replay::open(Path::new(&file)),
        Err(DeviceError::Failed { .. })
    ));
    for name in [
        "gpu",
        "cpu:0",
        "dual:cpu",
        "dual:cpu,gpu",
        "replay:/nowhere/at/all",
    ] {
        assert!(open(name, none).is_err(), "{name}");
    }
    let known: OpenOther<'_> =
        &|name| (name == "gpu").then(|| Ok(Arc::new(CpuDevice::default()) as Arc<dyn Device>));
    assert_eq!(open("dual:cpu,gpu", known).unwrap().name(), "dual:cpu,cpu");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn words_that_are_no_digest_are_an_error() {
    let words = [u32::MAX; 8];
    assert!(matches!(
        Poseidon2::from_words(&words),
        Err(DeviceError::Failed { .. })
    ));
    assert!(Hash::from_words(&words).is_ok());
}

#[test]
fn a_matrix_has_the_words_that_its_sides_say() {
    let shape = Shape {
        columns: 3,
        cosets: 2,
        rows: 4,
    };
    let words = |count: u64| (0..count).map(Felt::new).collect::<Vec<_>>();
    // Gaps are seen by nobody.
    let apart = Matrix::with_pitch(shape, 10, words(30));
    let columns: Vec<u64> = (apart.view().unwrap().columns().flatten())
        .map(|word| word.as_word())
        .collect();
    let want: Vec<u64> = [0..8, 10..18, 20..28].into_iter().flatten().collect();
    assert_eq!(columns, want);
    for (pitch, count) in [(8, 23), (8, 25), (10, 28), (7, 21)] {
        let matrix = Matrix::with_pitch(shape, pitch, words(count));
        assert!(matrix.view().is_err(), "{count} words, {pitch} apart");
    }
}
