//! Passwords that people type into addresses: none is shown, and none is kept.

/// The beginnings of addresses that may hold a password.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Returns a line with asterisks in place of each password in an address. It has as many characters as before.
pub fn mask_passwords(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = address_start(rest) {
        let (before, address) = rest.split_at(start);
        masked.push_str(before);
        let end = address
            .find(|c: char| c.is_whitespace() || c == '\'' || c == '"')
            .unwrap_or(address.len());
        let (user, after) = address[..end].rsplit_once('@').unwrap_or(("", ""));
        let place = user.find(':').map(|colon| colon + 1);
        match place {
            Some(place) => {
                masked.push_str(&user[..place]);
                masked.extend(user[place..].chars().map(|_| '*'));
                masked.push('@');
                masked.push_str(after);
            }
            None => masked.push_str(&address[..end]),
        }
        rest = &address[end..];
    }
    masked.push_str(rest);
    masked
}

/// Returns the place after the scheme of the first address.
fn address_start(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let starts = SCHEMES
        .iter()
        .filter_map(|scheme| Some(lower.find(scheme)? + scheme.len()));
    starts.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked() {
        for (line, masked) in [
            (
                "set catalog postgres://anna:secret@nas/c",
                "set catalog postgres://anna:******@nas/c",
            ),
            (
                "set catalog 'POSTGRESQL://a:b@d:c@nas:1/c'",
                "set catalog 'POSTGRESQL://a:*****@nas:1/c'",
            ),
            (
                "postgres://a:ü/x@nas/c postgres://b:y@nas/c",
                "postgres://a:***@nas/c postgres://b:*@nas/c",
            ),
        ] {
            assert_eq!(mask_passwords(line), masked);
            assert_eq!(line.chars().count(), masked.chars().count());
        }
    }

    #[test]
    fn lines_without_passwords_stay() {
        for line in [
            "set catalog postgres://anna@nas:5432/c?host=/run",
            "list projects",
            "echo a:b@c",
            "set catalog postgres://",
        ] {
            assert_eq!(mask_passwords(line), line);
        }
    }
}
