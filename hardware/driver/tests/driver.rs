//! The driver against an accelerator in software: jobs of every kind, and a way that lies or ends.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use winter_math::{FieldElement, StarkField, polynom};
use winterforge_air::field::Felt;
use winterforge_driver::registers as map;
use winterforge_driver::{
    Accelerator, DriverError, HardwareDevice, Job, Transport, TransportError,
};
use winterforge_prover::device::{
    CpuDevice, Device, DeviceError, Domain, Extension, Form, Matrix, Shape,
};
use winterforge_verifier::bundle::HashId;

const LOG_N: u32 = 5;

/// Of its scratch memory: two columns of the longest transform.
const LOG_SCRATCH: u32 = 6;

/// What is wrong with an accelerator.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Defect {
    None,
    /// A register reads this.
    Register(u32, u32),
    /// Writes of the scratch register are lost.
    Scratch,
    /// It stops with this cause at every job.
    Stops(u32),
    /// Results lack their last word.
    Short,
    /// Results have a word too many.
    Long,
    /// Words are no field elements.
    NotCanonical,
    /// A node comes twice.
    Node,
    /// Nodes are of another tree.
    Tree,
    /// It counts a word more than it gives.
    Miscounts,
    /// Its counter of cycles never reads the same twice.
    Flickers,
    /// Its counter of cycles runs backwards.
    Backwards,
    /// The way is closed after so many jobs.
    Closed(usize),
}

/// An accelerator as software does its jobs.
#[derive(Debug)]
struct Fake {
    defect: Defect,
    scratch: u32,
    jobs: VecDeque<u32>,
    results: VecDeque<Vec<u64>>,
    powers: Vec<Felt>,
    memory: Vec<u64>,
    trees: u64,
    done: usize,
    has_stopped: bool,
    words: [u32; 2],
    resets: Arc<Mutex<usize>>,
}

impl Fake {
    fn new(defect: Defect) -> Self {
        Self {
            defect,
            scratch: 0,
            jobs: VecDeque::new(),
            results: VecDeque::new(),
            powers: Vec::new(),
            memory: vec![0; 1 << LOG_SCRATCH],
            trees: 0,
            done: 0,
            has_stopped: false,
            words: [0; 2],
            resets: Arc::default(),
        }
    }

    /// Values on the subgroup, term by term.
    fn transform(&self, word: u32, words: &[u64]) -> Vec<u64> {
        let (inverse, coset) = (map::JOB_INVERSE.of(word) == 1, map::JOB_COSET.of(word) == 1);
        let mut root = Felt::get_root_of_unity(words.len().ilog2());
        if inverse {
            root = root.inv();
        }
        let mut x: Vec<Felt> = words.iter().map(|&word| Felt::new(word)).collect();
        if coset {
            x.iter_mut()
                .zip(&self.powers)
                .for_each(|(x, &power)| *x *= power);
        }
        let scale = match inverse {
            true => Felt::new(words.len() as u64).inv(),
            false => Felt::ONE,
        };
        let point = |i: usize| root.exp(i as u64);
        let values = (0..words.len()).map(|i| polynom::eval(&x, point(i)) * scale);
        values.map(|value| value.as_int()).collect()
    }

