//! Whole numbers as defined by JSON Schema: 24.0 is as valid as 24, and some clients send it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Reads an optional whole number within the range of the target type: a number, null or absent.
pub fn optional<'de, T: TryFrom<i64>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Whole<T>>::deserialize(deserializer)?.map(|whole| whole.0))
}

struct Whole<T>(T);

impl<'de, T: TryFrom<i64>> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FromNumber(PhantomData)).map(Self)
    }
}

struct FromNumber<T>(PhantomData<T>);

impl<T: TryFrom<i64>> Visitor<'_> for FromNumber<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a whole number within its bounds")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        let signed = i64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))?;
        self.visit_i64(signed)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        // Above this, an f64 does not hold every whole number; no field needs larger values.
        let whole = number.fract() == 0.0 && number.abs() < 9e15;
        #[expect(clippy::cast_possible_truncation, reason = "the number is whole and within the range of i64")]
        let signed = whole.then_some(number as i64);
        let fit = signed.and_then(|signed| T::try_from(signed).ok());
        fit.ok_or_else(|| E::invalid_type(Unexpected::Float(number), &self))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Hours {
        #[serde(default, deserialize_with = "super::optional")]
        hours: Option<u16>,
    }

    fn read(text: &str) -> Result<Option<u16>, serde_json::Error> {
        serde_json::from_str::<Hours>(text).map(|read| read.hours)
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        for (text, hours) in [("24", 24), ("24.0", 24), ("2.4e1", 24), ("-0.0", 0)] {
            assert_eq!(read(&format!("{{\"hours\": {text}}}")).unwrap(), Some(hours), "{text}");
        }
        assert_eq!((read("{}").unwrap(), read(r#"{"hours": null}"#).unwrap()), (None, None));
    }

    #[test]
    fn a_fraction_a_text_and_a_number_beyond_the_type_are_refused() {
        for text in ["24.5", "\"24\"", "true", "-1", "65536", "65536.0", "1e300", "[24]"] {
            assert!(read(&format!("{{\"hours\": {text}}}")).is_err(), "{text}");
        }
    }
}
