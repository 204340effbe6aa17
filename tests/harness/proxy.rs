//! A TCP proxy that can be cut: how a test takes the database away. To several targets it goes round robin,
//! a connection each, as a plain balancer does.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How the line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Open,
    Cut,
    Stalled,
}

/// See the module.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<watch::Sender<Line>>,
    targets: Arc<Mutex<Vec<SocketAddr>>>,
    lost: Arc<watch::Sender<u64>>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn start(target: SocketAddr) -> Self {
        Self::round_robin(vec![target]).await
    }

    /// To several targets, one after the other.
    pub async fn round_robin(targets: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(watch::Sender::new(Line::Open));
        let line = Arc::clone(&state);
        let targets = Arc::new(Mutex::new(targets));
        let current = Arc::clone(&targets);
        let lost = Arc::new(watch::Sender::new(0));
        let losing = Arc::clone(&lost);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let target = {
                    let mut targets = current.lock().unwrap();
                    targets.rotate_left(1);
                    *targets.last().unwrap()
                };
                let forwarding = forward(client, target, line.subscribe());
                tokio::spawn(until_lost(forwarding, losing.subscribe()));
            }
        });
        Self {
            address,
            state,
            targets,
            lost,
            accepting,
        }
    }

    /// Leads new connections elsewhere.
    pub fn lead_to(&self, target: SocketAddr) {
        *self.targets.lock().unwrap() = vec![target];
    }

    /// Breaks all connections, and every new one, until it is mended.
    pub fn cut(&self) {
        self.state.send_replace(Line::Cut);
    }

    /// Takes everything and gives nothing back, until it is mended.
    pub fn stall(&self) {
        self.state.send_replace(Line::Stalled);
    }

    /// Loses all connections without a word, as a firewall does that forgets them: nothing comes through them
    /// any more, and nobody is told. New ones are forwarded.
    pub fn lose(&self) {
        self.lost.send_modify(|times| *times += 1);
    }

    /// Forwards again.
    pub fn mend(&self) {
        self.state.send_replace(Line::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn until_lost(forwarding: impl Future<Output = ()>, mut lost: watch::Receiver<u64>) {
    let mut forwarding = std::pin::pin!(forwarding);
    tokio::select! {
        () = &mut forwarding => {}
        // Both sides stay open, and nobody forwards.
        Ok(()) = lost.changed() => std::future::pending().await,
    }
}

async fn forward(mut client: TcpStream, target: SocketAddr, mut line: watch::Receiver<Line>) {
    let Ok(mut server) = TcpStream::connect(target).await else {
        return;
    };
    // A connection that was stalled once does not come to life again.
    tokio::select! {
        biased;
        Ok(state) = line.wait_for(|state| *state != Line::Open) => match *state {
            Line::Stalled => {}
            Line::Cut | Line::Open => return,
        },
        _ = copy_bidirectional(&mut client, &mut server) => return,
    }
    let _ = line.wait_for(|state| *state != Line::Stalled).await;
}
