//! Vectors of field elements and of 32-bit words, and the choice of instructions at run time.
//!
//! A kernel is written once, generic over an [`Isa`], and [`run`] instantiates it for the widest instructions that the
//! machine has. Everything between `run` and the instructions is `#[inline(always)]`, so that the whole kernel is
//! compiled with them; the portable vectors are the same kernel over plain integers.
//!
//! This is the only place with `unsafe`, under three rules:
//!
//! - a value of a vector type exists only inside a kernel that [`run`] started after it found the instructions; the types
//!   are private to the crate, and nothing else names them but tests, which ask [`Level::available`] first;
//! - loads and stores check the length of the slice before they touch memory;
//! - memory that the system hands out zeroed is taken as field elements (see [`Zeroed`]).

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod cube;
mod memory;
mod portable;
#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::ops::Neg;
use std::sync::OnceLock;

use winterforge_air::algebra::Algebra;
use winterforge_air::field::Felt;

pub(crate) use cube::CubeLanes;
pub(crate) use memory::Zeroed;

/// A vector of field elements, each its canonical word.
///
/// Every operation takes canonical words and leaves canonical words.
pub(crate) trait Lanes: Algebra + Debug + Neg<Output = Self> {
    /// Elements in the vector.
    const WIDTH: usize;

    /// The first [`WIDTH`](Self::WIDTH) elements of a slice that has as many.
    fn load(from: &[Felt]) -> Self;

    /// Writes to the first [`WIDTH`](Self::WIDTH) elements of a slice that has as many.
    fn store(self, to: &mut [Felt]);

    /// Like [`store`](Self::store), past the caches where that is possible: for what is not read again soon. To be
    /// followed by [`fence`](Self::fence) before the kernel ends.
    #[inline(always)]
    fn stream(self, to: &mut [Felt]) {
        self.store(to);
    }

    /// Orders what was streamed before all that follows, also as other threads see it.
    #[inline(always)]
    fn fence() {}

    /// Asks for the start of a slice, which is about to be loaded, to be brought closer.
    #[inline(always)]
    fn prefetch(_: &[Felt]) {}

    /// The same element in every lane.
    fn splat(value: Felt) -> Self;

    /// The product with itself.
    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }

    /// Divided by two.
    fn half(self) -> Self;

    /// Times `2^exponent`, for exponents below 192. Roots of unity of order up to 64 are such powers.
    fn mul_2exp(self, exponent: u32) -> Self;

    /// Exchanges rows and columns of a square of [`WIDTH`](Self::WIDTH) vectors.
    fn transpose(square: &mut [Self]);
}

/// A vector of 32-bit words.
pub(crate) trait Words: Copy + Debug {
    /// Words in the vector.
    const WIDTH: usize;

    /// The same word in every lane.
    fn splat(value: u32) -> Self;

    /// The first [`WIDTH`](Self::WIDTH) words of a slice that has as many.
    fn load(from: &[u32]) -> Self;

    /// Writes to the first [`WIDTH`](Self::WIDTH) words of a slice that has as many.
    fn store(self, to: &mut [u32]);

    /// Sums modulo 2^32.
    fn add(self, other: Self) -> Self;

    /// Exclusive or.
    fn xor(self, other: Self) -> Self;

    /// Rotates to the right by 7, 8, 12 or 16 bits.
    fn rotate_right<const BITS: i32>(self) -> Self;

    /// Asks for the first [`WIDTH`](Self::WIDTH) elements of a slice, whose halves are about to be taken, to be brought
    /// closer.
    #[inline(always)]
    fn prefetch(_: &[Felt]) {}

    /// Low and high halves of the first [`WIDTH`](Self::WIDTH) elements of a slice that has as many.
    fn halves(from: &[Felt]) -> [Self; 2];

    /// Exchanges rows and columns of a square of [`WIDTH`](Self::WIDTH) vectors.
    fn transpose(square: &mut [Self]);
}

/// The vectors of one set of instructions.
pub(crate) trait Isa {
    /// Field elements.
    type Field: Lanes;
    /// 32-bit words.
    type Words: Words;
}

/// Work that is compiled once for each set of instructions. Implementations of `run` must be `#[inline(always)]`.
pub(crate) trait Kernel {
    /// What the work yields.
    type Output;

    /// Does the work.
    fn run<I: Isa>(self) -> Self::Output;
}

/// A set of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// No vectors.
    Portable,
    /// Vectors of 256 bits.
    Avx2,
    /// Vectors of 512 bits.
    Avx512,
}

impl Level {
    /// What this machine can run, narrowest first.
    pub fn available() -> &'static [Level] {
        static AVAILABLE: OnceLock<Vec<Level>> = OnceLock::new();
        AVAILABLE.get_or_init(|| {
            let mut levels = vec![Level::Portable];
            #[cfg(target_arch = "x86_64")]
            {
                if std::arch::is_x86_feature_detected!("avx2") {
                    levels.push(Level::Avx2);
                }
                if avx512::detected() {
                    levels.push(Level::Avx512);
                }
            }
            levels
        })
    }

    /// The widest that this machine can run.
    pub fn best() -> Level {
        Self::available().last().copied().unwrap_or(Level::Portable)
    }

    /// What it is called in reports.
    pub fn name(self) -> &'static str {
        match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        }
    }
}

/// Runs a kernel with the instructions of `level`, or without vectors where the machine lacks them.
#[inline]
#[allow(
    unsafe_code,
    reason = "calls a function that needs instructions just found"
)]
pub(crate) fn run<K: Kernel>(level: Level, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if Level::available().contains(&level) {
        match level {
            // SAFETY: the instructions are there.
            Level::Avx512 => return unsafe { avx512::run(kernel) },
            // SAFETY: the instructions are there.
            Level::Avx2 => return unsafe { avx2::run(kernel) },
            Level::Portable => {}
        }
    }
    let _ = level;
    kernel.run::<portable::Portable>()
}

/// The operators of a vector of field elements, from functions called `add`, `sub`, `mul` and `neg`.
macro_rules! field_operators {
    ($lanes:ty) => {
        impl Add for $lanes {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                add(self, other)
            }
        }
        impl Sub for $lanes {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                sub(self, other)
            }
        }
        impl Mul for $lanes {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                mul(self, other)
            }
        }
        impl Neg for $lanes {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                sub(Self::splat(Felt::new(0)), self)
            }
        }
        impl AddAssign for $lanes {
            #[inline(always)]
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl SubAssign for $lanes {
            #[inline(always)]
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
        impl winterforge_air::algebra::Algebra for $lanes {
            const DEGREE: usize = 1;
            #[inline(always)]
            fn zero() -> Self {
                Self::splat(Felt::new(0))
            }
            #[inline(always)]
            fn one() -> Self {
                Self::splat(Felt::new(1))
            }
            #[inline(always)]
            fn scale(self, factor: Felt) -> Self {
                self * Self::splat(factor)
            }
        }
        impl MulAssign for $lanes {
            #[inline(always)]
            fn mul_assign(&mut self, other: Self) {
                *self = *self * other;
            }
        }
    };
}
use field_operators;
