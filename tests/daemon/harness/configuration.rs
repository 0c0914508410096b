//! The daemon's configuration file, with intervals that are short enough for a test.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU16, Ordering};

/// Keys with their values as TOML.
#[derive(Debug, Clone)]
pub struct Configuration {
    folder: PathBuf,
    keys: BTreeMap<String, String>,
}

impl Configuration {
    pub fn new(folder: &Path, odoo_url: &str) -> Self {
        let text = |text: &str| format!("{text:?}");
        let inside = |name: &str| text(folder.join(name).to_str().unwrap());
        let listen = || text(&format!("127.0.0.1:{}", free_port()));
        let keys = [
            ("odoo.url", text(odoo_url)),
            ("odoo.database", text("omc")),
            ("odoo.username", text("admin")),
            ("odoo.password", text("admin")),
            ("odoo.poll_interval", text("200ms")),
            ("odoo.timeout", text("5s")),
            ("callback.listen", listen()),
            ("admin.listen", listen()),
            ("admin.token_file", inside("admin-token")),
            ("store.path", inside("store")),
            ("store.key_file", inside("key")),
            ("reconcile.interval", text("200ms")),
            ("reconcile.callback_grace", text("1s")),
            ("reconcile.stuck_after", text("3s")),
            ("retry.base", text("100ms")),
            ("retry.max", text("1s")),
            ("schedule.overlap", text("1s")),
            ("log.level", text("debug")),
        ];
        let keys = keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Self { folder: folder.to_owned(), keys }
    }

    /// Sets a key, `section.key`, to a value written as TOML.
    pub fn set(&mut self, key: &str, value: &str) -> &mut Self {
        self.keys.insert(key.to_owned(), value.to_owned());
        self
    }

    pub fn remove(&mut self, key: &str) -> &mut Self {
        self.keys.remove(key);
        self
    }

    pub fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// A text value.
    pub fn get(&self, key: &str) -> &str {
        self.keys[key].trim_matches('"')
    }

    pub fn path(&self) -> PathBuf {
        self.folder.join("config.toml")
    }

    pub fn write(&self) {
        let mut text = String::new();
        for (key, value) in &self.keys {
            writeln!(text, "{key} = {value}").unwrap();
        }
        std::fs::write(self.path(), text).unwrap();
    }
}

/// A port that nobody listens on. From below those that the system gives to outgoing connections: the daemon must find it free
/// again after each kill.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = (std::process::id() % 200) as u16 * 100;
    loop {
        let port = 10_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
