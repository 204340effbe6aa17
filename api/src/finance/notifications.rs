//! Hearing what every instance tells of changed clients: LISTEN, over a connection of its own.

use std::str::FromStr as _;
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::{Error, Executor as _};
use tokio::sync::watch;
use tokio::time::timeout;

use super::changed_clients::{CHANNEL, ChangedClients};

/// The wait after a connection was lost or not had; doubled by each further failure.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How long nothing is heard before the server is asked whether it is there.
const QUIET: Duration = Duration::from_secs(10);
/// How long it may take to say so.
const ANSWER: Duration = Duration::from_secs(5);
/// By which operators know the connection.
const NAME: &str = "finance-api listens";

/// Listens until `stopped` says so, and comes back after every loss of the connection. What was told
/// while it was away nobody has heard, so that then every client may have changed.
pub async fn listen(url: String, clients: ChangedClients, mut stopped: watch::Receiver<bool>) {
    let listening = async {
        let mut wait = FIRST_WAIT;
        loop {
            let Err(error) = hear(&url, &clients, &mut wait).await;
            clients.set_heard(false);
            // Its text may hold the host, never the password; its kind is enough.
            let kind = kind(&error);
            tracing::warn!(kind, wait = ?wait, "live changes are not heard now");
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
        }
    };
    tokio::select! {
        () = listening => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

async fn hear(
    url: &str,
    clients: &ChangedClients,
    wait: &mut Duration,
) -> Result<std::convert::Infallible, Error> {
    let options = PgConnectOptions::from_str(url)?.application_name(NAME);
    // It lasts for as long as the server keeps it.
    let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None);
    let pool = pool.idle_timeout(None).connect_with(options).await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    tracing::debug!("live changes are heard");
    *wait = FIRST_WAIT;
    clients.set_heard(true);
    clients.tell_all();
    loop {
        let heard = match timeout(QUIET, listener.try_recv()).await {
            Ok(heard) => heard?,
            Err(_) => {
                // A connection that is lost without a word would be waited on for good.
                let asked = timeout(ANSWER, listener.execute("SELECT 1")).await;
                asked.map_err(|_| Error::PoolTimedOut)??;
                continue;
            }
        };
        match heard {
            Some(notification) => match notification.payload().parse() {
                Ok(client_id) => clients.tell(client_id),
                Err(_) => tracing::warn!("a message of another's on the channel of changes"),
            },
            // The connection was lost; the next wait makes another.
            None => return Err(Error::PoolClosed),
        }
    }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Io(_) => "connection",
        Error::Tls(_) => "tls",
        Error::Database(_) => "refused",
        Error::PoolTimedOut => "timed out",
        Error::PoolClosed => "lost",
        _ => "other",
    }
}
