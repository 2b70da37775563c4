//! The login role of the service in the database. It owns nothing and may create nothing; it can only switch to one of the
//! working roles of migration 0022. The owner of the database creates it. The owner also creates the working roles when a
//! dump that needs them is restored before any migration.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres, Transaction};

use crate::store::error::{Result, StoreError};

/// The login role of the private PostgreSQL, and the name that the documentation uses.
pub const LOGIN: &str = "sarcoscreen_service";

const WORKING: [&str; 4] = ["sarcoscreen_app", "sarcoscreen_writer", "sarcoscreen_auth", "sarcoscreen_jobs"];

/// Creates missing working roles, as migration 0022 does.
const MAKE_WORKING: &str = "do $$
declare
    name text;
begin
    foreach name in array array['sarcoscreen_app', 'sarcoscreen_writer', 'sarcoscreen_auth', 'sarcoscreen_jobs'] loop
        begin
            if not exists (select from pg_roles where rolname = name) then
                execute format('create role %I nologin', name);
                if not pg_has_role(current_user, name, 'member') then
                    execute format('grant %I to %I', name, current_user);
                end if;
            end if;
        exception when duplicate_object or unique_violation then
            null; -- another database of this cluster was faster
        end;
    end loop;
end
$$";

/// The rights of the login role in one database besides switching to a working role, and two rights that only the owner
/// keeps. The placeholders are the role, the schema and the database. Temporary tables are forbidden, because one would
/// hide a real table from every later request on the same connection.
pub(in crate::store) const RIGHTS: [&str; 5] = [
    "grant connect on database %3$I to %1$I",
    "grant usage on schema %2$I to %1$I",
    "grant select on _sqlx_migrations to %1$I",
    "revoke create on schema %2$I from public",
    "revoke temporary on database %3$I from public",
];

/// Creates the login role `name`, or grants an existing role its missing rights, and sets its password if one is given,
/// in one transaction. `rights` are [`RIGHTS`], or none if the database has no tables yet. Fails when the owner lacks the
/// right, or when the role has more rights than a login role may have.
pub(in crate::store) async fn make(
    owner: &mut PgConnection,
    name: &str,
    password: Option<&str>,
    rights: &[&str],
) -> Result<()> {
    let mut transaction = owner.begin().await?;
    // Several processes may start at the same time.
    sqlx::query("select pg_advisory_xact_lock(hashtextextended('sarcoscreen login', 0))")
        .execute(&mut *transaction)
        .await?;
    sqlx::raw_sql(MAKE_WORKING).execute(&mut *transaction).await.map_err(|error| not_made(error, name))?;
    let mut wanted = Vec::new();
    match privileged(&mut transaction, name).await? {
        Some(true) => return Err(StoreError::PrivilegedLogin(name.to_owned())),
        Some(false) => {}
        None => wanted.push("create role %1$I login noinherit".to_owned()),
    }
    for role in lacking(&mut transaction, name).await? {
        wanted.push(format!("grant {role} to %1$I"));
    }
    wanted.extend(rights.iter().map(|right| (*right).to_owned()));
    for template in wanted {
        run(&mut transaction, &template, name, "").await.map_err(|error| not_made(error, name))?;
    }
    if let Some(password) = password {
        set_password(&mut transaction, name, password).await?;
    }
    Ok(transaction.commit().await?)
}

/// Whether a role could bypass row security or change the schema. `None` if the role does not exist.
async fn privileged(connection: &mut PgConnection, name: &str) -> Result<Option<bool>> {
    Ok(sqlx::query_scalar!(
        r#"select rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
                  or pg_has_role(oid, current_user, 'member') as "privileged!"
           from pg_roles where rolname = $1"#,
        name
    )
    .fetch_optional(connection)
    .await?)
}

/// The working roles that a role cannot switch to yet.
async fn lacking(connection: &mut PgConnection, name: &str) -> Result<Vec<String>> {
    let working = WORKING.map(str::to_owned);
    let found = sqlx::query_scalar!(
        r#"select w as "role!" from unnest($2::text[]) w
           where not exists (select from pg_roles r where rolname = $1 and pg_has_role(r.oid, w, 'member'))"#,
        name,
        &working[..]
    );
    Ok(found.fetch_all(connection).await?)
}

/// Sets the password. If the owner lacks the right to set it, the password stays unchanged.
async fn set_password(transaction: &mut Transaction<'_, Postgres>, name: &str, password: &str) -> Result<()> {
    // The server may log statements, so the statement contains the verifier, which the server stores, and not the password.
    let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
    let mut attempt = transaction.begin().await?;
    match run(&mut attempt, "alter role %1$I password %4$L", name, &verifier).await {
        Ok(()) => Ok(attempt.commit().await?),
        Err(error) if denied(&error) => {
            attempt.rollback().await?;
            tracing::warn!(role = name, %error, "the owner may not set the password of the login role; it is unchanged");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn denied(error: &sqlx::Error) -> bool {
    // insufficient_privilege
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42501"))
}

fn not_made(error: sqlx::Error, name: &str) -> StoreError {
    if denied(&error) { StoreError::LoginNotMade(name.to_owned(), error.to_string()) } else { error.into() }
}

/// Runs a statement. The server itself quotes the names and texts.
async fn run(connection: &mut PgConnection, template: &str, name: &str, text: &str) -> Result<(), sqlx::Error> {
    let quoted = sqlx::query_scalar!(
        r#"select format($1::text, $2::text, current_schema(), current_database(), $3::text) as "statement!""#,
        template,
        name,
        text
    );
    let statement = quoted.fetch_one(&mut *connection).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}
