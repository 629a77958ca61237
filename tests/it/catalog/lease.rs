//! Leases on a real server: one holder at a time, by the server's clock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use auto_backup::catalog::{
    Catalog, CatalogAddress, Lease, LeaseAnswer, LeaseHeld, acquire, ensure_schema, list, release,
    renew,
};

use super::{PostgresServer, address, connect, holder};

/// Lets all leases of a database end a minute ago by the server's clock.
fn expire(server: &PostgresServer, name: &str) {
    server.execute(
        name,
        "UPDATE auto_backup.leases SET expires_at = expires_at - 120",
    );
}

/// Returns the address of a new catalog with tables.
fn create(server: &PostgresServer) -> (String, CatalogAddress) {
    let name = server.create_database();
    let address = address(&server.socket_address(&name, &name));
    ensure_schema(&mut connect(&address)).unwrap();
    (name, address)
}

#[track_caller]
fn granted(catalog: &mut Catalog, identity: &str, host: &str) -> Lease {
    match acquire(catalog, identity, &holder(host)).unwrap() {
        LeaseAnswer::Granted(lease) => lease,
        LeaseAnswer::Held(held) => panic!("{held:?}"),
    }
}

#[track_caller]
fn held(catalog: &mut Catalog, identity: &str, host: &str) -> LeaseHeld {
    match acquire(catalog, identity, &holder(host)).unwrap() {
        LeaseAnswer::Granted(lease) => panic!("{lease:?}"),
        LeaseAnswer::Held(held) => held,
    }
}

#[test]
fn second_workstation_sees_the_holder() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (_, address) = create(&server);
    let (mut first, mut second) = (connect(&address), connect(&address));
    let lease = granted(&mut first, "nas", "ws1");
    let seen = held(&mut second, "nas", "ws2");
    assert_eq!(seen.holder, holder("ws1"));
    assert_eq!(seen.expires - seen.since, 60);
    assert!((1..=60).contains(&seen.seconds_left), "{seen:?}");
    // Even a second run of the same workstation.
    assert_eq!(held(&mut first, "nas", "ws1").holder, holder("ws1"));
    let other = granted(&mut second, "cloud", "ws2");
    let listed = list(&mut first).unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|lease| (lease.identity.as_str(), lease.held.holder.host.as_str()))
        .collect();
    assert_eq!(listed, [("cloud", "ws2"), ("nas", "ws1")]);
    assert!(renew(&mut first, &lease).unwrap());
    assert!(release(&mut first, &lease).unwrap());
    assert!(!release(&mut first, &lease).unwrap());
    assert!(!renew(&mut first, &lease).unwrap());
    granted(&mut second, "nas", "ws2");
    assert!(release(&mut second, &other).unwrap());
}

#[test]
fn expired_lease_goes_to_another() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (name, address) = create(&server);
    let (mut first, mut second) = (connect(&address), connect(&address));
    let old = granted(&mut first, "nas", "ws1");
    expire(&server, &name);
    assert!(list(&mut first).unwrap()[0].held.seconds_left < 0);
    let new = granted(&mut second, "nas", "ws2");
    assert!(!renew(&mut first, &old).unwrap());
    assert!(!release(&mut first, &old).unwrap());
    assert_eq!(held(&mut first, "nas", "ws1").holder, holder("ws2"));
    assert!(renew(&mut second, &new).unwrap());
}

#[test]
fn expired_lease_is_not_renewed() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (name, address) = create(&server);
    let mut catalog = connect(&address);
    let lease = granted(&mut catalog, "nas", "ws1");
    expire(&server, &name);
    assert!(!renew(&mut catalog, &lease).unwrap());
}

#[test]
fn twenty_clients_hold_one_lease_in_turn() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (_, address) = create(&server);
    let (holders, grants) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for number in 0..20 {
            let (address, holders, grants) = (&address, &holders, &grants);
            scope.spawn(move || {
                let mut catalog = connect(address);
                let own = holder(&format!("ws{number}"));
                let mut got = 0;
                while got < 3 {
                    let LeaseAnswer::Granted(lease) = acquire(&mut catalog, "nas", &own).unwrap()
                    else {
                        continue;
                    };
                    assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                    assert!(renew(&mut catalog, &lease).unwrap());
                    assert_eq!(holders.fetch_sub(1, Ordering::SeqCst), 1);
                    assert!(release(&mut catalog, &lease).unwrap());
                    got += 1;
                    grants.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(grants.into_inner(), 60);
    assert!(list(&mut connect(&address)).unwrap().is_empty());
}

#[test]
fn expired_lease_goes_to_exactly_one() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (name, address) = create(&server);
    granted(&mut connect(&address), "nas", "gone");
    for _ in 0..5 {
        expire(&server, &name);
        let grants = AtomicU32::new(0);
        thread::scope(|scope| {
            for number in 0..20 {
                let (address, grants) = (&address, &grants);
                scope.spawn(move || {
                    let mut catalog = connect(address);
                    let own = holder(&format!("ws{number}"));
                    let answer = acquire(&mut catalog, "nas", &own).unwrap();
                    if matches!(answer, LeaseAnswer::Granted(_)) {
                        grants.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(grants.into_inner(), 1);
    }
}
