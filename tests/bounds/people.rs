//! Clinics and keys, created with the operator commands.

use crate::service::Place;

pub(crate) fn clinic(place: &Place, name: &str) {
    let told = ["--booking-url", "https://clinic.example", "--emergency-number", "112"];
    place.run(&[&["clinics", "create", "--name", name][..], &told].concat());
}

pub(crate) fn mint(place: &Place, clinic: &str, role: &str) -> String {
    let told = place.run(&["keys", "mint", "--clinic", clinic, "--role", role, "--name", role]);
    told.split_whitespace().find(|word| word.starts_with("sk_")).unwrap().to_owned()
}
