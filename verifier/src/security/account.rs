//! Round by round: the error terms of a bundle in one regime.
//!
//! The rounds are the verifier's messages, in order: the joint challenge (once, over all main roots),
//! then in each shard the constraint coefficients, the out-of-domain point, the DEEP coefficients, the
//! folding challenges and the query positions, and last the challenge that folds the claimed values of
//! all public columns (once, over everything that was proven). A round's error bounds the probability that one draw
//! turns a doomed transcript into one that is not, whatever the prover sent before.

use winter_air::{BatchingMethod, FieldExtension, ProofOptions};

use super::{
    bound::Bound,
    ledger::{Entry, Ledger, RegimeLedger, Scope},
    parameters::{Coupling, JointParameters, ShardParameters},
    regime::{Decoding, Regime},
};

/// The modulus of the base field, 2^64 - 2^32 + 1.
const MODULUS: u128 = 0xffff_ffff_0000_0001;

/// Accounts for every round of a proof of `shards` under `options`.
///
/// `collision_bits` is the collision resistance of the hash, half its digest length. The result holds
/// the unique-decoding ledger and the best list-decoding one; both are proven bounds, so the better
/// counts. It is a pure function in integers: the same on every machine.
pub fn account(
    shards: &[ShardParameters],
    joint: &JointParameters,
    options: &ProofOptions,
    collision_bits: u32,
) -> Ledger {
    let accounting = Accounting::new(shards, joint, options);
    let mut best: Option<(Regime, Bound)> = None;
    for regime in Regime::list_candidates() {
        let Some(worst) = accounting.worst(regime) else {
            continue;
        };
        if best.is_none_or(|(_, least)| worst.is_below(least)) {
            best = Some((regime, worst));
        }
    }
    Ledger::new(
        collision_bits,
        accounting.tabulate(Regime::Unique),
        best.and_then(|(regime, _)| accounting.tabulate(regime)),
    )
}

/// Error and formula of one round.
struct Round {
    name: &'static str,
    formula: &'static str,
    error: Bound,
    repetitions: u32,
}

/// Shards of one shape. A large batch has many and few shapes; the terms depend on the shape only.
struct Group {
    shape: ShardParameters,
    /// Index of the first shard of this shape.
    first: usize,
    count: u32,
    /// Whether the joint challenge covers it.
    is_joint: bool,
}

struct Accounting<'a> {
    groups: Vec<Group>,
    joint: &'a JointParameters,
    options: &'a ProofOptions,
    /// `1 / |E|`.
    inverse_field: Bound,
    folding_factor: u128,
    /// Largest domain whose polynomial is sent in the clear.
    remainder_domain: u128,
}

impl<'a> Accounting<'a> {
    fn new(
        shards: &'a [ShardParameters],
        joint: &'a JointParameters,
        options: &'a ProofOptions,
    ) -> Self {
        let degree = match options.field_extension() {
            FieldExtension::None => 1,
            FieldExtension::Quadratic => 2,
            FieldExtension::Cubic => 3,
        };
        let mut groups: Vec<Group> = Vec::new();
        for (first, &shape) in shards.iter().enumerate() {
            let is_joint = first + (joint.parameter_shards as usize) < shards.len();
            let alike = |group: &&mut Group| group.shape == shape && group.is_joint == is_joint;
            match groups.iter_mut().find(alike) {
                Some(group) => group.count = group.count.saturating_add(1),
                None => groups.push(Group {
                    shape,
                    first,
                    count: 1,
                    is_joint,
                }),
            }
        }
        let fri = options.to_fri_options();
        Self {
            groups,
            joint,
            options,
            inverse_field: Bound::ratio(1, MODULUS).power(degree),
            folding_factor: fri.folding_factor() as u128,
            remainder_domain: (fri.remainder_max_degree() as u128 + 1)
                * fri.blowup_factor() as u128,
        }
    }

    /// The largest round error in a regime; `None` where the regime does not apply to some shard.
    fn worst(&self, regime: Regime) -> Option<Bound> {
        let decodings = self.decodings(regime)?;
        let mut worst = self
            .joint_round(&decodings)
            .error
            .maximum(self.claims_round().error);
        for (group, decoding) in self.groups.iter().zip(&decodings) {
            for round in self.shard_rounds(&group.shape, decoding) {
                worst = worst.maximum(round.error);
            }
        }
        Some(worst)
    }

