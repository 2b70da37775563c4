//! The phrases that conditions are worded with. A phrase has a text for each language, in the order of
//! [`Language::ALL`].

use super::Words;
use crate::language::Language;

/// A text in each language.
pub(super) type InLanguages = [&'static str; Language::ALL.len()];

pub(super) const ACCURACY: InLanguages =
    ["{figures}; {setting}; against {reference}; {source}", "{figures}; {setting}; frente a {reference}; {source}"];
pub(super) const AGAINST_LIMIT: InLanguages = ["{item} against its upper limit", "{item} frente a su límite superior"];
pub(super) const AGE_FROM: InLanguages = ["from age {from}, {value}", "a partir de {from} años, {value}"];
pub(super) const AGE_FROM_TO: InLanguages = ["at age {from} to {to}, {value}", "de {from} a {to} años, {value}"];
/// Between parts that must all hold.
pub(super) const ALL_OF: InLanguages = ["; and ", "; y además "];
pub(super) const AND: InLanguages = [" and ", " y "];
/// Between parts of which one is enough.
pub(super) const ANY_OF: InLanguages = ["; or ", "; o bien "];
pub(super) const AT_LEAST: InLanguages = ["at least {n}", "al menos {n}"];
pub(super) const AT_MOST: InLanguages = ["at most {n}", "como máximo {n}"];
pub(super) const BMI: InLanguages = ["Body mass index", "Índice de masa corporal"];
pub(super) const BY_SEX: InLanguages = ["{female} in women, {male} in men", "{female} en mujeres, {male} en hombres"];
pub(super) const COUNTS_ALONE: InLanguages = ["Counts on its own", "Cuenta por sí sola"];
pub(super) const COUNTS_HIGHEST: InLanguages =
    ["Of the rules that apply, only the highest counts", "De las reglas que se cumplen, solo cuenta la más alta"];
pub(super) const COUNTS_STEPS: InLanguages = ["One of these applies: {item}", "Se cumple una de estas: {item}"];
pub(super) const COUNTS_UP_TO: InLanguages =
    ["The rules that apply are added, up to {points}", "Las reglas que se cumplen se suman, hasta {points}"];
pub(super) const DAYS: InLanguages = ["{n} days", "{n} días"];
pub(super) const DECIMAL: InLanguages = [".", ","];
pub(super) const FROM_TO: InLanguages = ["{low} to {high}", "de {low} a {high}"];
pub(super) const INCLUDES: InLanguages = ["includes {options}", "incluye {options}"];
pub(super) const LESS_THAN: InLanguages = ["less than {n}", "menos de {n}"];
pub(super) const LINEAR: InLanguages = ["{formula}; positive from {cut_off}", "{formula}; positivo desde {cut_off}"];
pub(super) const LOGISTIC: InLanguages = [
    "{words}; probability 1 / (1 + exp(−(sum / {divide_by} − {minus})))",
    "{words}; probabilidad 1 / (1 + exp(−(suma / {divide_by} − {minus})))",
];
pub(super) const LOSS_6_MONTHS: InLanguages =
    ["Weight lost in 6 months, of the weight before", "Peso perdido en 6 meses, del peso de antes"];
pub(super) const LOSS_12_MONTHS: InLanguages =
    ["Weight lost in 12 months, of the weight before", "Peso perdido en 12 meses, del peso de antes"];
pub(super) const MORE_THAN: InLanguages = ["more than {n}", "más de {n}"];
pub(super) const NO: InLanguages = ["no", "no"];
pub(super) const ONE_POINT: InLanguages = ["{n} point", "{n} punto"];
pub(super) const OR: InLanguages = [" or ", " o "];
pub(super) const POINTS: InLanguages = ["{n} points", "{n} puntos"];
pub(super) const POSITIVE: InLanguages = ["positive", "positivo"];
pub(super) const POSITIVE_FROM: InLanguages = ["positive from {points}", "positivo desde {points}"];
pub(super) const POSITIVE_UP_TO: InLanguages = ["positive up to {points}", "positivo hasta {points}"];
pub(super) const QUOTED: InLanguages = ["“{text}”", "«{text}»"];
pub(super) const SENSITIVITY: InLanguages = ["sensitivity", "sensibilidad"];
pub(super) const SHARE: InLanguages = ["{percent} %", "{percent} %"];
pub(super) const SHARE_WITH_INTERVAL: InLanguages =
    ["{percent} % ({low} to {high})", "{percent} % (de {low} a {high})"];
pub(super) const SPECIFICITY: InLanguages = ["specificity", "especificidad"];
pub(super) const TIMES: InLanguages = ["times", "veces"];
pub(super) const UNABLE: InLanguages = ["{value}, or unable to do it", "{value}, o no puede hacerlo"];
pub(super) const YEARS: InLanguages = ["{n} years", "{n} años"];
pub(super) const YES: InLanguages = ["yes", "sí"];
pub(super) const YES_OR_NO: InLanguages = ["yes or no", "sí o no"];

impl Words<'_> {
    pub(super) const fn say(self, texts: InLanguages) -> &'static str {
        texts[self.language as usize]
    }
}
