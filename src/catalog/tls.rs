//! Encryption by rustls: which certificates are trusted, and why one is not.

use std::error::Error as StdError;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postgres::Socket;
use postgres::tls::{MakeTlsConnect, TlsConnect};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::base::error::CatalogProblem;
use crate::base::name::Name;

/// Returns a connector that trusts the authorities of the system.
pub(super) fn with_system_roots() -> Result<TlsConnector, CatalogProblem> {
    match MakeRustlsConnect::with_native_certs() {
        Ok((connector, _)) => Ok(TlsConnector::new(connector)),
        Err(_) => Err(CatalogProblem::CertificateRejected(
            "this machine has no list of trusted authorities".to_owned(),
        )),
    }
}

/// Returns a connector that trusts the certificates of a file alone: authorities, or the certificate of the server itself.
pub(super) fn with_trusted_file(path: &Path) -> Result<TlsConnector, CatalogProblem> {
    let refuse = |why: String| {
        let path = Name::from(path);
        CatalogProblem::CertificateRejected(format!("cannot use the file `{path}`: {why}"))
    };
    let content = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&content).collect();
    let certificates = certificates.map_err(|error| refuse(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.iter().cloned());
    let provider = Arc::new(ring::default_provider());
    let authorities =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let authorities = authorities
        .build()
        .map_err(|_| refuse("it holds no certificate".to_owned()))?;
    let trust = Trust::Listed {
        certificates,
        authorities,
    };
    connector(trust, provider)
}

/// Returns a connector that accepts every certificate.
pub(super) fn without_check() -> Result<TlsConnector, CatalogProblem> {
    connector(Trust::Anybody, Arc::new(ring::default_provider()))
}

fn connector(trust: Trust, provider: Arc<CryptoProvider>) -> Result<TlsConnector, CatalogProblem> {
    let check = CertificateCheck {
        trust,
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| CatalogProblem::TlsRefused(Some(error.to_string())))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(check))
        .with_no_client_auth();
    Ok(TlsConnector::new(MakeRustlsConnect::new(config)))
}

/// The certificates that are accepted.
#[derive(Debug)]
enum Trust {
    Anybody,
    /// Those of these authorities, and these themselves: a server's own certificate is often its own authority, which the
    /// check of authorities does not allow.
    Listed {
        certificates: Vec<CertificateDer<'static>>,
        authorities: Arc<WebPkiServerVerifier>,
    },
}

/// The check of a certificate. Signatures of the handshake are always checked.
#[derive(Debug)]
struct CertificateCheck {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for CertificateCheck {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::Listed { certificates, .. } if certificates.contains(own) => {
                rustls::client::verify_server_name(&ParsedCertificate::try_from(own)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            Trust::Listed { authorities, .. } => {
                authorities.verify_server_cert(own, chain, name, response, now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, own, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, own, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

type Inner = <MakeRustlsConnect as MakeTlsConnect<Socket>>::TlsConnect;

/// A connector that records whether the server agreed to encrypt: the error of the crate `postgres` does not tell.
#[derive(Clone)]
pub(super) struct TlsConnector {
    inner: MakeRustlsConnect,
    is_offered: Arc<AtomicBool>,
}

impl TlsConnector {
    fn new(inner: MakeRustlsConnect) -> Self {
        Self {
            inner,
            is_offered: Arc::default(),
        }
    }

    /// Returns the flag that is set when a server agrees to encrypt.
    pub(super) fn offered_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_offered)
    }
}

impl MakeTlsConnect<Socket> for TlsConnector {
    type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
    type TlsConnect = TlsHandshake;
    type Error = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<TlsHandshake, Self::Error> {
        let made = MakeTlsConnect::<Socket>::make_tls_connect(&mut self.inner, host);
        made.map(|inner| TlsHandshake {
            inner,
            is_offered: Arc::clone(&self.is_offered),
        })
    }
}

/// The handshake with one server.
pub(super) struct TlsHandshake {
    inner: Inner,
    is_offered: Arc<AtomicBool>,
}

impl TlsConnect<Socket> for TlsHandshake {
    type Stream = <Inner as TlsConnect<Socket>>::Stream;
    type Error = <Inner as TlsConnect<Socket>>::Error;
    type Future = <Inner as TlsConnect<Socket>>::Future;

    fn connect(self, stream: Socket) -> Self::Future {
        self.is_offered.store(true, Ordering::Release);
        self.inner.connect(stream)
    }
}

/// Returns the problem of a failed handshake; `None` if the error is of another kind.
pub(super) fn handshake_problem(cause: &(dyn StdError + 'static)) -> Option<CatalogProblem> {
    let inner = cause.downcast_ref::<io::Error>()?.get_ref()?;
    Some(match inner.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(error) => {
            CatalogProblem::CertificateRejected(certificate_words(error))
        }
        error => CatalogProblem::TlsRefused(Some(error.to_string())),
    })
}

fn certificate_words(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "no trusted authority has signed it",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is made for another host name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet by the clock of this machine"
        }
        CertificateError::Revoked => "its authority has revoked it",
        other => return other.to_string(),
    }
    .to_owned()
}
