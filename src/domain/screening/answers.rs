//! Parsing and validation of answers.
//!
//! An answer is stored as one integer: a number in units of its item's scale, a flag as 0 or 1, a choice as the option's
//! index, a set as a bit mask. Unanswered is `None`, never zero.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_json::Number;

use super::questionnaire::{CATALOGUE, Item, Kind, Spec};
use crate::fault::{Fault, FaultCode, MOST_FAULTS, Params, Sentence, decimal, pointer_token};
use crate::fixed::to_units;

/// Answers as sent, before validation.
#[derive(Clone, Debug, Default)]
pub struct RawAnswers<'a>(pub Vec<(Cow<'a, str>, RawAnswer<'a>)>);

/// One JSON value, as far as it can be an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum RawAnswer<'a> {
    /// `null`: treated as not sent.
    Null,
    Flag(bool),
    /// Any JSON number.
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<RawAnswer<'a>>),
    /// An object; never a valid answer.
    Object,
}

/// Parsed answers; every value is within its item's range and on its step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    values: [Option<i32>; Item::COUNT],
}

impl Default for Answers {
    fn default() -> Self {
        Self { values: [None; Item::COUNT] }
    }
}

impl Answers {
    /// Parses what was sent. Returns every valid answer and every fault, with pointers relative to the answers object.
    /// Valid answers are returned even when the body must be refused, so that alarms can still be evaluated.
    #[must_use]
    pub fn parse(raw: &RawAnswers<'_>) -> (Self, Vec<Fault>) {
        let mut answers = Self::default();
        let mut faults = Vec::new();
        let mut seen = [false; Item::COUNT];
        for (name, value) in &raw.0 {
            let pointer = || format!("/{}", pointer_token(name));
            // Parsing continues past the limit of faults, because later answers may raise an alarm.
            let reported = faults.len() <= MOST_FAULTS;
            let Some(item) = Item::from_id(name) else {
                let fault = || {
                    Fault::new(
                        pointer(),
                        FaultCode::UnknownField,
                        Sentence::new(
                            "there is no such item; GET /v1/questionnaire lists the items",
                            "esta pregunta no existe; GET /v1/questionnaire enumera las preguntas",
                        ),
                    )
                };
                faults.extend(reported.then(fault));
                continue;
            };
            if std::mem::replace(&mut seen[item as usize], true) {
                let fault = || {
                    Fault::new(
                        pointer(),
                        FaultCode::Duplicate,
                        Sentence::new(
                            "the item is answered twice; answer it once",
                            "la pregunta tiene dos respuestas; envíe una sola",
                        ),
                    )
                };
                faults.extend(reported.then(fault));
                continue;
            }
            match parse_answer(item, value) {
                Ok(parsed) => answers.values[item as usize] = parsed,
                Err(found) => faults.extend(found.into_iter().map(|fault| fault.under(&pointer()))),
            }
        }
        faults.extend(answers.implausible());
        (answers, faults)
    }

    /// One answer alone.
    #[must_use]
    pub fn of(item: Item, value: Option<i32>) -> Self {
        let mut answers = Self::default();
        answers.set(item, value);
        answers
    }

