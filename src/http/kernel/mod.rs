//! What every wing uses: sockets, bodies, sign-in, problems, documents. It imports no wing; `http/mod.rs` gives it what it needs
//! of them as data.

pub(super) mod address;
pub(super) mod alarm;
pub(super) mod answer;
pub(super) mod auth;
pub(super) mod body;
pub(super) mod bounds;
pub(super) mod connections;
pub(super) mod cors;
pub(super) mod docs;
pub(super) mod extract;
pub(super) mod fallback;
pub(super) mod faults;
pub(super) mod fixed;
pub(super) mod json_response;
pub(super) mod lag;
pub(super) mod listening;
pub(super) mod middleware;
pub mod names;
pub(super) mod node;
pub mod object;
pub(super) mod paging;
pub mod problem;
pub(super) mod rate;
pub(super) mod reader;
pub(super) mod relay;
pub(super) mod request_id;
pub(super) mod room;
pub(super) mod slices;
pub(super) mod state;
pub(super) mod text;
pub(super) mod trail;
pub(super) mod unread;
pub(super) mod waiting;
pub mod whole;
pub mod wording;
