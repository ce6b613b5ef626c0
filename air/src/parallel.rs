//! Independent pieces of work, on all threads where the feature `parallel` is on. Results do not depend on it.

/// The images of items, in order; on one thread where the work is small, since waking others takes longer.
pub fn map<T: Sync, R: Send>(
    is_large: bool,
    items: &[T],
    f: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    #[cfg(feature = "parallel")]
    if is_large && items.len() > 1 {
        use rayon::prelude::*;
        let items = items.par_iter().enumerate();
        return items.map(|(index, item)| f(index, item)).collect();
    }
    let _ = is_large;
    let items = items.iter().enumerate();
    items.map(|(index, item)| f(index, item)).collect()
}
