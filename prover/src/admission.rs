//! Tasks that run side by side as far as memory allows.
//!
//! A task is started once there is room for it, by whoever made the room: nobody ever waits while holding some, so a
//! thread that picks up a second task in the middle of a first cannot block itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::Scope;

/// Work on one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// The shard.
    pub(crate) shard: usize,
    /// Bytes that it takes while it runs, on top of what is held already.
    pub(crate) takes: u64,
    /// Of these and of what was held for it, bytes that stay behind.
    pub(crate) leaves: u64,
    /// Bytes that were held for it before.
    pub(crate) held: u64,
}

/// What tasks share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes that may be held at once.
    pub(crate) room: Option<u64>,
    /// Tasks that may run at once.
    pub(crate) tasks: usize,
}

struct State<T, E> {
    next: usize,
    running: usize,
    held: u64,
    results: Vec<(usize, T)>,
    error: Option<E>,
}

struct Run<'a, T, E, F> {
    tasks: &'a [Task],
    limits: Limits,
    work: F,
    state: Mutex<State<T, E>>,
}

/// Runs tasks, started in order, and returns their results by shard. `held` bytes are taken already. Behind the first
/// task that fails none is started.
///
/// A task that does not fit even alone is run alone.
pub(crate) fn run<T: Send, E: Send>(
    tasks: &[Task],
    limits: Limits,
    held: u64,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let state = State {
        next: 0,
        running: 0,
        held,
        results: Vec::with_capacity(tasks.len()),
        error: None,
    };
    let run = Run {
        tasks,
        limits,
        work,
        state: Mutex::new(state),
    };
    rayon::scope(|scope| run.start(scope));
    let state = run
        .state
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = state.error {
        return Err(error);
    }
    let mut results = state.results;
    results.sort_unstable_by_key(|&(shard, _)| shard);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

impl<T: Send, E: Send, F: Fn(usize) -> Result<T, E> + Sync> Run<'_, T, E, F> {
    fn state(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts what there is room for.
    fn start<'s>(&'s self, scope: &Scope<'s>) {
        while let Some(task) = self.admit() {
            scope.spawn(move |scope| {
                let result = (self.work)(task.shard);
                self.finish(task, result);
                self.start(scope);
            });
        }
    }

    fn admit(&self) -> Option<Task> {
        let mut state = self.state();
        let task = *self.tasks.get(state.next)?;
        let fits = self
            .limits
            .room
            .is_none_or(|room| state.held + task.takes <= room);
        let admitted = state.running == 0 || fits && state.running < self.limits.tasks;
        if !admitted || state.error.is_some() {
            return None;
        }
        state.next += 1;
        state.running += 1;
        state.held += task.takes;
        Some(task)
    }

    fn finish(&self, task: Task, result: Result<T, E>) {
        let mut state = self.state();
        state.running -= 1;
        state.held = state.held + task.leaves - task.takes - task.held;
        match result {
            Ok(result) => state.results.push((task.shard, result)),
            Err(error) => drop(state.error.get_or_insert(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use super::*;

    fn task(shard: usize, takes: u64, leaves: u64) -> Task {
        Task {
            shard,
            takes,
            leaves,
            held: 0,
        }
    }

    /// Runs tasks that take a moment; returns the results, the most bytes held, and the most tasks at once.
    fn observe(tasks: &[Task], limits: Limits) -> (Vec<usize>, u64, usize) {
        let (held, most) = (AtomicU64::new(0), AtomicU64::new(0));
        let (running, crowd) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(4)
            .build()
            .unwrap();
        let results = pool.install(|| {
            run(tasks, limits, 0, |shard| {
                let task = tasks.iter().find(|task| task.shard == shard).unwrap();
                most.fetch_max(
                    held.fetch_add(task.takes, Ordering::SeqCst) + task.takes,
                    Ordering::SeqCst,
                );
                crowd.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(3));
                running.fetch_sub(1, Ordering::SeqCst);
                held.fetch_sub(task.takes - task.leaves, Ordering::SeqCst);
                Ok::<_, ()>(10 * shard)
            })
        });
        let (most, crowd) = (most.into_inner(), crowd.into_inner());
        (results.unwrap(), most, crowd)
    }

    #[test]
    fn bytes_and_tasks_stay_below_their_limits() {
        let tasks: Vec<Task> = (0..12)
            .map(|shard| task(shard, 10 + shard as u64, 1))
            .collect();
        let expected: Vec<usize> = (0..12).map(|shard| 10 * shard).collect();
        for (room, at_once) in [(None, 3), (Some(33), 4), (Some(50), 2), (Some(60), 8)] {
            let limits = Limits {
                room,
                tasks: at_once,
            };
            let (results, most, crowd) = observe(&tasks, limits);
            assert_eq!(results, expected);
            assert!(room.is_none_or(|room| most <= room), "{most} of {room:?}");
            assert!(crowd <= at_once, "{crowd}");
        }
    }

    /// Tasks that wait for so many others: they end only if those run at the same time.
    #[test]
    fn as_many_as_fit_run_at_once() {
        let tasks: Vec<Task> = (0..8).map(|shard| task(shard, 10, 0)).collect();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build();
        let pool = pool.unwrap();
        for (room, expected) in [(Some(10), 1), (Some(29), 2), (None, 4)] {
            let limits = Limits { room, tasks: 4 };
            let together = Barrier::new(expected);
            let meet = |shard: usize| {
                together.wait();
                Ok::<_, ()>(shard)
            };
            let results = pool.install(|| run(&tasks, limits, 0, meet));
            assert_eq!(results, Ok((0..8).collect()));
        }
    }

    #[test]
    fn results_come_by_shard_whatever_the_order() {
        let tasks: Vec<Task> = [3, 1, 0, 2].map(|shard| task(shard, 1, 0)).into();
        let limits = Limits {
            room: Some(1),
            tasks: 2,
        };
        assert_eq!(observe(&tasks, limits).0, [0, 10, 20, 30]);
    }

    #[test]
    fn what_tasks_leave_counts_and_what_was_held_is_given_back() {
        let limits = Limits {
            room: Some(30),
            tasks: 4,
        };
        let order = Mutex::new(Vec::new());
        let note = |shard: usize| {
            order.lock().unwrap().push(shard);
            Ok::<_, ()>(())
        };
        // The first gives back 20 that were held for it: only then there is room for the second.
        let tasks = [
            Task {
                shard: 0,
                takes: 10,
                leaves: 0,
                held: 20,
            },
            task(1, 30, 0),
        ];
        assert_eq!(run(&tasks, limits, 20, note), Ok(vec![(), ()]));
        assert_eq!(order.into_inner().unwrap(), [0, 1]);
    }

    #[test]
    fn nothing_starts_behind_a_failure() {
        let started = AtomicUsize::new(0);
        let tasks: Vec<Task> = (0..9).map(|shard| task(shard, 1, 0)).collect();
        let limits = Limits {
            room: Some(1),
            tasks: 4,
        };
        let work = |shard: usize| {
            started.fetch_add(1, Ordering::SeqCst);
            if shard == 2 { Err("broken") } else { Ok(()) }
        };
        assert_eq!(run(&tasks, limits, 0, work), Err("broken"));
        assert_eq!(started.into_inner(), 3);
    }
}
