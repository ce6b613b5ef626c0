//! The forger: the prover's orchestration in stages whose every field may be overwritten before the next one.
//!
//! ```text
//! Witness --commit--> Committed --fill--> Filled --finish--> Forged
//! ```

use winter_air::Air;
use winter_math::FieldElement;
use winter_utils::Serializable;
use winterforge_air::constants::constant_columns;
use winterforge_air::field::{Cube, Felt};
use winterforge_air::joint::Challenges;
use winterforge_air::layout::{Kind, LINE_BITS, LookupTable, Shape, requant_cell};
use winterforge_air::lookup_columns;
use winterforge_air::mask::Mask;
use winterforge_air::rounding::{Channel, Rounding};
use winterforge_air::shard_air::{ShardAir, ShardInputs};
use winterforge_air::witness;
use winterforge_verifier::bundle::{Header, Values};
use winterforge_verifier::challenge::{joint_challenges, joint_seed};
use winterforge_verifier::instance::{Instance, public_codes};

use crate::case::{Case, Site, channel_of};
use crate::equations::{Rule, public_inputs};
use crate::merkle::{Digest, Hash, Segment};
use crate::stark::{Deviation, ProvedShard, prove_shard};

/// Statement, plan and main columns.
#[derive(Clone, Debug)]
pub struct Witness<'a> {
    /// What is lied about.
    pub case: &'a Case,
    /// The statement as it will be encoded.
    pub header: Header,
    /// Plan and options that the forger follows.
    pub instance: Instance,
    /// Constraints that the forger does not keep.
    pub mask: Mask,
    /// The rule of the joint check that it follows.
    pub rule: Rule,
    /// Main columns by shard.
    pub columns: Vec<Vec<Vec<Felt>>>,
}

impl<'a> Witness<'a> {
    /// The honest witness, multiplicities counted.
    pub fn honest(case: &'a Case) -> Self {
        let plan = &case.instance.plan;
        let mut result = Self {
            case,
            header: case.header.clone(),
            instance: case.instance.clone(),
            mask: Mask::default(),
            rule: Rule::honest(plan),
            columns: case.columns.clone(),
        };
        result.count();
        result
    }

    /// Counts the lookups into the multiplicities; what is in no table is not counted.
    pub fn count(&mut self) {
        let plan = &self.instance.plan;
        for (shard, columns) in plan.shards.iter().zip(&mut self.columns) {
            let constants = constant_columns(plan, shard);
            lookup_columns::fill_multiplicities(
                plan,
                &shard.layout,
                &self.mask,
                columns,
                &constants,
            );
        }
    }

    /// The constants of a site's channel.
    pub fn channel(&self, site: &Site) -> &Channel {
        channel_of(&self.instance.plan, site)
    }

    /// A cell of a lane.
    pub fn get(&self, site: &Site, cell: usize) -> Felt {
        self.columns[site.shard][site.start + cell][site.row]
    }

    /// Overwrites a cell of a lane.
    pub fn set(&mut self, site: &Site, cell: usize, value: Felt) {
        self.columns[site.shard][site.start + cell][site.row] = value;
    }

    /// Fills a lane as a prover would whose accumulator and code these are. The result satisfies whatever constraint
    /// it can.
    pub fn fill_lane(&mut self, site: &Site, accumulator: i64, code: i64) {
        let layout = &self.instance.plan.shards[site.shard].layout;
        let cells = witness::requant_cells(layout, self.channel(site), accumulator, code);
        for (index, value) in cells.into_iter().enumerate() {
            self.set(site, index, value);
        }
    }

    /// Overwrites consecutive limbs by one value: all of it in the first limb if it is no sum of limbs.
    pub fn set_limbs(&mut self, site: &Site, first: usize, count: usize, value: i128) {
        let bits = self.instance.plan.shards[site.shard].layout.shape.limb_bits as usize;
        let fits = (0..1i128 << (bits * count)).contains(&value);
        let mask = (1 << bits) - 1;
        for limb in 0..count {
            let part = if fits {
                value >> (bits * limb) & mask
            } else {
                0
            };
            self.set(site, first + limb, Felt::new(part as u64));
        }
        if !fits {
            self.set(site, first, Felt::from_signed(value as i64));
        }
    }

    /// States `code` as the output at a site of the last layer.
    pub fn state(&mut self, site: &Site, code: i64) {
        let cells = self.case.graph.output_len();
        if let Values::Quantized(qtype, values) = &mut self.header.output.values {
            values[site.sample * cells + site.cell] = code as i32 + qtype.min();
        }
    }

    /// The geometry of a site's shard.
    pub fn shape(&self, site: &Site) -> &Shape {
        &self.instance.plan.shards[site.shard].layout.shape
    }