    fn tree(&mut self, word: u32, words: Vec<u64>) -> Vec<u64> {
        let row_words = map::JOB_ROW_WORDS.of(word) as usize;
        let rows = words.len() / row_words;
        let (shape, mut columns) = (
            Shape {
                columns: row_words,
                cosets: 1,
                rows,
            },
            vec![Felt::ZERO; words.len()],
        );
        for (index, &word) in words.iter().enumerate() {
            columns[index % row_words * rows + index / row_words] = Felt::new(word);
        }
        let cpu = CpuDevice::default();
        let leaves = cpu
            .hash_rows(HashId::Blake3, &Matrix::new(shape, columns))
            .unwrap()
            .data;
        let nodes = match rows {
            1 => [vec![[0; 8]], leaves.read().unwrap().to_vec()].concat(),
            _ => cpu
                .merkle_tree(HashId::Blake3, leaves)
                .unwrap()
                .data
                .read()
                .unwrap()
                .to_vec(),
        };
        let tree = self.trees + u64::from(self.defect == Defect::Tree);
        self.trees += 1;
        // Leaves first.
        let mut result = Vec::new();
        for (node, digest) in nodes.iter().enumerate().skip(1).rev() {
            let node = match self.defect {
                Defect::Node => 1,
                _ => node as u64,
            };
            result.push(node | (tree % 256) << 32);
            let words = digest
                .chunks(2)
                .map(|pair| u64::from(pair[0]) | u64::from(pair[1]) << 32);
            result.extend(words);
        }
        result
    }
}

/// Words of the scratch memory that a job names.
fn slot(job: u32) -> std::ops::Range<usize> {
    let words = 1 << map::JOB_LOG_SIZE.of(job);
    let first = map::JOB_SLOT.of(job) as usize * words;
    first..first + words
}

impl Transport for Fake {
    fn read(&mut self, offset: u32) -> Result<u32, TransportError> {
        if let Defect::Register(register, value) = self.defect
            && register == offset
        {
            return Ok(value);
        }
        Ok(match offset {
            map::ID => map::ID_VALUE,
            map::VERSION => map::MAP_VERSION,
            map::CAPABILITIES => {
                map::CAPABILITIES_LANES.with(1)
                    | map::CAPABILITIES_LOG_N.with(LOG_N)
                    | map::CAPABILITIES_LOG_ROWS.with(6)
                    | map::CAPABILITIES_ROW_WORDS.with(20)
            }
            map::ENGINE => {
                map::ENGINE_BLOCK_CYCLES.with(7) | map::ENGINE_LOG_SCRATCH.with(LOG_SCRATCH)
            }
            map::SCRATCH => self.scratch,
            map::CYCLES_HIGH if self.defect == Defect::Flickers => {
                self.scratch += 1;
                self.scratch
            }
            map::CYCLES_LOW if self.defect == Defect::Backwards => 1000 - self.done as u32,
            map::WORDS_IN => self.words[0],
            map::WORDS_OUT => self.words[1],
            map::STATUS => map::STATUS_FAILED.with(u32::from(self.has_stopped)),
            map::ERROR => match self.defect {
                Defect::Stops(cause) => map::ERROR_CAUSE.with(cause) | map::ERROR_JOB.with(3),
                _ => 0,
            },
            _ => 0,
        })
    }

    fn write(&mut self, offset: u32, value: u32) -> Result<(), TransportError> {
        match offset {
            map::SCRATCH if self.defect != Defect::Scratch => self.scratch = value,
            map::JOB if map::JOB_KEPT.of(value) == 1 => {
                assert!(self.jobs.is_empty(), "words of another job are missing");
                let words = self.memory[slot(value)].to_vec();
                let results = self.transform(value, &words);
                self.words[1] += results.len() as u32;
                self.results.push_back(results);
            }
            map::JOB => self.jobs.push_back(value),
            map::CONTROL if map::CONTROL_RESET.of(value) == 1 => {
                self.has_stopped = false;
                self.trees = 0;
                *self.resets.lock().unwrap() += 1;
            }
            _ => {}
        }
        Ok(())
    }