    /// A fault for each required item without an answer.
    pub fn missing(&self) -> impl Iterator<Item = Fault> + '_ {
        Item::REQUIRED.into_iter().filter(|item| self.get(*item).is_none()).map(|item| {
            Fault::new(
                format!("/{}", item.id()),
                FaultCode::Required,
                Sentence::new("a submission must answer this item", "un envío debe responder a esta pregunta"),
            )
        })
    }

    #[must_use]
    pub const fn get(&self, item: Item) -> Option<i32> {
        self.values[item as usize]
    }

    /// Sets or clears one answer. The value must be one that parsing can produce.
    pub const fn set(&mut self, item: Item, value: Option<i32>) {
        self.values[item as usize] = value;
    }

    /// The faults of combinations of answers, with pointers relative to the answers object.
    #[must_use]
    pub fn implausible(&self) -> Vec<Fault> {
        self.weights().into_iter().chain(self.below_floor()).chain(self.unmatched()).collect()
    }

    /// The faults of weights with each other and with the height.
    fn weights(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |item: Item, sentence| faults.push(implausible(item, sentence));
        let get = |item| self.get(item);
        if let (Some(weight), Some(height)) = (get(Item::WeightKg), get(Item::HeightCm)) {
            // kg/m2 = (weight/10) / (height/1000)^2, so BMI < 10 is weight * 10,000 < height^2.
            let (weight, height) = (i64::from(weight) * 10_000, i64::from(height) * i64::from(height));
            if weight < height || weight > 8 * height {
                fault(Item::WeightKg, BODY_MASS);
            }
        }
        for loss in [Item::WeightLossPastYearKg, Item::WeightLoss6MonthsKg] {
            if let (Some(lost), Some(weight)) = (get(loss), get(Item::WeightKg))
                && lost > weight
            {
                fault(loss, LOSS_ABOVE_WEIGHT);
            }
        }
        if let (Some(half), Some(year)) = (get(Item::WeightLoss6MonthsKg), get(Item::WeightLossPastYearKg))
            && half > year
        {
            fault(Item::WeightLoss6MonthsKg, LOSS_ABOVE_THAT_OF_YEAR);
        }
        faults
    }

    /// A fault for each measurement below its lowest plausible value.
    fn below_floor(&self) -> impl Iterator<Item = Fault> + '_ {
        let measured = [(Item::GripStrengthKg, GRIP_LOW), (Item::FiveChairStandsS, CHAIR_STANDS_LOW)];
        let low = |(item, _): &(Item, Sentence)| self.get(*item).is_some_and(|value| value < item.spec().least());
        measured.into_iter().filter(low).map(|(item, sentence)| {
            implausible(item, sentence).with(Params { minimum: least(item.spec()), ..Params::default() })
        })
    }

    /// The faults of limits without their value, and of tests that were not possible but have one.
    fn unmatched(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let get = |item| self.get(item);
        for (limit, value) in [
            (Item::CreatineKinaseUpperLimitUL, Item::CreatineKinaseUL),
            (Item::MyoglobinUpperLimitUgL, Item::MyoglobinUgL),
        ] {
            if get(limit).is_some() && get(value).is_none() {
                faults.push(implausible(limit, LIMIT_ALONE));
            }
        }
        for (option, measured) in Item::TestsUnable.spec().kind.options().iter().zip(Item::TESTED) {
            let bit = position(Item::TestsUnable.spec().kind.options(), option).unwrap_or_default();
            if get(Item::TestsUnable).is_some_and(|unable| unable & (1 << bit) != 0) && get(measured).is_some() {
                faults.push(implausible(Item::TestsUnable, ABLE));
            }
        }
        faults
    }
}

fn implausible(item: Item, sentence: Sentence) -> Fault {
    Fault::new(format!("/{}", item.id()), FaultCode::Implausible, sentence)
}

/// The lowest plausible grip strength, 0.1 kg. A judgement: a lower value has a wrong unit or comes from a test that was
/// not possible.
pub const GRIP_FLOOR: i32 = 10;
/// The lowest plausible time for five chair stands, 0.01 s. Judgement, as above.
pub const CHAIR_STANDS_FLOOR: i32 = 300;

