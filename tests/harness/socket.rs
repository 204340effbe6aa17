//! A WebSocket client of `graphql-transport-ws`, as bare as an attacker's.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::header::HeaderName;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::{Instance, OFFICER, PAGE};

/// How long a message may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The decoded token of the officer's cookies.
pub const TOKEN: &str = "a+b c";

/// An open WebSocket.
pub struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What came.
#[derive(Debug, PartialEq)]
pub enum Heard {
    Message(Value),
    /// Closed, with this code.
    Closed(u16),
    Gone,
}

impl Socket {
    /// Opens one with these headers; else the status that it was refused with.
    pub async fn open(instance: &Instance, headers: &[(&str, &str)]) -> Result<Self, u16> {
        let url = format!("{}graphql", instance.origin.replace("http:", "ws:"));
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// The billing officer's, from the page that may call.
    pub async fn of_officer(instance: &Instance) -> Self {
        let headers = [
            ("Origin", PAGE),
            ("Cookie", OFFICER),
            ("Sec-WebSocket-Protocol", "graphql-transport-ws"),
        ];
        Self::open(instance, &headers)
            .await
            .map_err(|status| panic!("{status}"))
            .unwrap()
    }

    /// The same, acknowledged.
    pub async fn begun(instance: &Instance) -> Self {
        let mut socket = Self::of_officer(instance).await;
        let init = json!({ "type": "connection_init", "payload": { "X-XSRF-TOKEN": TOKEN } });
        socket.send(init).await;
        assert_eq!(
            socket.next().await,
            Heard::Message(json!({ "type": "connection_ack" }))
        );
        socket
    }

    pub async fn send(&mut self, message: Value) {
        self.send_text(&message.to_string()).await;
    }

    /// Anything at all.
    pub async fn send_text(&mut self, text: &str) {
        let _ = self.0.send(Message::text(text)).await;
    }

    pub async fn subscribe(&mut self, id: &str, query: &str) {
        self.send(json!({ "type": "subscribe", "id": id, "payload": { "query": query } }))
            .await;
    }

    pub async fn next(&mut self) -> Heard {
        tokio::time::timeout(PATIENCE, self.read())
            .await
            .expect("no message in time")
    }

    /// Whether nothing comes for that long.
    pub async fn is_silent(&mut self, wait: Duration) -> bool {
        tokio::time::timeout(wait, self.read()).await.is_err()
    }

    async fn read(&mut self) -> Heard {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Message(serde_json::from_str(text.as_str()).unwrap());
                }
                Some(Ok(Message::Close(Some(frame)))) => return Heard::Closed(frame.code.into()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(_) | Err(_)) | None => return Heard::Gone,
            }
        }
    }
}
