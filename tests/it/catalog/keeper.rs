//! Keepers of leases: renewed while a run writes, and lost in time.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use auto_backup::base::error::CatalogProblem;
use auto_backup::catalog::{
    CatalogAddress, Lease, LeaseAnswer, LeaseGuard, LeaseKeeper, LeaseTiming, acquire, acquire_by,
    ensure_schema, list, release,
};
use rustix::process::Signal;
use rustix::time::{ClockId, clock_gettime};

use super::{PostgresServer, address, connect, holder, problem};

/// Renewals that follow each other at once.
fn fast() -> LeaseTiming {
    LeaseTiming {
        interval: Duration::from_millis(20),
        retry: Duration::from_millis(20),
        ..LeaseTiming::default()
    }
}

fn create(server: &PostgresServer) -> (String, CatalogAddress) {
    let name = server.create_database();
    let address = address(&server.socket_address(&name, &name));
    ensure_schema(&mut connect(&address)).unwrap();
    (name, address)
}

#[track_caller]
fn granted(address: &CatalogAddress) -> Lease {
    match acquire(&mut connect(address), "nas", &holder("ws1")).unwrap() {
        LeaseAnswer::Granted(lease) => lease,
        LeaseAnswer::Held(held) => panic!("{held:?}"),
    }
}

#[track_caller]
fn wait_for_loss(guard: &LeaseGuard) {
    let start = Instant::now();
    while guard.check().is_ok() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it is never lost"
        );
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(
        problem(guard.check()),
        CatalogProblem::LeaseLost("nas".to_owned())
    );
}

#[test]
fn kept_lease_is_renewed_and_released() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (name, address) = create(&server);
    let keeper = LeaseKeeper::start(&address, granted(&address), fast()).unwrap();
    let guard = keeper.guard();
    // The server counts from the last renewal.
    let before = "UPDATE auto_backup.leases SET expires_at = expires_at - 30";
    server.execute(&name, before);
    let left = "SELECT count(*) FROM auto_backup.leases
                WHERE expires_at > CAST(extract(epoch FROM now()) AS bigint) + 50";
    server.wait_for(&name, left, 1);
    keeper.check().unwrap();
    keeper.release().unwrap();
    assert!(list(&mut connect(&address)).unwrap().is_empty());
    assert!(guard.check().is_err());
}

#[test]
fn dropped_keeper_releases_the_lease() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (_, address) = create(&server);
    drop(LeaseKeeper::start(&address, granted(&address), LeaseTiming::default()).unwrap());
    assert!(list(&mut connect(&address)).unwrap().is_empty());
}

#[test]
fn lease_that_another_took_is_lost() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (name, address) = create(&server);
    let keeper = LeaseKeeper::start(&address, granted(&address), fast()).unwrap();
    keeper.check().unwrap();
    server.execute(
        &name,
        "UPDATE auto_backup.leases SET token = 'of another', host = 'ws2'",
    );
    wait_for_loss(&keeper.guard());
    keeper.release().unwrap();
    // That of the other workstation is still there.
    let leases = list(&mut connect(&address)).unwrap();
    assert_eq!(leases[0].held.holder.host, "ws2");
}

#[test]
fn released_lease_is_lost() {
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (_, address) = create(&server);
    let lease = granted(&address);
    let keeper = LeaseKeeper::start(&address, lease.clone(), fast()).unwrap();
    assert!(release(&mut connect(&address), &lease).unwrap());
    wait_for_loss(&keeper.guard());
}

/// Returns the time since the start of the machine, and of the time that a test adds.
fn boot_time(added: &AtomicU64) -> Duration {
    let now = Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap();
    now + Duration::from_secs(added.load(Ordering::SeqCst))
}

#[test]
fn clock_a_day_off_changes_nothing() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let ahead: fn() -> Duration = || boot_time(&AtomicU64::new(0)) + DAY;
    let behind: fn() -> Duration = || START.elapsed();
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (name, address) = create(&server);
    let mut catalog = connect(&address);
    for (host, clock) in [("ahead", ahead), ("behind", behind)] {
        let answer = acquire_by(&mut catalog, "nas", &holder(host), clock).unwrap();
        let LeaseAnswer::Granted(lease) = answer else {
            panic!("{answer:?}");
        };
        let timing = LeaseTiming { clock, ..fast() };
        let keeper = LeaseKeeper::start(&address, lease, timing).unwrap();
        // Only the server says whether it has expired.
        let other = acquire(&mut catalog, "nas", &holder("other")).unwrap();
        assert!(matches!(other, LeaseAnswer::Held(_)), "{other:?}");
        let left = "SELECT count(*) FROM auto_backup.leases
                    WHERE expires_at - CAST(extract(epoch FROM now()) AS bigint) BETWEEN 50 AND 61";
        server.wait_for(&name, left, 1);
        keeper.check().unwrap();
        keeper.release().unwrap();
    }
}

#[test]
fn suspended_machine_has_lost_its_lease() {
    static SUSPENDED: AtomicU64 = AtomicU64::new(0);
    let Some(server) = PostgresServer::shared() else {
        return;
    };
    let (_, address) = create(&server);
    // The renewing thread does nothing meanwhile.
    let timing = LeaseTiming {
        clock: || boot_time(&SUSPENDED),
        ..LeaseTiming::default()
    };
    let keeper = LeaseKeeper::start(&address, granted(&address), timing).unwrap();
    SUSPENDED.store(40, Ordering::SeqCst);
    keeper.check().unwrap();
    SUSPENDED.store(50, Ordering::SeqCst);
    assert_eq!(
        problem(keeper.check()),
        CatalogProblem::LeaseLost("nas".to_owned())
    );
    // For ever, even by a clock that goes back.
    SUSPENDED.store(0, Ordering::SeqCst);
    assert!(keeper.check().is_err());
}

#[test]
fn lease_outlives_a_short_absence_of_the_server() {
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Some(mut server) = PostgresServer::own() else {
        return;
    };
    let (name, address) = create(&server);
    let timing = LeaseTiming {
        clock: || boot_time(&PASSED),
        ..fast()
    };
    let keeper = LeaseKeeper::start(&address, granted(&address), timing).unwrap();
    server.end(Signal::KILL);
    keeper.check().unwrap();
    server.restart();
    server.execute(
        &name,
        "UPDATE auto_backup.leases SET expires_at = expires_at - 20",
    );
    let left = "SELECT count(*) FROM auto_backup.leases
                WHERE expires_at > CAST(extract(epoch FROM now()) AS bigint) + 50";
    server.wait_for(&name, left, 1);
    keeper.check().unwrap();
    // Then it stays away for longer than the term.
    server.end(Signal::KILL);
    PASSED.store(50, Ordering::SeqCst);
    wait_for_loss(&keeper.guard());
    let unreachable = problem(keeper.release());
    assert!(
        matches!(unreachable, CatalogProblem::Unreachable(_)),
        "{unreachable:?}"
    );
}
