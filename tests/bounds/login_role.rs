//! Database privileges of the running service: its login role is not a superuser, owns nothing, and cannot switch to a role
//! that can do more.

use sqlx::PgConnection;

use crate::service::Place;

/// The number of connections of the service, and those of their roles that are or can become a superuser, a role that
/// bypasses row-level security or creates roles, or an owner of tables.
async fn privileged(owner: &mut PgConnection) -> (i64, Vec<String>) {
    let connections = "select count(*) from pg_stat_activity where application_name = 'sarcoscreen'";
    let connections: i64 = sqlx::query_scalar(connections).fetch_one(&mut *owner).await.unwrap();
    let privileged = "select distinct a.usename::text from pg_stat_activity a join pg_roles r
        on pg_has_role(a.usesysid, r.oid, 'member')
        where a.application_name = 'sarcoscreen' and (r.rolsuper or r.rolbypassrls or r.rolcreaterole
            or exists (select from pg_class t where t.relowner = r.oid))";
    (connections, sqlx::query_scalar(privileged).fetch_all(owner).await.unwrap())
}

#[tokio::test]
async fn no_connection_of_the_service_can_become_a_superuser() {
    let place = Place::new().await;
    place.run(&["migrate"]);
    let service = place.serve();
    // Responds once the service has a connection.
    service.get("", "/health/ready").await;
    let (connections, found) = privileged(&mut place.connect().await).await;
    assert!(connections > 0);
    assert_eq!(found, Vec::<String>::new(), "of {connections} connections");
    service.stop();
}
