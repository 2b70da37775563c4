//! Texts of cards in addition to those of the rule table.

use crate::domain::language::Language;
use crate::domain::screening::instrument::Outcome;

pub(super) struct Words {
    pub(super) description: &'static str,
    pub(super) requirements: &'static str,
    pub(super) not_answered: &'static str,
    pub(super) unsettled: &'static str,
    pub(super) flagged: &'static str,
    pub(super) at_once: &'static str,
    pub(super) within_a_day: &'static str,
    pub(super) this_week: &'static str,
    pub(super) not_flagged: &'static str,
    pub(super) answered_on: &'static str,
    pub(super) as_shown: &'static str,
    pub(super) found: &'static str,
    pub(super) instruments: &'static str,
    pub(super) to_ask: &'static str,
    pub(super) source: &'static str,
    pub(super) book: &'static str,
    pub(super) request: &'static str,
    pub(super) request_reason: &'static str,
    outcomes: [&'static str; 4],
}

const EN: Words = Words {
    description: "Interprets the newest answers to the questions about muscle loss, or lists the questions to ask. \
                  This is a screening, never a diagnosis.",
    requirements: "Sends the patient's questionnaire responses as prefetched data; items are identified by linkId, which is \
                   the item's id in the questionnaire of this service.",
    not_answered: "The questions about muscle loss have not been answered yet",
    unsettled: "Screening for muscle loss: more answers are needed",
    flagged: "Screening for muscle loss: a consultation is advised",
    at_once: "Screening for muscle loss: some answers require immediate care",
    within_a_day: "Screening for muscle loss: some answers require a doctor within 24 hours",
    this_week: "Screening for muscle loss: a consultation within 7 days is advised",
    not_flagged: "Screening for muscle loss: nothing was flagged; this does not rule out muscle loss",
    answered_on: "Answered on",
    as_shown: "As the person reads it:",
    found: "What was found",
    instruments: "Published questionnaires",
    to_ask: "Questions to ask",
    source: "sarcoscreen, rule table",
    book: "Book a consultation",
    request: "Propose a consultation about muscle loss",
    request_reason: "Screening for sarcopenia positive",
    outcomes: ["positive", "negative, which does not rule out", "not settled", "does not apply"],
};

const ES: Words = Words {
    description: "Dice qué significan las respuestas más recientes sobre la pérdida de músculo, o qué preguntas quedan por \
                  hacer. Es un cribado, nunca un diagnóstico.",
    requirements: "Envía los cuestionarios respondidos del paciente como datos precargados; cada pregunta se reconoce por su \
                   linkId, que es su id en el cuestionario de este servicio.",
    not_answered: "Las preguntas sobre la pérdida de músculo aún no se han respondido",
    unsettled: "Cribado de pérdida de músculo: faltan respuestas",
    flagged: "Cribado de pérdida de músculo: se aconseja una consulta",
    at_once: "Cribado de pérdida de músculo: algunas respuestas piden atención inmediata",
    within_a_day: "Cribado de pérdida de músculo: algunas respuestas piden ver a un médico en 24 horas",
    this_week: "Cribado de pérdida de músculo: se aconseja una consulta en los próximos 7 días",
    not_flagged: "Cribado de pérdida de músculo: nada se ha señalado; esto no descarta la pérdida de músculo",
    answered_on: "Respondido el",
    as_shown: "Con las palabras que lee la persona:",
    found: "Lo que se encontró",
    instruments: "Cuestionarios publicados",
    to_ask: "Por preguntar",
    source: "sarcoscreen, tabla de reglas",
    book: "Reservar una consulta",
    request: "Proponer una consulta sobre la pérdida de músculo",
    request_reason: "Cribado de sarcopenia positivo",
    outcomes: ["positivo", "negativo, lo que no la descarta", "sin decidir", "no aplicable"],
};

pub(super) const fn words(language: Language) -> &'static Words {
    match language {
        Language::En => &EN,
        Language::Es => &ES,
    }
}

impl Words {
    pub(super) const fn outcome(&self, outcome: Outcome) -> &'static str {
        match outcome {
            Outcome::Positive => self.outcomes[0],
            Outcome::Negative => self.outcomes[1],
            Outcome::Undetermined => self.outcomes[2],
            Outcome::NotApplicable => self.outcomes[3],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_summary_is_short_enough_for_a_card() {
        for words in Language::ALL.map(words) {
            for summary in [
                words.not_answered,
                words.unsettled,
                words.flagged,
                words.at_once,
                words.within_a_day,
                words.this_week,
                words.not_flagged,
            ] {
                assert!(summary.chars().count() < 140, "{summary}");
            }
        }
    }
}
