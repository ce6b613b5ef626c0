//! Independent pieces of work, on all threads where the feature `parallel` is on. Results do not depend on it.

/// The images of items, in order.
#[cfg(feature = "parallel")]
pub fn map<T: Sync, R: Send>(items: &[T], f: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    use rayon::prelude::*;
    items
        .par_iter()
        .enumerate()
        .map(|(index, item)| f(index, item))
        .collect()
}

/// The images of items, in order.
#[cfg(not(feature = "parallel"))]
pub fn map<T, R>(items: &[T], f: impl Fn(usize, &T) -> R) -> Vec<R> {
    items
        .iter()
        .enumerate()
        .map(|(index, item)| f(index, item))
        .collect()
}
