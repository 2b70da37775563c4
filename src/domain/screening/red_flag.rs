//! Red flags and the care level. They are evaluated before the score, separately from it, and on partial answers too.

use crate::names::names;

names! {
    /// How soon a person should be seen, low to high.
    #[derive(PartialOrd, Ord)]
    pub enum CareLevel {
        /// No alarm sign was reported, and every alarm question was answered.
        SelfCare = "self_care",
        /// A consultation, not urgent.
        Consultation = "consultation",
        /// A consultation within 24 hours.
        Consultation24h = "consultation_24h",
        /// An emergency department, now.
        Emergency = "emergency",
        /// An ambulance, now.
        EmergencyAmbulance = "emergency_ambulance",
    }
}

impl CareLevel {
    /// Whether a consultation is offered; not when the person must not wait for the clinic.
    #[must_use]
    pub const fn offers_consultation(self) -> bool {
        matches!(self, Self::Consultation | Self::Consultation24h)
    }
}
