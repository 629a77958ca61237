//! The address of a catalog: `postgres://user@host:port/name`, as libpq writes it, but without a password.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::address_text::{AddressText, encode, encode_value};
use crate::base::error::Result;

/// The port of `PostgreSQL`.
const DEFAULT_PORT: u16 = 5432;

/// Time for a connection, with all addresses of the host.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The longest accepted time for a connection, in seconds.
const MAX_CONNECT_SECONDS: u64 = 600;

/// The parameters that an address may have.
const PARAMETERS: &str =
    "accepted are `sslmode`, `sslrootcert`, `host` (the folder of a socket) and `connect_timeout`";

/// The encryption of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// None.
    Disable,
    /// Encrypted; the certificate of the server is not checked.
    Require,
    /// Encrypted; a certificate must prove that the server has this name.
    VerifyFull,
}

impl TlsMode {
    const ALL: [Self; 3] = [Self::Disable, Self::Require, Self::VerifyFull];

    const fn word(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Require => "require",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// The place where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerPlace {
    /// The name or address of a host.
    Host(String),
    /// The folder of a socket on this machine.
    Socket(PathBuf),
}

impl ServerPlace {
    /// True if the server is on this machine by its name alone.
    fn is_this_machine(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Host(host) => {
                host.eq_ignore_ascii_case("localhost")
                    || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
            }
        }
    }
}

/// The address of a catalog. It holds no password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogAddress {
    /// The role that uses it.
    pub(super) user: String,
    pub(super) server: ServerPlace,
    pub(super) port: u16,
    /// Name of the `PostgreSQL` database.
    pub(super) name: String,
    pub(super) tls: TlsMode,
    /// The file of the certificates that are trusted instead of the system's.
    pub(super) trusted: Option<PathBuf>,
    /// Time for a connection, with all addresses of the host.
    pub(super) connect_timeout: Duration,
}

impl CatalogAddress {
    /// Parses an address.
    ///
    /// # Errors
    /// [`crate::base::error::Error::InvalidAddress`], which never shows a password.
    pub fn parse(word: &str) -> Result<Self> {
        let text = AddressText::split(word)?;
        let parameters = Parameters::read(&text)?;
        let server = server_place(&text, parameters.socket)?;
        let default_tls = default_tls(&server, parameters.trusted.as_deref());
        let tls = parameters.tls.unwrap_or(default_tls);
        if matches!(server, ServerPlace::Socket(_)) && tls != TlsMode::Disable {
            return Err(text.refuse(
                "a socket is not encrypted",
                "leave out `sslmode` and `sslrootcert`",
            ));
        }
        if parameters.trusted.is_some() && tls != TlsMode::VerifyFull {
            let why = "`sslrootcert` is only used with `sslmode=verify-full`";
            return Err(text.refuse(why, "leave out `sslmode`"));
        }
        Ok(Self {
            user: text.user.clone(),
            server,
            port: text.port.unwrap_or(DEFAULT_PORT),
            name: text.name.clone(),
            tls,
            trusted: parameters.trusted,
            connect_timeout: parameters.connect_timeout,
        })
    }

    /// True if a connection to it is encrypted.
    pub const fn is_encrypted(&self) -> bool {
        !matches!(self.tls, TlsMode::Disable)
    }

    /// Returns the line of a password file for this address, with `PASSWORD` in place of the password.
    pub(super) fn password_line(&self) -> String {
        let host = match &self.server {
            ServerPlace::Host(host) => host,
            ServerPlace::Socket(_) => "localhost",
        };
        let field = |text: &str| text.replace('\\', r"\\").replace(':', r"\:");
        let (host, name, user) = (field(host), field(&self.name), field(&self.user));
        format!("{host}:{}:{name}:{user}:PASSWORD", self.port)
    }
}

/// Returns the encryption of an address that names none. Nobody listens between programs of one machine.
fn default_tls(server: &ServerPlace, trusted: Option<&Path>) -> TlsMode {
    if server.is_this_machine() && trusted.is_none() {
        TlsMode::Disable
    } else {
        TlsMode::VerifyFull
    }
}

