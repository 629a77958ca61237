//! Why a storage behind rclone cannot be reached, as a person who looks after it needs to know.

use std::fmt;

use super::rclone_message;

/// Exit status of rclone where a folder is not there.
pub const EXIT_DIRECTORY_NOT_FOUND: i32 = 3;

/// Exit status of rclone where a file is not there.
pub const EXIT_FILE_NOT_FOUND: i32 = 4;

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionError {
    /// The machine is there, its server is not.
    ConnectionRefused,
    /// No answer came within so many seconds.
    Timeout(u64),
    /// No machine has the name.
    HostNotFound,
    /// The machine cannot be reached from here.
    HostUnreachable,
    /// rclone's configuration has no remote of the name.
    RemoteNotConfigured,
    /// Key, password or user is wrong.
    AuthenticationFailed,
    /// The machine has another host key than the known one.
    HostKeyMismatch,
    /// The token by which the storage knows the user is no longer valid.
    TokenExpired,
    /// The storage takes no more requests for now.
    RateLimited,
    /// Whoever is asked may not look there.
    AccessDenied,
    /// There is no such bucket or folder.
    FolderNotFound,
    /// rclone's configuration is encrypted, and nothing says with what.
    ConfigEncrypted,
    /// What rclone said.
    Other(String),
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ConnectionRefused => {
                "refused the connection: the machine is there, but nothing listens"
            }
            Self::Timeout(seconds) => {
                return write!(formatter, "did not answer within {seconds} s");
            }
            Self::HostNotFound => "is on a machine that nobody knows by that name",
            Self::HostUnreachable => "is on a machine that cannot be reached from here",
            Self::RemoteNotConfigured => "is on a remote that rclone does not know",
            Self::AuthenticationFailed => "rejected the key, user or password",
            Self::HostKeyMismatch => {
                "shows another host key than the known one: it may be another machine"
            }
            Self::TokenExpired => {
                "no longer accepts the token of this user: it expired or was revoked"
            }
            Self::RateLimited => "limits the rate of requests, and takes no more for now",
            Self::AccessDenied => "may not be looked at by this user",
            Self::FolderNotFound => "is not there: there is no such bucket or folder",
            Self::ConfigEncrypted => "is configured in a file that is encrypted",
            Self::Other(message) => return write!(formatter, "cannot be used: {message}"),
        })
    }
}

impl ConnectionError {
    /// What to do about it.
    pub fn hint(&self, root: &str) -> String {
        let remote = root.split(':').next().unwrap_or_default();
        match self {
            Self::ConnectionRefused => format!("see that its server runs, and that `rclone config show {remote}` names the right host and port"),
            Self::Timeout(_) | Self::HostUnreachable => "see that the network and the machine are up, then try again".to_owned(),
            Self::HostNotFound => format!("see that the network is up, and that `rclone config show {remote}` names the right host"),
            Self::RemoteNotConfigured => "`rclone config` sets it up, `rclone listremotes` shows those there are".to_owned(),
            Self::AuthenticationFailed => format!("`rclone config update {remote}` takes another key or password"),
            Self::HostKeyMismatch => "ask whoever looks after the machine; if it is right, take the new key into the file of known hosts".to_owned(),
            Self::TokenExpired => format!("`rclone config reconnect {remote}:` gets a new token"),
            Self::RateLimited => "try again later; an API key of your own in rclone's configuration has a limit of its own".to_owned(),
            Self::AccessDenied => "whoever looks after it can allow that".to_owned(),
            Self::FolderNotFound => format!("if the name is right, `rclone mkdir {root}` makes it"),
            Self::ConfigEncrypted => "set `RCLONE_CONFIG_PASS`, or `RCLONE_PASSWORD_COMMAND` to a command that prints the password".to_owned(),
            Self::Other(_) => format!("`rclone lsf {root}` tries the same by hand"),
        }
    }

    /// Meaning of a message of rclone's, for people and for trying again: nothing is absent because of it.
    pub fn from_message(message: &str) -> Self {
        rclone_message::classify(message)
    }

    /// Meaning of an end with an exit status and a message.
    pub fn from_exit(status: Option<i32>, message: &str) -> Self {
        match status {
            Some(EXIT_DIRECTORY_NOT_FOUND | EXIT_FILE_NOT_FOUND) => Self::FolderNotFound,
            _ => rclone_message::classify(message),
        }
    }
}
