//! Red flags and the care level. They are evaluated before the score, separately from it, and on partial answers too.

use serde::{Deserialize, Serialize};

/// How soon a person should be seen, low to high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CareLevel {
    /// No alarm sign was reported, and every alarm question was answered.
    SelfCare,
    /// A consultation, not urgent.
    Consultation,
    /// A consultation within 24 hours.
    #[serde(rename = "consultation_24h")]
    Consultation24h,
    /// An emergency department, now.
    Emergency,
    /// An ambulance, now.
    EmergencyAmbulance,
}

impl CareLevel {
    /// Every level, low to high.
    pub const ALL: [Self; 5] =
        [Self::SelfCare, Self::Consultation, Self::Consultation24h, Self::Emergency, Self::EmergencyAmbulance];

    /// The level's name in JSON and its key in the texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SelfCare => "self_care",
            Self::Consultation => "consultation",
            Self::Consultation24h => "consultation_24h",
            Self::Emergency => "emergency",
            Self::EmergencyAmbulance => "emergency_ambulance",
        }
    }

    /// Whether a consultation is offered; not when the person must not wait for the clinic.
    #[must_use]
    pub const fn offers_consultation(self) -> bool {
        matches!(self, Self::Consultation | Self::Consultation24h)
    }
}

#[cfg(test)]
mod tests {
    use super::CareLevel;

    #[test]
    fn the_name_in_json_is_the_key_in_the_texts() {
        for level in CareLevel::ALL {
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
    }
}
