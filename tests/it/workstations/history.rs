//! Runs of other workstations: listed with the workstation, and never acted on.

use serde_json::Value;

use super::Workstations;

/// Returns command, workstation and state of the runs in a document.
fn runs(document: &Value) -> Vec<(String, Option<String>, String)> {
    let rows = document["runs"]
        .as_array()
        .unwrap_or_else(|| panic!("{document}"));
    rows.iter()
        .map(|run| {
            let text = |key: &str| run[key].as_str().map(str::to_owned);
            (
                text("command").unwrap(),
                text("host"),
                text("state").unwrap(),
            )
        })
        .collect()
}

#[test]
fn runs_of_all_workstations_are_listed() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load", "load --project acme/spot"]).ok();
    two.lines("ws2", &["load"]).ok();
    let own = runs(&two.json("ws2", "history"));
    assert_eq!(own.len(), 1, "{own:?}");
    assert_eq!(own[0].1, None);
    let all = runs(&two.json("ws2", "history --hosts"));
    assert_eq!(all.len(), 3, "{all:?}");
    let elsewhere = all.iter().filter(|run| run.1.is_some());
    assert_eq!(elsewhere.count(), 2, "{all:?}");
    assert!(all.iter().all(|run| run.2 == "complete"), "{all:?}");
    assert_eq!(runs(&two.json("ws2", "history --hosts --last 2")).len(), 2);
    let page = two.lines("ws2", &["history --hosts"]).ok();
    assert_eq!(page.stdout.matches("  on ").count(), 2, "{page}");
    // The run of a workstation is pushed at the end of the run itself.
    assert_eq!(two.number("SELECT count(*) FROM auto_backup.runs"), 3);
    let unclear =
        "SELECT count(*) FROM auto_backup.runs WHERE ended_at IS NULL OR client IS NOT NULL";
    assert_eq!(two.number(unclear), 0);
}

#[test]
fn nothing_acts_on_run_of_another_workstation() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load", "load", "load"]).ok();
    assert_eq!(runs(&two.json("ws2", "history --hosts")).len(), 3);
    for line in ["history 1", "undo 1", "history 3"] {
        let refused = two.lines("ws2", &[line]).status(1);
        assert!(refused.stderr.contains("run"), "{refused}");
    }
    // The numbers of this workstation begin at 1 all the same.
    two.lines("ws2", &["load"]).ok();
    assert_eq!(two.json("ws2", "history")["runs"][0]["run"], 1);
}

#[test]
fn run_that_changed_or_left_no_trace_is_brought_up_to_date() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    let index =
        rusqlite::Connection::open(two.studio.path("ws1/.local/share/auto-backup/index.sqlite"))
            .unwrap();
    // A run that another session of ws1 has begun, and whose process is alive: this one.
    let sql = "INSERT INTO runs (command, what, host, process, started_at, state)
               SELECT 'copy', 'acme/spot footage', host, ?1, started_at, 'running' FROM runs WHERE id = 1";
    index.execute(sql, [std::process::id()]).unwrap();
    let mark =
        "INSERT OR REPLACE INTO unshared_runs (run, mark) SELECT 2, mark + 1 FROM shared_studio";
    index.execute(mark, []).unwrap();
    index
        .execute("UPDATE shared_studio SET mark = mark + 1", [])
        .unwrap();
    two.lines("ws1", &["list projects"]).ok();
    let seen = runs(&two.json("ws2", "history --hosts"));
    assert!(seen.iter().any(|run| run.2 == "running"), "{seen:?}");
    assert_eq!(
        two.number("SELECT count(*) FROM auto_backup.runs WHERE client = 'acme'"),
        1
    );
    // Its process dies: no number of a process is as high as this one.
    index
        .execute("UPDATE runs SET process = 2147483646 WHERE id = 2", [])
        .unwrap();
    two.lines("ws1", &["list projects"]).ok();
    let seen = runs(&two.json("ws2", "history --hosts"));
    assert!(seen.iter().any(|run| run.2 == "interrupted"), "{seen:?}");
    index.execute("DELETE FROM runs WHERE id = 2", []).unwrap();
    index.execute(mark, []).unwrap();
    index
        .execute("UPDATE shared_studio SET mark = mark + 1", [])
        .unwrap();
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(runs(&two.json("ws2", "history --hosts")).len(), 1);
}

#[test]
fn only_the_last_runs_are_kept() {
    let Some(two) = Workstations::new() else {
        return;
    };
    let script = "load\n".repeat(20);
    two.lines("ws1", &[&script]).ok();
    two.json("ws2", "history --hosts");
    two.execute("UPDATE auto_backup.runs SET number = number - 490");
    two.lines("ws1", &["load"]).ok();
    assert_eq!(
        two.number("SELECT count(*) FROM auto_backup.runs WHERE number <= 21 - 500"),
        0
    );
    assert_eq!(
        two.number("SELECT count(*) FROM auto_backup.runs WHERE number = 21"),
        1
    );
}

#[test]
fn catalog_without_news_is_not_written() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    let studio = "SELECT revision FROM auto_backup.studio";
    let before = two.number(studio);
    for host in ["ws1", "ws2", "ws1"] {
        two.lines(
            host,
            &["list projects", "history --hosts", "failures", "policy"],
        )
        .ok();
    }
    assert_eq!(two.number(studio), before);
}

#[test]
fn restored_catalog_gets_all_again() {
    let Some(two) = Workstations::new() else {
        return;
    };
    two.lines("ws1", &["load", "load"]).ok();
    two.lines("ws1", &["policy footage copies 3"]).ok();
    two.lines("ws2", &["list projects"]).ok();
    two.execute("DELETE FROM auto_backup.runs; DELETE FROM auto_backup.policies; UPDATE auto_backup.studio SET revision = 0");
    two.lines("ws1", &["list projects"]).ok();
    assert_eq!(two.number("SELECT count(*) FROM auto_backup.runs"), 2);
    let copies = "SELECT CAST(sum(copies) AS bigint) FROM auto_backup.policies";
    assert_eq!(two.number(copies), 3);
    assert_eq!(runs(&two.json("ws2", "history --hosts")).len(), 2);
}
