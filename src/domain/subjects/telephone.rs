//! Spellings of telephone numbers. A number written as it is dialled within the clinic's country equals the same number with
//! its country code.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

/// The prefixes of countries that dial alike.
struct Dialling {
    /// The prefixes of a national number within the country. Some numbers are dialled without one.
    trunk: &'static [&'static str],
    /// The prefixes of a number abroad, besides `00`.
    exit: &'static [&'static str],
    /// ISO 3166-1 codes, each with the calling code behind it (ITU-T E.164).
    countries: &'static str,
}

/// Prefixes that national numbering plans have or had.
const DIALLING: &[Dialling] = &[
    Dialling {
        trunk: &["0"],
        exit: &[],
        countries: "AE971 AF93 AL355 AM374 AR54 AT43 AX358 AZ994 BA387 BD880 BE32 BG359 BL590 BO591 BR55 CD243 CH41 \
            CL56 CN86 DE49 DZ213 EC593 EG20 EH212 ER291 ET251 FI358 FR33 GA241 GB44 GE995 GF594 GG44 GH233 GP590 HR385 \
            IE353 IL972 IM44 IN91 IQ964 IR98 JE44 JO962 KG996 KI686 KP850 LA856 LB961 LI423 LK94 LR231 LY218 MA212 \
            MC377 MD373 ME382 MF590 MG261 MK389 MM95 MQ596 MW265 MY60 NA264 NL31 NP977 NZ64 PE51 PH63 PK92 PL48 PM508 \
            PS970 PY595 RE262 RO40 RS381 RW250 SA966 SD249 SE46 SI386 SK421 SL232 SO252 SS211 SY963 TR90 UY598 VE58 \
            VN84 XK383 YE967 YT262 ZA27 ZM260 ZW263",
    },
    Dialling { trunk: &["0"], exit: &["0011"], countries: "AU61 CC61 CX61" },
    Dialling { trunk: &["0"], exit: &["010"], countries: "JP81" },
    Dialling { trunk: &["0"], exit: &["001"], countries: "MN976" },
    Dialling { trunk: &["0"], exit: &["001", "002"], countries: "KR82" },
    Dialling { trunk: &["0"], exit: &["002"], countries: "TW886" },
    Dialling { trunk: &["0"], exit: &["001", "007", "008"], countries: "ID62 KH855 TH66" },
    Dialling { trunk: &["0"], exit: &["000"], countries: "KE254 TZ255 UG256" },
    Dialling { trunk: &["0"], exit: &["009"], countries: "NG234" },
    Dialling { trunk: &["0", "03"], exit: &["005", "007", "009"], countries: "CO57" },
    Dialling { trunk: &["0"], exit: &["119"], countries: "CU53" },
    Dialling { trunk: &["0", "8"], exit: &[], countries: "LT370" },
    Dialling { trunk: &["06"], exit: &[], countries: "HU36" },
    Dialling { trunk: &["0", "8", "80"], exit: &["810"], countries: "BY375" },
    Dialling { trunk: &["0", "80"], exit: &["810"], countries: "UA380" },
    Dialling { trunk: &["8"], exit: &["810"], countries: "KZ7 RU7 TJ992 TM993 UZ998" },
    Dialling { trunk: &["01", "044", "045"], exit: &[], countries: "MX52" },
    Dialling {
        trunk: &["1"],
        exit: &["011"],
        countries: "AG1 AI1 AS1 BB1 BM1 BS1 CA1 DM1 DO1 GD1 GU1 JM1 KN1 KY1 LC1 MP1 MS1 PR1 SX1 TC1 TT1 US1 VC1 VG1 VI1",
    },
    Dialling { trunk: &["1"], exit: &["011"], countries: "MH692" },
    Dialling { trunk: &[], exit: &["001"], countries: "GY592 HK852" },
    Dialling { trunk: &[], exit: &["001", "002", "008"], countries: "SG65" },
    Dialling {
        trunk: &[],
        exit: &[],
        countries: "AD376 AO244 AW297 BF226 BH973 BI257 BJ229 BN673 BQ599 BT975 BW267 BZ501 CF236 CG242 CI225 CK682 \
            CM237 CR506 CV238 CW599 CY357 CZ420 DJ253 DK45 EE372 ES34 FJ679 FK500 FM691 FO298 GI350 GL299 GM220 GN224 \
            GQ240 GR30 GT502 GW245 HN504 HT509 IO246 IS354 IT39 KM269 KW965 LS266 LU352 LV371 ML223 MO853 MR222 MT356 \
            MU230 MV960 MZ258 NC687 NE227 NF672 NI505 NO47 NR674 NU683 OM968 PA507 PF689 PG675 PT351 PW680 QA974 SB677 \
            SC248 SH290 SJ47 SM378 SN221 SR597 ST239 SV503 SZ268 TD235 TG228 TK690 TL670 TN216 TO676 TV688 VA39 VU678 \
            WF681 WS685",
    },
];

/// Digits between the calling code and a mobile number of ten digits that some callers leave out.
const MOBILE: [(&str, &str); 2] = [("52", "1"), ("54", "9")];

/// Digits of the shortest text that is a number by itself and not an area code, with or without a calling code.
const WHOLE: usize = 7;

pub(super) fn is_known(country: &str) -> bool {
    rules(country).is_some()
}

