//! `cards`: what is known of offloaded cards, also while they are away.

use insta::assert_snapshot;

use crate::studio::Studio;

/// A studio in which a card was offloaded to one of two storages on two media.
fn studio() -> Studio {
    let studio = Studio::new();
    studio
        .file("A001/a.mov", "clip a")
        .file("A001/b.mov", "clip b");
    studio
        .lines(&[
            "add database NAS NAS --medium one",
            "add database WORK WORK --medium two",
            "save",
            "offload A001 acme/spot footage NAS",
        ])
        .ok();
    studio
}

/// Returns the states of all cards.
fn states(studio: &Studio) -> Vec<String> {
    let document = studio.json(&["cards"]).ok().document();
    let cards = document["cards"].as_array().unwrap().iter();
    let states = cards.map(|card| card["state"].as_str().unwrap().to_owned());
    states.collect()
}

#[test]
fn page_says_why_a_card_is_not_safe() {
    let studio = studio();
    studio.file("B002/c.mov", "clip c");
    studio
        .lines(&["offload B002 acme/spot footage NAS,WORK"])
        .ok();
    studio.remove("A001");
    let run = studio.lines(&["cards"]).ok();
    assert_snapshot!(run.stdout, @"
    ┌──────┬────────────────┬───────┬──────┬───────────┬──────────┐
    │ card ┆ state          ┆ files ┆ size ┆ project   ┆ seen     │
    ╞══════╪════════════════╪═══════╪══════╪═══════════╪══════════╡
    │ B002 ┆ safe to format ┆     1 ┆  6 B ┆ acme/spot ┆ just now │
    │ A001 ┆ copied         ┆     2 ┆ 12 B ┆ acme/spot ┆ just now │
    └──────┴────────────────┴───────┴──────┴───────────┴──────────┘
    A001: copied: 2 of 2 files with fewer than 2 proven copies, first `a.mov`; all files are on NAS
    ");
    let rows = studio.run(["--format", "csv", "-c", "cards"]).ok();
    let rows = rows
        .stdout
        .lines()
        // Without the time and the workstation.
        .map(|row| row.rsplitn(3, ',').nth(2).unwrap());
    assert_snapshot!(rows.collect::<Vec<_>>().join("\n"), @"
    name,serial,state,files,bytes,missing_files,unread_entries,short_files,copies,project,into,path
    B002,,safe to format,1,6,0,0,0,2,acme/spot,B002,$STUDIO/B002
    A001,,copied,2,12,0,0,2,1,acme/spot,A001,$STUDIO/A001
    ");
}

#[test]
fn copies_made_later_count() {
    let studio = studio();
    assert_eq!(states(&studio), ["copied"]);
    studio.remove("A001");
    studio.lines(&["copy acme/spot footage NAS WORK"]).ok();
    assert_eq!(states(&studio), ["safe to format"]);
}

#[test]
fn lost_copies_do_not_count() {
    let studio = studio();
    studio.lines(&["copy acme/spot footage NAS WORK"]).ok();
    studio.remove("WORK/footage/acme/spot/A001/a.mov");
    assert_eq!(states(&studio), ["safe to format"]);
    studio.lines(&["load WORK"]).ok();
    assert_eq!(states(&studio), ["copied"]);
    studio.file("NAS/footage/acme/spot/A001/a.mov", "CLIP A");
    studio.lines(&["load NAS"]).ok();
    // The same size and time: only reading shows it.
    assert_eq!(states(&studio), ["copied"]);
    studio.lines(&["verify acme/spot in NAS"]).status(3);
    assert_eq!(states(&studio), ["do not format"]);
}

#[test]
fn formatted_card_is_another_card() {
    let studio = studio();
    studio.remove("A001").file("A001/a.mov", "another clip");
    let line = "offload A001 acme/spot footage NAS,WORK --into second";
    studio.lines(&[line]).ok();
    assert_eq!(states(&studio), ["safe to format", "copied"]);
    // More was shot: the same card.
    studio.file("A001/b.mov", "new");
    studio
        .lines(&["offload A001 acme/spot footage NAS --into second"])
        .ok();
    assert_eq!(states(&studio), ["copied", "copied"]);
}

#[test]
fn cards_survive_a_forgotten_storage() {
    let studio = studio();
    studio.lines(&["load --forget NAS --yes"]).ok();
    assert_eq!(states(&studio), ["do not format"]);
    studio.lines(&["load NAS", "verify acme/spot in NAS"]).ok();
    assert_eq!(states(&studio), ["copied"]);
}
