//! The `sarcoscreen` binary.

fn main() {}
