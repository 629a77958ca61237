//! A server whose disk is full.

use auto_backup::base::error::CatalogProblem;
use auto_backup::catalog::{STEPS, ensure_schema, ensure_steps};

use super::server::make_folder;
use super::{PostgresServer, address, connect, problem};
use crate::disks::MountedDisk;
use crate::studio::Studio;

/// A step that needs more space than the disk has.
const LARGE: &[&str] = &[
    "CREATE TABLE auto_backup.large AS SELECT repeat('x', 1000) AS x FROM generate_series(1, 100000)",
];

#[test]
fn full_disk_of_the_server_is_reported() {
    // Its own, because a server that lost a disk refuses all others, too.
    let Some(server) = PostgresServer::own() else {
        return;
    };
    let studio = Studio::bare();
    let Some(_disk) = MountedDisk::mount(&studio, "small", "32m") else {
        return;
    };
    let name = server.create_database();
    let place = make_folder(&studio.path("small"));
    server.execute(
        "postgres",
        &format!("CREATE TABLESPACE {name} LOCATION '{place}'"),
    );
    server.execute(
        "postgres",
        &format!("ALTER DATABASE {name} SET TABLESPACE {name}"),
    );
    let address = address(&server.socket_address(&name, &name));
    let mut catalog = connect(&address);
    ensure_schema(&mut catalog).unwrap();
    let steps: Vec<&[&str]> = STEPS.into_iter().chain([LARGE]).collect();
    assert_eq!(
        problem(ensure_steps(&mut catalog, &steps)),
        CatalogProblem::DiskFull
    );
    ensure_schema(&mut catalog).unwrap();
    drop(catalog);
    server.execute("postgres", &format!("DROP DATABASE {name}"));
    server.execute("postgres", &format!("DROP TABLESPACE {name}"));
}
