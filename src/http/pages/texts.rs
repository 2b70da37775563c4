//! The texts of the pages, one TOML file for each language. A file with a missing, an additional or a misspelled text cannot
//! be read.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::app::error::AppError;
use crate::domain::language::Language;
use crate::http::kernel::problem::Problem;

/// Defines a section of the texts.
macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident { $($text:ident)* } $({ $($field:ident: $kind:ty,)* })?)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            $(pub $text: String,)*
            $($(pub $field: $kind,)*)?
        }
    )*};
}

texts! {
    /// All texts in one language.
    Texts {} {
        layout: LayoutTexts,
        problems: ProblemTexts,
        rules: RulesTexts,
        screening: ScreeningTexts,
        sign_in: SignInTexts,
        staff: StaffTexts,
    }

    LayoutTexts { skip languages name }

    ProblemTexts {
        home request_id not_found not_found_text too_many too_many_text unavailable unavailable_text refused
        refused_text
    }

    RulesTexts {
        versions_title versions_text current version read changes first digest
        title state_current state_earlier not_validated english all_versions as_json
        search search_button search_found search_none search_all
        contents total_title total_points total_unanswered total_most bands band_range band_from
        evidence_title evidence_text evidence_terms evidence_none evidence_people evidence_area evidence_at evidence_data
        rules_title alarms_title alarms_text instruments_title instruments_text pathways_title pathways_text advice_title
        risks_title next_title sources_title
        any_of all_of applies combination flags laboratory urgency family age_from cut_off method accuracy
        licence stage needs_performance case_finding strength_low performance_low findings flagged_by days note
        sources judgement changes_title changes_text changes_none changes_figures changes_wording before after
        nothing added removed changed compare
    } {
        // By the names of the domain's enumerations.
        sections: BTreeMap<String, String>,
        fields: BTreeMap<String, String>,
    }

    ScreeningTexts {
        start start_time start_unknown start_emergency privacy idle required unknown yes no progress
        none_help back go_on send start_again other_language request contact_title contact_question
        contact_yes contact_no contact_help contact_name contact_telephone contact_email contact_allowed
        contact_allowed_only contact_refused contact_refused_only contact_missing review_title review_text review_open
        review_unanswered review_change review_nothing review_contact_missing review_correct
        fault_prefix fault_title fault_required fault_whole fault_number fault_range fault_step fault_choice
        fault_both fault_weight fault_loss fault_consent call call_labelled alarm_goes_on alarm_unsent
        alarm_go_on unsent unsent_text closed closed_text suspended suspended_text busy busy_text unavailable
        unavailable_text refused refused_text sent_already sent_already_text code code_text book other_signs
        result_settled result_range band_to band_from own_band counted_title counted_none counted_zero
        instruments_title instruments_text instrument_total of_100 positive_note negative_note
        undetermined_note not_applicable_note advice_title risks_title next_title next_days rules_link
    } {
        // By the names of the domain's enumerations.
        outcomes: BTreeMap<String, String>,
        warnings: BTreeMap<String, String>,
    }

    SignInTexts {
        title title_fault key key_help sign_in ends ends_at_issuer at_issuer or_key no_tls no_key wrong_key too_many
        not_staff suspended not_at_issuer signed_out signed_in signed_in_as go_on sign_out as_another
    }

    /// The pages of staff.
    StaffTexts {} {
        desk: DeskTexts,
        worklist: WorklistTexts,
        case: CaseTexts,
        commands: CommandTexts,
        again: AgainTexts,
        search: SearchTexts,
        statistics: StatisticsTexts,
        exports: ExportTexts,
        names: StaffNames,
    }

    DeskTexts {
        worklist search statistics exports navigation sign_out months zone keys keys_use key_next key_previous
        key_open key_note key_contact key_reload key_help signed_out
    }

    WorklistTexts {
        title title_person take_next filters apply everything state not_closed urgency any whose mine unassigned due
        only_overdue origin order read_at changed again empty empty_text cases nameless aged overdue attempts no_assignee
        yours other_staff select next_page
    }

    CaseTexts {
        title missing missing_text to_worklist again why no_reason unflagged contact consent_refused consent_unknown
        contact_unknown name telephone email channel language codes next others nothing_next state due whose
        flagged_at last_received_at attempts missed appointment corrected_at closed_at outcome reason diagnosis grip
        chair_stands result received rules alarms total range counted nothing_counted instruments pathways answers
        none_of_these screens screens_text answered band is_test is_corrected is_imported history by
    }

    CommandTexts {
        note note_too to to_you reached not_reached appointment appointment_hint outcome reason diagnosis grip
        chair_stands only_attended blank together together_help together_button together_closed together_refused
        open_case back
    }

    AgainTexts {
        title faults faults_text refused changed changed_text changed_by_you changed_by_you_text by_service what by
        at state leave do_again
    }

    SearchTexts {
        title title_fault by text button nothing_typed no_code found_none found is_full may_contact may_not_contact
        since
    }

    StatisticsTexts {
        title from_day to_day show summary submissions_total flagged_total open_total overdue_total closed_total days
        days_text days_table days_utc day submissions flagged bands findings instruments states ages outcomes diagnoses
        below_days older what count value value_text value_for as_exports
    }

    ExportTexts {
        title text follow_ups follow_ups_text submissions submissions_text format csv ndjson flagged only_flagged
        only_unflagged download
    }

    StaffNames {} {
        // By the names of the domain's enumerations, or of the service's own.
        states: BTreeMap<String, String>,
        urgencies: BTreeMap<String, String>,
        origins: BTreeMap<String, String>,
        orders: BTreeMap<String, String>,
        commands: BTreeMap<String, String>,
        helps: BTreeMap<String, String>,
        outcomes: BTreeMap<String, String>,
        reasons: BTreeMap<String, String>,
        diagnoses: BTreeMap<String, String>,
        refusals: BTreeMap<String, String>,
        faults: BTreeMap<String, String>,
        events: BTreeMap<String, String>,
        channels: BTreeMap<String, String>,
        languages: BTreeMap<String, String>,
        results: BTreeMap<String, String>,
        done: BTreeMap<String, String>,
        ways: BTreeMap<String, String>,
    }
}

