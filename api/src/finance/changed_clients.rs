//! Whose account has changed, told to those who watch it.
//!
//! On PostgreSQL a change tells it with its commit (NOTIFY), and every instance hears it
//! ([`super::notifications`]); on SQLite there is one process, which tells itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use tokio::sync::watch;

/// The channel of PostgreSQL; its messages are Sirius's person ids.
pub(super) const CHANNEL: &str = "supervision_finance_changed";

type Watched = HashMap<i32, watch::Sender<()>>;

/// The watched clients of this process. Clones share them.
#[derive(Clone, Default)]
pub struct ChangedClients(Arc<Mutex<Watched>>, Arc<AtomicBool>);

impl ChangedClients {
    /// Watches a client, by Sirius's person id.
    pub fn watch(&self, client_id: i32) -> ClientWatch {
        let mut watched = self.lock();
        let sender = watched.entry(client_id).or_default();
        ClientWatch {
            client_id,
            receiver: Some(sender.subscribe()),
            clients: self.clone(),
        }
    }

    /// That client's account has changed.
    pub fn tell(&self, client_id: i32) {
        if let Some(sender) = self.lock().get(&client_id) {
            sender.send_replace(());
        }
    }

    /// Any account may have changed: what was told meanwhile was not heard.
    pub fn tell_all(&self) {
        for sender in self.lock().values() {
            sender.send_replace(());
        }
    }

    /// Whether what other instances change is heard now.
    pub fn is_heard(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }

    pub(super) fn set_heard(&self, is_heard: bool) {
        self.1.store(is_heard, Ordering::Relaxed);
    }

    /// How many clients are watched.
    pub fn watched(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the changes of one client. Several that nobody waited for are one.
pub struct ClientWatch {
    client_id: i32,
    /// None only while it is dropped.
    receiver: Option<watch::Receiver<()>>,
    clients: ChangedClients,
}

impl ClientWatch {
    /// Waits for the next change; at once if there was one since the last wait.
    pub async fn changed(&mut self) {
        let heard = match &mut self.receiver {
            Some(receiver) => receiver.changed().await.is_ok(),
            None => false,
        };
        if !heard {
            // The sender is kept for as long as there is a watch.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for ClientWatch {
    fn drop(&mut self) {
        // Under the lock: of two that are dropped at once, one is the last.
        let mut watched = self.clients.lock();
        drop(self.receiver.take());
        let is_last = watched
            .get(&self.client_id)
            .is_some_and(|sender| sender.receiver_count() == 0);
        if is_last {
            watched.remove(&self.client_id);
        }
    }
}

/// Tells every instance with the commit of this transaction, on PostgreSQL.
pub(super) async fn announce(db: &impl ConnectionTrait, client_ids: &[i32]) -> Result<(), DbErr> {
    if client_ids.is_empty() || db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let ids = client_ids.iter().map(ToString::to_string);
    let ids = ids.collect::<Vec<_>>().join(",");
    // One statement, however many clients there are.
    db.execute_raw(Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT count(pg_notify($1, id)) FROM unnest(string_to_array($2, ',')) AS id",
        [CHANNEL.into(), ids.into()],
    ))
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_watch_tells_the_changes_of_its_client_alone_and_several_as_one() {
        let clients = ChangedClients::default();
        let mut watch = clients.watch(1001);
        clients.tell(1002);
        assert!(watch.changed().now_or_never().is_none());
        clients.tell(1001);
        clients.tell(1001);
        assert!(watch.changed().now_or_never().is_some());
        assert!(watch.changed().now_or_never().is_none());
        clients.tell_all();
        assert!(watch.changed().now_or_never().is_some());
    }

    #[test]
    fn a_client_that_nobody_watches_takes_no_room() {
        let clients = ChangedClients::default();
        let (one, two) = (clients.watch(1001), clients.watch(1001));
        drop(one);
        assert_eq!(clients.watched(), 1);
        drop(two);
        assert_eq!(clients.watched(), 0);
    }
}
