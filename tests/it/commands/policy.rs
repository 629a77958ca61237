//! `policy`.

use insta::assert_snapshot;
use serde_json::json;

use super::STARTUP;
use crate::studio::Studio;

const DEMAND: &str = "policy footage copies 3 offsite 1 verified 180d";

#[test]
fn policies_are_set_and_listed() {
    let studio = Studio::new();
    let lines = [
        "policy",
        DEMAND,
        DEMAND,
        "policy render none",
        "policy",
        "policy footage",
        "policy footage copies 1",
        "policy footage default",
        "policy footage default",
    ];
    assert_snapshot!(studio.lines(&lines).ok(), @"
    exit 0
    --- stdout
    ┌──────────┬────────┬──────────┬─────────────────┬─────────┐
    │ category ┆ copies ┆ off-site ┆ verified within ┆ policy  │
    ╞══════════╪════════╪══════════╪═════════════════╪═════════╡
    │ footage  ┆      2 ┆        0 ┆                 ┆ default │
    │ render   ┆      2 ┆        0 ┆                 ┆ default │
    └──────────┴────────┴──────────┴─────────────────┴─────────┘
    category footage demands from now on: copies 3 offsite 1 verified 180d
    category footage already demands copies 3 offsite 1 verified 180d
    category render demands from now on: nothing; losing it is acceptable
    ┌──────────┬────────┬──────────┬─────────────────┬────────┐
    │ category ┆ copies ┆ off-site ┆ verified within ┆ policy │
    ╞══════════╪════════╪══════════╪═════════════════╪════════╡
    │ footage  ┆      3 ┆        1 ┆ 180d            ┆ set    │
    │ render   ┆        ┆          ┆                 ┆ set    │
    └──────────┴────────┴──────────┴─────────────────┴────────┘
    ┌──────────┬────────┬──────────┬─────────────────┬────────┐
    │ category ┆ copies ┆ off-site ┆ verified within ┆ policy │
    ╞══════════╪════════╪══════════╪═════════════════╪════════╡
    │ footage  ┆      3 ┆        1 ┆ 180d            ┆ set    │
    └──────────┴────────┴──────────┴─────────────────┴────────┘
    category footage demands from now on: copies 1
    category footage demands from now on: copies 2
    category footage already demands copies 2
    ");
    assert_snapshot!(Studio::bare().lines(&["policy"]).ok(), @"
    exit 0
    --- stdout
    no categories; `add category NAME PATH` tracks one
    ");
}

#[test]
fn json_states_each_demand() {
    let studio = Studio::new();
    let answer = studio.json(&[DEMAND, "policy render none", "policy"]).ok();
    let policies = &answer.document()["policies"];
    assert_eq!(
        policies[0],
        json!({"category": "footage", "default": false, "copies": 3, "offsite": 1, "verified_seconds": 15_552_000,
               "stated": "copies 3 offsite 1 verified 180d", "studio": null, "host": null, "conflict": false})
    );
    assert_eq!(
        policies[1],
        json!({"category": "render", "default": false, "copies": null, "offsite": null, "verified_seconds": null,
               "stated": "none", "studio": null, "host": null, "conflict": false})
    );
    let one = studio.json(&["policy footage"]).ok().document();
    assert_eq!(
        one["policies"],
        json!([{"category": "footage", "default": true, "copies": 2, "offsite": 0, "verified_seconds": null,
                "stated": null, "studio": null, "host": null, "conflict": false}])
    );
}

#[test]
fn wrong_words_change_nothing() {
    let studio = Studio::new();
    for line in [
        "policy footage copies",
        "policy footage copies none",
        "policy footage copies 0",
        "policy footage copies 100",
        "policy footage copies -1",
        "policy footage copies 2 copies 3",
        "policy footage copies 1 offsite 2",
        "policy footage copies 2 verified often",
        "policy footage copies 2 verified",
        "policy footage copies 2 nearby 1",
        "policy footage offsite 1",
        "policy footage none copies 2",
        "policy footage default copies 2",
    ] {
        let run = studio.lines(&[line]);
        assert!(run.status == 2 && run.stdout.is_empty(), "{line}: {run}");
        assert!(run.stderr.contains("hint: "), "{line}: {run}");
    }
    let answer = studio.json(&["policy footage"]).ok().document();
    assert_eq!(answer["policies"][0]["default"], true);
    assert_snapshot!(studio.lines(&["policy footage copies 1 offsite 2"]).status(2), @"
    exit 2
    --- stderr
    -c:1:33: error: unexpected argument `2`
        policy footage copies 1 offsite 2
                                        ^
    hint: `offsite 2` is more than `copies 1`
    ");
    assert_snapshot!(studio.lines(&["policy footage nearby 2"]).status(2), @"
    exit 2
    --- stderr
    -c:1:23: error: unexpected argument `2`
        policy footage nearby 2
                              ^
    hint: `nearby` is not one of copies, offsite and verified
    ");
    assert_snapshot!(studio.lines(&["policy footag copies 3"]).status(1), @"
    exit 1
    --- stderr
    -c:1:8: error: unknown category `footag`
        policy footag copies 3
               ^^^^^^
    hint: did you mean `footage`?
    ");
}

#[test]
fn saved_policy_is_read_back() {
    let studio = Studio::new();
    studio.lines(&[DEMAND, "policy render none", "save"]).ok();
    let saved = studio.read(STARTUP);
    assert!(saved.contains(&format!("{DEMAND}\n")), "{saved}");
    assert!(saved.contains("policy render none\n"), "{saved}");
    assert_snapshot!(studio.lines(&["policy"]).ok(), @"
    exit 0
    --- stdout
    ┌──────────┬────────┬──────────┬─────────────────┬────────┐
    │ category ┆ copies ┆ off-site ┆ verified within ┆ policy │
    ╞══════════╪════════╪══════════╪═════════════════╪════════╡
    │ footage  ┆      3 ┆        1 ┆ 180d            ┆ set    │
    │ render   ┆        ┆          ┆                 ┆ set    │
    └──────────┴────────┴──────────┴─────────────────┴────────┘
    ");
    // Nothing is left to save.
    studio.lines(&["save"]).ok();
    assert_eq!(studio.read(STARTUP), saved);
    studio
        .lines(&["policy footage default", "policy render copies 1", "save"])
        .ok();
    let saved = studio.read(STARTUP);
    assert!(!saved.contains("policy footage"), "{saved}");
    assert!(saved.contains("policy render copies 1\n"), "{saved}");
    assert!(!saved.contains("policy render none"), "{saved}");
}

#[test]
fn removed_category_takes_its_policy_along() {
    let studio = Studio::new();
    let lines = [
        DEMAND,
        "remove category footage",
        "add category footage footage/",
        "policy footage",
    ];
    let answer = studio.json(&lines).ok().document();
    assert_eq!(answer["policies"][0]["default"], true);
}