    fn send(&mut self, words: &[u64]) -> Result<(), TransportError> {
        if self.defect == Defect::Closed(self.done) {
            return Err(TransportError::Closed {
                reason: "unplugged".to_owned(),
            });
        }
        self.done += 1;
        self.words[0] += words.len() as u32;
        let word = self.jobs.pop_front().unwrap();
        let log_size = map::JOB_LOG_SIZE.of(word);
        if let Defect::Stops(_) = self.defect {
            self.has_stopped = true;
            return Ok(());
        }
        let mut results = match map::JOB_KIND.of(word) {
            0 => {
                assert_eq!(words.len(), 1 << log_size);
                if map::JOB_KEEP.of(word) == 1 {
                    self.memory[slot(word)].copy_from_slice(words);
                }
                self.transform(word, words)
            }
            1 => {
                self.powers = words.iter().map(|&word| Felt::new(word)).collect();
                return Ok(());
            }
            _ => self.tree(word, words.to_vec()),
        };
        match self.defect {
            Defect::Short => drop(results.pop()),
            Defect::Long => results.push(0),
            Defect::NotCanonical => results.fill(u64::MAX),
            _ => {}
        }
        self.words[1] += results.len() as u32 + u32::from(self.defect == Defect::Miscounts);
        self.results.push_back(results);
        Ok(())
    }

    fn receive(&mut self, most: usize) -> Result<Vec<u64>, TransportError> {
        let standstill = TransportError::Standstill {
            waited: 1,
            unit: "jobs",
        };
        let words = self.results.pop_front().ok_or(standstill)?;
        match words.len() > most {
            true => Err(TransportError::TooMany { most }),
            false => Ok(words),
        }
    }

    fn discard(&mut self) -> Result<(), TransportError> {
        self.jobs.clear();
        self.results.clear();
        Ok(())
    }
}

fn device(defect: Defect) -> HardwareDevice<Fake> {
    HardwareDevice::new("fake", Accelerator::open(Fake::new(defect)).unwrap())
}

