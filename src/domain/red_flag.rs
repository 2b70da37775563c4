//! Red flags and the care level: evaluated before the score, apart from it, and on partial answers too.

use serde::{Deserialize, Serialize};

/// How soon somebody should be seen, low to high.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CareLevel {
    /// Nothing alarming was reported, and every alarm question was answered.
    SelfCare,
    /// A consultation, when it suits.
    Consultation,
    /// Seen within 24 hours.
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

    /// The level's name on the wire and its key in the texts.
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

    /// Whether a consultation is the right thing to offer: not to somebody who must not wait for the clinic.
    #[must_use]
    pub const fn offers_consultation(self) -> bool {
        matches!(self, Self::Consultation | Self::Consultation24h)
    }
}

#[cfg(test)]
mod tests {
    use super::CareLevel;

    #[test]
    fn the_name_on_the_wire_is_the_name_in_the_texts() {
        for level in CareLevel::ALL {
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
    }
}
