//! Reasons why the catalog cannot be used, with their messages and hints.

use crate::base::name::Name;

/// The reason why the catalog cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CatalogProblem {
    /// No connection came about. Holds the reason.
    Unreachable(String),
    /// The server knows another password.
    WrongPassword,
    /// The server asks for a password, and none is known.
    NoPassword {
        /// The line of a password file that is missing, with `PASSWORD` in place of the password.
        line: String,
        /// The password file that is not used, and the reason.
        ignored: Option<String>,
    },
    /// The server refuses the user, whatever the password. Holds the server's reason.
    LoginRefused(String),
    /// The server has no `PostgreSQL` database of this name.
    NoSuchDatabase,
    /// No encrypted connection came about. Holds the reason, unless the server does not offer one.
    TlsRefused(Option<String>),
    /// The certificate of the server does not prove its identity. Holds the reason.
    CertificateRejected(String),
    /// The role may not use the tables.
    NoRights {
        /// Name of the role.
        role: String,
    },
    /// The role may not take the lease of a storage.
    NoLeaseRights {
        /// Name of the role.
        role: String,
        /// Name of the storage.
        storage: String,
    },
    /// The tables do not exist or are outdated, and the role may not create them.
    MayNotCreate {
        /// Name of the role.
        role: String,
        /// The role that owns the `PostgreSQL` database, if that is known.
        owner: Option<String>,
    },
    /// The disk of the server is full.
    DiskFull,
    /// A newer program wrote the tables.
    #[expect(missing_docs, reason = "the message shows both versions")]
    TooNew { found: i64, known: i64 },
    /// The server is a standby, or the session is read-only.
    ReadOnly,
    /// The connection ended before the server confirmed a statement. Holds the reason.
    Lost(String),
    /// Others use the same rows, or the server has no room for another session. Holds the server's reason.
    Busy(String),
    /// The lease of a storage was not renewed in time, or another workstation has it. Holds the identity of the storage.
    LeaseLost(String),
    /// Another program or a damaged disk changed rows. Holds what they are.
    Damaged(String),
    /// Another error, in the server's words.
    Failed(String),
}

impl CatalogProblem {
    pub(super) fn message(&self, address: &str) -> String {
        let address = Name::from(address);
        match self {
            Self::Unreachable(why) => format!("cannot reach the catalog `{address}`: {why}"),
            Self::WrongPassword => format!("the catalog `{address}` rejected the password"),
            Self::NoPassword { ignored, .. } => {
                let ignored = ignored.as_ref().map(|why| format!(": {why}"));
                let ignored = ignored.unwrap_or_default();
                format!("the catalog `{address}` asks for a password, but none is known{ignored}")
            }
            Self::LoginRefused(why) => format!("the catalog `{address}` refused the user: {why}"),
            Self::NoSuchDatabase => {
                format!(
                    "the server of the catalog `{address}` has no PostgreSQL database of this name"
                )
            }
            Self::TlsRefused(None) => {
                format!("the server of the catalog `{address}` offers no encrypted connection")
            }
            Self::TlsRefused(Some(why)) => {
                format!("cannot encrypt the connection to the catalog `{address}`: {why}")
            }
            Self::CertificateRejected(why) => {
                format!("the certificate of the catalog `{address}` is not accepted: {why}")
            }
            Self::NoRights { role } => {
                format!("the role `{role}` may not use the tables of the catalog `{address}`")
            }
            Self::NoLeaseRights { role, storage } => format!(
                "the role `{role}` may not take the lease of {storage} in the catalog `{address}`, so nothing would keep other workstations from writing there"
            ),
            Self::MayNotCreate { role, .. } => {
                format!("the role `{role}` may not create the tables of the catalog `{address}`")
            }
            Self::DiskFull => format!("the server of the catalog `{address}` has no space left"),
            Self::TooNew { found, known } => format!(
                "the catalog `{address}` has version {found}, but this program uses versions up to {known}"
            ),
            Self::ReadOnly => format!("the catalog `{address}` accepts no changes"),
            Self::Lost(why) => format!("lost the connection to the catalog `{address}`: {why}"),
            Self::Busy(why) => format!("the catalog `{address}` is busy: {why}"),
            Self::LeaseLost(identity) => {
                format!("lost the lease of storage `{identity}` at the catalog `{address}`")
            }
            Self::Damaged(what) => format!("the catalog `{address}` has damaged rows: {what}"),
            Self::Failed(why) => format!("the catalog `{address}` reported an error: {why}"),
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreachable(_) => {
                "check that the server runs and that the address is right; answers come from the local index meanwhile"
            }
            Self::WrongPassword => {
                "correct the line of this server in the file that PGPASSFILE names, or in `~/.pgpass`"
            }
            Self::NoPassword { line, .. } => {
                return Some(format!(
                    "add the line `{line}` to the file that PGPASSFILE names, or to `~/.pgpass`, and make it readable by you alone with `chmod 600`"
                ));
            }
            Self::LoginRefused(_) => {
                "ask the administrator of the server for a role and for a line in its `pg_hba.conf`"
            }
            Self::NoSuchDatabase => {
                "check the name after the last `/`, or create it on the server with `createdb`"
            }
            Self::TlsRefused(_) => {
                "turn on `ssl` in the `postgresql.conf` of the server; in a network that you trust, `?sslmode=disable` does without encryption"
            }
            Self::CertificateRejected(_) => {
                "name the certificate of its authority with `?sslrootcert=FILE`; `?sslmode=require` encrypts without checking who answers"
            }
            Self::NoRights { role } => return Some(grant_hint(role)),
            Self::NoLeaseRights { role, .. } => {
                return Some(format!(
                    "{}; or write without the catalog after `set catalog off`",
                    grant_hint(role)
                ));
            }
            Self::MayNotCreate { role, owner } => return Some(create_hint(role, owner.as_deref())),
            Self::DiskFull => {
                "free some space there, then try again; nothing was written, and the local index is complete"
            }
            Self::TooNew { .. } => "use a newer auto-backup",
            Self::ReadOnly => {
                "it is a standby or read-only; use the address of the server that is written to"
            }
            Self::Lost(_) => "try again; what was not confirmed is sent again",
            Self::Busy(_) => "try again in a minute",
            Self::LeaseLost(_) => {
                "another workstation may write there by now; run the same line again when that has ended"
            }
            Self::Damaged(_) => {
                "`catalog check --repair` on a workstation that knows them writes them anew"
            }
            Self::Failed(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// Returns the statements that let a role use the tables.
fn grant_hint(role: &str) -> String {
    let role = role.replace('"', "\"\"");
    format!(
        "their owner allows it with `GRANT USAGE ON SCHEMA auto_backup TO \"{role}\"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA auto_backup TO \"{role}\"`"
    )
}

/// Returns the role that must create the tables first.
fn create_hint(role: &str, owner: Option<&str>) -> String {
    match owner {
        Some(owner) => format!(
            "use the catalog once as the role `{owner}`, which owns it and creates the tables; then {}",
            grant_hint(role)
        ),
        None => format!(
            "use the catalog once as the role that owns it, which creates the tables; then {}",
            grant_hint(role)
        ),
    }
}
