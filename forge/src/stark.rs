//! The proof of one trace, step by step as winterfell's protocol has it, and dishonest where asked.
//!
//! Written from the protocol and not from the prover: without a [`Deviation`] the bytes must equal the prover's, which
//! a test checks, so the two implementations hold each other.

use winter_air::proof::Context;
use winter_air::{Air, AuxRandElements, EvaluationFrame};
use winter_crypto::{DefaultRandomCoin, ElementHasher, RandomCoin};
use winter_math::{ExtensionOf, FieldElement, StarkField, ToElements, fft, polynom};
use winterforge_air::field::{Cube, Felt, basis};
use winterforge_air::parameter_air::ParameterAir;
use winterforge_air::shard_air::ShardAir;
use winterforge_verifier::stark::{Claims, Openings, ShardProof};

use crate::fri;
use crate::low_degree::{LowDegree, deep_values};
use crate::merkle::{Digest, Hash, Segment, extend, row_of};

/// What the bench asks of an AIR beyond `winter_air::Air`.
pub trait ForgedAir: Air<BaseField = Felt> {
    /// What the coin is seeded with besides the context.
    fn elements(&self) -> Vec<Felt>;

    /// How many of the public columns, the first, are of base elements; the rest stand coordinate by coordinate.
    fn base_columns(&self) -> usize;
}

impl ForgedAir for ShardAir {
    fn elements(&self) -> Vec<Felt> {
        self.inputs().to_elements()
    }

    fn base_columns(&self) -> usize {
        self.inputs().layout.constants_width()
    }
}

impl ForgedAir for ParameterAir {
    fn elements(&self) -> Vec<Felt> {
        self.inputs().to_elements()
    }

    fn base_columns(&self) -> usize {
        0
    }
}

/// Where the prover leaves the protocol. Every variant makes the best of a trace that breaks a constraint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deviation {
    /// Nowhere.
    #[default]
    None,
    /// The nonce carries no work at all.
    NoWork,
    /// The second-smallest nonce that carries the work.
    SecondNonce,
    /// The running sum is chosen after the out-of-domain point, so that the constraints hold there.
    AuxAfterPoint,
    /// The composition columns are chosen after the out-of-domain point, so that the constraints hold there.
    CompositionAfterPoint,
    /// The out-of-domain row is a lie under which the constraints hold; the remainder is chosen after the queries.
    RemainderAfterQueries,
    /// The same lie; the remainder is zero, whatever the layers fold to.
    FreeRemainder,
    /// The same lie; the layers are zero, whatever their openings say.
    FreeLayers,
}

/// The values of one out-of-domain row.
struct Frame {
    main: Vec<Cube>,
    aux: Vec<Cube>,
    composition: Vec<Cube>,
}

impl Frame {
    fn at(main: &Segment<Felt>, aux: &Segment<Cube>, composition: &Segment<Cube>, z: Cube) -> Self {
        let extension = |segment: &Segment<Cube>| -> Vec<Cube> {
            segment
                .polynomials
                .iter()
                .map(|polynomial| polynom::eval(polynomial, z))
                .collect()
        };
        Self {
            main: main
                .polynomials
                .iter()
                .map(|polynomial| polynom::eval(polynomial, z))
                .collect(),
            aux: extension(aux),
            composition: extension(composition),
        }
    }

    fn cells(&self) -> Vec<Cube> {
        [
            self.main.as_slice(),
            self.aux.as_slice(),
            self.composition.as_slice(),
        ]
        .concat()
    }
}

/// The random combination of the constraint quotients.
struct Composition<'a, A> {
    air: &'a A,
    elements: AuxRandElements<Cube>,
    transition: winter_air::TransitionConstraints<Cube>,
    boundary: winter_air::BoundaryConstraints<Cube>,
}

