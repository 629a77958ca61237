//! Why a storage behind rclone cannot be reached, as a person who looks after it needs to know.

use std::fmt;

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
            Self::Denied => "may not be looked at by this user",
            Self::NoFolder => "is not there: there is no such bucket or folder",
            Self::Encrypted => "is configured in a file that is encrypted",
            Self::Other(said) => return write!(formatter, "cannot be used: {said}"),
        })
    }
}

impl Trouble {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self, root: &str) -> String {
        let remote = root.split(':').next().unwrap_or_default();
        match self {
            Self::Refused => format!("see that its server runs, and that `rclone config show {remote}` names the right host and port"),
            Self::Late(_) | Self::NoRoute => "see that the network and the machine are up, then try again".to_owned(),
            Self::NoHost => format!("see that the network is up, and that `rclone config show {remote}` names the right host"),
            Self::NoRemote => "`rclone config` sets it up, `rclone listremotes` shows those there are".to_owned(),
            Self::Rejected => format!("`rclone config update {remote}` takes another key or password"),
            Self::HostKey => "ask whoever looks after the machine; if it is right, take the new key into the file of known hosts".to_owned(),
            Self::Denied => "whoever looks after it can allow that".to_owned(),
            Self::NoFolder => format!("if the name is right, `rclone mkdir {root}` makes it"),
            Self::Encrypted => "set `RCLONE_CONFIG_PASS`, or `RCLONE_PASSWORD_COMMAND` to a command that prints the password".to_owned(),
            Self::Other(_) => format!("`rclone lsf {root}` tries the same by hand"),
        }
    }

    /// What rclone's words mean. Its messages carry no numbers, so the words are all there is.
    #[must_use]
    pub fn of(said: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if has(&["didn't find section in config file"]) {
            Self::NoRemote
        } else if has(&["connection refused"]) {
            Self::Refused
        } else if has(&["knownhosts: key", "host key", "no hostkey"]) {
            Self::HostKey
        } else if has(&["no such host", "Temporary failure in name resolution"]) {
            Self::NoHost
        } else if has(&["network is unreachable", "no route to host", "host is down"]) {
            Self::NoRoute
        } else if has(&[
            "deadline exceeded",
            "context deadline",
            "Timeout",
            "timeout",
            "timed out",
        ]) {
            Self::Late(super::PATIENCE)
        } else if has(&[
            "unable to authenticate",
            "unexpected message type 51",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "Unauthorized",
            "401",
            "invalid_grant",
            "ssh: handshake failed",
            "couldn't read ssh agent",
            "failed to read private key file",
            "NoCredentialProviders",
        ]) {
            Self::Rejected
        } else if has(&[
            "Unable to decrypt configuration",
            "unable to decrypt configuration",
            "Enter configuration password",
            "password-command",
            "config file is encrypted",
        ]) {
            Self::Encrypted
        } else if has(&["AccessDenied", "Access Denied", "permission denied", "403"]) {
            Self::Denied
        } else if has(&[
            "NoSuchBucket",
            "directory not found",
            "object not found",
            "404",
            "couldn't find",
        ]) {
            Self::NoFolder
        } else {
            Self::Other(said.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rclone_says_is_told_apart() {
        for (said, trouble) in [
            (
                "NewFs: couldn't connect SSH: dial tcp 127.0.0.1:22999: connect: connection refused",
                Trouble::Refused,
            ),
            (
                "didn't find section in config file (\"nosuch\")",
                Trouble::NoRemote,
            ),
            (
                "NewFs: couldn't connect SSH: ssh: handshake failed: knownhosts: key mismatch",
                Trouble::HostKey,
            ),
            (
                "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none password]",
                Trouble::Rejected,
            ),
            (
                "https response error StatusCode: 403, api error InvalidAccessKeyId: The Access Key",
                Trouble::Rejected,
            ),
            (
                "dial tcp: lookup no.such.host.invalid on 10.0.0.1:53: no such host",
                Trouble::NoHost,
            ),
            ("error in ListJSON: directory not found", Trouble::NoFolder),
            ("dial tcp 10.0.0.9:22: i/o timeout", Trouble::Late(20)),
            (
                "Propfind \"http://10.0.0.9/\": net/http: timeout awaiting response headers",
                Trouble::Late(20),
            ),
            (
                "something else",
                Trouble::Other("something else".to_owned()),
            ),
        ] {
            assert_eq!(Trouble::of(said), trouble, "{said}");
        }
    }
}
