//! API tests: the real server on port 0, one database a test.
