//! Reasons why a remote database cannot be reached, with their messages and hints.

use std::fmt;

/// The reason why a remote cannot be reached. Each message continues a sentence about the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionError {
    /// The host is up, but no server listens on the port.
    ConnectionRefused,
    /// No answer arrived within this number of seconds.
    Timeout(u64),
    /// The host name could not be resolved.
    HostNotFound,
    /// No route leads to the host.
    HostUnreachable,
    /// rclone's configuration has no remote of this name.
    RemoteNotConfigured,
    /// The key, the password or the user is wrong.
    AuthenticationFailed,
    /// The host key differs from the known one.
    HostKeyMismatch,
    /// The access token expired or was revoked. Contains the name of its remote, if it is another one than the database's.
    TokenExpired(Option<String>),
    /// The storage accepts no more requests for now.
    RateLimited,
    /// The user may not read the root.
    AccessDenied,
    /// The bucket or folder does not exist.
    FolderNotFound,
    /// rclone's configuration is encrypted and no password is set.
    ConfigEncrypted,
    /// Another error, in rclone's words.
    Other(String),
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ConnectionRefused => {
                "refused the connection: the host is up, but the server is not running"
            }
            Self::Timeout(seconds) => {
                return write!(formatter, "did not answer within {seconds} s");
            }
            Self::HostNotFound => "is on a host whose name could not be resolved",
            Self::HostUnreachable => "is on a host that is unreachable from this machine",
            Self::RemoteNotConfigured => "is on a remote that is not configured in rclone",
            Self::AuthenticationFailed => "rejected the key, user or password",
            Self::HostKeyMismatch => "presented an unexpected host key: it may be another machine",
            Self::TokenExpired(_) => "rejected the access token: it expired or was revoked",
            Self::RateLimited => "limits the rate of requests, and accepts no more for now",
            Self::AccessDenied => "denies access to this user",
            Self::FolderNotFound => "does not exist: no such bucket or folder",
            Self::ConfigEncrypted => "is configured in an encrypted file",
            Self::Other(message) => return write!(formatter, "cannot be used: {message}"),
        })
    }
}

impl ConnectionError {
    /// Returns the command or the step that solves the problem of a database with this root.
    pub fn hint(&self, root: &str) -> String {
        let remote = root.split([':', ',']).next().unwrap_or_default();
        match self {
            Self::ConnectionRefused => format!("check that its server runs, and that `rclone config show {remote}` shows the right host and port"),
            Self::Timeout(_) | Self::HostUnreachable => "check that the network and the host are up, then try again".to_owned(),
            Self::HostNotFound => format!("check that the network is up, and that `rclone config show {remote}` shows the right host"),
            Self::RemoteNotConfigured => "`rclone config` sets it up, `rclone listremotes` lists the configured remotes".to_owned(),
            Self::AuthenticationFailed => format!("`rclone config update {remote}` sets another key or password"),
            Self::HostKeyMismatch => "ask its administrator; if the key is right, add it to the file of known hosts".to_owned(),
            Self::TokenExpired(inner) => format!("`rclone config reconnect {}:` gets a new token", inner.as_deref().unwrap_or(remote)),
            Self::RateLimited => "try again later; an API key of your own in rclone's configuration has a limit of its own".to_owned(),
            Self::AccessDenied => "ask its administrator for permission".to_owned(),
            Self::FolderNotFound => format!("if the name is right, `rclone mkdir {root}` creates it"),
            Self::ConfigEncrypted => "set `RCLONE_CONFIG_PASS`, or `RCLONE_PASSWORD_COMMAND` to a command that prints the password".to_owned(),
            Self::Other(_) => format!("`rclone lsf {root}` tries the same by hand"),
        }
    }
}
