//! A connection whose other end must read what it is sent.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// Breaks off when nothing of what is to be sent has been taken for `patience`, however long the whole takes.
pub(super) struct StallLimit<S> {
    stream: S,
    patience: Duration,
    /// Runs while the other end takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> StallLimit<S> {
    pub fn new(stream: S, patience: Duration) -> Self {
        Self { stream, patience, stalled: None }
    }

    fn in_time<T>(&mut self, cx: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stalled = None;
            return sent;
        }
        let until = Instant::now() + self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallLimit<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallLimit<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.in_time(cx, sent)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_flush(cx);
        this.in_time(cx, sent)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let sent = Pin::new(&mut this.stream).poll_shutdown(cx);
        this.in_time(cx, sent)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{advance, timeout};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);
    /// What the pipe between the two ends keeps.
    const PIPE: usize = 4;
    const TEXT: &[u8] = b"twelve bytes";

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_dropped_after_so_long() {
        let (ours, _theirs) = duplex(PIPE);
        let mut sender = StallLimit::new(ours, PATIENCE);
        let began = Instant::now();
        let error = sender.write_all(TEXT).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, PATIENCE.as_secs()));
    }

    #[tokio::test(start_paused = true)]
    async fn whatever_is_taken_begins_the_time_anew() {
        let (ours, mut theirs) = duplex(PIPE);
        let mut sender = StallLimit::new(ours, PATIENCE);
        let began = Instant::now();
        let slowly = async {
            let mut taken = [0; TEXT.len()];
            for byte in &mut taken {
                advance(PATIENCE * 9 / 10).await;
                *byte = theirs.read_u8().await.unwrap();
            }
            taken
        };
        let (sent, taken) = tokio::join!(sender.write_all(TEXT), slowly);
        sent.unwrap();
        assert_eq!(taken, TEXT);
        assert!(began.elapsed() > PATIENCE * TEXT.len() as u32 / 2, "it took many times the limit");
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_answers_no_time_runs() {
        let (ours, mut theirs) = duplex(PIPE);
        let mut sender = StallLimit::new(ours, PATIENCE);
        sender.write_all(b"once").await.unwrap();
        advance(PATIENCE * 2).await;
        assert!(
            timeout(PATIENCE / 2, sender.write_u8(b'-')).await.is_err(),
            "the pipe is full, and the time has begun"
        );
        assert_eq!(theirs.read_u8().await.unwrap(), b'o');
        sender.write_u8(b'-').await.unwrap();
        advance(PATIENCE * 2).await;
        assert!(timeout(PATIENCE / 2, sender.write_u8(b'-')).await.is_err(), "and begins anew");
    }
}