impl fmt::Display for CatalogAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "postgres://{}@", encode(&self.user))?;
        match &self.server {
            ServerPlace::Host(host) if host.contains(':') => write!(formatter, "[{host}]")?,
            ServerPlace::Host(host) => formatter.write_str(&encode(host))?,
            ServerPlace::Socket(_) => {}
        }
        if self.port != DEFAULT_PORT {
            write!(formatter, ":{}", self.port)?;
        }
        write!(formatter, "/{}", encode(&self.name))?;
        let mut parameters = Vec::new();
        if let ServerPlace::Socket(folder) = &self.server {
            parameters.push(format!("host={}", encode_value(&folder.to_string_lossy())));
        }
        if self.tls != default_tls(&self.server, self.trusted.as_deref()) {
            parameters.push(format!("sslmode={}", self.tls.word()));
        }
        if let Some(file) = &self.trusted {
            parameters.push(format!(
                "sslrootcert={}",
                encode_value(&file.to_string_lossy())
            ));
        }
        if self.connect_timeout != DEFAULT_CONNECT_TIMEOUT {
            let seconds = self.connect_timeout.as_secs();
            parameters.push(format!("connect_timeout={seconds}"));
        }
        match &parameters[..] {
            [] => Ok(()),
            _ => write!(formatter, "?{}", parameters.join("&")),
        }
    }
}

/// The parameters of an address.
#[derive(Debug)]
struct Parameters {
    tls: Option<TlsMode>,
    trusted: Option<PathBuf>,
    socket: Option<PathBuf>,
    connect_timeout: Duration,
}

impl Parameters {
    fn read(text: &AddressText) -> Result<Self> {
        let mut parameters = Self {
            tls: None,
            trusted: None,
            socket: None,
            connect_timeout: DEFAULT_CONNECT_TIMEOUT,
        };
        for (key, value) in &text.parameters {
            match key.as_str() {
                "sslmode" => parameters.tls = Some(tls_mode(text, value)?),
                "sslrootcert" => parameters.trusted = Some(full_path(text, key, value)?),
                "host" => parameters.socket = Some(full_path(text, key, value)?),
                "connect_timeout" => parameters.connect_timeout = connect_timeout(text, value)?,
                _ => {
                    let why = format!("the parameter `{key}` is unknown");
                    return Err(text.refuse(why, PARAMETERS));
                }
            }
        }
        Ok(parameters)
    }
}

fn tls_mode(text: &AddressText, value: &str) -> Result<TlsMode> {
    let mode = TlsMode::ALL.into_iter().find(|mode| mode.word() == value);
    mode.ok_or_else(|| {
        let why = format!("`{value}` cannot be its `sslmode`");
        text.refuse(why, "it takes `disable`, `require` or `verify-full`")
    })
}

fn full_path(text: &AddressText, key: &str, value: &str) -> Result<PathBuf> {
    if value.starts_with('/') {
        return Ok(PathBuf::from(value));
    }
    let why = format!("the path of `{key}` does not begin with `/`");
    Err(text.refuse(why, "write the whole path"))
}

fn connect_timeout(text: &AddressText, value: &str) -> Result<Duration> {
    let seconds = value.parse().ok();
    let seconds = seconds.filter(|seconds| (1..=MAX_CONNECT_SECONDS).contains(seconds));
    let seconds = seconds.ok_or_else(|| {
        let why = format!("`{value}` cannot be its `connect_timeout`");
        text.refuse(why, "it takes a number of seconds from 1 to 600")
    })?;
    Ok(Duration::from_secs(seconds))
}

