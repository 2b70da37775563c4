//! Memory limit for request bodies in progress. A body reserves its bytes before it is read and releases them when its last
//! part is dropped, so that bodies never fill the memory. Each credential and each clinic has a share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::web::{Bytes, BytesMut};
use uuid::Uuid;

use super::problem::{Problem, ProblemType};
use crate::domain::access::actor::Actor;

/// Default bytes for all bodies in progress: together with the responses and parsed data this keeps the process below 400 MiB.
pub const ROOM: usize = 128 * 1024 * 1024;
/// Maximum body of a request, bytes: a batch or a Bundle.
pub(in crate::http) const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// The memory limit of a process.
#[derive(Clone)]
pub(crate) struct Room(Arc<Shared>);

struct Shared {
    all: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// By id of credential or clinic; absent if nothing is in progress.
    each: HashMap<Uuid, usize>,
}

/// The reservation of one body.
pub(in crate::http) struct Place {
    room: Room,
    /// The credential and the clinic, each with its share.
    owners: [(Uuid, usize); 2],
    bytes: usize,
}

/// Bytes with their reservation.
struct Housed {
    bytes: BytesMut,
    _place: Place,
}

impl AsRef<[u8]> for Housed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Room {
    pub(crate) fn new(all: usize) -> Self {
        Self(Arc::new(Shared { all: all.max(LARGEST_BODY), taken: Mutex::default() }))
    }

    /// An empty reservation for a body of this caller. A credential has a quarter of the limit, its clinic a half; each can
    /// always send the largest body.
    pub(in crate::http) fn place_for(&self, actor: &Actor) -> Place {
        let share = |part: usize| (self.0.all / part).max(LARGEST_BODY);
        let owners = [(actor.credential_id.0, share(4)), (actor.clinic_id.0, share(2))];
        Place { room: self.clone(), owners, bytes: 0 }
    }

    #[cfg(test)]
    fn taken(&self) -> (usize, usize) {
        let taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        (taken.all, taken.each.len())
    }
}

impl Place {
    /// Reserves more bytes. Fails with 429 at the limit of the credential or clinic, and with 503 at the limit of the process.
    /// Both have `Retry-After`.
    pub(in crate::http) fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let mut taken = self.room.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |(owner, share): &(Uuid, usize)| taken.each.get(owner).copied().unwrap_or_default() + bytes > *share;
        if self.owners.iter().any(full) {
            let detail = "too many request bodies of this key or clinic are in progress";
            return Err(Problem::new(ProblemType::TooManyRequests, detail));
        }
        if taken.all + bytes > self.room.0.all {
            return Err(Problem::new(ProblemType::Unavailable, "too many request bodies are in progress"));
        }
        taken.all += bytes;
        for (owner, _) in self.owners {
            *taken.each.entry(owner).or_default() += bytes;
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Bytes that keep their reservation until their last part is dropped.
    pub(in crate::http) fn house(self, bytes: BytesMut) -> Bytes {
        Bytes::from_owner(Housed { bytes, _place: self })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.room.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= self.bytes;
        for (owner, _) in self.owners {
            if let Some(bytes) = taken.each.get_mut(&owner) {
                *bytes -= self.bytes;
                if *bytes == 0 {
                    taken.each.remove(&owner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::actor::Role;
    use crate::domain::ids::{ClinicId, CredentialId, SenderId};

    fn actor(clinic: u128, credential: u128) -> Actor {
        let (clinic_id, credential_id) = (ClinicId(Uuid::from_u128(clinic)), CredentialId(Uuid::from_u128(credential)));
        let sender_id = SenderId(credential_id.0);
        Actor { clinic_id, credential_id, sender_id, role: Role::Intake, web_form: false, request_id: None }
    }

    #[test]
    fn a_key_gets_a_quarter_a_clinic_a_half_and_all_of_it_is_released() {
        let room = Room::new(ROOM);
        let take = |clinic, credential, bytes| {
            let mut place = room.place_for(&actor(clinic, credential));
            place.take(bytes).map(|()| place).map_err(|problem| problem.kind())
        };
        let quarter = ROOM / 4;
        let first = take(1, 11, quarter).unwrap();
        assert_eq!(take(1, 11, 1).err(), Some(ProblemType::TooManyRequests));
        let second = take(1, 12, quarter).unwrap();
        assert_eq!(take(1, 13, 1).err(), Some(ProblemType::TooManyRequests));
        let others = [take(2, 21, quarter).unwrap(), take(3, 31, quarter).unwrap()];
        assert_eq!(take(4, 41, 1).err(), Some(ProblemType::Unavailable));
        let part = first.house(BytesMut::from("abc")).slice(1..2);
        assert_eq!(take(4, 41, 1).err(), Some(ProblemType::Unavailable), "a part of the body is in use");
        drop((part, second, others));
        assert_eq!(room.taken(), (0, 0));
    }

    #[test]
    fn each_can_send_the_largest_body_in_a_small_room() {
        let room = Room::new(1);
        assert!(room.place_for(&actor(1, 11)).take(LARGEST_BODY).is_ok());
        assert!(room.place_for(&actor(1, 11)).take(LARGEST_BODY + 1).is_err());
    }
}