fn columns(count: usize, rows: usize) -> Vec<Vec<Felt>> {
    let cell = |index: usize| Felt::new((index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    (0..count)
        .map(|column| (0..rows).map(|row| cell(column * rows + row)).collect())
        .collect()
}

fn extend(device: &dyn Device, log_rows: u32, form: Form) -> Result<Matrix, DeviceError> {
    let columns = columns(3, 1 << log_rows);
    let columns: Vec<&[Felt]> = columns.iter().map(Vec::as_slice).collect();
    let job = Extension {
        columns: &columns,
        form,
        domain: Domain {
            log_rows,
            log_cosets: 1,
            offset: Felt::GENERATOR,
        },
    };
    Ok(device.extend(&job)?.data)
}

fn words(matrix: &Matrix) -> Vec<Felt> {
    matrix
        .view()
        .unwrap()
        .columns()
        .flatten()
        .copied()
        .collect()
}

/// Sizes of the hardware, and those that are split: up to the square of the longest.
#[test]
fn extensions_are_the_processors() {
    for log_rows in 3..=9 {
        for form in [Form::Values, Form::Coefficients] {
            let ours = extend(&device(Defect::None), log_rows, form).unwrap();
            let cpu = extend(&CpuDevice::default(), log_rows, form).unwrap();
            assert_eq!(words(&ours), words(&cpu), "2^{log_rows} {form:?}");
        }
    }
    let none = Extension {
        columns: &[],
        form: Form::Values,
        domain: Domain {
            log_rows: 3,
            log_cosets: 1,
            offset: Felt::GENERATOR,
        },
    };
    let nothing = device(Defect::None).extend(&none).unwrap().data;
    assert_eq!(nothing.shape.words(), 0);
    for log_rows in [2, 11] {
        let refused = extend(&device(Defect::None), log_rows, Form::Values);
        assert!(
            matches!(refused, Err(DeviceError::Failed { .. })),
            "2^{log_rows}"
        );
    }
}

#[test]
fn trees_are_the_processors() {
    let shape = Shape {
        columns: 5,
        cosets: 2,
        rows: 8,
    };
    let matrix = Matrix::new(shape, columns(1, shape.words()).remove(0));
    let tree = |device: &dyn Device| {
        let leaves = device.hash_rows(HashId::Blake3, &matrix).unwrap().data;
        device
            .merkle_tree(HashId::Blake3, leaves)
            .unwrap()
            .data
            .read()
            .unwrap()
            .to_vec()
    };
    assert_eq!(tree(&device(Defect::None)), tree(&CpuDevice::default()));
    // Another hash, and leaves that come from elsewhere.
    let device = device(Defect::None);
    assert!(device.hash_rows(HashId::Poseidon2, &matrix).is_err());
    let leaves = CpuDevice::default()
        .hash_rows(HashId::Blake3, &matrix)
        .unwrap()
        .data;
    let refused = device.merkle_tree(HashId::Blake3, leaves);
    assert!(matches!(refused, Err(DeviceError::Job { .. })));
}

#[test]
fn what_is_no_accelerator_is_not_opened() {
    let open = |defect| Accelerator::open(Fake::new(defect)).map(|_| ());
    assert_eq!(open(Defect::None), Ok(()));
    let found = 0xffff_ffff;
    assert_eq!(
        open(Defect::Register(map::ID, found)),
        Err(DriverError::Id { found })
    );
    let refused = open(Defect::Register(map::VERSION, found));
    assert_eq!(refused, Err(DriverError::Version { found }));
    assert!(matches!(
        open(Defect::Scratch),
        Err(DriverError::Scratch { .. })
    ));
}

/// Each ends in an error, and in a reset.
#[test]
fn results_that_make_no_sense_are_refused() {
    let transform = Job::Transform {
        inverse: false,
        coset: false,
        words: vec![1; 8],
        keep: None,
    };
    let tree = Job::Tree {
        row_words: 2,
        words: vec![1; 8],
    };
    for (defect, job) in [
        (Defect::Short, &transform),
        (Defect::Long, &transform),
        (Defect::Short, &tree),
        (Defect::Long, &tree),
        (Defect::Node, &tree),
        (Defect::Tree, &tree),
        (Defect::Miscounts, &transform),
        (Defect::Stops(3), &tree),
        (Defect::Closed(0), &tree),
    ] {
        let fake = Fake::new(defect);
        let resets = fake.resets.clone();
        let mut accelerator = Accelerator::open(fake).unwrap();
        let before = *resets.lock().unwrap();
        let error = accelerator.run([job.clone()], |_, _| Ok(())).unwrap_err();
        let is_expected = match defect {
            Defect::Long => matches!(
                error,
                DriverError::Transport(TransportError::TooMany { .. })
            ),
            Defect::Stops(cause) => error == DriverError::Stopped { cause, job: 3 },
            Defect::Closed(_) => {
                matches!(error, DriverError::Transport(TransportError::Closed { .. }))
            }
            _ => matches!(error, DriverError::Results(_)),
        };
        assert!(is_expected, "{defect:?}: {error}");
        assert_eq!(*resets.lock().unwrap(), before + 1, "{defect:?}");
    }
    for (defect, text) in [
        (Defect::NotCanonical, "no field element"),
        (Defect::Flickers, "never reads the same"),
        (Defect::Backwards, "runs backwards"),
    ] {
        let error = extend(&device(defect), 3, Form::Values).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

/// Jobs go on behind each other, and come back in order, with more of them than are under way at a time.
#[test]
fn many_jobs_come_back_in_order() {
    let mut accelerator = Accelerator::open(Fake::new(Defect::None)).unwrap();
    let job = |index: u64| match index % 5 {
        4 => Job::Tree {
            row_words: 1,
            words: vec![index; 4],
        },
        _ => Job::Transform {
            inverse: false,
            coset: false,
            words: [&[index; 1], [0; 7].as_slice()].concat(),
            keep: None,
        },
    };
    let mut taken = Vec::new();
    accelerator
        .run((0..40).map(job), |index, words| {
            // A constant polynomial has one value.
            assert!(index % 5 == 4 || words == vec![index as u64; 8]);
            taken.push(index);
            Ok(())
        })
        .unwrap();
    assert_eq!(taken, (0..40).collect::<Vec<_>>());
    let refused = accelerator.run([job(0)], |_, _| Err(DriverError::Job("not wanted")));
    assert_eq!(refused, Err(DriverError::Job("not wanted")));
}
