//! The demo clinic.
