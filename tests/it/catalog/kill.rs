//! Servers that are killed while they work.

use std::thread;

use auto_backup::base::error::CatalogProblem;
use auto_backup::catalog::{LeaseAnswer, STEPS, acquire, ensure_schema, ensure_steps, list};
use rustix::process::Signal;

use super::{PostgresServer, address, connect, holder, problem};

/// A step that ends only with the server.
const ENDLESS: &[&str] = &[
    "CREATE TABLE auto_backup.half (id int)",
    "SELECT pg_sleep(50)",
];

#[test]
fn killed_server_loses_only_what_it_did_not_confirm() {
    let Some(mut server) = PostgresServer::own() else {
        return;
    };
    let name = server.create_database();
    let address = address(&server.socket_address(&name, &name));
    let mut catalog = connect(&address);
    ensure_schema(&mut catalog).unwrap();
    assert!(matches!(
        acquire(&mut catalog, "kept", &holder("ws1")),
        Ok(LeaseAnswer::Granted(_))
    ));
    let steps: Vec<&'static [&'static str]> = STEPS.into_iter().chain([ENDLESS]).collect();
    let other = address.clone();
    let migration = thread::spawn(move || ensure_steps(&mut connect(&other), &steps));
    let sleeping = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    server.wait_for("postgres", sleeping, 1);
    server.end(Signal::KILL);
    let found = problem(migration.join().unwrap());
    assert!(matches!(found, CatalogProblem::Lost(_)), "{found:?}");
    let lost = problem(list(&mut catalog));
    assert!(matches!(lost, CatalogProblem::Lost(_)), "{lost:?}");
    let again = problem(list(&mut catalog));
    assert!(matches!(again, CatalogProblem::Lost(_)), "{again:?}");

    server.restart();
    let mut catalog = connect(&address);
    ensure_schema(&mut catalog).unwrap();
    let half = "SELECT count(*) FROM pg_tables WHERE tablename = 'half'";
    assert_eq!(server.number(&name, half), 0);
    let leases = list(&mut catalog).unwrap();
    assert_eq!(leases.len(), 1);
    assert_eq!(leases[0].identity, "kept");
}
