//! Passwords that people type into addresses: none is shown, and none is kept.

/// The beginnings of addresses that may hold a password.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// The parameter of an address that other programs read a password from.
const PARAMETER: &str = "password=";

/// Returns a line with asterisks in place of each password in an address. It has as many characters as before.
pub fn mask_passwords(line: &str) -> String {
    let mut masked = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = address_start(rest) {
        let (before, address) = rest.split_at(start);
        masked.push_str(before);
        let scheme = before.rfind(|c: char| !c.is_ascii_alphabetic() && !":/".contains(c));
        let opening = scheme.and_then(|place| before[place..].chars().next());
        let (address, after) = address.split_at(address_length(address, opening));
        mask_address(address, &mut masked);
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// Appends an address after its scheme, with asterisks in place of its password.
fn mask_address(address: &str, masked: &mut String) {
    let hide = |text: &str, masked: &mut String| masked.extend(text.chars().map(|_| '*'));
    let (user, place) = match address.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, address),
    };
    match user.map(|user| user.split_once(':').ok_or(user)) {
        Some(Ok((user, password))) => {
            masked.push_str(user);
            masked.push(':');
            hide(password, masked);
            masked.push('@');
        }
        Some(Err(user)) => {
            masked.push_str(user);
            masked.push('@');
        }
        None => {}
    }
    let mut rest = place;
    while let Some(start) = rest.find(PARAMETER) {
        let (before, value) = rest.split_at(start + PARAMETER.len());
        let (value, after) = value.split_at(value.find('&').unwrap_or(value.len()));
        masked.push_str(before);
        hide(value, masked);
        rest = after;
    }
    masked.push_str(rest);
}

/// Returns the length of an address: up to the quote that it was opened with, else up to a blank that is neither quoted nor
/// escaped.
fn address_length(address: &str, opening: Option<char>) -> usize {
    let is_quote = |c: char| c == '\'' || c == '"';
    if let Some(quote) = opening.filter(|c| is_quote(*c) || *c == '`') {
        return address.find(quote).unwrap_or(address.len());
    }
    let (mut quote, mut is_escaped) = (None, false);
    for (place, c) in address.char_indices() {
        match quote {
            _ if is_escaped => is_escaped = false,
            Some(open) if c == open => quote = None,
            None if c == '\\' => is_escaped = true,
            None if is_quote(c) => quote = Some(c),
            None if c.is_whitespace() => return place,
            _ => {}
        }
    }
    address.len()
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
            "the catalog `postgres://a@:5432/c?host=/run`: why: a@b",
        ] {
            assert_eq!(mask_passwords(line), line);
        }
    }
}
