//! Cards of other workstations: listed with the workstation, and judged by what is known here of their copies.

use serde_json::Value;

use super::{Workstations, startup};

/// Two workstations at two storages, which each of them calls otherwise, and a card at the first.
fn two_storages() -> Option<Workstations> {
    let two = Workstations::new()?;
    for (host, names) in [("ws1", ["NAS", "VAULT"]), ("ws2", ["SERVER", "SAFE"])] {
        let lines = format!(
            "add database {} ../../../NAS --medium {host}-nas\nadd database {} ../../../VAULT --medium {host}-vault\n\
             add category footage footage/\nset catalog '{}'\n",
            names[0], names[1], two.address
        );
        two.studio.file(startup(host), lines);
    }
    two.studio
        .file("VAULT/footage/acme/spot/notes.txt", "notes")
        .file("cards/A001/CLIPS/a.mov", "clip a")
        .file("cards/A001/CLIPS/b.mov", "clip b");
    Some(two)
}

/// Returns the only card that a workstation knows.
fn card(two: &Workstations, host: &str) -> Value {
    let document = two.json(host, "cards");
    let cards = document["cards"]
        .as_array()
        .unwrap_or_else(|| panic!("{document}"));
    assert_eq!(cards.len(), 1, "{document}");
    cards[0].clone()
}

fn offload(two: &Workstations, host: &str, card: &str, to: &str) {
    let card = two.studio.path(card);
    let line = format!("offload {} acme/spot footage {to}", card.display());
    two.lines(host, &[&line]).status(0);
}

#[test]
fn card_is_judged_by_its_copies_here() {
    let Some(two) = two_storages() else { return };
    for host in ["ws1", "ws2"] {
        two.lines(host, &["load"]).ok();
    }
    offload(&two, "ws1", "cards/A001", "NAS");
    let own = card(&two, "ws1");
    assert_eq!(
        (&own["state"], &own["host"]),
        (&"copied".into(), &Value::Null)
    );
    let there = card(&two, "ws2");
    for key in [
        "name", "files", "bytes", "state", "copies", "project", "into", "path",
    ] {
        assert_eq!(there[key], own[key], "{key}");
    }
    assert!(there["host"].is_string(), "{there}");
    assert_eq!(there["databases"], serde_json::json!(["SERVER"]));
    let page = two.lines("ws2", &["cards"]).ok();
    assert!(page.stdout.contains(" on "), "{page}");
    // A copy that this workstation makes counts for both.
    two.lines("ws2", &["copy acme/spot footage SERVER SAFE"])
        .ok();
    assert_eq!(card(&two, "ws2")["state"], "safe to format");
    assert_eq!(card(&two, "ws1")["state"], "safe to format");
    let client = "SELECT count(*) FROM auto_backup.cards WHERE client = 'acme'";
    assert_eq!(two.number(client), 1);
}

#[test]
fn claim_of_another_workstation_proves_nothing() {
    let Some(two) = two_storages() else { return };
    // ws2 tracks only one of the two storages, and knows nothing of the other.
    let lines = two.studio.read(startup("ws2"));
    let lines: Vec<&str> = lines
        .lines()
        .filter(|line| !line.contains("VAULT"))
        .collect();
    two.studio.file(startup("ws2"), lines.join("\n") + "\n");
    two.lines("ws2", &["load"]).ok();
    two.lines("ws1", &["load"]).ok();
    offload(&two, "ws1", "cards/A001", "NAS,VAULT");
    assert_eq!(card(&two, "ws1")["state"], "safe to format");
    let there = card(&two, "ws2");
    assert_eq!(
        (&there["state"], &there["copies"]),
        (&"copied".into(), &1.into())
    );
    // A copy that is seen to be gone counts no longer.
    super::remove_folder(&two, "NAS/footage/acme/spot/A001");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    two.lines("ws2", &["load"]).ok();
    assert_eq!(card(&two, "ws2")["state"], "do not format");
}

#[test]
fn copy_on_medium_of_card_counts_nowhere() {
    let Some(two) = two_storages() else { return };
    for host in ["ws1", "ws2"] {
        two.lines(host, &["load"]).ok();
    }
    // The card is a folder on the NAS, which has another name as a medium at ws2.
    two.studio.file("NAS/inbox/a.mov", "clip a");
    let folder = two.studio.path("NAS/inbox");
    let line = format!("offload {} acme/spot footage NAS,VAULT", folder.display());
    two.lines("ws1", &[&line]);
    let own = card(&two, "ws1");
    assert_eq!(own["own_databases"], serde_json::json!(["NAS"]), "{own}");
    let there = card(&two, "ws2");
    assert_eq!(
        there["own_databases"],
        serde_json::json!(["SERVER"]),
        "{there}"
    );
    assert_eq!(
        (&there["state"], &there["copies"]),
        (&own["state"], &own["copies"])
    );
    assert_ne!(there["state"], "safe to format");
}

#[test]
fn card_that_was_filled_again_replaces_its_files() {
    let Some(two) = two_storages() else { return };
    two.lines("ws1", &["load"]).ok();
    offload(&two, "ws1", "cards/A001", "NAS,VAULT");
    two.lines("ws2", &["load"]).ok();
    assert_eq!(card(&two, "ws2")["files"], 2);
    two.studio.file("cards/A001/CLIPS/c.mov", "clip c");
    offload(&two, "ws1", "cards/A001", "NAS,VAULT");
    let there = card(&two, "ws2");
    assert_eq!(
        (&there["files"], &there["state"]),
        (&3.into(), &"safe to format".into())
    );
    assert_eq!(two.number("SELECT count(*) FROM auto_backup.cards"), 1);
}

#[test]
fn offload_of_card_of_another_workstation_is_an_own_card() {
    let Some(two) = two_storages() else { return };
    for host in ["ws1", "ws2"] {
        two.lines(host, &["load"]).ok();
    }
    offload(&two, "ws1", "cards/A001", "NAS");
    assert!(card(&two, "ws2")["host"].is_string());
    offload(&two, "ws2", "cards/A001", "SERVER");
    for host in ["ws1", "ws2"] {
        let document = two.json(host, "cards");
        let cards = document["cards"].as_array().unwrap();
        let own = cards.iter().filter(|card| card["host"].is_null());
        assert_eq!((cards.len(), own.count()), (2, 1), "{document}");
    }
}