impl<A: ForgedAir> Composition<'_, A> {
    /// The combination at `x`, from the rows there and one step on.
    fn at<F>(&self, x: F, main: [&[F]; 2], aux: [&[Cube]; 2], public: &[F]) -> Cube
    where
        F: FieldElement<BaseField = Felt>,
        Cube: ExtensionOf<F>,
    {
        let main_frame = EvaluationFrame::from_rows(main[0].to_vec(), main[1].to_vec());
        let aux_frame = EvaluationFrame::from_rows(aux[0].to_vec(), aux[1].to_vec());
        let mut main_values = vec![F::ZERO; self.transition.num_main_constraints()];
        self.air
            .evaluate_transition(&main_frame, public, &mut main_values);
        let mut aux_values = vec![Cube::ZERO; self.transition.num_aux_constraints()];
        self.air.evaluate_aux_transition(
            &main_frame,
            &aux_frame,
            public,
            &self.elements,
            &mut aux_values,
        );
        let mut value = self
            .transition
            .combine_evaluations(&main_values, &aux_values, x);
        let x = Cube::from(x);
        let main_row: Vec<Cube> = main[0].iter().map(|&cell| Cube::from(cell)).collect();
        for group in self.boundary.main_constraints() {
            value += group.evaluate_at(&main_row, x);
        }
        for group in self.boundary.aux_constraints() {
            value += group.evaluate_at(aux[0], x);
        }
        value
    }

    /// The combination on the whole evaluation domain, as polynomials of the trace's length.
    fn columns(
        &self,
        main: &Segment<Felt>,
        aux: &Segment<Cube>,
        public: &[Vec<Felt>],
        blowup: usize,
    ) -> Vec<Vec<Cube>> {
        let size = main.extended[0].len();
        let values: Vec<Cube> = (0..size)
            .map(|row| {
                let next = (row + blowup) % size;
                let main_rows = [row_of(&main.extended, row), row_of(&main.extended, next)];
                let aux_rows = [row_of(&aux.extended, row), row_of(&aux.extended, next)];
                let x = fri::point(size, row);
                self.at(
                    x,
                    [&main_rows[0], &main_rows[1]],
                    [&aux_rows[0], &aux_rows[1]],
                    &row_of(public, row),
                )
            })
            .collect();
        let mut coefficients = values;
        let inverse_twiddles = fft::get_inv_twiddles::<Felt>(size);
        fft::interpolate_poly_with_offset(&mut coefficients, &inverse_twiddles, Felt::GENERATOR);
        // Of a false trace's combination, which is no polynomial of this degree, the lowest part.
        let width = self.air.context().num_constraint_composition_columns();
        coefficients
            .chunks(size / blowup)
            .take(width)
            .map(<[Cube]>::to_vec)
            .collect()
    }
}

/// A trace's proof, and what belongs to it about the public columns. No transcript holds their values, so these may be
/// changed afterwards.
#[derive(Clone, Debug)]
pub struct ProvedShard {
    /// The proof.
    pub proof: ShardProof<Cube, Hash>,
    /// The out-of-domain point.
    pub point: Cube,
    /// The value at the out-of-domain point of each public column that the prover used.
    pub evaluations: Vec<Cube>,
    /// By how much the constraints there miss the claimed quotient; zero in an honest proof.
    pub gap: Cube,
    /// For each value: what one more of it adds to the gap, if that is the same wherever it stands.
    pub slopes: Vec<Option<Cube>>,
}

/// The values of public columns as constraints read them, in coordinates: a joint column's value as its first.
fn coordinates(evaluations: &[Cube], constants: usize) -> Vec<Cube> {
    let (constants, joint) = evaluations.split_at(constants);
    let joint = joint
        .iter()
        .flat_map(|&value| [value, Cube::ZERO, Cube::ZERO]);
    constants.iter().copied().chain(joint).collect()
}

