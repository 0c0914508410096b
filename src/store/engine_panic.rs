//! The engine panics where its files are damaged. For a person that is an error like others, and no trace.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::{Mutex, Once, PoisonError};

use super::sync::Broken;

thread_local! {
    /// The engine is at work on this thread.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// The store that the engine's own threads work for.
static WORKING_FOR: Mutex<Option<Broken>> = Mutex::new(None);

/// Has panics on the engine's own threads tell this store that it is broken; gives whom they told before.
pub(super) fn tell(broken: Option<Broken>) -> Option<Broken> {
    std::mem::replace(&mut *WORKING_FOR.lock().unwrap_or_else(PoisonError::into_inner), broken)
}

/// Runs a call of the engine. `None`: it panicked, and nothing was printed.
pub(super) fn caught<T>(call: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if is_the_engines() {
                if let Some(broken) = &*WORKING_FOR.lock().unwrap_or_else(PoisonError::into_inner) {
                    broken.cancel();
                }
            } else if !AT_WORK.get() {
                usual(panic);
            }
        }));
    });
    let before = AT_WORK.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    AT_WORK.set(before);
    result.ok()
}

/// Whether this thread was started by the engine (sled's names for them).
fn is_the_engines() -> bool {
    let current = std::thread::current();
    current.name().is_some_and(|name| name.starts_with("sled-io-") || name == "log flusher")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_answer() {
        assert_eq!(caught(|| 1), Some(1));
        assert_eq!(caught(|| -> u8 { panic!("caught") }), None);
        assert!(!AT_WORK.get());
    }
}
