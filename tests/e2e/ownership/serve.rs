//! A server on a schema that is behind, ahead or its own to change.

use super::{Live, err, on_postgres};
use crate::process::{Server, serve};

#[test]
fn behind_it_refuses_unless_told_otherwise_and_is_not_ready() {
    on_postgres(async || {
        let live = Live::migrated().await;
        assert!(live.migration(&["down"]).status.success());
        let output = serve(live.database.url()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(err(&output).contains("migration up"), "{}", err(&output));
        let server = Server::start(serve(live.database.url()).env("ALLOW_SCHEMA_BEHIND", "on"));
        let (status, text) = server.ready().await;
        assert_eq!(status, 503, "{text}");
        assert!(text.contains("lacks migrations"), "{text}");
        drop(server);
        live.drop().await;
    });
}

#[test]
fn ahead_or_with_a_role_that_may_change_it_it_warns_and_serves() {
    on_postgres(async || {
        let mut live = Live::migrated().await;
        live.run("INSERT INTO supervision_finance.seaql_migrations VALUES ('m2099_later', 0)")
            .await;
        let server = Server::start(&mut serve(live.database.url()));
        assert!(
            server.log().contains("may change the schema"),
            "{}",
            server.log()
        );
        assert!(server.log().contains("m2099_later"), "{}", server.log());
        let (status, text) = server.ready().await;
        assert_eq!(status, 200, "{text}");
        assert!(
            text.contains("may change the schema") && text.contains("lacks"),
            "{text}"
        );
        drop(server);

        live.run("DELETE FROM supervision_finance.seaql_migrations WHERE version = 'm2099_later'")
            .await;
        let service = live.role("service", "LOGIN").await;
        let set = live.migration(&["access", "set", &service, "read-write"]);
        assert!(set.status.success(), "{}", err(&set));
        let server = Server::start(&mut serve(&live.url_as(&service)));
        assert!(!server.log().contains("WARN"), "{}", server.log());
        assert_eq!(server.ready().await, (200, "ready\n".to_owned()));
        drop(server);
        live.drop().await;
    });
}
