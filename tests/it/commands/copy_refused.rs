//! `copy`: requests that are refused before anything is copied.

use insta::assert_snapshot;

use crate::studio::Studio;

const LINE: &str = "copy acme/spot footage WORK NAS";

#[test]
fn offline_destination_does_not_block_others() {
    let studio = Studio::filled();
    let lines = [
        "add database CLOUD gone",
        "copy acme/teaser footage WORK NAS,CLOUD,NAS",
    ];
    assert_snapshot!(studio.lines(&lines).status(3), @"
    exit 3
    --- stdout
    added storage CLOUD at $STUDIO/gone, offline: it does not exist
    copied and verified 1 file, 6 B in N s; 1 storage failed
    NAS: 1 file, 6 B
    CLOUD: failed
    failed $STUDIO/gone: storage `CLOUD` is offline: `$STUDIO/gone` does not exist
    ");
    assert_snapshot!(studio.json(&lines).status(3), @r#"
    exit 3
    --- stdout
    {"command":"add","kind":"database","name":"CLOUD","root":"$STUDIO/gone","online":false,"shelf":false,"offsite":false,"medium":null,"change":"added"}
    {"command":"copy","run":2,"state":"partial","planned_files":1,"planned_bytes":0,"copied_files":0,"copied_bytes":0,"same_files":1,"conflict_files":0,"failed_files":0,"failed_storages":1,"refused_files":0,"skipped_files":0,"verified_files":0,"seconds":N,"destinations":[{"name":"NAS","files":0,"bytes":0,"same_files":1,"conflict_files":0,"failed_files":0,"refused_files":0,"copied_from":[],"error":null},{"name":"CLOUD","files":0,"bytes":0,"same_files":0,"conflict_files":0,"failed_files":0,"refused_files":0,"copied_from":[],"error":"storage `CLOUD` is offline: `$STUDIO/gone` does not exist"}],"items":[{"path":"$STUDIO/gone","outcome":"failed","reason":"storage `CLOUD` is offline: `$STUDIO/gone` does not exist","sequence":null}],"sequences":[]}
    "#);
    assert!(!studio.path("gone").exists());
}

#[test]
fn missing_root_is_refused_and_not_created() {
    let studio = Studio::filled();
    studio.remove("NAS");
    assert_snapshot!(studio.lines(&[LINE]).status(1), @"
    exit 1
    --- stderr
    -c:1:29: error: storage `NAS` is offline: `$STUDIO/NAS` does not exist
        copy acme/spot footage WORK NAS
                                    ^^^
    hint: mount or connect it, then try again
    ");
    assert!(!studio.path("NAS").exists());
    let lines = [
        "add database CLOUD gone",
        "copy acme/spot footage WORK NAS,CLOUD",
    ];
    assert_snapshot!(studio.lines(&lines).status(1), @"
    exit 1
    --- stdout
    added storage CLOUD at $STUDIO/gone, offline: it does not exist
    --- stderr
    -c 2:1:29: error: storage `NAS` is offline: `$STUDIO/NAS` does not exist
        copy acme/spot footage WORK NAS,CLOUD
                                    ^^^^^^^^^
    hint: mount or connect it, then try again
    ");
    assert_snapshot!(studio.lines(&["copy acme/spot footage NAS WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:24: error: storage `NAS` is offline: `$STUDIO/NAS` does not exist
        copy acme/spot footage NAS WORK
                               ^^^
    hint: mount or connect it, then try again
    ");
}

#[test]
fn copy_onto_itself_is_refused() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["copy acme/spot footage WORK WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: FROM and TO are both `WORK`
        copy acme/spot footage WORK WORK
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: name another storage to copy to
    ");
    assert_snapshot!(studio.lines(&["copy acme/spot footage WORK NAS,WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: FROM and TO are both `WORK`
        copy acme/spot footage WORK NAS,WORK
        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: name another storage to copy to
    ");
}

#[test]
fn unknown_names_suggest_nearest_and_copy_nothing() {
    let studio = Studio::filled();
    assert_snapshot!(studio.lines(&["copy acme/sopt footage WORK NAS"]).status(1), @"
    exit 1
    --- stderr
    -c:1:6: error: `acme/sopt` is not in category `footage` of storage `WORK`
        copy acme/sopt footage WORK NAS
             ^^^^^^^^^
    hint: did you mean `acme/spot`?
    ");
    assert_snapshot!(studio.lines(&["copy amce all WORK NAS"]).status(1), @"
    exit 1
    --- stderr
    -c:1:6: error: `amce` is not in any category of storage `WORK`
        copy amce all WORK NAS
             ^^^^
    hint: did you mean `acme`?
    ");
    assert_snapshot!(studio.lines(&["copy all all NAS WORK"]).status(1), @"
    exit 1
    --- stderr
    -c:1:1: error: no project in any category of storage `NAS`
        copy all all NAS WORK
        ^^^^^^^^^^^^^^^^^^^^^
    hint: `list projects` lists all projects; `load NAS` scans again
    ");
    assert_snapshot!(studio.lines(&["copy acme/spot fotage WORK NAS"]).status(1), @"
    exit 1
    --- stderr
    -c:1:16: error: unknown category `fotage`
        copy acme/spot fotage WORK NAS
                       ^^^^^^
    hint: did you mean `footage`?
    ");
    assert_snapshot!(studio.lines(&["copy acme/spot footage WORK NAS,CLUOD"]).status(1), @"
    exit 1
    --- stderr
    -c:1:29: error: unknown storage `CLUOD`
        copy acme/spot footage WORK NAS,CLUOD
                                    ^^^^^^^^^
    hint: known: WORK, NAS
    ");
    assert_snapshot!(studio.lines(&["copy acme/../x footage WORK NAS"]).status(2), @"
    exit 2
    --- stderr
    -c:1:6: error: `acme/../x` cannot be a project: it has more than two parts; a project is written CLIENT/PROJECT
        copy acme/../x footage WORK NAS
             ^^^^^^^^^
    hint: write it as in `fetch project acme/spot`
    ");
    assert_snapshot!(studio.lines(&["copy acme/spot footage WORK"]).status(2), @"
    exit 2
    --- stderr
    -c:1:28: error: missing: TO
        copy acme/spot footage WORK
                                   ^
    hint: write it as: copy [OPTIONS] PROJECT [CATEGORY] FROM TO[,TO...]
    ");
    assert_eq!(studio.tree("NAS"), "");
}
