//! Finds the end of a request head in bytes that arrive in parts.

/// State after the bytes so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeadEnd {
    /// Whether the bytes so far end with a line end.
    line_ended: bool,
}

impl HeadEnd {
    /// Returns how many of the next bytes belong to the current head: up to and including an empty line. `None` if the head does
    /// not end in these bytes. After `Some`, the next call starts at the next head.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        for (index, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if self.line_ended => {
                    self.line_ended = false;
                    return Some(index + 1);
                }
                b'\n' => self.line_ended = true,
                b'\r' => {}
                _ => self.line_ended = false,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The end of each head in a text that arrives in parts of this size.
    fn heads(text: &str, part: usize) -> Vec<usize> {
        let (mut end, mut found, mut before) = (HeadEnd::default(), Vec::new(), 0);
        for part in text.as_bytes().chunks(part) {
            let mut from = 0;
            while let Some(count) = end.find(&part[from..]) {
                from += count;
                found.push(before + from);
            }
            before += part.len();
        }
        found
    }

    #[test]
    fn a_head_ends_with_an_empty_line_however_it_arrives() {
        let text = "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HTTP/1.1\nhost: x\n\nGET / HTTP/1.1\r\n";
        for part in [1, 2, 3, 7, 100] {
            assert_eq!(heads(text, part), [27, 51], "in parts of {part}");
        }
    }
}
