//! Map in parallel, fold in order: the shape of every parallel stage.
//!
//! Workers run a pure function over bounded items; one thread folds the results in the order of
//! the items, so that the output is the same bytes for any number of threads. At most
//! `2 * threads + 2` items are alive at once.

use anyhow::{Result, anyhow};
use crossbeam_channel::{Receiver, bounded, unbounded};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Maps `items` with `map` on `threads` workers and folds the results in order on this thread.
///
/// # Errors
/// The first error of `items` (in order), of `map` (in order), or of `fold`; work under way is
/// abandoned then.
pub fn map_fold<I, R>(
    threads: usize,
    items: impl Iterator<Item = Result<I>> + Send,
    map: impl Fn(I) -> Result<R> + Sync,
    mut fold: impl FnMut(R) -> Result<()>,
) -> Result<()>
where
    I: Send,
    R: Send,
{
    let threads = threads.max(1);
    let (permit_in, permit_out) = bounded::<()>(2 * threads + 2);
    let (item_in, item_out) = unbounded::<(u64, Result<I>)>();
    let (result_in, result_out) = unbounded::<(u64, Result<R>)>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for (number, item) in items.enumerate() {
                // Either channel closes when the fold has failed; then nobody wants more items.
                if permit_in.send(()).is_err() || item_in.send((number as u64, item)).is_err() {
                    return;
                }
            }
        });
        for _ in 0..threads {
            let (item_out, result_in, map) = (item_out.clone(), result_in.clone(), &map);
            scope.spawn(move || {
                for (number, item) in item_out {
                    let outcome = catch_unwind(AssertUnwindSafe(|| item.and_then(map)));
                    let (result, panic) = match outcome {
                        Ok(result) => (result, None),
                        Err(panic) => (Err(anyhow!("a worker panicked")), Some(panic)),
                    };
                    let unwanted = result_in.send((number, result)).is_err();
                    // The fold must learn of it first, or it would wait for this number for ever.
                    if let Some(panic) = panic {
                        resume_unwind(panic);
                    }
                    if unwanted {
                        return;
                    }
                }
            });
        }
        drop((item_out, result_in));
        // Both receivers must go when the fold fails, or the feeder would wait for ever.
        fold_in_order(result_out, permit_out, &mut fold)
    })
}

fn fold_in_order<R>(
    results: Receiver<(u64, Result<R>)>,
    permits: Receiver<()>,
    fold: &mut impl FnMut(R) -> Result<()>,
) -> Result<()> {
    let mut waiting = BTreeMap::new();
    let mut next = 0;
    for (number, result) in results {
        waiting.insert(number, result);
        while let Some(result) = waiting.remove(&next) {
            fold(result?)?;
            next += 1;
            // One permit was taken for each item that came this far.
            let _ = permits.try_recv();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn the_fold_sees_the_order_of_the_items() {
        for threads in [1, 3, 8] {
            let mut seen = Vec::new();
            let items = (0..1_000_u64).map(Ok);
            map_fold(
                threads,
                items,
                |i| Ok(i * 2),
                |i| {
                    seen.push(i);
                    Ok(())
                },
            )
            .expect("no error");
            assert_eq!(seen, (0..1_000).map(|i| i * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_of_a_worker_ends_it() {
        for threads in [1, 2, 4] {
            let outcome = catch_unwind(|| {
                let items = (0..1_000_u64).map(Ok);
                map_fold(
                    threads,
                    items,
                    |i| if i == 5 { panic!("item {i}") } else { Ok(i) },
                    |_| Ok(()),
                )
            });
            assert!(outcome.is_err(), "the panic is not swallowed");
        }
    }

    #[test]
    fn the_first_error_in_order_ends_it_and_items_stay_bounded() {
        let drawn = AtomicUsize::new(0);
        let items = (0..1_000_000_u64).map(|i| {
            drawn.fetch_add(1, Ordering::Relaxed);
            Ok(i)
        });
        let outcome = map_fold(
            2,
            items,
            |i| {
                anyhow::ensure!(i < 5, "item {i}");
                Ok(i)
            },
            |_| Ok(()),
        );
        assert_eq!(outcome.expect_err("fails").to_string(), "item 5");
        assert!(
            drawn.load(Ordering::Relaxed) < 100,
            "abandoned work must not drain the input"
        );
    }
}
