//! The side that is called.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::server::ServerConfig;
use rustls::sign::SingleCertAndKey;

use super::Identity;

/// What a listener speaks TLS with: 1.2 and 1.3, HTTP/1.1 inside.
pub fn server_config(identity: &Identity) -> Arc<ServerConfig> {
    let certificate = Arc::new(SingleCertAndKey::from(Arc::clone(&identity.certified)));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        // Unwrap safety: ring has what TLS 1.2 and 1.3 need.
        .expect("ring speaks TLS")
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}
