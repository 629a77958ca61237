//! Sessions: passwords, names, roles, and servers that are not there.

use auto_backup::base::error::CatalogProblem;
use auto_backup::catalog::{Catalog, ensure_schema, list};

use super::password_file::{PasswordFile, escaped_password};
use super::{PostgresServer, address, connect, problem};
use crate::servers::free_port;

#[test]
fn password_of_the_file_is_used() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let address = address(&server.port_address(&name, &name));
    let file = PasswordFile::new(&format!("localhost:*:{name}:{name}:{}", escaped_password()));
    let mut catalog = file.connect(&address).unwrap();
    ensure_schema(&mut catalog).unwrap();
    assert!(list(&mut catalog).unwrap().is_empty());
    assert_eq!(catalog.notice(), None);
    let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'auto-backup' AND usename = current_user";
    let sessions = sessions.replace("current_user", &format!("'{name}'"));
    assert_eq!(server.number("postgres", &sessions), 1);
}

#[test]
fn socket_needs_no_password() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let mut catalog = connect(&address(&server.socket_address(&name, &name)));
    ensure_schema(&mut catalog).unwrap();
}

#[test]
fn wrong_password_is_reported() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let file = PasswordFile::new("*:*:*:*:wrong");
    let known = address(&server.port_address(&name, &name));
    assert_eq!(problem(file.connect(&known)), CatalogProblem::WrongPassword);
    let unknown = address(&server.port_address("nobody_here", &name));
    assert_eq!(
        problem(file.connect(&unknown)),
        CatalogProblem::WrongPassword
    );
}

#[test]
fn missing_password_is_reported_with_its_line() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let address = address(&server.port_address(&name, &name));
    let line = format!("localhost:{}:{name}:{name}:PASSWORD", server.port());
    let missing = CatalogProblem::NoPassword {
        line: line.clone(),
        ignored: None,
    };
    assert_eq!(problem(Catalog::connect_with(&address, None)), missing);
    let file = PasswordFile::new("nas:*:*:*:password");
    assert_eq!(problem(file.connect(&address)), missing);
    // The line of the hint is the one that helps.
    let file = PasswordFile::new(&line.replace("PASSWORD", &escaped_password()));
    file.connect(&address).unwrap();
    // Not if others can read it.
    let file = file.with_mode(0o644);
    let error = file.connect(&address).unwrap_err();
    assert!(error.to_string().contains("chmod 600"), "{error}");
    let CatalogProblem::NoPassword { ignored, .. } = problem(Err::<(), _>(error)) else {
        panic!();
    };
    assert!(ignored.is_some());
}

#[test]
fn ignored_password_file_is_noticed() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let file = PasswordFile::new("*:*:*:*:password").with_mode(0o640);
    let address = address(&server.socket_address(&name, &name));
    let catalog = file.connect(&address).unwrap();
    assert!(catalog.notice().unwrap().contains("chmod 600"));
}

#[test]
fn unknown_names_are_reported() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let absent = address(&server.socket_address(&name, "not_there"));
    assert_eq!(
        problem(Catalog::connect(&absent)),
        CatalogProblem::NoSuchDatabase
    );
    let role = address(&server.socket_address("nobody_here", &name));
    let refused = problem(Catalog::connect(&role));
    assert!(
        matches!(refused, CatalogProblem::LoginRefused(_)),
        "{refused:?}"
    );
    server.execute(
        "postgres",
        &format!("REVOKE CONNECT ON DATABASE {name} FROM PUBLIC"),
    );
    server.create_role(&format!("{name}_guest"));
    let guest = address(&server.socket_address(&format!("{name}_guest"), &name));
    let refused = problem(Catalog::connect(&guest));
    assert!(
        matches!(refused, CatalogProblem::LoginRefused(_)),
        "{refused:?}"
    );
}

#[test]
fn absent_server_is_unreachable() {
    for text in [
        format!("postgres://a@127.0.0.1:{}/c", free_port()),
        format!("postgres://a@localhost:{}/c?sslmode=require", free_port()),
        "postgres://a@/c?host=/nowhere".to_owned(),
        "postgres://a@no-such-host.invalid/c".to_owned(),
    ] {
        let found = problem(Catalog::connect_with(&address(&text), None));
        assert!(
            matches!(found, CatalogProblem::Unreachable(_)),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn other_address_family_is_tried_next() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    // `localhost` may have an address of IPv6, where the server does not listen.
    let name = server.create_database();
    let address = address(&server.port_address(&name, &name));
    let file = PasswordFile::new(&format!("*:*:*:*:{}", escaped_password()));
    file.connect(&address).unwrap();
}

#[test]
fn canceled_and_ended_statements_are_told_apart() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let address = address(&server.socket_address(&name, &name));
    ensure_schema(&mut connect(&address)).unwrap();
    for (function, is_busy) in [("pg_cancel_backend", true), ("pg_terminate_backend", false)] {
        let mut superuser = server.superuser(&name);
        let mut lock = superuser.transaction().unwrap();
        lock.batch_execute("LOCK TABLE auto_backup.leases").unwrap();
        let waiting = address.clone();
        let listed = std::thread::spawn(move || list(&mut connect(&waiting)));
        let blocked =
            format!("FROM pg_stat_activity WHERE datname = '{name}' AND wait_event_type = 'Lock'");
        server.wait_for("postgres", &format!("SELECT count(*) {blocked}"), 1);
        server.execute("postgres", &format!("SELECT {function}(pid) {blocked}"));
        let found = problem(listed.join().unwrap());
        match found {
            CatalogProblem::Busy(_) => assert!(is_busy),
            CatalogProblem::Lost(_) => assert!(!is_busy),
            _ => panic!("{found:?}"),
        }
    }
}
