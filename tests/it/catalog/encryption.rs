//! Encryption: which servers are trusted, and what is said of the others.

use auto_backup::base::error::CatalogProblem;
use auto_backup::catalog::{Catalog, CatalogAddress};

use super::password_file::{PasswordFile, escaped_password};
use super::{PostgresServer, address, authority, problem};

/// Opens a session, which the server must count as encrypted.
#[track_caller]
fn assert_encrypted(server: &PostgresServer, name: &str, parameters: &str) {
    let address = address(&format!("{}?{parameters}", server.port_address(name, name)));
    let file = PasswordFile::new(&format!("*:*:*:*:{}", escaped_password()));
    let session = file.connect(&address).unwrap();
    let encrypted = format!(
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND usename = '{name}'"
    );
    assert_eq!(server.number("postgres", &encrypted), 1);
    drop(session);
    server.wait_for("postgres", &encrypted, 0);
}

fn rejection(address: &CatalogAddress) -> String {
    match problem(Catalog::connect_with(address, None)) {
        CatalogProblem::CertificateRejected(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn trusted_authorities_are_accepted() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    for file in ["authority.pem", "server.crt"] {
        let path = server.folder().join(file);
        assert_encrypted(&server, &name, &format!("sslrootcert={}", path.display()));
    }
    assert_encrypted(&server, &name, "sslmode=require");
}

#[test]
fn other_authorities_are_rejected() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    let temporary = tempfile::tempdir().unwrap();
    let other = authority::make_authority(temporary.path(), "other");
    let text = server.port_address(&name, &name);
    let other = address(&format!("{text}?sslrootcert={}", other.display()));
    assert!(rejection(&other).contains("no trusted authority"));
    // The authorities of the system do not know it either.
    let system = address(&format!("{text}?sslmode=verify-full"));
    rejection(&system);
}

#[test]
fn certificate_for_another_host_is_rejected() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let name = server.create_database();
    for file in ["authority.pem", "server.crt"] {
        let path = server.folder().join(file);
        let text = server
            .port_address(&name, &name)
            .replace("localhost", "127.0.0.1");
        let address = address(&format!("{text}?sslrootcert={}", path.display()));
        assert!(rejection(&address).contains("another host name"), "{file}");
    }
}

#[test]
fn files_without_certificates_are_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let path = temporary.path().join("file");
    let text = format!("postgres://a@localhost:1/c?sslrootcert={}", path.display());
    let address = address(&text);
    assert!(rejection(&address).contains("cannot use the file"));
    for content in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"] {
        std::fs::write(&path, content).unwrap();
        assert!(
            rejection(&address).contains("cannot use the file"),
            "{content}"
        );
    }
}

#[test]
fn server_without_encryption_is_refused() {
    let Some(server) = PostgresServer::own() else {
        return;
    };
    let text = server.port_address("postgres", "postgres");
    for mode in ["require", "verify-full"] {
        let address = address(&format!("{text}?sslmode={mode}"));
        let found = problem(Catalog::connect_with(&address, None));
        assert_eq!(found, CatalogProblem::TlsRefused(None));
    }
}
