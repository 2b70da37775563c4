//! The text of an error with its causes, for the log and the command line.

use std::error::Error;
use std::iter::successors;

/// The error with its causes on one line. A cause that the text already states is not repeated.
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    for cause in successors(error.source(), |cause| (**cause).source()) {
        let stated = cause.to_string();
        if !text.contains(&stated) {
            text.push_str(": ");
            text.push_str(&stated);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Failed(&'static str, #[source] io::Error);

    #[test]
    fn each_cause_is_stated_once() {
        let cause = || io::Error::other("the disk is full");
        assert_eq!(with_causes(&Failed("cannot write", cause())), "cannot write: the disk is full");
        assert_eq!(with_causes(&Failed("cannot write, the disk is full", cause())), "cannot write, the disk is full");
    }
}
