//! The page after sending: what to do first, then what the answers came to and how far to trust it. It shows what the API
//! shows of the stored assessment.

use std::sync::Arc;

use askama::Template;

use super::alarm::{Call, calls, calls_first};
use super::filled::Contacting;
use super::visit::Visit;
use crate::app::error::AppError;
use crate::app::screening::rule_tables;
use crate::domain::screening::assessment::Finding;
use crate::domain::screening::instrument::{InstrumentResult, Outcome};
use crate::domain::screening::pathway::PathwayResult;
use crate::domain::screening::red_flag::CareLevel;
use crate::domain::screening::rule_table::{Band, Id, RuleTable};
use crate::domain::screening::scoring::open_alarms;
use crate::domain::screening::texts::Texts;
use crate::domain::screening::words::Words;
use crate::domain::subjects::contact::ContactWarning;
use crate::domain::submissions::stored::StoredSubmission;
use crate::http::kernel::problem::Problem;
use crate::http::kernel::wording::{Care, RedFlagBody, Wording, text};
use crate::http::pages::address::in_language;
use crate::http::pages::assets::SCREENING_MODULE;
use crate::http::pages::layout::Layout;
use crate::http::pages::rendered;
use crate::http::pages::texts::ScreeningTexts;

#[derive(Template)]
#[template(path = "pages/screening_outcome.html")]
struct OutcomePage<'a> {
    layout: Layout,
    texts: &'static ScreeningTexts,
    clinic: &'a str,
    level: &'static str,
    title: &'a str,
    care: String,
    reasons: Vec<String>,
    calls: Vec<Call>,
    /// Whether the numbers come before the text.
    calls_first: bool,
    booking: Option<Booking<'a>>,
    code: String,
    /// Whether the clinic contacts the person, and what the person can do.
    contact: &'static str,
    warnings: Vec<&'static str>,
    /// Reasons of lower levels.
    other_signs: Vec<String>,
    total: Total,
    label: &'a str,
    explanation: &'a str,
    bands: Vec<BandRow<'a>>,
    findings: Vec<FindingRow<'a>>,
    instruments: Vec<InstrumentRow<'a>>,
    pathways: Vec<PathwayRow<'a>>,
    advice: Vec<&'a str>,
    risks: Vec<&'a str>,
    next: Option<String>,
    rules: String,
    again: String,
}

struct Booking<'a> {
    address: &'a str,
    text: String,
}

/// The total on its scale, in points.
struct Total {
    text: String,
    lower: i32,
    /// The points that the missing answers leave open.
    width: i32,
    max: i32,
}

struct BandRow<'a> {
    range: String,
    label: &'a str,
    is_own: bool,
}

struct FindingRow<'a> {
    reason: &'a str,
    points: String,
}

struct InstrumentRow<'a> {
    name: &'a str,
    outcome: &'a str,
    total: String,
    trust: String,
    note: &'a str,
}

struct PathwayRow<'a> {
    name: &'a str,
    stage: &'a str,
}

/// The page of a stored submission, in the language in which it was first sent.
pub(super) async fn page(
    visit: &Visit<'_>,
    stored: &StoredSubmission,
    contacting: Contacting,
) -> Result<Vec<u8>, Problem> {
    let release = rule_tables::get(&visit.state.app, &stored.assessment.rule_table).await?;
    let table = &release.table;
    let shown = Shown { visit, stored, table, words: Words { table, language: visit.language } };
    rendered(&shown.page(contacting)?)
}

/// What was not kept of the contact data, for the person.
pub(super) fn warnings(texts: &'static ScreeningTexts, warnings: &[ContactWarning]) -> Vec<&'static str> {
    warnings.iter().filter_map(|warning| texts.warnings.get(warning.as_str())).map(String::as_str).collect()
}

struct Shown<'a> {
    visit: &'a Visit<'a>,
    stored: &'a StoredSubmission,
    table: &'a RuleTable,
    words: Words<'a>,
}

