//! The names of a rule table's enumerations in words.

use super::Words;
use crate::screening::asked::FormList;
use crate::screening::assessment::FlagKind;
use crate::screening::pathway::Stage;
use crate::screening::red_flag::CareLevel;
use crate::screening::rule_table::{Confidence, Family, SourceKind};
use crate::screening::texts::TextPart;
use crate::screening::urgency::Urgency;

impl<'a> Words<'a> {
    /// The care level by the table's own title, if it has one.
    pub fn level(self, level: CareLevel) -> &'a str {
        let title = self.texts().and_then(|texts| texts.care_titles.get(level.as_str()));
        title.map_or_else(|| self.own_level(level), String::as_str)
    }

    fn own_level(self, level: CareLevel) -> &'static str {
        self.say(match level {
            CareLevel::SelfCare => ["No alarm sign reported", "Sin señales de alarma indicadas"],
            CareLevel::Consultation => ["A consultation", "Una consulta"],
            CareLevel::Consultation24h => ["A consultation within 24 hours", "Una consulta en 24 horas"],
            CareLevel::Emergency => ["An emergency department, now", "Urgencias, ahora"],
            CareLevel::EmergencyAmbulance => ["An ambulance, now", "Una ambulancia, ahora"],
        })
    }

    pub fn urgency(self, urgency: Urgency) -> &'static str {
        self.say(match urgency {
            Urgency::Today => ["today", "hoy"],
            Urgency::ThisWeek => ["this week", "esta semana"],
            Urgency::Routine => ["routine", "sin urgencia"],
        })
    }

    /// The evidence that a reason to flag rests on.
    pub fn family(self, family: Family) -> &'static str {
        self.say(match family {
            Family::Symptoms => ["symptoms", "síntomas"],
            Family::Measured => ["measured tests", "pruebas medidas"],
            Family::Enzymes => ["muscle enzymes in the blood", "enzimas musculares en la sangre"],
            Family::Weight => ["weight", "peso"],
            Family::Medicine => ["medicines", "medicamentos"],
            Family::Signs => ["signs that are checked separately", "señales que se revisan aparte"],
        })
    }

    pub fn stage(self, stage: Stage) -> &'static str {
        self.say(match stage {
            Stage::NoneFoundYet => ["none found yet", "ninguna por ahora"],
            Stage::AtRisk => ["case finding positive", "detección positiva"],
            Stage::Possible => ["possible", "posible"],
            Stage::Probable => ["probable", "probable"],
            Stage::CriteriaMet => ["criteria met", "criterios cumplidos"],
            Stage::NotApplicable => ["not applicable", "no aplicable"],
        })
    }

    pub fn source_kind(self, kind: SourceKind) -> &'static str {
        self.say(match kind {
            SourceKind::MetaAnalysis => ["meta-analysis", "metaanálisis"],
            SourceKind::Cohort => ["cohort study", "estudio de cohorte"],
            SourceKind::Trial => ["trial", "ensayo"],
            SourceKind::Review => ["review", "revisión"],
            SourceKind::Consensus => ["consensus", "consenso"],
            SourceKind::Instrument => ["publication of an instrument", "publicación de un instrumento"],
            SourceKind::ValidationStudy => ["study of accuracy", "estudio de exactitud"],
            SourceKind::ReferenceWork => ["reference work", "obra de consulta"],
            SourceKind::Clinic => ["facts of the clinic", "datos de la clínica"],
            SourceKind::Judgement => ["judgement", "criterio propio"],
        })
    }

    /// The confidence in a figure.
    pub fn confidence(self, confidence: Confidence) -> &'static str {
        self.say(match confidence {
            Confidence::Confirmed => ["read in the source", "leído en la fuente"],
            Confidence::SecondHand => ["read in another text", "leído en otro texto"],
            Confidence::Recalled => ["well known, not read again", "conocido, no leído de nuevo"],
            Confidence::Disputed => ["sources disagree", "las fuentes no coinciden"],
            Confidence::Judgement => ["judgement", "criterio propio"],
        })
    }

    /// What the form uses a list of its items for.
    pub fn form_list(self, list: FormList) -> &'static str {
        self.say(match list {
            FormList::Alarms => ["The alarm questions, in their order", "Las preguntas de alarma, en su orden"],
            FormList::Figures => {
                ["Values without which a rule stays open", "Valores sin los que una regla queda sin decidir"]
            }
            FormList::FirstOpen => ["The first of the open questions", "Las primeras de las preguntas sin responder"],
        })
    }

    /// What a part of the texts is for.
    pub fn text_part(self, part: TextPart) -> &'static str {
        self.say(match part {
            TextPart::Questionnaire => ["The form", "El cuestionario"],
            TextPart::Outcome => ["Explanation of every result", "Explicación de todos los resultados"],
            TextPart::Groups => ["Heading of questions", "Título de un grupo de preguntas"],
            TextPart::Units => ["Name of a unit", "Nombre de una unidad"],
            TextPart::Categories => ["Heading of rules", "Título de un grupo de reglas"],
            TextPart::Bands => ["A total that is not settled", "Un total sin decidir"],
            TextPart::CareLevels => ["What to do now", "Qué hacer ahora"],
            TextPart::CareTitles => ["What to do now, in a few words", "Qué hacer ahora, en pocas palabras"],
            TextPart::Stages => ["Stage of a pathway", "Etapa de una definición"],
        })
    }

    /// What flagged a submission.
    pub fn flag_kind(self, kind: FlagKind) -> &'static str {
        self.say(match kind {
            FlagKind::Band => ["the total is in the high band", "el total está en el intervalo alto"],
            FlagKind::Instrument => ["an instrument is positive", "un instrumento es positivo"],
            FlagKind::Pathway => ["a pathway reached its stage", "una definición alcanzó su etapa"],
            FlagKind::RedFlag => ["an alarm applies", "se cumple una alarma"],
            FlagKind::Laboratory => ["a laboratory value is raised", "un valor de laboratorio está elevado"],
            FlagKind::ValueMissing => ["a value that decides is missing", "falta un valor decisivo"],
        })
    }
}
