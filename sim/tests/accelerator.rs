//! The accelerator, Verilated, through the driver: jobs beside the software's, whole proofs, and what goes wrong.

use std::path::Path;
use std::sync::Arc;

use winter_math::{FieldElement, StarkField};
use winterforge_air::field::Felt;
use winterforge_driver::{Accelerator, DriverError, Job, Transport, TransportError, registers};
use winterforge_hdl::bench::Rng;
use winterforge_model::{load, read_input};
use winterforge_prover::device::{
    CpuDevice, Device, DeviceError, Domain, Dual, Extension, Fallback, Form, Job as Kind, Matrix,
    Shape,
};
use winterforge_prover::{Mode, Proved, Resources, Silent, prove_on};
use winterforge_sim::accelerator::{SimDevice, SimTransport, open};
use winterforge_verifier::bundle::{HashId, Parameters};
use winterforge_verifier::{Policy, verify};

fn columns(rng: &mut Rng, count: usize, rows: usize) -> Vec<Vec<Felt>> {
    let column = |rng: &mut Rng| (0..rows).map(|_| Felt::new(rng.next_u64())).collect();
    (0..count).map(|_| column(rng)).collect()
}

/// `cpu` and `sim` on the same jobs; `Dual` compares every word.
fn dual() -> Dual {
    Dual::new(
        Arc::new(CpuDevice::default()),
        Arc::new(SimDevice::default()),
    )
}

#[test]
fn extensions_of_every_size_are_the_processors() {
    let device = dual();
    let mut rng = Rng::new(41);
    for (log_rows, log_cosets, count) in [(3, 0, 3), (4, 3, 2), (6, 1, 3), (9, 2, 2), (12, 1, 1)] {
        for form in [Form::Values, Form::Coefficients] {
            let columns = columns(&mut rng, count, 1 << log_rows);
            let columns: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
            let domain = Domain {
                log_rows,
                log_cosets,
                offset: Felt::GENERATOR,
            };
            let job = Extension {
                columns: &columns,
                form,
                domain,
            };
            let done = device.extend(&job).unwrap();
            assert!(done.report.cycles.unwrap().taken > 0);
        }
    }
}

/// Longer than the hardware: in two steps.
#[test]
fn longer_transforms_are_split() {
    let device = dual();
    let columns = columns(&mut Rng::new(42), 1, 1 << 13);
    let columns: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
    let domain = Domain {
        log_rows: 13,
        log_cosets: 1,
        offset: Felt::GENERATOR.exp(5),
    };
    let job = Extension {
        columns: &columns,
        form: Form::Values,
        domain,
    };
    device.extend(&job).unwrap();
}

#[test]
fn trees_are_the_processors() {
    let mut rng = Rng::new(43);
    for hash in HashId::ALL {
        for (rows, cosets, count) in [(2, 1, 1), (8, 2, 9), (16, 4, 30), (2, 1, 254)] {
            let shape = Shape {
                columns: count,
                cosets,
                rows,
            };
            let words = columns(&mut rng, 1, shape.words()).remove(0);
            let matrix = Matrix::new(shape, words);
            // Each device has a matrix of its own in a proof; here both read the host's.
            let job = |device: &dyn Device| {
                let leaves = device.hash_rows(hash, &matrix).unwrap().data;
                device.merkle_tree(hash, leaves).unwrap().data
            };
            let (cpu, sim) = (job(&CpuDevice::default()), job(&SimDevice::default()));
            assert_eq!(
                cpu.read().unwrap(),
                sim.read().unwrap(),
                "{hash:?} {shape:?}"
            );
        }
    }
}

/// A proof of a model's first input, and that it verifies.
fn proof(model: &str, hash: HashId, device: &dyn Device) -> Proved {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/models")
        .join(model);
    let graph = Arc::new(load(&folder.join("model.onnx")).unwrap());
    let samples = read_input(&folder.join("inputs.npz"), &graph).unwrap();
    let parameters = Parameters {
        hash,
        ..Parameters::default()
    };
    let mode = Mode::Open(parameters);
    let proved = prove_on(
        Resources::on(device),
        &graph,
        samples.sample(0),
        mode,
        &Silent,
    )
    .unwrap();
    verify(&proved.bundle, &graph, &Policy::default()).unwrap();
    proved
}

