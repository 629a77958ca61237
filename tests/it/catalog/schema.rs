//! The tables of the catalog: made by many at once, older and newer versions, and roles without rights.

use std::sync::{Arc, Barrier};
use std::thread;

use auto_backup::base::error::CatalogProblem;
use auto_backup::catalog::{STEPS, ensure_schema, ensure_steps, list};

use super::{PostgresServer, address, connect, problem};

/// A step that a future version may take.
const FUTURE: &[&str] =
    &["ALTER TABLE auto_backup.hosts ADD COLUMN speed bigint NOT NULL DEFAULT 7"];

const VERSION: &str = "SELECT CAST(version AS bigint) FROM auto_backup.meta";

fn known() -> i64 {
    i64::try_from(STEPS.len()).unwrap()
}

#[test]
fn fifty_clients_make_the_tables_once() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let address = address(&server.socket_address(&name, &name));
    let start = Arc::new(Barrier::new(50));
    let clients: Vec<_> = (0..50)
        .map(|_| {
            let (address, start) = (address.clone(), Arc::clone(&start));
            thread::spawn(move || {
                let mut catalog = connect(&address);
                start.wait();
                ensure_schema(&mut catalog).map(|()| list(&mut catalog).unwrap().len())
            })
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap().unwrap(), 0);
    }
    assert_eq!(server.number(&name, VERSION), known());
    assert_eq!(
        server.number(&name, "SELECT count(*) FROM auto_backup.meta"),
        1
    );
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'auto_backup'";
    let steps = STEPS.iter().flat_map(|step| step.iter());
    let made: usize = steps.map(|sql| sql.matches("CREATE TABLE").count()).sum();
    // And the one with the version.
    assert_eq!(
        server.number(&name, tables),
        i64::try_from(made).unwrap() + 1
    );
}

#[test]
fn older_version_is_brought_up_to_date_once() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let address = address(&server.socket_address(&name, &name));
    ensure_schema(&mut connect(&address)).unwrap();
    server.execute(
        &name,
        "INSERT INTO auto_backup.hosts (key, name, program, seen_at) VALUES ('k', 'ws1', 'auto-backup', 1)",
    );
    let steps: Vec<&[&str]> = STEPS.into_iter().chain([FUTURE]).collect();
    let start = Barrier::new(10);
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                let mut catalog = connect(&address);
                start.wait();
                ensure_steps(&mut catalog, &steps).unwrap();
            });
        }
    });
    assert_eq!(server.number(&name, VERSION), known() + 1);
    assert_eq!(
        server.number(&name, "SELECT speed FROM auto_backup.hosts"),
        7
    );
}

#[test]
fn newer_version_is_refused_before_any_write() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let address = address(&server.socket_address(&name, &name));
    let steps: Vec<&[&str]> = STEPS.into_iter().chain([FUTURE, FUTURE]).collect();
    ensure_steps(&mut connect(&address), &steps[..=STEPS.len()]).unwrap();
    // Nothing can be written here, and nothing is.
    server.execute(
        "postgres",
        &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"),
    );
    let found = problem(ensure_schema(&mut connect(&address)));
    let (found_version, known) = (known() + 1, known());
    assert_eq!(
        found,
        CatalogProblem::TooNew {
            found: found_version,
            known
        }
    );
}

#[test]
fn failed_step_leaves_the_old_version() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let address = address(&server.socket_address(&name, &name));
    let mut catalog = connect(&address);
    ensure_schema(&mut catalog).unwrap();
    let broken: &[&str] = &["CREATE TABLE auto_backup.half (id int)", "SELECT 1 / 0"];
    let steps: Vec<&[&str]> = STEPS.into_iter().chain([broken]).collect();
    let found = problem(ensure_steps(&mut catalog, &steps));
    assert!(matches!(found, CatalogProblem::Failed(_)), "{found:?}");
    assert_eq!(server.number(&name, VERSION), known());
    let half = "SELECT count(*) FROM pg_tables WHERE tablename = 'half'";
    assert_eq!(server.number(&name, half), 0);
    // The session is still good.
    ensure_schema(&mut catalog).unwrap();
}

#[test]
fn role_without_rights_is_sent_to_the_owner() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let guest = format!("{name}_guest");
    server.create_role(&guest);
    let address_of = |role: &str| address(&server.socket_address(role, &name));
    let error = ensure_schema(&mut connect(&address_of(&guest))).unwrap_err();
    assert!(
        error
            .hint()
            .unwrap()
            .contains(&format!("the role `{name}`"))
    );
    assert_eq!(
        problem(Err::<(), _>(error)),
        CatalogProblem::MayNotCreate {
            role: guest.clone(),
            owner: Some(name.clone()),
        }
    );
    ensure_schema(&mut connect(&address_of(&name))).unwrap();
    let error = ensure_schema(&mut connect(&address_of(&guest))).unwrap_err();
    let hint = error.hint().unwrap();
    let missing = CatalogProblem::NoRights {
        role: guest.clone(),
    };
    assert_eq!(problem(Err::<(), _>(error)), missing);
    // What the hint says helps.
    let grants = hint.split('`').nth(1).unwrap();
    server.execute(&name, grants);
    let mut catalog = connect(&address_of(&guest));
    ensure_schema(&mut catalog).unwrap();
    assert!(list(&mut catalog).unwrap().is_empty());
}
