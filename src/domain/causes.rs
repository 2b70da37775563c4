//! The text of an error with its causes, for the log and the command line.

use std::error::Error;

/// The error with its causes on one line. A cause that the text already states is not repeated.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let stated = error.to_string();
        if !text.contains(&stated) {
            text.push_str(": ");
            text.push_str(&stated);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::{fmt, io};

    use super::*;

    #[derive(Debug)]
    struct Failed(&'static str, io::Error);

    impl fmt::Display for Failed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Failed {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.1)
        }
    }

    #[test]
    fn each_cause_is_stated_once() {
        let cause = || io::Error::other("the disk is full");
        assert_eq!(with_causes(&Failed("cannot write", cause())), "cannot write: the disk is full");
        assert_eq!(with_causes(&Failed("cannot write, the disk is full", cause())), "cannot write, the disk is full");
    }
}