    /// The ledger of a regime: the joint round, then each shard round at its worst shard, then the claims.
    fn tabulate(&self, regime: Regime) -> Option<RegimeLedger> {
        let decodings = self.decodings(regime)?;
        let joint = self.joint_round(&decodings);
        let claims = self.claims_round();
        let mut sum = joint.error.plus(claims.error);
        let mut entries = vec![Entry::new(
            joint.name,
            joint.formula,
            joint.error,
            Scope::Bundle,
        )];
        let mut worst: Vec<(Round, usize)> = Vec::new();
        for (group, decoding) in self.groups.iter().zip(&decodings) {
            for (position, round) in self
                .shard_rounds(&group.shape, decoding)
                .into_iter()
                .enumerate()
            {
                let times = u128::from(round.repetitions) * u128::from(group.count);
                sum = sum.plus(round.error.times_integer(times));
                match worst.get_mut(position) {
                    None => worst.push((round, group.first)),
                    Some(held) if held.0.error.is_below(round.error) => {
                        *held = (round, group.first)
                    }
                    Some(_) => {}
                }
            }
        }
        for (round, shard) in worst.into_iter().filter(|(round, _)| round.repetitions > 0) {
            let scope = Scope::Shard {
                worst: shard,
                rounds: round.repetitions,
            };
            entries.push(Entry::new(round.name, round.formula, round.error, scope));
        }
        entries.push(Entry::new(
            claims.name,
            claims.formula,
            claims.error,
            Scope::Bundle,
        ));
        let list_size = decodings.iter().map(|decoding| decoding.list_size).max()?;
        Some(RegimeLedger {
            regime,
            list_size,
            entries,
            sum,
        })
    }

    fn decodings(&self, regime: Regime) -> Option<Vec<Decoding>> {
        let blowup = self.options.blowup_factor();
        let decodings: Option<Vec<_>> = self
            .groups
            .iter()
            .map(|group| Decoding::new(regime, &group.shape, blowup))
            .collect();
        decodings.filter(|decodings| !decodings.is_empty())
    }

    /// The joint challenge: candidates the prover may choose between, times the bad challenges of one.
    fn joint_round(&self, decodings: &[Decoding]) -> Round {
        let lists = || {
            let groups = self.groups.iter().zip(decodings);
            groups
                .filter(|(group, _)| group.is_joint)
                .map(|(group, decoding)| (group.count, decoding.list_size))
        };
        let (formula, candidates) = match self.joint.coupling {
            Coupling::Total => {
                let product = lists().fold(Bound::ONE, |product, (count, list)| {
                    product.times(Bound::from_integer(list).power(count))
                });
                (
                    "prod_s L_s * (D_lin + (N_look + T)(d + 1) + 1) / |E|",
                    product,
                )
            }
            Coupling::Pairwise => {
                // Every pair is taken as linked: the sum of L_i plus the sum over i < j of L_i L_j.
                let mut before = Bound::ZERO;
                let mut total = Bound::ZERO;
                for (count, list) in lists() {
                    let (count, list) = (u128::from(count), Bound::from_integer(list));
                    let all = list.times_integer(count);
                    let within = list.times(list).times_integer(count * (count - 1) / 2);
                    total = total.plus(all).plus(within).plus(before.times(all));
                    before = before.plus(all);
                }
                (
                    "(sum_s L_s + sum_{i<j} L_i L_j) * (D_lin + (N_look + T)(d + 1) + 1) / |E|",
                    total,
                )
            }
        };
        let error = candidates
            .times_integer(self.joint.degree())
            .times(self.inverse_field);
        Round {
            name: "joint challenge",
            formula,
            error,
            repetitions: 1,
        }
    }

    /// Folding of the claims about public columns. Claimed and true values are fixed before the challenge,
    /// whatever words a commitment stands for: no list enters. They differ by a polynomial in the
    /// challenge whose degree is the number of columns, as the total comes behind them.
    fn claims_round(&self) -> Round {
        Round {
            name: "folding of claims",
            formula: "V / |E|",
            error: Bound::from_integer(u128::from(self.joint.claimed_values))
                .times(self.inverse_field),
            repetitions: 1,
        }
    }