impl<'a> Shown<'a> {
    fn page(&self, contacting: Contacting) -> Result<OutcomePage<'a>, Problem> {
        let (visit, table, stored) = (self.visit, self.table, self.stored);
        let (texts, assessment) = (visit.texts, &stored.assessment);
        let wording = Wording { table, language: visit.language };
        let open = open_alarms(table, &stored.answers, assessment.care_level);
        let care = Care::of(assessment, open);
        let title = wording.care_title(&care);
        let flags: Vec<RedFlagBody> = assessment.red_flags.iter().filter_map(|id| wording.red_flag(id)).collect();
        let (own, others): (Vec<_>, Vec<_>) =
            flags.into_iter().partition(|flag| Some(flag.level.0) == assessment.care_level);
        let reasons = |flags: Vec<RedFlagBody>| flags.into_iter().map(|flag| flag.reason).collect::<Vec<_>>();
        let entries = self.texts().ok_or_else(|| AppError::RuleTable(Arc::clone(&table.version)))?;
        Ok(OutcomePage {
            layout: Layout::new(visit.language, &visit.address(""), title.to_owned(), Some(&SCREENING_MODULE.address))?,
            texts,
            clinic: &visit.clinic().name,
            level: assessment.care_level.map_or("unknown", CareLevel::as_str),
            title,
            care: wording.care_text(visit.clinic(), &care),
            reasons: reasons(own),
            calls: assessment.care_level.map(|level| calls(visit, level)).unwrap_or_default(),
            calls_first: assessment.care_level.is_some_and(calls_first),
            booking: assessment.offers_consultation().then(|| self.booking()),
            code: spaced(&stored.receipt_code.to_string()),
            // Where no appointment is offered, booking is not what the person should do.
            contact: match (contacting, assessment.offers_consultation()) {
                (Contacting::Allowed, true) => &texts.contact_allowed,
                (Contacting::Allowed, false) => &texts.contact_allowed_only,
                (Contacting::Refused, true) => &texts.contact_refused,
                (Contacting::Refused, false) => &texts.contact_refused_only,
                (Contacting::Impossible, _) => &texts.contact_missing,
            },
            warnings: warnings(texts, &stored.warnings),
            other_signs: reasons(others),
            total: self.total(),
            label: text(Some(&entries.bands), assessment.band().map_or("unsettled", Band::as_str)),
            explanation: &entries.outcome.explanation,
            bands: Band::ALL.into_iter().map(|band| self.band(band)).collect(),
            findings: assessment.findings.iter().filter_map(|finding| self.finding(finding)).collect(),
            instruments: assessment.instruments.iter().filter_map(|result| self.instrument(result)).collect(),
            pathways: self.pathways(entries),
            advice: texts_of(&assessment.recommendations, |id| self.words.recommendation(id)),
            risks: texts_of(&assessment.risks, |id| self.words.risk(id)),
            next: self.next_screen(),
            rules: in_language(&format!("/rules/{}", table.version), visit.language),
            again: visit.address(""),
        })
    }

    fn texts(&self) -> Option<&'a Texts> {
        self.table.texts(self.visit.language)
    }

    fn booking(&self) -> Booking<'a> {
        let clinic = self.visit.clinic();
        Booking { address: &clinic.booking_url, text: self.visit.texts.book.replace("{clinic}", &clinic.name) }
    }

    fn total(&self) -> Total {
        let (texts, score) = (self.visit.texts, self.stored.assessment.score);
        let max = self.table.max_total();
        let words = if score.lower == score.upper { &texts.result_settled } else { &texts.result_range };
        let words = words.replace("{lower}", &score.lower.to_string()).replace("{upper}", &score.upper.to_string());
        Total {
            text: words.replace("{max}", &max.to_string()),
            lower: score.lower,
            width: score.upper - score.lower,
            max,
        }
    }

    fn band(&self, band: Band) -> BandRow<'a> {
        let (bands, texts) = (self.table.bands, self.visit.texts);
        let next = Band::ALL.into_iter().find(|next| *next > band);
        let words = if next.is_some() { &texts.band_to } else { &texts.band_from };
        let to = next.map(|next| bands.lowest(next) - 1).unwrap_or_default();
        let range = words.replace("{from}", &bands.lowest(band).to_string()).replace("{to}", &to.to_string());
        let is_own = self.stored.assessment.band() == Some(band);
        BandRow { range, label: self.words.band(band), is_own }
    }

    fn finding(&self, finding: &Finding) -> Option<FindingRow<'a>> {
        let rule = self.table.rule(&finding.rule)?;
        let points = match finding.points {
            0 => self.visit.texts.counted_zero.clone(),
            points => self.words.points(points),
        };
        Some(FindingRow { reason: self.words.reason(rule), points })
    }

    /// The outcome in words, with the first published accuracy that has both shares.
    fn instrument(&self, result: &InstrumentResult) -> Option<InstrumentRow<'a>> {
        let texts = self.visit.texts;
        let instrument = self.table.instrument(&result.instrument)?;
        let shares = instrument.accuracy.iter().find_map(|row| Some((row.sensitivity?, row.specificity?)));
        // Figures of an instrument say nothing of a person for whom it was not made.
        let shares = shares.filter(|_| result.outcome != Outcome::NotApplicable);
        let trust = shares.map(|(found, cleared)| {
            let words = texts.of_100.replace("{found}", &format!("{:.0}", found.percent));
            words.replace("{cleared}", &format!("{:.0}", cleared.percent))
        });
        let number = |units: i32| self.words.decimal(i64::from(units) * 1000 / i64::from(instrument.scale()));
        let total = result.total.map(|total| texts.instrument_total.replace("{total}", &number(total)));
        let cut_off = self.words.cut_off(instrument);
        let total = total.map(|total| [Some(total), cut_off].into_iter().flatten().collect::<Vec<_>>().join(", "));
        let note = match result.outcome {
            Outcome::Negative => &texts.negative_note,
            Outcome::Undetermined => &texts.undetermined_note,
            Outcome::Positive => &texts.positive_note,
            Outcome::NotApplicable => &texts.not_applicable_note,
        };
        Some(InstrumentRow {
            name: self.words.instrument(&instrument.id),
            outcome: text(Some(&texts.outcomes), result.outcome.as_str()),
            total: total.unwrap_or_default(),
            trust: trust.unwrap_or_default(),
            note,
        })
    }

    fn pathways(&self, entries: &'a Texts) -> Vec<PathwayRow<'a>> {
        let row = |result: &PathwayResult| PathwayRow {
            name: self.words.pathway(result.pathway),
            stage: text(Some(&entries.stages), result.stage.as_str()),
        };
        self.stored.assessment.pathways.iter().map(row).collect()
    }

    fn next_screen(&self) -> Option<String> {
        let next = self.table.next_screen(&self.stored.assessment)?;
        let words = self.visit.texts.next_days.replace("{days}", &self.words.days(next.days));
        Some(format!("{words} {}", self.words.next_screen(next.band)))
    }
}

fn texts_of<'a>(ids: &[Id], text: impl Fn(&str) -> &'a str) -> Vec<&'a str> {
    ids.iter().map(|id| text(id)).filter(|text| !text.is_empty()).collect()
}

/// A receipt code in two groups of four, as it is read out.
fn spaced(code: &str) -> String {
    let (first, second) = code.split_at_checked(code.len() / 2).unwrap_or((code, ""));
    format!("{first} {second}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_out_in_two_groups() {
        assert_eq!(spaced("2T65TMHP"), "2T65 TMHP");
    }
}
