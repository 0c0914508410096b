//! The sockets that the daemon listens on. They outlive a reload of the configuration: whoever calls meanwhile waits for a moment,
//! and is not refused. MTS would not call again.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

/// Callers that the system keeps until they are let in. Beyond that it drops their packets, and they come back after a second: with the
/// usual 128, MTS could find itself among them while somebody floods the listener. The system may have a lower limit (`somaxconn`).
const WAITING: u32 = 4096;

/// By the key that gives the address: the address as it is written there, and the socket.
#[derive(Debug, Default)]
pub struct Sockets(Mutex<BTreeMap<&'static str, (SocketAddr, std::net::TcpListener)>>);

impl Sockets {
    /// Lets go of those whose address is not the one that is wanted for their key, before a new one is bound: an address may overlap
    /// with one of before (127.0.0.1 with 0.0.0.0), or be what another key had.
    pub(super) fn keep(&self, wanted: [(&str, SocketAddr); 2]) {
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.retain(|key, (address, _)| wanted.contains(&(*key, *address)));
    }

    /// The socket of a key: the one that is there, if its address is the same, else a new one in its place.
    pub(super) async fn listen(&self, key: &'static str, address: SocketAddr) -> anyhow::Result<TcpListener> {
        let same = |(of, socket): &(SocketAddr, std::net::TcpListener)| (*of == address).then(|| socket.try_clone());
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).and_then(same);
        if let Some(kept) = kept {
            return Ok(TcpListener::from_std(kept?)?);
        }
        let socket = bind(address)
            .and_then(TcpListener::into_std)
            .with_context(|| format!("cannot listen on {address} ({key}); is it taken?"))?;
        let clone = socket.try_clone()?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, (address, socket));
        Ok(TcpListener::from_std(clone)?)
    }

    /// Lets go of all of them: once the listeners are through, whoever calls is refused at once.
    pub fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port that was ours a moment ago is free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    #[tokio::test]
    async fn who_calls_between_two_listeners_is_taken_by_the_second() {
        let sockets = Sockets::default();
        let first = sockets.listen("callback.listen", ANY).await.unwrap();
        let address = first.local_addr().unwrap();
        drop(first);
        let mut caller = TcpStream::connect(address).await.unwrap();
        let second = sockets.listen("callback.listen", ANY).await.unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
        let (mut called, _) = second.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut called, b"x").await.unwrap();
        assert_eq!(tokio::io::AsyncReadExt::read_u8(&mut caller).await.unwrap(), b'x');
        // Another key, or another address, is another socket.
        assert_ne!(sockets.listen("admin.listen", ANY).await.unwrap().local_addr().unwrap(), address);
        drop(second);
        sockets.close();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