/// The bundle is the processor's, and every word that a device computes came from the accelerator.
fn proves_like_the_processor(model: &str, hash: HashId) {
    let cpu = proof(model, hash, &CpuDevice::default());
    let sim = proof(model, hash, &SimDevice::default());
    assert_eq!(cpu.bundle, sim.bundle, "{model} {hash:?}");
    for job in Kind::ALL {
        let (host, device) = (cpu.device.of(job), sim.device.of(job));
        assert_eq!((host.jobs, host.words_out), (device.jobs, device.words_out));
        assert!(host.cycles.is_none() && device.cycles.is_some());
    }
    let cycles = sim.device.cycles().unwrap();
    println!(
        "{model} {hash:?}: {cycles:?}, {:.3}",
        cycles.occupancy().unwrap()
    );
}

#[test]
fn mlp_bc_by_blake3_has_the_processors_bytes() {
    proves_like_the_processor("mlp_bc", HashId::Blake3);
}

#[test]
fn mlp_bc_by_poseidon2_has_the_processors_bytes() {
    proves_like_the_processor("mlp_bc", HashId::Poseidon2);
}

#[test]
fn mlp_mnist_by_blake3_has_the_processors_bytes() {
    proves_like_the_processor("mlp_mnist", HashId::Blake3);
}

#[test]
fn mlp_mnist_by_poseidon2_has_the_processors_bytes() {
    proves_like_the_processor("mlp_mnist", HashId::Poseidon2);
}

/// Every buffer of a proof compared.
#[test]
fn no_word_of_mlp_mnist_differs() {
    proof("mlp_mnist", HashId::Blake3, &dual());
}

fn accelerator() -> Accelerator<SimTransport> {
    open(HashId::Blake3).unwrap()
}

