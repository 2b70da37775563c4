//! What was measured of the total of a rule table, as its page shows it.

use super::entries::Entries;
use crate::domain::screening::evidence::{BandEvidence, TotalEvidence};

/// The figures for one outcome. Outcome, data and note are in English.
pub(super) struct Measured<'a> {
    pub outcome: &'a str,
    pub data: &'a str,
    /// The people, those with the outcome, and the day.
    pub people: String,
    pub area: String,
    pub bands: Vec<MeasuredBand<'a>>,
    /// Empty without a note.
    pub note: &'a str,
}

/// The figures of everyone whose total is at least the lowest of a band.
pub(super) struct MeasuredBand<'a> {
    /// The totals.
    pub range: String,
    pub band: &'a str,
    pub figures: String,
}

impl<'a> Entries<'a> {
    pub(super) fn evidence(self) -> Vec<Measured<'a>> {
        self.words.table.evidence.iter().map(|measured| self.measured(measured)).collect()
    }

    fn measured(self, measured: &'a TotalEvidence) -> Measured<'a> {
        let people = self.texts.evidence_people.replace("{people}", &measured.people.to_string());
        let people = people.replace("{cases}", &measured.cases.to_string());
        Measured {
            outcome: &measured.outcome,
            data: &measured.data,
            people: people.replace("{day}", &measured.measured_on.to_string()),
            area: self.words.share(&measured.area),
            bands: measured.bands.iter().map(|band| self.measured_band(band)).collect(),
            note: measured.note.as_deref().unwrap_or_default(),
        }
    }

    fn measured_band(self, measured: &BandEvidence) -> MeasuredBand<'a> {
        let from = self.words.table.bands.lowest(measured.band).to_string();
        let figures = self.texts.evidence_at.replace("{flagged}", &self.words.share(&measured.flagged));
        let figures = figures.replace("{sensitivity}", &self.words.share(&measured.sensitivity));
        MeasuredBand {
            range: format!("{} {}", self.texts.band_range, self.texts.band_from.replace("{from}", &from)),
            band: self.words.band(measured.band),
            figures: figures.replace("{specificity}", &self.words.share(&measured.specificity)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;
    use crate::domain::screening::evidence;
    use crate::domain::screening::rule_table::{RuleFiles, RuleTable};
    use crate::domain::screening::words::Words;
    use crate::http::pages::texts;

    const FILES: [(&str, &str); 3] = [
        ("table.toml", include_str!("../../../rules/2026.1/table.toml")),
        ("texts.en.toml", include_str!("../../../rules/2026.1/texts.en.toml")),
        ("texts.es.toml", include_str!("../../../rules/2026.1/texts.es.toml")),
    ];

    const ENTRY: &str = r#"
        [[evidence]]
        rule_table = "2026.1"
        outcome = "made up"
        data = "no person in it is real"
        measured_on = "2099-01-31"
        people = 1200
        cases = 240
        area = { percent = 80.5, low = 75.0, high = 85.0 }
        [[evidence.bands]]
        band = "high"
        flagged = { percent = 20.0 }
        sensitivity = { percent = 60.0, low = 50.5, high = 70.0 }
        specificity = { percent = 90.0 }
    "#;

    #[test]
    fn an_entry_states_people_area_and_the_figures_from_each_band_on() {
        let files: RuleFiles = FILES.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let mut table = RuleTable::read(&files).unwrap();
        table.evidence = evidence::read(ENTRY).unwrap();
        let high = table.bands.high;
        for (language, people, area, range, figures) in [
            (
                Language::En,
                "1200 people, 240 of them with the outcome. Measured on 2099-01-31.",
                "80.5 % (75 to 85)",
                format!("Total {high} and more"),
                "Flagged 20 %; sensitivity 60 % (50.5 to 70); specificity 90 %.",
            ),
            (
                Language::Es,
                "1200 personas, 240 de ellas con el resultado. Medido el 2099-01-31.",
                "80,5 % (de 75 a 85)",
                format!("Total {high} o más"),
                "Señaladas 20 %; sensibilidad 60 % (de 50,5 a 70); especificidad 90 %.",
            ),
        ] {
            let Ok(texts) = texts::of(language) else { panic!("{language:?}") };
            let found = Entries { words: Words { table: &table, language }, texts: &texts.rules }.evidence();
            let [one] = &found[..] else { panic!("{} entries", found.len()) };
            assert_eq!((one.outcome, one.data, one.note), ("made up", "no person in it is real", ""));
            assert_eq!((&*one.people, &*one.area), (people, area));
            let [band] = &one.bands[..] else { panic!("{} bands", one.bands.len()) };
            assert_eq!((&*band.range, &*band.figures), (&*range, figures));
            assert!(!band.band.is_empty());
        }
    }
}
