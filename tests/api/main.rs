//! API tests: the real server on a free port, one database a test, over a PostgreSQL that the run starts itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod access;
mod audit;
mod batch;
mod bodies;
mod cds_hooks;
mod clinics;
mod conformance;
mod credentials;
mod day;
mod durability;
mod embedded;
mod exports;
mod fhir;
mod fields;
mod follow_ups;
mod group_commit;
mod history;
mod idempotency;
mod imports;
mod instances;
mod key_rotation;
mod limits;
mod lists;
mod lock_order;
mod privacy;
mod problems;
mod program;
mod questionnaire;
mod raw;
mod replica;
mod row_security;
mod rule_tables;
mod scale;
mod schema;
mod screening;
mod senders;
mod server;
mod stats;
mod subject_records;
mod subjects;
mod tokens;
mod upgrade;
mod webhooks;
mod world;
