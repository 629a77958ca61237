//! Groups of users, from the files of this machine.

use std::fs;

use super::host;

/// True if this user is the only member of a group. Many systems give every user such a private group and let it write
/// the user's new files.
pub fn is_private_group(group: u32) -> bool {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    is_private_in(
        group,
        host::user_id(),
        &read("/etc/passwd"),
        &read("/etc/group"),
    )
}

/// Checks both lists. A group or user that they do not list proves nothing.
fn is_private_in(group: u32, user: u32, users: &str, groups: &str) -> bool {
    let parse_number = |field: Option<&&str>| field.and_then(|field| field.parse::<u32>().ok());
    let mut own_name = None;
    for line in users.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if parse_number(fields.get(3)) != Some(group) {
            continue;
        }
        if parse_number(fields.get(2)) != Some(user) {
            return false;
        }
        own_name = fields.first().copied();
    }
    let Some(own_name) = own_name else {
        return false;
    };
    let mut is_listed = false;
    for line in groups.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if parse_number(fields.get(2)) != Some(group) {
            continue;
        }
        let mut members = fields.get(3).unwrap_or(&"").split(',');
        if fields.first() != Some(&own_name)
            || !members.all(|name| name.is_empty() || name == own_name)
        {
            return false;
        }
        is_listed = true;
    }
    is_listed
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nkim:x:1000:1000::/home/kim:/bin/sh\n\
                         lee:x:1001:50::/home/lee:/bin/sh\nann:x:1002:50::/home/ann:/bin/sh\nbo:x:1003:1003::/:\n";
    const GROUPS: &str = "root:x:0:\nkim:x:1000:\nstudio:x:50:kim\nbo:x:1003:bo,lee\n";

    #[test]
    fn only_single_user_group_is_private() {
        for (group, user, private) in [
            (1000, 1000, true),
            (0, 0, true),
            (1000, 1001, false),
            (50, 1001, false),
            (50, 1000, false),
            (1003, 1003, false),
            (77, 1000, false),
        ] {
            assert_eq!(
                is_private_in(group, user, USERS, GROUPS),
                private,
                "{group} {user}"
            );
        }
        assert!(!is_private_in(1000, 1000, "", ""));
        assert!(!is_private_in(1000, 1000, USERS, ""));
    }
}
