//! Servers that accept no changes: standbys, and databases that are set so.

use std::fs;

use auto_backup::base::error::CatalogProblem;
use auto_backup::catalog::{acquire, ensure_schema, list};
use rustix::process::Signal;

use super::{PostgresServer, address, connect, holder, problem};

#[test]
fn read_only_sessions_are_reported() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let set = |name: &str, how: &str| {
        let sql = format!("ALTER DATABASE {name} SET default_transaction_read_only = {how}");
        server.execute("postgres", &sql);
    };
    let name = server.create_database();
    let address = address(&server.socket_address(&name, &name));
    set(&name, "on");
    assert_eq!(
        problem(ensure_schema(&mut connect(&address))),
        CatalogProblem::ReadOnly
    );
    set(&name, "off");
    ensure_schema(&mut connect(&address)).unwrap();
    set(&name, "on");
    let mut catalog = connect(&address);
    ensure_schema(&mut catalog).unwrap();
    let refused = problem(acquire(&mut catalog, "id", &holder("ws1")));
    assert_eq!(refused, CatalogProblem::ReadOnly);
}

#[test]
fn standby_answers_but_takes_no_changes() {
    let Some(mut server) = PostgresServer::own() else {
        return;
    };
    let name = server.create_database();
    let text = server.socket_address(&name, &name);
    ensure_schema(&mut connect(&address(&text))).unwrap();
    server.end(Signal::INT);
    fs::write(server.folder().join("data/standby.signal"), "").unwrap();
    server.restart();
    let mut catalog = connect(&address(&text));
    ensure_schema(&mut catalog).unwrap();
    assert!(list(&mut catalog).unwrap().is_empty());
    let refused = problem(acquire(&mut catalog, "id", &holder("ws1")));
    assert_eq!(refused, CatalogProblem::ReadOnly);
}