/// The forms of a number, without extension. Two texts are spellings of one number if they have a form in common. `country` is
/// an ISO 3166-1 alpha-2 code. Empty if the text has no digits. A slash separates an area code from its number, or two whole
/// numbers; where it may be either, the text has the forms of all.
pub(super) fn forms(text: &str, country: Option<&str>) -> BTreeSet<String> {
    let mut forms = forms_of_one(text, country);
    if text.contains('/') && text.split('/').all(|part| dialled(part).1.len() >= WHOLE) {
        forms.extend(text.split('/').flat_map(|part| forms_of_one(part, country)));
    }
    forms
}

fn forms_of_one(text: &str, country: Option<&str>) -> BTreeSet<String> {
    let (is_international, digits) = dialled(text);
    if digits.is_empty() {
        return BTreeSet::new();
    }
    if is_international {
        return BTreeSet::from([from_abroad(digits.strip_prefix("00").unwrap_or(&digits))]);
    }
    let country = country.and_then(rules);
    let exits = country.map_or(&[][..], |(_, rules)| rules.exit);
    let abroad = exits.iter().chain(&["00"]).filter_map(|exit| digits.strip_prefix(exit)).map(from_abroad);
    let abroad: BTreeSet<String> = abroad.filter(|number| !number.is_empty()).collect();
    if !abroad.is_empty() {
        return abroad;
    }
    let mut forms = BTreeSet::new();
    if let Some((code, rules)) = country {
        let without_trunk = rules.trunk.iter().filter_map(|trunk| digits.strip_prefix(trunk));
        forms.extend(without_trunk.chain([&*digits]).map(|national| from_abroad(&format!("{code}{national}"))));
        // The calling code is often written without `+`.
        if digits.starts_with(code) {
            forms.insert(from_abroad(&digits));
        }
    }
    forms.insert(digits);
    forms
}

/// Whether a number begins with `+`, and its digits up to an extension.
fn dialled(text: &str) -> (bool, String) {
    let (mut is_international, mut digits) = (false, String::new());
    for c in text.nfkc() {
        match digit(c) {
            Some(digit) => digits.push(digit),
            None if digits.is_empty() => is_international |= c == '+',
            None if c.is_alphabetic() || ";,#".contains(c) => break,
            None => {}
        }
    }
    (is_international, digits)
}

/// The ASCII digit of a European, Arabic, Persian or Devanagari digit.
fn digit(c: char) -> Option<char> {
    let zero = match c {
        '0'..='9' => '0',
        '\u{660}'..='\u{669}' => '\u{660}',
        '\u{6f0}'..='\u{6f9}' => '\u{6f0}',
        '\u{966}'..='\u{96f}' => '\u{966}',
        _ => return None,
    };
    char::from_digit(u32::from(c) - u32::from(zero), 10)
}

/// A number with its calling code, without a 0 between them that is not dialled from abroad, and without what marks a mobile
/// number.
fn from_abroad(number: &str) -> String {
    let country = countries().find(|(_, code, _)| number.starts_with(code));
    let Some((_, code, rules)) = country else { return number.to_owned() };
    let national = &number[code.len()..];
    let national = if rules.trunk.contains(&"0") { national.strip_prefix('0').unwrap_or(national) } else { national };
    let mut prefixes = MOBILE.iter().filter(|(of, _)| *of == code && national.len() == 11);
    let national = prefixes.find_map(|(_, prefix)| national.strip_prefix(prefix)).unwrap_or(national);
    // Within Argentina, 15 marks a mobile number, behind an area code of two to four digits.
    let marked = (2..=4).find(|at| code == "54" && national.len() == 12 && national[*at..].starts_with("15"));
    match marked {
        Some(at) => format!("{code}{}{}", &national[..at], &national[at + 2..]),
        None => format!("{code}{national}"),
    }
}

/// The calling code and the prefixes of a country.
fn rules(country: &str) -> Option<(&'static str, &'static Dialling)> {
    countries().find(|(name, ..)| *name == country).map(|(_, code, rules)| (code, rules))
}

/// Each country with its calling code and its prefixes.
fn countries() -> impl Iterator<Item = (&'static str, &'static str, &'static Dialling)> {
    DIALLING.iter().flat_map(|rules| {
        rules.countries.split_whitespace().map(move |entry| {
            let (name, code) = entry.split_at(2);
            (name, code, rules)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_country_is_listed_twice_and_no_calling_code_begins_with_another() {
        let all: Vec<_> = countries().collect();
        for (place, (name, code, _)) in all.iter().enumerate() {
            assert!(name.chars().all(|c| c.is_ascii_uppercase()), "{name}");
            assert!((1..=3).contains(&code.len()) && code.chars().all(|c| c.is_ascii_digit()), "{name}");
            for (other, longer, _) in &all[place + 1..] {
                assert_ne!(name, other);
                assert!(code == longer || !(longer.starts_with(code) || code.starts_with(longer)), "{name} {other}");
            }
        }
        assert!(all.len() > 220, "{}", all.len());
    }

    #[test]
    fn a_text_without_digits_has_no_form() {
        for text in ["", "-", "+", "ask the daughter"] {
            assert!(forms(text, Some("ES")).is_empty(), "{text}");
        }
    }
}
