//! Commands that read only the index.

use super::tracer::Tracer;
use crate::studio::Studio;

#[test]
fn fetch_and_list_open_nothing_below_roots() {
    let studio = Studio::filled();
    studio.json(&["load"]).ok();
    for line in ["fetch all", "list projects", "find mov"] {
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        tracer.record("openat").record("statx").json(line).ok();
        let log = Tracer::log(&studio);
        assert!(log.contains("index.sqlite"), "{log}");
        assert!(!log.contains("/footage"), "{line}: {log}");
    }
}