    /// Makes the limbs of a requantization lane hold a remainder, whatever it is.
    pub fn set_remainder(&mut self, site: &Site, remainder: i128) {
        let shape = self.shape(site).clone();
        if site.kind == Kind::Line {
            return self.set_limbs(site, requant_cell::LINE_LIMB, shape.line_limbs, remainder);
        }
        let in_range = (0..i128::from(shape.window_range().size)).contains(&remainder);
        let limbs = witness::window_limbs(&shape, if in_range { remainder as i64 } else { 0 });
        for (limb, value) in limbs.into_iter().enumerate() {
            self.set(site, requant_cell::WINDOW_LIMB + limb, value);
        }
        if !in_range {
            let remainder = Felt::from_signed(remainder as i64);
            self.set(site, requant_cell::WINDOW_LIMB, remainder);
        }
    }

    /// The remainder that the relation of an unsaturated lane demands for its accumulator, code and, in a window, start.
    pub fn remainder(&self, site: &Site) -> i128 {
        let shape = self.shape(site);
        let cell = |cell: usize| self.get(site, cell).to_signed();
        let accumulator = cell(requant_cell::ACCUMULATOR);
        match self.channel(site).rounding {
            Rounding::Line { slope, offset } => {
                let code = i128::from(cell(requant_cell::CODE));
                let value = i128::from(slope) * i128::from(accumulator) + i128::from(offset);
                (value - (code << LINE_BITS)) << (shape.line_bits() - LINE_BITS)
            }
            Rounding::Window {
                multiplier, shift, ..
            } => {
                let start = i128::from(cell(requant_cell::START));
                shape
                    .window_range()
                    .position(multiplier, shift, accumulator)
                    - start
            }
        }
    }

    /// Where the multiplicity of a row of a lookup table stands: column and row.
    pub fn multiplicity(&self, shard: usize, table: LookupTable, row: usize) -> (usize, usize) {
        let layout = &self.instance.plan.shards[shard].layout;
        let found = layout.multiplicity(table, row);
        found.expect("a row of a table of the layout")
    }

    /// Commits, and draws the joint seed as the protocol says.
    pub fn commit(self) -> Committed<'a> {
        let segments = self.segments();
        let roots: Vec<Digest> = segments.iter().map(|segment| segment.tree.root()).collect();
        let seed = self.seed(&roots);
        Committed::new(self, segments, roots, seed)
    }

    /// Commits under a seed of the forger's choice.
    pub fn commit_under(self, seed: [u8; 32]) -> Committed<'a> {
        let segments = self.segments();
        let roots = segments.iter().map(|segment| segment.tree.root()).collect();
        Committed::new(self, segments, roots, seed)
    }

    /// Puts these roots in place of the true ones, and draws the seed from them.
    pub fn commit_as(self, roots: Vec<Digest>) -> Committed<'a> {
        let segments = self.segments();
        let seed = self.seed(&roots);
        Committed::new(self, segments, roots, seed)
    }

    /// The seed over these roots.
    pub fn seed(&self, roots: &[Digest]) -> [u8; 32] {
        let instance = &self.instance;
        let geometry: Vec<_> = instance
            .trace_infos
            .iter()
            .cloned()
            .zip(roots.iter().copied())
            .collect();
        joint_seed::<Hash>(&self.header.encode(), &instance.options, &geometry)
    }

    fn segments(&self) -> Vec<Segment<Felt>> {
        let blowup = self.instance.options.blowup_factor();
        self.columns
            .iter()
            .map(|columns| Segment::of_columns(columns.clone(), blowup))
            .collect()
    }
}

/// Main segments committed, joint challenges drawn.
#[derive(Clone, Debug)]
pub struct Committed<'a> {
    /// What was committed.
    pub witness: Witness<'a>,
    /// Main segments by shard.
    pub segments: Vec<Segment<Felt>>,
    /// What the bundle says their roots are.
    pub roots: Vec<Digest>,
    /// The joint seed.
    pub seed: [u8; 32],
    /// What follows from it.
    pub challenges: Challenges<Cube>,
    /// Public inputs by shard, claims at zero.
    pub inputs: Vec<ShardInputs>,
    /// What the claims must add up to.
    pub total: Cube,
}

impl<'a> Committed<'a> {
    fn new(
        witness: Witness<'a>,
        segments: Vec<Segment<Felt>>,
        roots: Vec<Digest>,
        seed: [u8; 32],
    ) -> Self {
        let plan = &witness.instance.plan;
        let codes = public_codes(&plan.graph, &witness.header).expect("a statement of this shape");
        let challenges = joint_challenges(&seed);
        let (inputs, total) = public_inputs(plan, &witness.rule, challenges, seed, &codes);
        Self {
            witness,
            segments,
            roots,
            seed,
            challenges,
            inputs,
            total,
        }
    }