pub(super) fn of(language: Language) -> Result<&'static Texts, Problem> {
    static ALL: LazyLock<[Result<Texts, toml::de::Error>; Language::ALL.len()]> =
        LazyLock::new(|| Language::ALL.map(|language| toml::from_str(source(language))));
    let texts = ALL[language as usize].as_ref();
    // A test reads every file.
    texts.map_err(|error| AppError::Internal(error.to_string().into()).into())
}

const fn source(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("texts/en.toml"),
        Language::Es => include_str!("texts/es.toml"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::screening::instrument::Outcome;
    use crate::domain::screening::table_changes::{Field, Section};
    use crate::domain::subjects::contact::ContactWarning;

    /// What no page says of a person.
    const NEVER: [&str; 6] = ["low risk", "no risk", "no sarcopenia", "bajo riesgo", "riesgo bajo", "sin sarcopenia"];

    /// Every text of a language by its path.
    fn flat(language: Language) -> BTreeMap<String, String> {
        fn add(path: &str, value: &toml::Value, found: &mut BTreeMap<String, String>) {
            match value {
                toml::Value::Table(table) => {
                    table.iter().for_each(|(key, value)| add(&format!("{path}.{key}"), value, found));
                }
                text => drop(found.insert(path.to_owned(), text.as_str().unwrap().to_owned())),
            }
        }
        let mut found = BTreeMap::new();
        add("", &toml::Value::Table(source(language).parse().unwrap()), &mut found);
        found
    }

    /// The texts in braces, in alphabetical order.
    fn replaced(text: &str) -> Vec<&str> {
        let mut names: Vec<_> = text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn every_language_has_every_text_with_the_same_placeholders() {
        let english = flat(Language::En);
        for language in Language::ALL {
            assert!(of(language).is_ok(), "{language:?}");
            let texts = flat(language);
            assert_eq!(texts.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "{language:?}");
            for (key, text) in &texts {
                assert!(!text.trim().is_empty() && text.trim() == text, "{language:?} {key}");
                assert_eq!(replaced(text), replaced(&english[key]), "{language:?} {key}");
            }
        }
        let spanish = flat(Language::Es);
        let equal: Vec<_> = english.iter().filter(|(key, text)| spanish[*key] == **text).map(|(key, _)| key).collect();
        assert_eq!(equal, [".rules.band_range", ".rules.fields.doi", ".screening.no"], "not translated");
    }

    /// A negative screen is no proof of health.
    #[test]
    fn no_text_states_that_a_person_has_no_sarcopenia() {
        for language in Language::ALL {
            for (key, text) in flat(language) {
                let text = text.to_lowercase();
                let found = NEVER.into_iter().find(|never| text.contains(never));
                assert_eq!(found, None, "{language:?} {key}");
            }
        }
    }

    #[test]
    fn every_outcome_and_every_warning_of_the_form_has_words() {
        // The form sends neither a channel nor a language of its own.
        let sent = |warning: &&str| !["channel_not_kept", "language_not_kept"].contains(warning);
        for language in Language::ALL {
            let Ok(Texts { screening, .. }) = of(language) else { panic!("{language:?}") };
            assert!(Outcome::ALL.iter().all(|outcome| screening.outcomes.contains_key(outcome.as_str())));
            let warnings = ContactWarning::ALL.map(ContactWarning::as_str);
            assert!(warnings.into_iter().filter(sent).all(|warning| screening.warnings.contains_key(warning)));
        }
    }

    #[test]
    fn every_section_and_field_has_a_name() {
        for language in Language::ALL {
            let Ok(Texts { rules, .. }) = of(language) else { panic!("{language:?}") };
            let names = |named: &BTreeMap<String, String>| named.keys().cloned().collect::<Vec<_>>();
            let sorted = |mut names: Vec<String>| {
                names.sort_unstable();
                names
            };
            assert_eq!(names(&rules.sections), sorted(Section::ALL.map(|one| one.as_str().to_owned()).into()));
            assert_eq!(names(&rules.fields), sorted(Field::ALL.map(|one| one.as_str().to_owned()).into()));
        }
    }
}
