//! `fetch`.

use insta::assert_snapshot;

use crate::studio::Studio;

#[test]
fn replicas_are_told_apart_by_a_word() {
    let studio = Studio::filled();
    studio
        .lines(&["load", "copy acme/spot footage WORK NAS"])
        .ok();
    assert_snapshot!(studio.lines(&["fetch project acme/spot"]), @"
    exit 0
    --- stdout
    acme/spot
    ┌──────────┬────────────────────────┬────────────────────────┐
    │ category ┆ WORK                   ┆ NAS                    │
    ╞══════════╪════════════════════════╪════════════════════════╡
    │ footage  ┆ present, 2 files, 13 B ┆ present, 2 files, 13 B │
    │ render   ┆ present, 1 file, 5 B   ┆ missing                │
    └──────────┴────────────────────────┴────────────────────────┘
      footage on WORK: $STUDIO/WORK/footage/acme/spot (looked at just now)
      footage on NAS: $STUDIO/NAS/footage/acme/spot (looked at just now)
      render on WORK: $STUDIO/WORK/scratch/render/acme/spot (looked at just now)
    ");
}
