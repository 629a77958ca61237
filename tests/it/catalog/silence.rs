//! Servers that accept a connection and then say nothing, or nonsense: a session ends at its timeout.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use auto_backup::base::error::CatalogProblem;
use auto_backup::catalog::Catalog;
use rustix::process::Signal;

use super::{PostgresServer, address, problem};

/// Listens on a port, and answers each first message with these bytes. Connections stay open.
fn listen(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut message = [0; 1024];
            let _read = stream.read(&mut message);
            let _sent = stream.write_all(answer);
            open.push(stream);
        }
    });
    port
}

/// Returns the problem of a session with such a server.
fn answer(bytes: &'static [u8], mode: &str) -> CatalogProblem {
    let port = listen(bytes);
    let text = format!("postgres://a@127.0.0.1:{port}/c?sslmode={mode}&connect_timeout=1");
    problem(Catalog::connect_with(&address(&text), None))
}

#[test]
fn silent_listener_times_out() {
    let late = CatalogProblem::Unreachable("no answer within 1 s".to_owned());
    for mode in ["disable", "require"] {
        assert_eq!(answer(b"", mode), late);
    }
    // Silence after the agreement to encrypt.
    assert_eq!(answer(b"S", "require"), late);
}

#[test]
fn nonsense_is_an_error() {
    assert_eq!(answer(b"N", "require"), CatalogProblem::TlsRefused(None));
    for (bytes, mode) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "require"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "disable"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "require"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "disable"),
    ] {
        let found = answer(bytes, mode);
        assert!(!matches!(found, CatalogProblem::Failed(_)), "{found:?}");
    }
}

#[test]
fn stopped_server_times_out() {
    let Some(server) = PostgresServer::own() else {
        return;
    };
    let text = server.socket_address("postgres", "postgres");
    let address = address(&format!("{text}&connect_timeout=1"));
    drop(Catalog::connect(&address).unwrap());
    server.signal(Signal::STOP);
    let found = problem(Catalog::connect(&address));
    server.signal(Signal::CONT);
    assert!(matches!(found, CatalogProblem::Unreachable(_)), "{found:?}");
}
