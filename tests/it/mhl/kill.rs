//! Kills at every call that writes a history: the next run ends with a whole, valid history.

use super::reference::Reference;
use super::{MHL, SPOT, answer, card_studio, hash_lists};
use crate::faults::tracer::Tracer;
use crate::studio::Studio;

/// The calls that write.
const CALLS: [&str; 9] = [
    "openat",
    "mkdirat",
    "write",
    "fsync",
    "fchmod",
    "renameat2",
    "fadvise64",
    "pread64",
    "unlinkat",
];

/// Kills the run at each of these calls on an entry of the history, and checks what the next run makes of it.
fn kill_at_each_call(prepare: &dyn Fn() -> Studio, generations: usize) {
    let mut killed = 0;
    for call in CALLS {
        for number in 1..=40 {
            let studio = prepare();
            let Some(tracer) = Tracer::new(&studio) else {
                return;
            };
            let when = format!("signal=SIGKILL:when={number}");
            let run = tracer.inject(call, &when).json(MHL);
            if run.status != -1 {
                // There is no such call any more.
                break;
            }
            killed += 1;
            let context = format!("{call} {number}");
            let document = answer(&studio, MHL);
            assert_eq!(document["state"], "complete", "{context}: {document}");
            assert_eq!(hash_lists(&studio, SPOT).len(), generations, "{context}");
            let again = answer(&studio, MHL);
            assert_eq!(again["generations"], serde_json::json!([]), "{context}");
            assert_eq!(again["unchanged"], 6, "{context}: {again}");
            if number % 8 == 0
                && let Some(reference) = Reference::find()
            {
                reference.assert_verifies(&studio, SPOT);
            }
        }
    }
    assert!(killed > 20, "only {killed} kills");
}

fn new_studio() -> Studio {
    let studio = card_studio();
    studio.file(format!("{SPOT}/more.txt"), "more");
    studio
}

#[test]
fn kills_while_a_history_begins_lose_nothing() {
    kill_at_each_call(&new_studio, 1);
}

#[test]
fn kills_while_a_history_continues_lose_nothing() {
    let prepare = || {
        let studio = card_studio();
        studio.lines(&[MHL]).ok();
        studio.file(format!("{SPOT}/more.txt"), "more");
        studio
    };
    kill_at_each_call(&prepare, 2);
}
