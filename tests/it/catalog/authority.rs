//! Authorities and the certificates of servers, made by `OpenSSL`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::servers::find;
use crate::studio::report_skip;

/// Arguments for a new key without a passphrase.
const NEW_KEY: [&str; 6] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-keyout",
];

/// True if certificates can be made. Reports a skip otherwise.
pub(super) fn is_available() -> bool {
    let is_installed = find("openssl").is_some();
    if !is_installed {
        report_skip("openssl is not installed");
    }
    is_installed
}

/// Makes an authority: returns its certificate; its key is beside it.
pub(crate) fn make_authority(folder: &Path, name: &str) -> PathBuf {
    let certificate = folder.join(format!("{name}.pem"));
    let mut command = openssl("req");
    command
        .args(["-x509", "-days", "2", "-subj"])
        .arg(format!("/CN={name}"))
        .args(NEW_KEY)
        .arg(folder.join(format!("{name}.key")))
        .arg("-out")
        .arg(&certificate);
    run(command);
    certificate
}

/// Makes the certificate and key of a server at `localhost`, signed by an authority of this folder.
pub(super) fn make_server_certificate(folder: &Path, authority: &str) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
    let (request, names) = (folder.join("server.csr"), folder.join("names"));
    let mut command = openssl("req");
    command
        .args(["-new", "-subj", "/CN=server"])
        .args(NEW_KEY)
        .arg(&key)
        .arg("-out")
        .arg(&request);
    run(command);
    std::fs::write(&names, "subjectAltName=DNS:localhost\n").unwrap();
    let mut command = openssl("x509");
    command
        .args(["-req", "-days", "2", "-CAcreateserial", "-in"])
        .arg(&request);
    command
        .arg("-CA")
        .arg(folder.join(format!("{authority}.pem")));
    command
        .arg("-CAkey")
        .arg(folder.join(format!("{authority}.key")));
    command
        .arg("-extfile")
        .arg(&names)
        .arg("-out")
        .arg(&certificate);
    run(command);
    (certificate, key)
}

fn openssl(action: &str) -> Command {
    let mut command = Command::new(find("openssl").unwrap());
    command.arg(action);
    command
}

fn run(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}