/// Returns the place of the server: a socket, which needs no host, or the host.
fn server_place(text: &AddressText, socket: Option<PathBuf>) -> Result<ServerPlace> {
    match socket {
        Some(folder) if text.host.is_empty() || text.host == "localhost" => {
            Ok(ServerPlace::Socket(folder))
        }
        Some(_) => {
            let why = format!("it names the host `{}` and a socket", text.host);
            Err(text.refuse(
                why,
                "write a socket as `postgres://user@/name?host=/folder`",
            ))
        }
        None if text.host.is_empty() => {
            Err(text.refuse("it names no host", super::address_text::FORM))
        }
        None => Ok(ServerPlace::Host(text.host.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(word: &str) -> CatalogAddress {
        CatalogAddress::parse(word).unwrap_or_else(|error| panic!("{word}: {error}"))
    }

    #[track_caller]
    fn refused(word: &str, why: &str) -> String {
        let error = CatalogAddress::parse(word).unwrap_err();
        let shown = format!("{error}; {}", error.hint().unwrap());
        assert!(shown.contains(why), "{word}: {shown}");
        shown
    }

    #[test]
    fn parts_of_an_address_are_read() {
        let address = parse("postgresql://an%20na@nas.studio:6000/the%2Fcatalog?connect_timeout=9");
        assert_eq!(address.user, "an na");
        assert_eq!(address.server, ServerPlace::Host("nas.studio".to_owned()));
        assert_eq!((address.port, address.name.as_str()), (6000, "the/catalog"));
        assert_eq!(address.connect_timeout, Duration::from_secs(9));
    }

    #[test]
    fn other_machines_are_verified_by_default() {
        for (word, tls) in [
            ("postgres://a@nas/c", TlsMode::VerifyFull),
            ("postgres://a@192.168.1.4/c", TlsMode::VerifyFull),
            ("postgres://a@localhost.studio/c", TlsMode::VerifyFull),
            ("postgres://a@localhost/c", TlsMode::Disable),
            ("postgres://a@127.0.0.9/c", TlsMode::Disable),
            ("postgres://a@[::1]/c", TlsMode::Disable),
            ("postgres://a@/c?host=/run", TlsMode::Disable),
            ("postgres://a@nas/c?sslmode=require", TlsMode::Require),
            ("postgres://a@nas/c?sslmode=disable", TlsMode::Disable),
            (
                "postgres://a@localhost/c?sslrootcert=/ca.pem",
                TlsMode::VerifyFull,
            ),
        ] {
            assert_eq!(parse(word).tls, tls, "{word}");
        }
    }

    #[test]
    fn shown_address_leads_to_the_same_server() {
        for word in [
            "postgres://a@nas/c",
            "postgres://a@[fe80::1]:7/c?sslmode=require",
            "postgres://a%40b@nas/c%3F?connect_timeout=9",
            "postgres://a@:5433/c?host=%2Frun%2Fmy%20socket",
            "postgres://a@localhost/c?sslmode=verify-full",
            "postgres://a@nas/c?sslrootcert=/etc/ca.pem",
        ] {
            let address = parse(word);
            assert_eq!(parse(&address.to_string()), address, "{word}: {address}");
        }
        assert_eq!(
            parse("postgresql://a@nas:5432/c").to_string(),
            "postgres://a@nas/c"
        );
        let socket = "postgres://a@/c?host=/run/my%20socket";
        assert_eq!(parse(socket).to_string(), socket);
    }

    #[test]
    fn passwords_are_refused_and_never_shown() {
        for word in [
            "postgres://anna:hunter2@nas/c",
            "postgres://anna:hunter2@@nas/c",
            "postgres://anna:hun/ter2@nas/c",
            "postgres://anna:hunter2?@nas/c",
            "postgres://anna:%hunter2@nas/c",
            "postgres://anna@nas/c?password=hunter2",
            "postgres://anna@nas/c?sslpassword=hunter2",
            "mysql://anna:hunter2@nas/c",
            "anna:hunter2@nas/c",
        ] {
            let error = CatalogAddress::parse(word).unwrap_err();
            let shown = format!("{error} {error:?} {:?}", error.hint());
            assert!(!shown.contains("ter2"), "{word}: {shown}");
        }
        refused("postgres://anna:hunter2@nas/c", "PGPASSFILE");
        refused("postgres://anna:hunter2@nas/c", "~/.pgpass");
        refused("postgres://anna@nas/c?password=hunter2", "PGPASSFILE");
    }

    #[test]
    fn wrong_addresses_are_explained() {
        refused("nas/c", "does not begin with `postgres://`");
        refused("postgres://nas/c", "names no user");
        refused("postgres://a@nas", "names no PostgreSQL");
        refused("postgres://a@nas/", "names no PostgreSQL");
        refused("postgres://a@/c", "names no host");
        refused("postgres://a@nas:x/c", "`x` is no port");
        refused("postgres://a@nas:0/c", "`0` is no port");
        refused("postgres://a@[::1/c", "the bracket");
        refused("postgres://a@nas/c/d", "`/`");
        refused("postgres://a@nas/c%0", "`%`");
        refused("postgres://a@nas/c%ff", "`%`");
        refused("postgres://a@nas/c%00", "`%`");
        refused("postgres://a@nas/c?options=x", "`sslmode`, `sslrootcert`");
        refused("postgres://a@nas/c?sslmode=prefer", "`require`");
        refused("postgres://a@nas/c?sslmode", "`=`");
        refused("postgres://a@nas/c?connect_timeout=0", "from 1 to 600");
        refused("postgres://a@nas/c?host=/run", "and a socket");
        refused("postgres://a@/c?host=run", "does not begin with `/`");
        refused("postgres://a@/c?host=/run&sslmode=require", "not encrypted");
        refused(
            "postgres://a@nas/c?sslmode=require&sslrootcert=/f",
            "verify-full",
        );
        refused("postgres://a@nas,nas2/c", "one host");
    }

    #[test]
    fn line_of_a_password_file_is_escaped() {
        let line = |word| parse(word).password_line();
        assert_eq!(line("postgres://a@nas/c"), "nas:5432:c:a:PASSWORD");
        assert_eq!(line("postgres://a@[::1]/c"), r"\:\:1:5432:c:a:PASSWORD");
        assert_eq!(
            line("postgres://a@/c?host=/run"),
            "localhost:5432:c:a:PASSWORD"
        );
    }
}