const BODY_MASS: Sentence = Sentence::new(
    "with this height the body mass index is outside 10-80; check both values",
    "con esta estatura el índice de masa corporal queda fuera de 10-80; compruebe ambos valores",
);
const LOSS_ABOVE_WEIGHT: Sentence = Sentence::new(
    "the weight loss exceeds the body weight; check both values",
    "la pérdida de peso supera el peso corporal; compruebe ambos valores",
);
const LOSS_ABOVE_THAT_OF_YEAR: Sentence = Sentence::new(
    "the weight loss of six months exceeds that of twelve months; check both values",
    "la pérdida de peso de seis meses supera la de doce meses; compruebe ambos valores",
);
const LIMIT_ALONE: Sentence = Sentence::new(
    "an upper limit requires its measured value; send both or neither",
    "un límite superior requiere su valor medido; envíe ambos o ninguno",
);
const GRIP_LOW: Sentence = Sentence::new(
    "is below {minimum} kg; name grip in tests_unable if the person could not do the test",
    "es inferior a {minimum} kg; indique grip en tests_unable si la persona no pudo hacer la prueba",
);
const CHAIR_STANDS_LOW: Sentence = Sentence::new(
    "is below {minimum} s, which is too short for five chair stands; check the value",
    "es inferior a {minimum} s, demasiado poco para levantarse cinco veces de la silla; compruebe el valor",
);
const ABLE: Sentence = Sentence::new(
    "a test that is named here has a value, so the person was able to do it; send one of the two",
    "una prueba indicada aquí tiene un valor, así que la persona pudo hacerla; envíe solo una de las dos cosas",
);
const OPTIONS: Sentence = Sentence::new("must be one of {allowed}", "debe ser uno de estos valores: {allowed}");
const RANGE: Sentence = Sentence::new("must be from {minimum} to {maximum}", "debe estar entre {minimum} y {maximum}");
const STEP: Sentence = Sentence::new("must be a multiple of {step}", "debe ser múltiplo de {step}");
const ALONE: Sentence = Sentence::new(
    "{name} excludes every other entry; send it alone",
    "{name} excluye cualquier otro valor; envíelo solo",
);

/// The lowest plausible value of an item, as a JSON number.
fn least(spec: &Spec) -> Option<Number> {
    let Kind::Number { scale, .. } = spec.kind else { return None };
    decimal(spec.least(), scale)
}

/// One answer as its integer; `None` when it is null.
pub(crate) fn parse_answer(item: Item, raw: &RawAnswer<'_>) -> Result<Option<i32>, Vec<Fault>> {
    let one = |code, sentence| Err(vec![Fault::new("", code, sentence)]);
    let many = |code, sentence, params| Err(vec![Fault::new("", code, sentence).with(params)]);
    match (item.spec().kind, raw) {
        (_, RawAnswer::Null) => Ok(None),
        (Kind::Flag, RawAnswer::Flag(flag)) => Ok(Some(i32::from(*flag))),
        (Kind::Flag, _) => one(FaultCode::Type, Sentence::new("must be true or false", "debe ser true o false")),
        (Kind::Number { minimum, maximum, step, scale, .. }, RawAnswer::Number(value)) => {
            let show = |units: i32| f64::from(units) / f64::from(scale);
            if *value < show(minimum) || *value > show(maximum) {
                let params =
                    Params { minimum: least(item.spec()), maximum: decimal(maximum, scale), ..Params::default() };
                return many(FaultCode::OutOfRange, RANGE, params);
            }
            match to_units(*value, scale) {
                Some(units) if units % step == 0 => Ok(Some(units)),
                _ => many(FaultCode::Precision, STEP, Params { step: decimal(step, scale), ..Params::default() }),
            }
        }
        (Kind::Number { .. }, _) => one(FaultCode::Type, Sentence::new("must be a number", "debe ser un número")),
        (Kind::Choice(options), RawAnswer::Text(text)) => match position(options, text) {
            Some(index) => Ok(Some(index)),
            None => many(FaultCode::UnknownOption, OPTIONS, Params::allowed(options.iter().copied())),
        },
        (Kind::Choice(_), _) => one(FaultCode::Type, Sentence::new("must be a string", "debe ser un texto")),
        (Kind::Set { options, exclusive }, RawAnswer::List(list)) => parse_set(options, exclusive, list).map(Some),
        (Kind::Set { .. }, _) => {
            one(FaultCode::Type, Sentence::new("must be an array of strings", "debe ser una lista de textos"))
        }
    }
}

