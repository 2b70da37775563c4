//! The output of commands.

use std::io::{self, Write as _};

/// Writes a result to the standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}

/// Writes a message that is not a result to the standard error stream.
pub(super) fn tell(line: &str) {
    // A failure to write to standard error cannot be reported anywhere.
    let _ = writeln!(io::stderr(), "{line}");
}
