//! Commands that read only the index.

use super::tracer::Tracer;
use crate::studio::Studio;

#[test]
fn index_answers_open_nothing_below_roots() {
    let studio = Studio::filled();
    studio.json(&["load"]).ok();
    for line in [
        "fetch all",
        "list projects",
        "find mov",
        "status",
        "safe acme/spot on WORK",
        "policy",
        "report all",
    ] {
        let Some(tracer) = Tracer::new(&studio) else {
            return;
        };
        let run = tracer.record("openat").record("statx").json(line);
        // Status 3: the copies fall short of their policies.
        assert!([0, 3].contains(&run.status), "{run}");
        let log = Tracer::log(&studio);
        assert!(log.contains("index.sqlite"), "{log}");
        assert!(!log.contains("/footage"), "{line}: {log}");
    }
}