/// A transform of eight words, which works.
fn works(accelerator: &mut Accelerator<SimTransport>) {
    let mut count = 0;
    let job = |inverse, words| Job::Transform {
        inverse,
        coset: false,
        words,
        keep: None,
    };
    let words: Vec<u64> = (1..=8).collect();
    let mut values = Vec::new();
    accelerator
        .run([job(false, words.clone())], |_, results| {
            values = results;
            count += 1;
            Ok(())
        })
        .unwrap();
    accelerator
        .run([job(true, values)], |_, results| {
            assert_eq!(results, words);
            count += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(count, 2);
}

fn job_word(kind: u32, log_size: u32, row_words: u32) -> u32 {
    registers::JOB_KIND.with(kind)
        | registers::JOB_LOG_SIZE.with(log_size)
        | registers::JOB_ROW_WORDS.with(row_words)
}

/// What the accelerator says of a job and words that it is sent; afterwards a reset makes it work again.
fn stopped_by(
    accelerator: &mut Accelerator<SimTransport>,
    words: &[u32],
    data: &[u64],
) -> (u32, u32) {
    for &word in words {
        accelerator.transport().write(registers::JOB, word).unwrap();
    }
    accelerator.transport().send(data).unwrap();
    let waited = accelerator.transport().receive(1 << 20).unwrap_err();
    assert!(
        matches!(waited, TransportError::Standstill { .. }),
        "{waited}"
    );
    let status = accelerator.transport().read(registers::STATUS).unwrap();
    assert_eq!(registers::STATUS_FAILED.of(status), 1);
    let error = accelerator.transport().read(registers::ERROR).unwrap();
    accelerator.reset().unwrap();
    let status = accelerator.transport().read(registers::STATUS).unwrap();
    assert_eq!(status, 0);
    works(accelerator);
    (
        registers::ERROR_CAUSE.of(error),
        registers::ERROR_JOB.of(error),
    )
}

#[test]
fn mistakes_are_error_codes_and_a_reset_ends_them() {
    let mut accelerator = accelerator();
    works(&mut accelerator);
    let words: Vec<u64> = (0..64).collect();
    // `works` has done two jobs since the last reset.
    for (cause, jobs, data) in [
        // Kinds and sizes.
        (1, vec![job_word(4, 5, 0)], &words[..]),
        (1, vec![job_word(15, 5, 0)], &words),
        (2, vec![job_word(0, 2, 0)], &words),
        (2, vec![job_word(0, 13, 0)], &words),
        (2, vec![job_word(1, 31, 0)], &words),
        (2, vec![job_word(3, 23, 4)], &words),
        (2, vec![job_word(3, 3, 0)], &words),
        (2, vec![job_word(3, 3, 255)], &words),
        // Words: too few, too many, of the second job.
        (3, vec![job_word(0, 5, 0)], &words[..31]),
        (4, vec![job_word(0, 5, 0)], &words[..33]),
        (3, vec![job_word(3, 3, 8)], &words[..63]),
        (4, vec![job_word(3, 3, 7)], &words[..57]),
        // A job more than there is room for: one is taken and waits for words, sixteen wait.
        (6, vec![job_word(0, 3, 0); 18], &[]),
    ] {
        let found = stopped_by(&mut accelerator, &jobs, data);
        assert_eq!(found, (cause, 2), "{jobs:x?}");
    }
    // Nothing moves.
    accelerator.set_timeout(5000).unwrap();
    let found = stopped_by(&mut accelerator, &[job_word(0, 5, 0)], &[]);
    assert_eq!(found, (5, 2));
}

#[test]
fn only_registers_that_there_are_answer() {
    let mut accelerator = accelerator();
    let transport = accelerator.transport();
    for (offset, is_write) in [
        (0xfc, false),
        (registers::JOB, false),
        (2, false),
        (registers::ID, true),
        (0xfc, true),
        (registers::SCRATCH + 1, true),
    ] {
        let found = match is_write {
            true => transport.write(offset, 1),
            false => transport.read(offset).map(|_| ()),
        };
        assert_eq!(found, Err(TransportError::Register { offset, is_write }));
    }
    assert_eq!(transport.read(registers::ID), Ok(registers::ID_VALUE));
    let capabilities = accelerator.capabilities();
    assert_eq!(
        (capabilities.lanes, capabilities.log_n, capabilities.hash),
        (2, 12, 0)
    );
    assert_eq!(
        (
            capabilities.log_rows,
            capabilities.row_words,
            capabilities.block_cycles
        ),
        (22, 254, 7)
    );
}

#[test]
fn impossible_jobs_are_refused_by_the_driver() {
    let mut accelerator = accelerator();
    for job in [
        Job::Transform {
            inverse: false,
            coset: false,
            words: vec![0; 4],
            keep: None,
        },
        Job::Transform {
            inverse: false,
            coset: false,
            words: vec![0; 24],
            keep: None,
        },
        Job::Transform {
            inverse: false,
            coset: false,
            words: vec![0; 1 << 13],
            keep: None,
        },
        // The memory has 2^13 words.
        Job::Transform {
            inverse: false,
            coset: false,
            words: vec![0; 1 << 12],
            keep: Some(2),
        },
        Job::TransformKept {
            inverse: false,
            coset: false,
            log_size: 12,
            slot: 2,
        },
        Job::TransformKept {
            inverse: false,
            coset: false,
            log_size: 3,
            slot: 256,
        },
        Job::TransformKept {
            inverse: false,
            coset: false,
            log_size: 13,
            slot: 0,
        },
        Job::LoadShift { powers: vec![] },
        Job::Tree {
            row_words: 0,
            words: vec![0; 8],
        },
        Job::Tree {
            row_words: 255,
            words: vec![0; 255],
        },
        Job::Tree {
            row_words: 3,
            words: vec![0; 9],
        },
        Job::Tree {
            row_words: 3,
            words: vec![0; 8],
        },
        Job::Tree {
            row_words: 3,
            words: vec![],
        },
    ] {
        let refused = accelerator.run([job.clone()], |_, _| Ok(()));
        assert!(matches!(refused, Err(DriverError::Job(_))), "{job:?}");
    }
    works(&mut accelerator);
}

/// Whatever a host writes and sends, registers answer, and a reset leads back to work.
#[test]
fn nonsense_does_not_hang_the_accelerator() {
    let mut accelerator = accelerator();
    let mut rng = Rng::new(45);
    for _ in 0..60 {
        let transport = accelerator.transport();
        for _ in 0..rng.below(30) {
            let offset = rng.below(0x100) as u32;
            let word = rng.next_u64();
            let answer = match word % 4 {
                0 => transport.read(offset).map(|_| ()),
                1 => transport.write(registers::JOB, (word >> 32) as u32 & 0x00ff_01ff),
                2 => transport.send(&vec![word; rng.below(300) as usize]),
                _ => transport.write(offset, (word >> 32) as u32),
            };
            let is_answer = matches!(answer, Ok(()) | Err(TransportError::Register { .. }));
            assert!(is_answer, "{answer:?}");
        }
        accelerator.set_timeout(0).unwrap();
        accelerator.reset().unwrap();
        works(&mut accelerator);
    }
}

/// A reset in the middle of a job, at random cycles, leads back to work.
#[test]
fn a_reset_in_mid_job_returns_to_idle() {
    let mut accelerator = accelerator();
    let mut rng = Rng::new(44);
    for _ in 0..40 {
        let words: Vec<u64> = (0..1 << 9).map(|_| rng.next_u64() >> 1).collect();
        let transport = accelerator.transport();
        transport.write(registers::JOB, job_word(0, 9, 0)).unwrap();
        transport.send(&words).unwrap();
        transport.write(registers::JOB, job_word(3, 6, 8)).unwrap();
        transport.send(&words).unwrap();
        // Each read of a register is some cycles.
        for _ in 0..rng.below(500) {
            accelerator.transport().read(registers::STATUS).unwrap();
        }
        accelerator.reset().unwrap();
        let status = accelerator.transport().read(registers::STATUS).unwrap();
        assert_eq!(status, 0);
        works(&mut accelerator);
    }
}

/// A device that works for some jobs, and then is gone.
#[derive(Debug)]
struct Unplugged {
    device: SimDevice,
    left: std::sync::atomic::AtomicUsize,
}

impl Unplugged {
    fn check(&self) -> Result<(), DeviceError> {
        use std::sync::atomic::Ordering;
        let gone = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        gone.map(|_| ()).map_err(|_| DeviceError::Failed {
            device: self.name(),
            reason: "unplugged".to_owned(),
        })
    }
}

impl Device for Unplugged {
    fn name(&self) -> String {
        "unplugged".to_owned()
    }

    fn extend(
        &self,
        job: &Extension<'_>,
    ) -> Result<winterforge_prover::device::Done<Matrix>, DeviceError> {
        self.check()?;
        self.device.extend(job)
    }

    fn hash_rows(
        &self,
        hash: HashId,
        matrix: &Matrix,
    ) -> Result<winterforge_prover::device::Done<winterforge_prover::device::Digests>, DeviceError>
    {
        self.check()?;
        self.device.hash_rows(hash, matrix)
    }

    fn merkle_tree(
        &self,
        hash: HashId,
        leaves: winterforge_prover::device::Digests,
    ) -> Result<winterforge_prover::device::Done<winterforge_prover::device::Digests>, DeviceError>
    {
        self.check()?;
        self.device.merkle_tree(hash, leaves)
    }
}

#[test]
fn the_processor_takes_over_in_mid_proof() {
    let cpu = proof("mlp_bc", HashId::Blake3, &CpuDevice::default());
    for left in [0, 1, 2, 4, 7] {
        let device = Unplugged {
            device: SimDevice::default(),
            left: left.into(),
        };
        let failures = Arc::new(std::sync::Mutex::new(Vec::new()));
        let heard = failures.clone();
        let on_failure = move |error: &DeviceError| heard.lock().unwrap().push(error.to_string());
        let spare = Arc::new(CpuDevice::default());
        let device = Fallback::new(Arc::new(device), spare, Box::new(on_failure));
        assert_eq!(proof("mlp_bc", HashId::Blake3, &device).bundle, cpu.bundle);
        assert_eq!(
            *failures.lock().unwrap(),
            ["device unplugged failed: unplugged"]
        );
        assert_eq!(device.name(), "unplugged, then cpu");
    }
}
