//! The parts of a catalog's address as text, before they mean something.

use crate::base::error::{Error, Result};
use crate::base::name::Name;

/// The beginnings of addresses.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// The form of an address, for hints.
pub(super) const FORM: &str = "write it as `postgres://user@host/name`";

/// The place of passwords, for hints.
const PASSWORD_PLACE: &str = "write the password into the file that PGPASSFILE names, or into `~/.pgpass`, as `host:port:name:user:password`";

/// The parts of an address, decoded.
#[derive(Debug)]
pub(super) struct AddressText {
    /// The address without anything that may be a password.
    shown: String,
    pub(super) user: String,
    /// Name or address of the host; empty if there is none.
    pub(super) host: String,
    pub(super) port: Option<u16>,
    pub(super) name: String,
    pub(super) parameters: Vec<(String, String)>,
}

impl AddressText {
    /// Splits an address.
    ///
    /// # Errors
    /// [`Error::InvalidAddress`].
    pub(super) fn split(word: &str) -> Result<Self> {
        let mut text = Self {
            shown: without_password(word),
            user: String::new(),
            host: String::new(),
            port: None,
            name: String::new(),
            parameters: Vec::new(),
        };
        let rest = SCHEMES.iter().find_map(|scheme| word.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| text.refuse("it does not begin with `postgres://`", FORM))?;
        let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        // A password may hold a slash.
        let (user, rest) = rest
            .rsplit_once('@')
            .ok_or_else(|| text.refuse("it names no user", FORM))?;
        if user.contains(':') {
            return Err(text.refuse("it holds a password", PASSWORD_PLACE));
        }
        let (server, name) = rest.split_once('/').unwrap_or((rest, ""));
        text.user = text.decode(user)?;
        text.read_server(server)?;
        if name.contains('/') {
            return Err(text.refuse("its name has a `/`", "write that as `%2F`"));
        }
        text.name = text.decode(name)?;
        if text.user.is_empty() {
            return Err(text.refuse("it names no user", FORM));
        }
        if text.name.is_empty() {
            return Err(text.refuse("it names no PostgreSQL database", FORM));
        }
        for parameter in parameters.split('&').filter(|text| !text.is_empty()) {
            text.read_parameter(parameter)?;
        }
        Ok(text)
    }

    /// Returns the error of an address that cannot be used.
    pub(super) fn refuse(&self, why: impl Into<String>, hint: &'static str) -> Error {
        Error::InvalidAddress {
            address: Name::from(self.shown.as_str()),
            why: why.into(),
            hint,
        }
    }

    fn read_server(&mut self, server: &str) -> Result<()> {
        let (host, port) = if let Some(rest) = server.strip_prefix('[') {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| self.refuse("the bracket of its host is not closed", FORM))?;
            (host, rest.strip_prefix(':').unwrap_or(rest))
        } else {
            server.split_once(':').unwrap_or((server, ""))
        };
        if host.contains(',') {
            return Err(self.refuse("it can only name one host", FORM));
        }
        self.host = self.decode(host)?;
        if !port.is_empty() {
            let number = port.parse().ok().filter(|port| *port != 0);
            let why = || format!("`{port}` is no port");
            self.port = Some(number.ok_or_else(|| self.refuse(why(), FORM))?);
        }
        Ok(())
    }

    fn read_parameter(&mut self, parameter: &str) -> Result<()> {
        let (key, value) = parameter
            .split_once('=')
            .ok_or_else(|| self.refuse("a parameter after `?` has no `=`", FORM))?;
        let key = self.decode(key)?;
        if ["password", "passfile", "sslpassword"].contains(&key.as_str()) {
            return Err(self.refuse(format!("it has the parameter `{key}`"), PASSWORD_PLACE));
        }
        let value = self.decode(value)?;
        self.parameters.push((key, value));
        Ok(())
    }

    /// Decodes bytes that are written as `%2F`.
    fn decode(&self, text: &str) -> Result<String> {
        let wrong = || self.refuse("a `%` in it is not followed by the number of a byte", FORM);
        let mut parts = text.split('%');
        let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (number, rest) = part.split_at_checked(2).ok_or_else(wrong)?;
            let is_number = number.bytes().all(|byte| byte.is_ascii_hexdigit());
            let byte = u8::from_str_radix(number, 16).ok();
            let byte = byte.filter(|byte| is_number && *byte != 0);
            bytes.push(byte.ok_or_else(wrong)?);
            bytes.extend_from_slice(rest.as_bytes());
        }
        String::from_utf8(bytes).map_err(|_| wrong())
    }
}

/// Returns an address without its parameters and without anything between the first colon and the last `@`.
fn without_password(word: &str) -> String {
    let scheme = SCHEMES.iter().find(|scheme| word.starts_with(**scheme));
    let (scheme, rest) = word.split_at(scheme.map_or(0, |scheme| scheme.len()));
    let (before, after) = rest.split_once('?').unwrap_or((rest, ""));
    let shown = match before.rsplit_once('@') {
        Some((user, rest)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:...@{rest}"),
            None => before.to_owned(),
        },
        // The question mark may be a part of a password.
        None if after.contains('@') => {
            let user = before.split(':').next().unwrap_or_default();
            format!("{user}:...")
        }
        None => before.to_owned(),
    };
    format!("{scheme}{shown}")
}

/// Encodes the bytes that an address cannot hold in the value of a parameter, where a slash is only a slash.
pub(super) fn encode_value(text: &str) -> String {
    let parts = text.split('/').map(encode);
    parts.collect::<Vec<_>>().join("/")
}

/// Encodes the bytes that an address cannot hold in a name.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'+' => {
                encoded.push(char::from(byte));
            }
            _ => {
                let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
                encoded.push('%');
                encoded.extend(
                    digits
                        .into_iter()
                        .flatten()
                        .map(|digit| digit.to_ascii_uppercase()),
                );
            }
        }
    }
    encoded
}
