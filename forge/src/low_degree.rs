//! The low-degree test of a shard: the function that it is about, its layers, remainder, nonce and openings.

use winter_air::ProofOptions;
use winter_crypto::{DefaultRandomCoin, ElementHasher, RandomCoin};
use winter_math::{ExtensionOf, FieldElement, batch_inversion};
use winterforge_air::field::{Cube, Felt};
use winterforge_verifier::stark::FriOpening;

use crate::fri::{self, Layer};
use crate::merkle::{Digest, Hash, Segment};
use crate::stark::Deviation;

/// Everything that the low-degree test adds to a proof.
pub struct LowDegree {
    /// Query positions, sorted and distinct.
    pub positions: Vec<usize>,
    /// The layers' roots.
    pub roots: Vec<Digest>,
    /// What the remainder is said to hash to.
    pub remainder_root: Digest,
    /// The remainder, highest coefficient first.
    pub remainder: Vec<Cube>,
    /// The nonce.
    pub pow_nonce: u64,
    /// One opening for each layer.
    pub openings: Vec<FriOpening<Cube, Digest>>,
}

impl LowDegree {
    /// Tests `deep`, a function on the evaluation domain, with the coin as it stands.
    pub fn new(
        options: &ProofOptions,
        mut coin: DefaultRandomCoin<Hash>,
        deep: &[Cube],
        deviation: Deviation,
    ) -> Self {
        let fri_options = options.to_fri_options();
        let is_zero = deviation == Deviation::FreeLayers;
        let (mut layers, mut alphas) = (Vec::new(), Vec::<Cube>::new());
        let mut values = deep.to_vec();
        for _ in 0..fri_options.num_fri_layers(deep.len()) {
            if is_zero {
                values.fill(Cube::ZERO);
            }
            let layer = Layer::new(values, fri_options.folding_factor());
            coin.reseed(layer.tree.root());
            let alpha = coin.draw().expect("alpha");
            values = layer.fold(alpha);
            layers.push(layer);
            alphas.push(alpha);
        }
        let length = values.len() / fri_options.blowup_factor();
        let mut remainder = fri::remainder(values.clone(), length);
        if deviation == Deviation::FreeRemainder {
            remainder.fill(Cube::ZERO);
        }
        let remainder_root = Hash::hash_elements(&remainder);
        coin.reseed(remainder_root);

        let pow_nonce = grind(&coin, options.grinding_factor(), deviation);
        let mut positions = coin
            .draw_integers(options.num_queries(), deep.len(), pow_nonce)
            .expect("positions");
        positions.sort_unstable();
        positions.dedup();

        let mut openings = Vec::new();
        let mut queried = positions.clone();
        let mut known: Vec<Cube> = queried.iter().map(|&position| deep[position]).collect();
        for (layer, &alpha) in layers.iter().zip(&alphas) {
            let target = is_zero.then_some((alpha, Cube::ZERO));
            openings.push(layer.open(&queried, &known, target));
            queried = layer.rows_of(&queried);
            let folded = layer.fold(alpha);
            known = queried.iter().map(|&position| folded[position]).collect();
        }
        if deviation == Deviation::RemainderAfterQueries {
            remainder = fri::remainder_through(&values, &queried, length);
        }
        Self {
            positions,
            roots: layers.iter().map(|layer| layer.tree.root()).collect(),
            remainder_root,
            remainder,
            pow_nonce,
            openings,
        }
    }
}

/// `sum_i w_i ((f_i(x) - f_i(z)) / (x - z) + (f_i(x) - f_i(zg)) / (x - zg))`, point by point, whatever the claims.
pub fn deep_values(
    main: &Segment<Felt>,
    extension: [&Segment<Cube>; 2],
    weights: &[Cube],
    points: [Cube; 2],
    claims: [&[Cube]; 2],
) -> Vec<Cube> {
    let size = main.extended[0].len();
    let mut sums = vec![Cube::ZERO; size];
    let mut remaining = weights.iter();
    for (column, &weight) in main.extended.iter().zip(remaining.by_ref()) {
        for (sum, &value) in sums.iter_mut().zip(column) {
            *sum += weight.mul_base(value);
        }
    }
    let columns = extension.iter().flat_map(|segment| &segment.extended);
    for (column, &weight) in columns.zip(remaining) {
        for (sum, &value) in sums.iter_mut().zip(column) {
            *sum += weight * value;
        }
    }
    let claimed = claims.map(|cells| {
        cells
            .iter()
            .zip(weights)
            .fold(Cube::ZERO, |sum, (&cell, &weight)| sum + cell * weight)
    });
    let distances: Vec<Cube> = (0..size)
        .flat_map(|position| points.map(|point| Cube::from(fri::point(size, position)) - point))
        .collect();
    sums.iter()
        .zip(batch_inversion(&distances).chunks_exact(2))
        .map(|(&sum, inverses)| (sum - claimed[0]) * inverses[0] + (sum - claimed[1]) * inverses[1])
        .collect()
}

fn grind(coin: &DefaultRandomCoin<Hash>, bits: u32, deviation: Deviation) -> u64 {
    let mut passing = (1..).filter(|&nonce| coin.check_leading_zeros(nonce) >= bits);
    match deviation {
        Deviation::NoWork => (1..)
            .find(|&nonce| coin.check_leading_zeros(nonce) == 0)
            .unwrap_or(0),
        Deviation::SecondNonce => passing.nth(1).unwrap_or(0),
        _ => passing.next().unwrap_or(0),
    }
}
