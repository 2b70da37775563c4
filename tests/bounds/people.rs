//! Clinics and keys, created with the operator commands.

use crate::service::Place;

pub(crate) fn clinic(place: &Place, name: &str) {
    let settings = ["--booking-url", "https://clinic.example", "--emergency-number", "112"];
    place.run(&[&["clinics", "create", "--name", name][..], &settings].concat());
}

pub(crate) fn mint(place: &Place, clinic: &str, role: &str) -> String {
    let output = place.run(&["keys", "mint", "--clinic", clinic, "--role", role, "--name", role]);
    output.split_whitespace().find(|word| ["sk_", "pk_"].iter().any(|mark| word.starts_with(mark))).unwrap().to_owned()
}
