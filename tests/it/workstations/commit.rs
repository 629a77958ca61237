//! Servers that are killed while a workstation pushes, before and at each commit: what was not confirmed is pushed again,
//! and nothing is there twice.

use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Workstations;
use crate::studio::ProgramRun;

/// Maximum time until the program reaches the server or ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// The sessions that wait in a commit, and the time when each of them began.
const WAITING: &str = "
SELECT coalesce(max(CAST(extract(epoch FROM query_start) * 1000000 AS bigint)), 0)
FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

const CANCEL: &str =
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

const BLOCKED: &str = "
SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'auto-backup'";

/// Lets each commit wait for a standby that does not exist, or for none.
fn set_standby(two: &mut Workstations, name: &str) {
    let server = two.own_server();
    let set = format!("ALTER SYSTEM SET synchronous_standby_names = '{name}'");
    server.execute("postgres", &set);
    server.execute("postgres", "SELECT pg_reload_conf()");
    let sql = format!(
        "SELECT count(*) FROM pg_settings WHERE name = 'synchronous_standby_names' AND setting = '{name}'"
    );
    server.wait_for("postgres", &sql, 1);
}

/// Starts a scan.
fn start_load(two: &Workstations) -> Child {
    let mut command = two.command("ws1");
    command.args(["-c", "load"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn finish(two: &Workstations, child: Child) -> ProgramRun {
    ProgramRun::new(&two.studio, &child.wait_with_output().unwrap())
}

/// Waits for a commit other than the last one. Returns its time, or `None` if the program has ended.
fn wait_for_commit(two: &mut Workstations, child: &mut Child, last: i64) -> Option<i64> {
    let start = Instant::now();
    loop {
        let began = two.own_server().number("postgres", WAITING);
        if began > last {
            return Some(began);
        }
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        assert!(start.elapsed() < PATIENCE, "no commit and no end");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Checks that both workstations know the same files and runs, and each of them once.
#[track_caller]
fn assert_whole(two: &Workstations, files: usize, runs: usize) {
    for host in ["ws1", "ws2"] {
        two.lines(host, &["list projects"]).ok();
    }
    assert_eq!(two.files("ws2"), two.files("ws1"));
    assert_eq!(two.files("ws2").len(), files);
    let states = two.states("ws1");
    assert!(states.contains("acme/spot"), "{states}");
    assert_eq!(two.states("ws2"), states);
    let history = |host: &str| {
        let document = two.json(host, "history --hosts --all");
        document["runs"].as_array().unwrap().len()
    };
    assert_eq!((history("ws1"), history("ws2")), (runs, runs));
}

#[test]
fn server_killed_at_any_commit_loses_and_doubles_nothing() {
    let Some(mut two) = Workstations::at_own_server() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["load"]).ok();
    let mut killed = 0;
    for round in 0.. {
        two.studio
            .file(format!("NAS/footage/acme/spot/sh{round}/a.exr"), "a");
        set_standby(&mut two, "absent");
        let mut child = start_load(&two);
        let mut last = 0;
        let mut reached = true;
        for number in 0..=round {
            let Some(began) = wait_for_commit(&mut two, &mut child, last) else {
                reached = false;
                break;
            };
            last = began;
            if number < round {
                // This one may end.
                two.own_server().execute("postgres", CANCEL);
            }
        }
        if !reached {
            finish(&two, child).status(0);
            set_standby(&mut two, "");
            assert_whole(&two, 4 + round, 3 + round);
            break;
        }
        killed += 1;
        two.own_server().end(Signal::KILL);
        let loaded = finish(&two, child).status(0);
        assert!(
            loaded.stderr.contains("what this run learned waits"),
            "{loaded}"
        );
        assert_eq!(loaded.stderr.lines().count(), 1, "{loaded}");
        two.own_server().restart();
        set_standby(&mut two, "");
        assert_whole(&two, 4 + round, 3 + round);
    }
    assert!(killed >= 2, "{killed}");
}

#[test]
fn server_killed_within_a_push_keeps_nothing_of_it() {
    let Some(mut two) = Workstations::at_own_server() else {
        return;
    };
    two.lines("ws1", &["load"]).ok();
    two.lines("ws2", &["load"]).ok();
    for (round, table) in ["runs", "replicas", "folders"].into_iter().enumerate() {
        two.studio
            .file(format!("NAS/footage/acme/spot/sh{round}/a.exr"), "a");
        let revision = two.number("SELECT revision FROM auto_backup.databases");
        let name = two.name.clone();
        let mut lock = two.own_server().superuser(&name);
        let sql = format!("BEGIN; LOCK TABLE auto_backup.{table} IN EXCLUSIVE MODE");
        lock.batch_execute(&sql).unwrap();
        let child = start_load(&two);
        two.own_server().wait_for("postgres", BLOCKED, 1);
        two.own_server().end(Signal::KILL);
        drop(lock);
        let loaded = finish(&two, child).status(0);
        assert!(
            loaded.stderr.contains("what this run learned waits"),
            "{loaded}"
        );
        two.own_server().restart();
        assert_eq!(
            two.number("SELECT revision FROM auto_backup.databases"),
            revision,
            "{table}"
        );
        assert_whole(&two, 4 + round, 3 + round);
    }
}
