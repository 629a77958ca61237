//! Why a storage behind rclone cannot be reached, as a person who looks after it needs to know.

use std::fmt;

use super::rclone_message;

/// Exit status of rclone where a folder is not there.
pub const DIRECTORY_NOT_FOUND: i32 = 3;

/// Exit status of rclone where a file is not there.
pub const FILE_NOT_FOUND: i32 = 4;

/// What is in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The machine is there, its server is not.
    Refused,
    /// No answer came within so many seconds.
    Late(u64),
    /// No machine has the name.
    NoHost,
    /// The machine cannot be reached from here.
    NoRoute,
    /// rclone's configuration has no remote of the name.
    NoRemote,
    /// Key, password or user is wrong.
    Rejected,
    /// The machine has another host key than the known one.
    HostKey,
    /// The token by which the storage knows the user is no longer valid.
    Expired,
    /// The storage takes no more requests for now.
    RateLimited,
    /// Whoever is asked may not look there.
    Denied,
    /// There is no such bucket or folder.
    NoFolder,
    /// rclone's configuration is encrypted, and nothing says with what.
    Encrypted,
    /// What rclone said.
    Other(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Refused => "refused the connection: the machine is there, but nothing listens",
            Self::Late(seconds) => return write!(formatter, "did not answer within {seconds} s"),
            Self::NoHost => "is on a machine that nobody knows by that name",
            Self::NoRoute => "is on a machine that cannot be reached from here",
            Self::NoRemote => "is on a remote that rclone does not know",
            Self::Rejected => "rejected the key, user or password",
            Self::HostKey => "shows another host key than the known one: it may be another machine",
            Self::Expired => "no longer accepts the token of this user: it expired or was revoked",
            Self::RateLimited => "limits the rate of requests, and takes no more for now",
            Self::Denied => "may not be looked at by this user",
            Self::NoFolder => "is not there: there is no such bucket or folder",
            Self::Encrypted => "is configured in a file that is encrypted",
            Self::Other(said) => return write!(formatter, "cannot be used: {said}"),
        })
    }
}

impl Trouble {
    /// What to do about it.
    pub fn hint(&self, root: &str) -> String {
        let remote = root.split(':').next().unwrap_or_default();
        match self {
            Self::Refused => format!("see that its server runs, and that `rclone config show {remote}` names the right host and port"),
            Self::Late(_) | Self::NoRoute => "see that the network and the machine are up, then try again".to_owned(),
            Self::NoHost => format!("see that the network is up, and that `rclone config show {remote}` names the right host"),
            Self::NoRemote => "`rclone config` sets it up, `rclone listremotes` shows those there are".to_owned(),
            Self::Rejected => format!("`rclone config update {remote}` takes another key or password"),
            Self::HostKey => "ask whoever looks after the machine; if it is right, take the new key into the file of known hosts".to_owned(),
            Self::Expired => format!("`rclone config reconnect {remote}:` gets a new token"),
            Self::RateLimited => "try again later; an API key of your own in rclone's configuration has a limit of its own".to_owned(),
            Self::Denied => "whoever looks after it can allow that".to_owned(),
            Self::NoFolder => format!("if the name is right, `rclone mkdir {root}` makes it"),
            Self::Encrypted => "set `RCLONE_CONFIG_PASS`, or `RCLONE_PASSWORD_COMMAND` to a command that prints the password".to_owned(),
            Self::Other(_) => format!("`rclone lsf {root}` tries the same by hand"),
        }
    }

    /// Meaning of a message of rclone's, for people and for trying again: nothing is absent because of it.
    pub fn of(said: &str) -> Self {
        rclone_message::meaning(said)
    }

    /// Meaning of an end with an exit status and a message.
    pub fn of_end(status: Option<i32>, said: &str) -> Self {
        match status {
            Some(DIRECTORY_NOT_FOUND | FILE_NOT_FOUND) => Self::NoFolder,
            _ => rclone_message::meaning(said),
        }
    }
}