    /// Chooses multiplicities, knowing the challenges, so that the sums come out right whatever was looked up: three
    /// cells of the base field for one equation over the cubic extension. The roots stay what they were.
    pub fn repair_multiplicities(mut self) -> Self {
        let filled = self.clone().fill();
        let gap = filled.claims[0] - filled.sums[0];
        let layout = self.inputs[0].layout.clone();
        let (column, first) = (
            self.witness.multiplicity(0, LookupTable::Byte, 0).0,
            layout.constants_width() + 3 * layout.inverse_columns(),
        );
        let public = columns_of(&self.inputs[0]);
        let inverse = |row: usize| [0, 1, 2].map(|coordinate| public[first + coordinate][row]);
        let target = [0, 1, 2].map(|coordinate| gap.base_element(coordinate));
        let changes = solve([inverse(0), inverse(1), inverse(2)], target);
        for (row, change) in changes.into_iter().enumerate() {
            self.witness.columns[0][column][row] += change;
        }
        self.segments = self.witness.segments();
        self
    }

    /// Fills the auxiliary columns. The last claim is what the others leave of the total.
    pub fn fill(self) -> Filled<'a> {
        let witness = &self.witness;
        let (aux, mut claims): (Vec<_>, Vec<_>) = self
            .inputs
            .iter()
            .enumerate()
            .map(|(shard, inputs)| {
                lookup_columns::aux_columns(
                    &inputs.layout,
                    &witness.mask,
                    &witness.columns[shard],
                    &columns_of(inputs),
                    Cube::slice_from_base_elements(&inputs.challenges),
                )
            })
            .unzip();
        let sums = claims.clone();
        if let Some((last, others)) = claims.split_last_mut() {
            *last = others.iter().fold(self.total, |rest, &claim| rest - claim);
        }
        Filled {
            committed: self,
            aux,
            sums,
            claims,
        }
    }
}

/// The public columns as columns of the base field.
fn columns_of(inputs: &ShardInputs) -> Vec<Vec<Felt>> {
    inputs.columns.split(Cube::EXTENSION_DEGREE).collect()
}

/// The factors with which three vectors add up to a fourth.
pub(crate) fn solve(vectors: [[Felt; 3]; 3], target: [Felt; 3]) -> [Felt; 3] {
    let determinant = |[a, b, c]: [[Felt; 3]; 3]| {
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
    };
    let whole = determinant(vectors);
    [0, 1, 2].map(|index| {
        let mut replaced = vectors;
        replaced[index] = target;
        determinant(replaced) / whole
    })
}

/// Auxiliary columns filled, claims made.
#[derive(Clone, Debug)]
pub struct Filled<'a> {
    /// The stage before.
    pub committed: Committed<'a>,
    /// Auxiliary columns by shard.
    pub aux: Vec<Vec<Vec<Cube>>>,
    /// Where the running sums end.
    pub sums: Vec<Cube>,
    /// Where they are said to end.
    pub claims: Vec<Cube>,
}

impl Filled<'_> {
    /// Claims what the running sums are, whatever they should add up to.
    pub fn as_summed(mut self) -> Self {
        self.claims = self.sums.clone();
        self
    }

    /// Proves every shard.
    pub fn finish(self, deviation: Deviation) -> Forged {
        let Self {
            committed,
            aux,
            claims,
            ..
        } = self;
        let witness = &committed.witness;
        let shards = aux
            .into_iter()
            .enumerate()
            .map(|(shard, aux)| {
                let mut inputs = committed.inputs[shard].clone();
                inputs.set_claim(claims[shard]);
                inputs.mask = witness.mask.clone();
                let info = witness.instance.trace_infos[shard].clone();
                let air = ShardAir::new(info, inputs, witness.instance.options.clone());
                let (segment, root) = (&committed.segments[shard], committed.roots[shard]);
                prove_shard(&air, segment, root, aux, deviation)
            })
            .collect();
        Forged {
            header: witness.header.clone(),
            seed: committed.seed,
            claims,
            shards,
        }
    }
}

/// A finished forgery, in parts.
#[derive(Clone, Debug)]
pub struct Forged {
    /// The statement.
    pub header: Header,
    /// The seed that the proofs are under.
    pub seed: [u8; 32],
    /// Claims of all shards.
    pub claims: Vec<Cube>,
    /// The shards' proofs, with the claimed values of their public columns.
    pub shards: Vec<ProvedShard>,
}

impl Forged {
    /// This forgery with the value of one public column of a shard such that its constraints hold at the out-of-domain
    /// point.
    ///
    /// # Panics
    /// If the constraints are not linear in the column.
    pub fn closing_gap(&self, shard: usize, column: usize) -> Self {
        let mut forged = self.clone();
        let shard = &mut forged.shards[shard];
        let slope = shard.slopes[column].expect("a linear column");
        shard.evaluations[column] -= shard.gap / slope;
        forged
    }

    /// The bundle.
    pub fn bundle(&self) -> Vec<u8> {
        let mut bytes = self.header.encode();
        for shard in &self.shards {
            bytes.extend(shard.proof.main_root.to_bytes());
        }
        bytes.extend_from_slice(Cube::elements_as_bytes(&self.claims));
        for shard in &self.shards {
            bytes.extend_from_slice(Cube::elements_as_bytes(&shard.evaluations));
            bytes.extend(shard.proof.encode());
        }
        bytes
    }
}
