//! The table of open connections: their maximum number, the state of each, and the order in which idle ones are closed.
//!
//! A request is in progress from its head to the last byte of its response. A connection is idle if it has no request in
//! progress and has sent no part of the next one. At the limit, the connection that has been idle longest is closed for a new
//! one; if none is idle, the new one is refused.

mod head_end;
mod stream;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::task::AtomicWaker;
use ipnet::IpNet;
use metrics::{counter, gauge};

use crate::app::access::limits::place;

use head_end::HeadEnd;
pub(in crate::http) use stream::{Deadlines, Guarded};

/// An address that is not a trusted proxy may have at most one tenth of all connections.
const SHARE: usize = 10;
/// Length value of a body of unknown length.
pub(in crate::http) const CHUNKED: u64 = u64::MAX;
/// Maximum bytes of such a body that are passed on at once.
const CHUNK: usize = 1024;

pub(in crate::http) struct Connections {
    most: usize,
    trusted: Vec<IpNet>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    open: usize,
    /// Number of the next connection that becomes idle; connections that have been idle longer have lower numbers.
    next: u64,
    idle: BTreeMap<u64, Arc<Connection>>,
    places: HashMap<IpAddr, Place>,
}

#[derive(Default)]
struct Place {
    open: usize,
    idle: BTreeSet<u64>,
}

/// One connection, shared by request handlers, stream and table.
pub(in crate::http) struct Connection {
    connections: Arc<Connections>,
    /// Address whose share the connection uses; `None` for a trusted proxy.
    place: Option<IpAddr>,
    /// Number among the idle connections, 0 while busy. Changed only while the table is locked.
    idle: AtomicU64,
    /// Whether the connection was closed for another one. Changed only while the table is locked.
    closed: AtomicBool,
    begun: AtomicU64,
    /// Number of requests whose response is not complete.
    under_way: AtomicUsize,
    /// Bytes of the current request's body that are still to be read; [`CHUNKED`] while unknown.
    body: AtomicU64,
    /// Whether the stream waits for the response before it reads on.
    read_denied: AtomicBool,
    /// The task to wake when reading may continue, or when the connection is to close.
    waker: AtomicWaker,
}

/// A place in the table, released when the connection ends.
pub(in crate::http) struct Seat(Arc<Connection>);

/// A request in progress; dropping this ends it.
pub(in crate::http) struct UnderWay(Arc<Connection>);

impl Connections {
    /// A table for at most `most` connections.
    pub(in crate::http) fn new(most: usize, trusted: Vec<IpNet>) -> Self {
        Self { most, trusted, table: Mutex::default() }
    }