    fn shard_rounds(&self, shard: &ShardParameters, decoding: &Decoding) -> [Round; 5] {
        let list = decoding.list_size;
        let over_field = |bad: Bound| bad.times(self.inverse_field);

        let (formula, batched) = match self.options.constraint_batching_method() {
            BatchingMethod::Linear => ("L / |E|", 1),
            BatchingMethod::Algebraic | BatchingMethod::Horner => (
                "L (C - 1) / |E|",
                u128::from(shard.num_constraints.saturating_sub(1).max(1)),
            ),
        };
        let constraints = Round {
            name: "constraint batching",
            formula,
            error: over_field(Bound::from_integer(list).times_integer(batched)),
            repetitions: 1,
        };

        let point = Round {
            name: "out-of-domain point",
            formula: "[L^2 ((b + 1)(n + 1) + n - 1) + L + 3N + 2n] / |E|",
            error: over_field(self.bad_points(shard, decoding)),
            repetitions: 1,
        };

        let [line_formula, curve_formula, fold_formula] = decoding_formulas(decoding);
        let (batching_formula, batched) = match self.options.deep_poly_batching_method() {
            BatchingMethod::Linear => (line_formula, 1),
            BatchingMethod::Algebraic | BatchingMethod::Horner => {
                let words = shard.committed_columns();
                (curve_formula, words.saturating_sub(1).max(1))
            }
        };
        let batching = Round {
            name: "DEEP batching",
            formula: batching_formula,
            error: over_field(decoding.combining().times_integer(batched)),
            repetitions: 1,
        };

        let folds = self.folds(decoding.domain);
        let folding = Round {
            name: "FRI folding",
            formula: fold_formula,
            error: if folds == 0 {
                Bound::ZERO
            } else {
                over_field(decoding.folding(self.folding_factor))
            },
            repetitions: folds,
        };

        let grinding = Bound::power_of_two(-(self.options.grinding_factor() as i32));
        let queries = Round {
            name: "FRI queries",
            formula: "alpha^q * 2^-grinding",
            error: decoding
                .agreement
                .power(self.options.num_queries() as u32)
                .times(grinding),
            repetitions: 1,
        };
        [constraints, point, batching, folding, queries]
    }

    /// Folding rounds over a domain. As `FriOptions::num_fri_layers`, which counts in `usize` and so
    /// not alike on 32-bit targets.
    fn folds(&self, mut domain: u128) -> u32 {
        let mut folds = 0;
        while domain > self.remainder_domain {
            domain /= self.folding_factor;
            folds += 1;
        }
        folds
    }

    /// Out-of-domain points that a false claim survives.
    ///
    /// - For each pair of words: the composition identity, multiplied by `X^n - 1`, has degree at most
    ///   `(b + 1)(n + 1) + n - 1`, as words have degree at most `n` and a constraint at most `b + 1`
    ///   such factors. (One interleaved list would do, a factor L instead of L^2; the theorem's form
    ///   is kept.)
    /// - Both points share one coefficient per column. If `z` makes the quotient low-degree although
    ///   some column only agrees with a *fraction* with pole `z (1 + g) / 2`, that fraction is in the
    ///   list, and its pole determines `z`: at most L such points.
    /// - `z`, `z g` or their midpoint on the evaluation domain (3N), `z` or `z g` on the trace domain.
    fn bad_points(&self, shard: &ShardParameters, decoding: &Decoding) -> Bound {
        let (rows, list) = (decoding.rows, decoding.list_size);
        let factors = (self.options.blowup_factor() as u128)
            .max(u128::from(shard.num_composition_columns))
            + 1;
        let degree = factors * (rows + 1) + rows - 1;
        Bound::from_integer(list)
            .times_integer(list)
            .times_integer(degree)
            .plus(Bound::from_integer(list + 3 * decoding.domain + 2 * rows))
    }
}

/// Formulas of the batching round with independent coefficients and with powers, and of a fold.
fn decoding_formulas(decoding: &Decoding) -> [&'static str; 3] {
    if decoding.is_unique() {
        ["N / |E|", "N (k - 1) / |E|", "(a - 1)(N + 1) / |E|"]
    } else {
        [
            "J(N) / |E|",
            "J(N) (k - 1) / |E|",
            "(a - 1) [J(N / a) + (2m + 1)(N + 1) / sqrt(rho)] / |E|",
        ]
    }
}