/// Proves one trace. `main_root` is what the main segment is said to be committed by.
pub fn prove_shard<A: ForgedAir>(
    air: &A,
    main: &Segment<Felt>,
    main_root: Digest,
    aux_columns: Vec<Vec<Cube>>,
    deviation: Deviation,
) -> ProvedShard {
    let blowup = air.options().blowup_factor();
    let mut coin = coin(air);
    coin.reseed(main_root);
    let elements: AuxRandElements<Cube> = air
        .get_aux_rand_elements(&mut coin)
        .expect("joint challenges are not drawn");
    let mut aux = Segment::of_columns(aux_columns, blowup);
    coin.reseed(aux.tree.root());

    let coefficients = air
        .get_constraint_composition_coefficients(&mut coin)
        .expect("coefficients");
    let composition = Composition {
        air,
        transition: air.get_transition_constraints(&coefficients.transition),
        boundary: air.get_boundary_constraints(Some(&elements), &coefficients.boundary),
        elements,
    };
    let mut public = air.get_periodic_column_values();
    let inverse_twiddles = fft::get_inv_twiddles::<Felt>(air.trace_length());
    for column in &mut public {
        fft::interpolate_poly(column, &inverse_twiddles);
    }
    let columns = composition.columns(main, &aux, &extend(&public, blowup), blowup);
    let mut quotients = Segment::of_polynomials(columns, blowup);
    coin.reseed(quotients.tree.root());

    let z: Cube = coin.draw().expect("z");
    let zg = z.mul_base(air.trace_domain_generator());
    let mut current = Frame::at(main, &aux, &quotients, z);
    let mut next = Frame::at(main, &aux, &quotients, zg);
    let constants = air.base_columns();
    let evaluations = public_values(&public, constants, z);
    let step = z.exp_vartime(air.trace_length() as u64);
    let missing = |current: &Frame, next: &Frame, evaluations: &[Cube]| {
        let claimed = current
            .composition
            .iter()
            .rev()
            .fold(Cube::ZERO, |sum, &value| sum * step + value);
        let expected = composition.at(
            z,
            [&current.main, &next.main],
            [&current.aux, &next.aux],
            &coordinates(evaluations, constants),
        );
        expected - claimed
    };
    let gap = missing(&current, &next, &evaluations);
    match deviation {
        Deviation::AuxAfterPoint => {
            // The constraints are affine in the running sum's next value: find the value that closes the gap, and the
            // line that is zero at z and leads there.
            let sum = aux.polynomials.len() - 1;
            next.aux[sum] += Cube::ONE;
            let slope = missing(&current, &next, &evaluations) - gap;
            next.aux[sum] -= Cube::ONE;
            let factor = -gap / slope / (zg - z);
            let mut polynomials = aux.polynomials.clone();
            polynomials[sum][1] += factor;
            polynomials[sum][0] -= factor * z;
            aux.replace_polynomials(polynomials, blowup);
        }
        Deviation::CompositionAfterPoint => {
            let mut polynomials = quotients.polynomials.clone();
            polynomials[0][0] += gap;
            quotients.replace_polynomials(polynomials, blowup);
        }
        _ => {}
    }
    if matches!(
        deviation,
        Deviation::AuxAfterPoint | Deviation::CompositionAfterPoint
    ) {
        current = Frame::at(main, &aux, &quotients, z);
        next = Frame::at(main, &aux, &quotients, zg);
    }
    if matches!(
        deviation,
        Deviation::RemainderAfterQueries | Deviation::FreeRemainder | Deviation::FreeLayers
    ) {
        current.composition[0] += gap;
    }
    let gap = missing(&current, &next, &evaluations);
    let slopes = (0..evaluations.len())
        .map(|column| {
            let mut changed = evaluations.clone();
            let [once, twice] = [(); 2].map(|()| {
                changed[column] += Cube::ONE;
                missing(&current, &next, &changed) - gap
            });
            (twice == once.double()).then_some(once)
        })
        .collect();
    let (ood_current, ood_next) = (current.cells(), next.cells());
    coin.reseed(Hash::hash_elements(
        &[ood_current.as_slice(), &ood_next].concat(),
    ));

    let weights = air
        .get_deep_composition_coefficients::<Cube, _>(&mut coin)
        .expect("coefficients");
    let weights = [weights.trace, weights.constraints].concat();
    let deep = deep_values(
        main,
        [&aux, &quotients],
        &weights,
        [z, zg],
        [&ood_current, &ood_next],
    );

    let low_degree = LowDegree::new(air.options(), coin, &deep, deviation);
    let positions = &low_degree.positions;
    let proof = ShardProof {
        main_root,
        claims: Claims {
            aux_root: Some(aux.tree.root()),
            constraint_root: quotients.tree.root(),
            fri_roots: low_degree.roots,
            remainder_root: low_degree.remainder_root,
            ood_current,
            ood_next,
            remainder: low_degree.remainder,
            pow_nonce: low_degree.pow_nonce,
        },
        openings: Openings {
            main_rows: main.rows(positions),
            main_siblings: main.tree.siblings(positions),
            aux_rows: aux.rows(positions),
            aux_siblings: aux.tree.siblings(positions),
            constraint_rows: quotients.rows(positions),
            constraint_siblings: quotients.tree.siblings(positions),
            fri_layers: low_degree.openings,
        },
    };
    ProvedShard {
        proof,
        point: z,
        evaluations,
        gap,
        slopes,
    }
}

/// The public columns at `z`: constants, then the joint columns, whose coordinates stand side by side.
fn public_values(polynomials: &[Vec<Felt>], constants: usize, z: Cube) -> Vec<Cube> {
    let values: Vec<Cube> = polynomials
        .iter()
        .map(|polynomial| polynom::eval(polynomial, z))
        .collect();
    let (constants, joint) = values.split_at(constants);
    let basis = basis::<Cube>();
    let joint = joint.chunks_exact(basis.len()).map(|coordinates| {
        (coordinates.iter().zip(&basis))
            .fold(Cube::ZERO, |sum, (&value, &element)| sum + value * element)
    });
    constants.iter().copied().chain(joint).collect()
}

/// The coin as the verifier seeds it.
fn coin(air: &impl ForgedAir) -> DefaultRandomCoin<Hash> {
    let constraints = air.context().num_assertions() + air.context().num_transition_constraints();
    let context =
        Context::new::<Felt>(air.trace_info().clone(), air.options().clone(), constraints);
    let mut seed = context.to_elements();
    seed.extend(air.elements());
    DefaultRandomCoin::new(&seed)
}