/// Parses a set into a bit mask, with a fault for each invalid entry.
fn parse_set(options: &[&str], exclusive: Option<&str>, list: &[RawAnswer<'_>]) -> Result<i32, Vec<Fault>> {
    let mut mask = 0;
    let mut faults = Vec::new();
    for (index, entry) in list.iter().enumerate() {
        if faults.len() > MOST_FAULTS {
            break;
        }
        let mut fault = |code, sentence, params| {
            faults.push(Fault::new(format!("/{index}"), code, sentence).with(params));
        };
        let RawAnswer::Text(text) = entry else {
            fault(FaultCode::Type, Sentence::new("must be a string", "debe ser un texto"), Params::default());
            continue;
        };
        match position(options, text) {
            None => fault(FaultCode::UnknownOption, OPTIONS, Params::allowed(options.iter().copied())),
            Some(bit) if mask & (1 << bit) != 0 => fault(
                FaultCode::Duplicate,
                Sentence::new("the entry is repeated; send it once", "el valor está repetido; envíelo una sola vez"),
                Params::default(),
            ),
            Some(bit) => mask |= 1 << bit,
        }
    }
    if let Some(alone) = exclusive.and_then(|option| position(options, option))
        && mask & (1 << alone) != 0
        && mask != 1 << alone
    {
        let name = Params::name(options[alone.unsigned_abs() as usize]);
        faults.push(Fault::new("", FaultCode::Contradiction, ALONE).with(name));
    }
    if faults.is_empty() { Ok(mask) } else { Err(faults) }
}

fn position(options: &[&str], text: &str) -> Option<i32> {
    options.iter().position(|option| *option == text).and_then(|index| i32::try_from(index).ok())
}

/// One answer, serialized as the JSON value it was parsed from.
#[derive(Clone, Copy, Debug)]
pub struct AnswerValue {
    pub item: Item,
    /// The stored integer.
    pub value: i32,
}

impl Serialize for AnswerValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let index = usize::try_from(self.value).unwrap_or_default();
        match self.item.spec().kind {
            Kind::Flag => serializer.serialize_bool(self.value != 0),
            Kind::Number { scale: 1, .. } => serializer.serialize_i32(self.value),
            Kind::Number { scale, .. } => serializer.serialize_f64(f64::from(self.value) / f64::from(scale)),
            Kind::Choice(options) => serializer.serialize_str(options.get(index).copied().unwrap_or_default()),
            Kind::Set { options, .. } => {
                let chosen = options.iter().enumerate().filter(|(bit, _)| self.value & (1 << bit) != 0);
                let mut list = serializer.serialize_seq(Some(self.value.count_ones() as usize))?;
                for (_, option) in chosen {
                    list.serialize_element(option)?;
                }
                list.end()
            }
        }
    }
}

impl Serialize for Answers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for spec in &CATALOGUE {
            if let Some(value) = self.get(spec.item) {
                map.serialize_entry(spec.id, &AnswerValue { item: spec.item, value })?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RawAnswers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = RawAnswers<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of answers")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(Item::COUNT);
                while let Some(RawAnswer::Text(name)) = map.next_key()? {
                    entries.push((name, map.next_value()?));
                }
                Ok(RawAnswers(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl<'de> Deserialize<'de> for RawAnswer<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

/// Reads any JSON value; the content of objects is discarded, because no answer is an object.
struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = RawAnswer<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(RawAnswer::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(RawAnswer::Flag(value))
    }
    #[expect(clippy::cast_precision_loss, reason = "values that lose precision are outside every item's range")]
    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(RawAnswer::Number(value as f64))
    }
    #[expect(clippy::cast_precision_loss, reason = "values that lose precision are outside every item's range")]
    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(RawAnswer::Number(value as f64))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(RawAnswer::Number(value))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(RawAnswer::Text(Cow::Borrowed(value)))
    }
    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(RawAnswer::Text(Cow::Owned(value.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = seq.next_element()? {
            list.push(entry);
        }
        Ok(RawAnswer::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
        Ok(RawAnswer::Object)
    }
}
