//! The two regimes in which FRI's soundness is proven, as integers.
//!
//! Fix a shard with `n` rows and an evaluation domain of `N = n * blowup` points, `rho = n / N`.
//! A regime fixes an *agreement* `alpha`: a committed word that agrees with no low-degree word on a
//! fraction `alpha` of the domain is called far, and is caught by each query with probability
//! `1 - alpha`. From `alpha` follow
//!
//! - the *list size*: how many low-degree words one commitment may stand for;
//! - the *correlated-agreement error*: how likely a random combination of far words is near.
//!
//! Sources: Ben-Sasson, Carmon, Ishai, Kopparty, Saraf, "Proximity Gaps for Reed-Solomon Codes"
//! (eprint 2020/654), Theorems 1.4 to 1.6 and 7.1, 7.2 (weighted, for folding); Haböck, "A summary on
//! the FRI low degree test" (2022/1216), Theorem 8 (two opening points: degree `n + 2`);
//! 2024/1553, Theorems 2 and 3 (round by round). The list sizes are counted here.

use super::{bound::Bound, parameters::ShardParameters};

/// Least proximity parameter for which the correlated-agreement theorem is stated.
const LEAST_PROXIMITY: u32 = 3;

/// Largest proximity parameter tried; beyond it the seventh power always costs more than queries gain.
const LARGEST_PROXIMITY: u32 = 1000;

/// Least `t` tried, in eighths. Agreements above one are dropped per blowup.
const LEAST_EIGHTHS: u32 = 1;

/// A regime of the analysis. The protocol is the same in all; each gives a valid bound, so the best counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Regime {
    /// Unique decoding: `alpha = (1 + (n + 2) / N) / 2`, every commitment stands for one word.
    Unique,
    /// Up to the Johnson bound: `alpha = (1 + 1/(2t)) * sqrt(rho)` with `t = eighths / 8`.
    ///
    /// For integer `t >= 3` this is the proximity parameter m of the literature. Smaller `t` (a larger
    /// agreement, a shorter list) is covered by the theorem at m = 3, because a proximity gap at a
    /// larger radius is asked of fewer words; it pays when many lists multiply.
    List {
        /// The parameter t in eighths.
        eighths: u32,
    },
}

impl Regime {
    /// Every list-decoding regime the ledger tries, by decreasing agreement.
    pub(super) fn list_candidates() -> impl Iterator<Item = Self> {
        let fractional = LEAST_EIGHTHS..8 * LEAST_PROXIMITY;
        let integral = (LEAST_PROXIMITY..=LARGEST_PROXIMITY).map(|m| 8 * m);
        fractional
            .chain(integral)
            .map(|eighths| Self::List { eighths })
    }

    /// The parameter m for which correlated agreement is invoked; `None` in unique decoding.
    pub fn proximity_parameter(&self) -> Option<u32> {
        match *self {
            Self::Unique => None,
            Self::List { eighths } => Some(eighths.div_ceil(8).max(LEAST_PROXIMITY)),
        }
    }

    /// Short name for reports.
    pub fn name(&self) -> String {
        match *self {
            Self::Unique => "unique decoding".to_owned(),
            Self::List { eighths } if eighths % 8 == 0 => {
                format!("list decoding, m = {}", eighths / 8)
            }
            Self::List { eighths } => {
                format!(
                    "list decoding, m = 3, t = {}.{:03}",
                    eighths / 8,
                    eighths % 8 * 125
                )
            }
        }
    }
}

/// What a regime means for one shard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decoding {
    /// Upper bound on the agreement of a far word.
    pub(super) agreement: Bound,
    /// Low-degree words a commitment may stand for.
    pub(super) list_size: u128,
    /// Rows of the trace.
    pub(super) rows: u128,
    /// Points of the evaluation domain.
    pub(super) domain: u128,
    blowup: u128,
    proximity: Option<u32>,
}

impl Decoding {
    /// The regime on one shard, or `None` where the regime does not apply to it.
    pub(super) fn new(regime: Regime, shard: &ShardParameters, blowup: usize) -> Option<Self> {
        let rows = shard.rows();
        let blowup = (blowup as u128).max(2);
        let domain = rows * blowup;
        let proximity = regime.proximity_parameter();
        let Regime::List { eighths } = regime else {
            return Some(Self {
                agreement: Bound::ratio(domain + rows + 2, 2 * domain),
                list_size: 1,
                rows,
                domain,
                blowup,
                proximity,
            });
        };
        let u = u128::from(eighths);
        // alpha^2 = rho (u + 4)^2 / u^2 with t = u / 8.
        let agreement = Bound::ratio((u + 4) * (u + 4), u * u * blowup).square_root();
        if Bound::ONE.is_below(agreement) {
            return None;
        }
        // Words in the list agree pairwise on at most n + 2 points: the two-point quotient leaves
        // polynomials, or fractions with one pole, whose cross product has degree n + 2. With
        // c = (n + 2) / N, double counting gives L (alpha^2 - c) <= alpha - c.
        let denominator = (rows * (8 * u + 16))
            .checked_sub(2 * u * u)
            .filter(|&d| d > 0)?;
        let square = ((u + 4) * (u + 4) * domain * rows).div_ceil(u * u);
        let agreeing = square.isqrt() + u128::from(square.isqrt().pow(2) < square);
        let numerator = agreeing.saturating_sub(rows + 2) * u * u;
        let list_size = (numerator / denominator).max(1);
        Some(Self {
            agreement,
            list_size,
            rows,
            domain,
            blowup,
            proximity,
        })
    }

    /// Whether commitments stand for one word.
    pub(super) fn is_unique(&self) -> bool {
        self.proximity.is_none()
    }

    /// Bad challenges when words are combined by a line or by independent coefficients: the batching
    /// round. Powers of one challenge multiply it by their number minus one.
    pub(super) fn combining(&self) -> Bound {
        match self.proximity {
            None => Bound::from_integer(self.domain),
            Some(m) => self.johnson(m, self.domain),
        }
    }

    /// Bad challenges in the first fold by `factor`, the worst: later ones have smaller domains.
    ///
    /// Folding must respect the consistency checks of earlier layers, which is the weighted form of
    /// the theorem: the maximum of the plain term on the folded domain and a term linear in `N`;
    /// their sum is taken. The curve has degree `factor - 1`.
    pub(super) fn folding(&self, factor: u128) -> Bound {
        let degree = factor.saturating_sub(1).max(1);
        match self.proximity {
            None => Bound::from_integer(degree * (self.domain + 1)),
            Some(m) => {
                let shrunk = (self.domain / factor.max(1)).max(1);
                let slope = u128::from(2 * m + 1) * (self.domain + 1);
                let weights = self.root_of_blowup().times_integer(slope);
                self.johnson(m, shrunk).plus(weights).times_integer(degree)
            }
        }
    }

    /// `(m + 1/2)^7 * D^2 / (3 rho^(3/2))`.
    fn johnson(&self, m: u32, domain: u128) -> Bound {
        Bound::ratio(u128::from(2 * m + 1), 2)
            .power(7)
            .times_integer(domain)
            .times_integer(domain)
            .times_integer(self.blowup)
            .times(self.root_of_blowup())
            .times(Bound::ratio(1, 3))
    }

    fn root_of_blowup(&self) -> Bound {
        Bound::from_integer(self.blowup).square_root()
    }
}
