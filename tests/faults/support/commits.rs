//! Detects commits in the bytes that a PostgreSQL client sends.

/// The bytes of one connection, from its start.
#[derive(Default)]
pub(super) struct Commits {
    buffer: Vec<u8>,
    /// Whether the start-up message was read; messages before it have no type byte.
    started: bool,
    /// Whether the last prepared statement commits.
    prepared: bool,
}

/// The protocol number in a start-up message.
const PROTOCOL: u32 = 3 << 16;

impl Commits {
    /// Whether these bytes complete a message that commits.
    pub(super) fn seen_in(&mut self, bytes: &[u8]) -> bool {
        self.buffer.extend_from_slice(bytes);
        let mut seen = false;
        while let Some((kind, body)) = self.message() {
            seen |= match kind {
                b'Q' => commits(&body),
                // A name, then the statement.
                b'P' => {
                    let text = body.splitn(2, |byte| *byte == 0).nth(1).unwrap_or_default();
                    self.prepared = commits(text);
                    false
                }
                b'E' => self.prepared,
                _ => false,
            };
        }
        seen
    }

    /// The next complete message: its type and its body.
    fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = usize::from(self.started);
        let length = self.buffer.get(head..head + 4)?;
        let length = usize::try_from(u32::from_be_bytes(length.try_into().unwrap())).unwrap();
        if self.buffer.len() < head + length {
            return None;
        }
        let message: Vec<u8> = self.buffer.drain(..head + length).collect();
        if self.started {
            return Some((message[0], message[5..].to_vec()));
        }
        self.started = message[4..8] == PROTOCOL.to_be_bytes();
        Some((0, Vec::new()))
    }
}

/// Whether one of the statements of a text commits.
fn commits(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let text = text.split('\0').next().unwrap_or_default();
    text.split(';').any(|statement| statement.trim().eq_ignore_ascii_case("commit"))
}

#[test]
fn commits_are_found_for_any_split_of_the_bytes() {
    let query = |text: &str| {
        let length = u32::try_from(text.len() + 5).unwrap();
        [&b"Q"[..], &length.to_be_bytes(), text.as_bytes(), b"\0"].concat()
    };
    let startup = [&8_u32.to_be_bytes()[..], &PROTOCOL.to_be_bytes()].concat();
    let bytes = [startup, query("select 'commit'"), query("COMMIT"), query("set x = 1; commit")].concat();
    for size in [1, 3, bytes.len()] {
        let mut commits = Commits::default();
        let parts = bytes.chunks(size).filter(|part| commits.seen_in(part)).count();
        assert_eq!(parts, if size == bytes.len() { 1 } else { 2 }, "in parts of {size}");
    }
}