    /// Adds a connection; `None` if the limit is reached and no connection can be closed.
    pub(in crate::http) fn admit(self: &Arc<Self>, address: IpAddr) -> Option<Seat> {
        let address = address.to_canonical();
        let place = (!self.trusted.iter().any(|network| network.contains(&address))).then(|| place(address));
        let mut table = self.table();
        let share = (self.most / SHARE).max(1);
        let makes_room = match place.and_then(|place| table.places.get(&place)) {
            Some(place) if place.open >= share => Some(place.idle.first().copied()),
            _ if table.open >= self.most => Some(table.idle.keys().next().copied()),
            _ => None,
        };
        if let Some(idle) = makes_room {
            let Some(idle) = idle else {
                counter!("sarcoscreen_connections_refused_total").increment(1);
                return None;
            };
            table.close(idle);
        }
        let connection = Arc::new(Connection {
            connections: Arc::clone(self),
            place,
            idle: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            begun: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            body: AtomicU64::new(0),
            read_denied: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        table.open += 1;
        if let Some(place) = place {
            table.places.entry(place).or_default().open += 1;
        }
        table.rest(&connection);
        table.tell();
        drop(table);
        Some(Seat(connection))
    }

    pub(in crate::http) fn open(&self) -> usize {
        self.table().open
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Closes an idle connection. Its place is free at once; its own task ends it when woken.
    fn close(&mut self, idle: u64) {
        let Some(connection) = self.idle.get(&idle).map(Arc::clone) else { return };
        connection.closed.store(true, Ordering::Release);
        self.leave(&connection);
        connection.waker.wake();
        counter!("sarcoscreen_connections_closed_idle_total").increment(1);
    }

    fn rest(&mut self, connection: &Arc<Connection>) {
        self.next += 1;
        connection.idle.store(self.next, Ordering::Relaxed);
        self.idle.insert(self.next, Arc::clone(connection));
        if let Some(place) = connection.place.and_then(|place| self.places.get_mut(&place)) {
            place.idle.insert(self.next);
        }
    }

    fn work(&mut self, connection: &Connection) {
        let idle = connection.idle.swap(0, Ordering::Relaxed);
        self.idle.remove(&idle);
        if let Some(place) = connection.place.and_then(|place| self.places.get_mut(&place)) {
            place.idle.remove(&idle);
        }
    }

    fn leave(&mut self, connection: &Connection) {
        self.work(connection);
        self.open -= 1;
        if let Some(address) = connection.place
            && let Some(place) = self.places.get_mut(&address)
        {
            place.open -= 1;
            if place.open == 0 {
                self.places.remove(&address);
            }
        }
    }

    fn tell(&self) {
        gauge!("sarcoscreen_connections").set(f64::from(u32::try_from(self.open).unwrap_or(u32::MAX)));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let connection = &self.0;
        let mut table = connection.connections.table();
        if !connection.closed.swap(true, Ordering::Relaxed) {
            table.leave(connection);
            table.tell();
        }
    }
}

impl Connection {
    /// Begins a request whose body has `body` bytes.
    pub(in crate::http) fn begin(self: &Arc<Self>, body: u64) -> UnderWay {
        self.set_idle(false);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        self.body.store(body, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// The body of the current request was read completely, or will not be read.
    pub(in crate::http) fn body_ended(&self) {
        self.body.store(0, Ordering::Relaxed);
    }

    fn set_idle(self: &Arc<Self>, idle: bool) {
        if idle == (self.idle.load(Ordering::Relaxed) != 0) {
            return;
        }
        let mut table = self.connections.table();
        if self.closed.load(Ordering::Relaxed) {
            return;
        }
        if idle {
            table.rest(self);
        } else {
            table.work(self);
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn at_rest(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0
    }

    /// Whether the stream may read: the next request is read only after the current one is answered.
    fn may_read(&self) -> bool {
        let may = self.at_rest() || self.body.load(Ordering::Relaxed) > 0;
        self.read_denied.store(!may, Ordering::Relaxed);
        may
    }

    /// How many of `count` bytes to pass on for the body before they are parsed; `None` for all of them.
    fn take_of_body(&self, count: usize) -> Option<usize> {
        let left = self.body.load(Ordering::Relaxed);
        if left == CHUNKED {
            // Requests may follow a chunked body, and only the framework finds its end.
            return Some(count.min(CHUNK));
        }
        let fit = usize::try_from(left).map_or(count, |left| count.min(left));
        self.body.store(left - fit as u64, Ordering::Relaxed);
        (fit < count).then_some(fit)
    }

    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Self(connection) = self;
        connection.body_ended();
        if connection.under_way.fetch_sub(1, Ordering::Relaxed) == 1 {
            connection.set_idle(true);
        }
        if connection.read_denied.swap(false, Ordering::Relaxed) {
            connection.waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holding(most: usize) -> Arc<Connections> {
        Arc::new(Connections::new(most, vec!["10.0.0.0/8".parse().unwrap()]))
    }

    fn admit(connections: &Arc<Connections>, address: &str) -> Option<Seat> {
        connections.admit(address.parse().unwrap())
    }

    #[test]
    fn the_longest_idle_connection_is_closed_for_a_new_one() {
        let connections = holding(3);
        let seats: Vec<_> = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(|from| admit(&connections, from).unwrap()).into();
        seats[0].0.set_idle(false);
        let newcomer = admit(&connections, "10.0.0.4").unwrap();
        let closed: Vec<_> = seats.iter().map(|seat| seat.0.is_closed()).collect();
        assert_eq!(closed, [false, true, false]);
        assert!(!newcomer.0.is_closed());
        assert_eq!(connections.table().open, 3);
    }

    #[test]
    fn a_new_connection_is_refused_if_none_is_idle_and_admitted_when_one_ends() {
        let connections = holding(2);
        let first = admit(&connections, "10.0.0.1").unwrap();
        let second = admit(&connections, "10.0.0.1").unwrap();
        first.0.set_idle(false);
        second.0.set_idle(false);
        assert!(admit(&connections, "10.0.0.1").is_none());
        drop(first);
        assert!(admit(&connections, "10.0.0.1").is_some());
    }

    #[test]
    fn an_address_has_a_tenth_and_closes_its_own_idle_connections_only() {
        let connections = holding(20);
        let other = admit(&connections, "192.0.2.9").unwrap();
        let seats = ["192.0.2.1"; 2].map(|from| admit(&connections, from).unwrap());
        seats[0].0.set_idle(false);
        let third = admit(&connections, "192.0.2.1").unwrap();
        assert!(seats[1].0.is_closed() && !other.0.is_closed());
        third.0.set_idle(false);
        assert!(admit(&connections, "192.0.2.1").is_none());
        assert!(admit(&connections, "::ffff:192.0.2.1").is_none());
        assert!(admit(&connections, "192.0.2.2").is_some());
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_address_and_a_trusted_proxy_has_no_share() {
        let connections = holding(20);
        let seats = ["2001:db8::1", "2001:db8::2"].map(|from| admit(&connections, from).unwrap());
        for seat in &seats {
            seat.0.set_idle(false);
        }
        assert!(admit(&connections, "2001:db8::3").is_none());
        assert!(admit(&connections, "2001:db8:0:1::3").is_some());
        let proxied: Vec<_> = (0..17).map(|_| admit(&connections, "10.0.0.1").unwrap()).collect();
        assert_eq!(proxied.len(), 17);
    }

    #[test]
    fn ended_connections_leave_no_entries() {
        let connections = holding(10);
        let seats: Vec<_> = (1..=5).map(|last| admit(&connections, &format!("192.0.2.{last}")).unwrap()).collect();
        seats[0].0.set_idle(false);
        let closed = admit(&connections, "192.0.2.2").unwrap();
        drop((seats, closed));
        let table = connections.table();
        assert_eq!((table.open, table.idle.len(), table.places.len()), (0, 0, 0));
    }
}
