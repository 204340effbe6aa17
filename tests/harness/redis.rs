//! A private Redis, behind a proxy that can be cut.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use api::sirius::SharedTierUrl;
use tempfile::TempDir;

use crate::Proxy;

/// See the module.
pub struct Redis {
    pub proxy: Proxy,
    address: SocketAddr,
    server: Child,
    _folder: TempDir,
}

impl Redis {
    pub async fn start() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let server = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .arg("--port")
            .arg(address.port().to_string())
            .arg("--dir")
            .arg(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("redis-server (Debian: apt-get install redis-server): {error}")
            });
        let mut redis = Self {
            proxy: Proxy::start(address).await,
            address,
            server,
            _folder: folder,
        };
        for _ in 0..200 {
            if TcpStream::connect(address).is_ok() {
                return redis;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let _ = redis.server.kill();
        panic!("redis-server did not start");
    }

    /// Its URL, as the API is given it.
    pub fn url(&self) -> SharedTierUrl {
        SharedTierUrl::parse(&format!("redis://{}", self.proxy.address)).unwrap()
    }

    /// Runs a command, as somebody beside the service would; gives what Redis answers.
    pub fn run(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.address.port().to_string()])
            .args(words)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
