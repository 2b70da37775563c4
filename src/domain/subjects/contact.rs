//! Contact data as a submission sends it, and as it is kept. A spelling with one meaning is kept. Any other is not kept, because
//! a guessed number or address may be that of another person. In both cases the submission is accepted.

use super::{Channel, Contact};
use crate::language::Language;
use crate::names::names;

names! {
    /// What was not kept of the contact data of a submission.
    pub enum ContactWarning {
        /// Control characters were removed from the name.
        NameCleaned = "name_cleaned",
        /// The name was too long; its beginning was kept.
        NameShortened = "name_shortened",
        TelephoneNotKept = "telephone_not_kept",
        EmailNotKept = "email_not_kept",
        /// The address was kept without the name beside it.
        EmailAddressOnly = "email_address_only",
        ChannelNotKept = "channel_not_kept",
        /// The service has no texts in the language.
        LanguageNotKept = "language_not_kept",
    }
}

/// The texts of contact data, as sent.
#[derive(Clone, Copy, Default)]
pub struct SentContact<'a> {
    pub name: Option<&'a str>,
    pub telephone: Option<&'a str>,
    pub email: Option<&'a str>,
    pub channel: Option<&'a str>,
    pub language: Option<&'a str>,
}

/// Maximum characters of a name.
const NAME_CHARS: usize = 200;

/// Maximum characters of a telephone number with its extension.
const TELEPHONE_CHARS: usize = 40;

/// Maximum characters of an e-mail address, and of the part before the `@`.
const EMAIL_CHARS: usize = 254;
const LOCAL_PART_CHARS: usize = 64;

/// Precedes the extension of a stored telephone number (RFC 3966).
const EXTENSION: &str = ";ext=";

/// Precede an extension in other spellings, in lower case. A comma is not one of them: it also separates groups of digits.
const EXTENSION_MARKS: [&str; 8] = ["extension", "extn", "ext", "anexo", "interno", "int", "x", "#"];

/// The zeros of digits other than ASCII that telephones and forms produce: Arabic, Persian, full width.
const ZEROS: [char; 3] = ['\u{660}', '\u{6f0}', '\u{ff10}'];

impl Contact {
    /// The contact data that is kept, and a warning for each part that is not kept as it was sent. A blank text is an absent one.
    pub fn from_sent(sent: SentContact<'_>) -> (Self, Vec<ContactWarning>) {
        let mut warnings = Vec::new();
        let name = given(sent.name).and_then(|text| read_name(text, &mut warnings));
        let telephone = kept(sent.telephone, read_telephone, ContactWarning::TelephoneNotKept, &mut warnings);
        let email = kept(sent.email, read_email, ContactWarning::EmailNotKept, &mut warnings);
        if email.as_ref().is_some_and(|(_, alone)| !alone) {
            warnings.push(ContactWarning::EmailAddressOnly);
        }
        let channel = kept(sent.channel, read_channel, ContactWarning::ChannelNotKept, &mut warnings);
        let language = kept(sent.language, read_language, ContactWarning::LanguageNotKept, &mut warnings);
        (Self { name, telephone, email: email.map(|(address, _)| address), channel, language }, warnings)
    }
}

/// Whether a text is a telephone number as it is stored: 5 to 20 digits, with spaces and `+ - ( ) . /` between them, and at most
/// 10 digits after `;ext=`; at most 40 characters.
pub fn is_telephone(text: &str) -> bool {
    let (number, extension) =
        text.split_once(EXTENSION).map_or((text, None), |(number, digits)| (number, Some(digits)));
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let form = number.chars().all(|c| c.is_ascii_digit() || " +-()./".contains(c));
    let is_extension = |digits: &str| (1..=10).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_digit());
    form && (5..=20).contains(&digits) && extension.is_none_or(is_extension) && text.len() <= TELEPHONE_CHARS
}

/// Whether a text is one e-mail address. It may be internationalized (RFC 6531); quoted parts and addresses of hosts without a
/// name are not accepted.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let beyond_ascii = |c: char| !c.is_ascii() && !c.is_whitespace() && !c.is_control();
    let in_local = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c) || beyond_ascii(c);
    let in_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || beyond_ascii(c);
    let is_label = |label: &str| {
        let dashed = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.chars().count()) && !dashed && label.chars().all(in_label)
    };
    (1..=LOCAL_PART_CHARS).contains(&local.chars().count())
        && text.chars().count() <= EMAIL_CHARS
        && local.chars().all(in_local)
        && domain.split('.').all(is_label)
}

/// The digits of a telephone number in any spelling, without its extension.
pub(super) fn dialled(text: &str) -> String {
    let text = plain_telephone(text);
    split_extension(&text).0.chars().filter(char::is_ascii_digit).collect()
}

/// The text without surrounding white space, unless it is blank.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// A part that is read, or reported if it cannot be read.
fn kept<T>(
    sent: Option<&str>,
    read: impl FnOnce(&str) -> Option<T>,
    warning: ContactWarning,
    warnings: &mut Vec<ContactWarning>,
) -> Option<T> {
    let part = read(given(sent)?);
    if part.is_none() {
        warnings.push(warning);
    }
    part
}

/// A name on one line, with single spaces.
fn read_name(text: &str, warnings: &mut Vec<ContactWarning>) -> Option<String> {
    let clean: String = text.chars().filter(|c| c.is_whitespace() || !c.is_control()).collect();
    if clean.len() < text.len() {
        warnings.push(ContactWarning::NameCleaned);
    }
    let mut name = single_spaced(&clean);
    if let Some((end, _)) = name.char_indices().nth(NAME_CHARS) {
        let end = name[..end].trim_end().len();
        name.truncate(end);
        warnings.push(ContactWarning::NameShortened);
    }
    (!name.is_empty()).then_some(name)
}

fn read_telephone(text: &str) -> Option<String> {
    let text = plain_telephone(text);
    let text = text.trim();
    let (number, extension) = split_extension(text.strip_prefix("tel:").unwrap_or(text));
    let number = single_spaced(number);
    let whole = match extension {
        Some(digits) => format!("{number}{EXTENSION}{digits}"),
        None => number,
    };
    is_telephone(&whole).then_some(whole)
}

/// The address, and whether the text was nothing else.
fn read_email(text: &str) -> Option<(String, bool)> {
    let text: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    let text = text.trim();
    let (beside, address) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')).unwrap_or(("", text));
    let address = address.trim();
    let address = match address.get(.."mailto:".len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => &address[scheme.len()..],
        _ => address,
    };
    is_email(address).then(|| (address.to_owned(), beside.trim().is_empty()))
}

fn read_channel(text: &str) -> Option<Channel> {
    match &*text.to_lowercase() {
        "telephone" | "phone" => Some(Channel::Telephone),
        "email" | "e-mail" => Some(Channel::Email),
        _ => None,
    }
}

/// The language of a tag such as `es-MX`, of a locale such as `es_MX`, or of a code of three letters.
fn read_language(text: &str) -> Option<Language> {
    let primary = text.split(['-', '_']).next().unwrap_or(text).trim();
    let is_named = |language: &Language| {
        primary.eq_ignore_ascii_case(language.code()) || primary.eq_ignore_ascii_case(language.long_code())
    };
    Language::ALL.into_iter().find(is_named)
}

/// The number and the digits of its extension. `text` is plain (see [`plain_telephone`]).
fn split_extension(text: &str) -> (&str, Option<&str>) {
    let inner = text.trim_end();
    let inner = inner.strip_suffix(')').unwrap_or(inner);
    let before = inner.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = &inner[before.len()..];
    let marked = before.trim_end_matches([' ', '.', ':', '=']);
    match EXTENSION_MARKS.iter().find_map(|mark| marked.strip_suffix(*mark)) {
        Some(number) if !digits.is_empty() => (number.trim_end_matches([' ', ',', ';', '(']), Some(digits)),
        _ => (text, None),
    }
}

/// A telephone number with ASCII digits and punctuation, in lower case, without invisible characters.
fn plain_telephone(text: &str) -> String {
    let plain = |c: char| match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => '-',
        '\u{ff0b}' => '+',
        '\u{ff08}' => '(',
        '\u{ff09}' => ')',
        '\u{b7}' | '\u{ff0e}' => '.',
        '\u{ff0f}' => '/',
        '\u{ff03}' => '#',
        'ó' | 'Ó' => 'o',
        space if space.is_whitespace() => ' ',
        other => ascii_digit(other).unwrap_or(other),
    };
    // U+0301 is the accent of a decomposed `ó`.
    let visible = text.chars().filter(|c| !is_invisible(*c) && *c != '\u{301}');
    visible.map(plain).collect::<String>().to_lowercase()
}

/// The ASCII digit of a digit of [`ZEROS`].
fn ascii_digit(c: char) -> Option<char> {
    let value = |zero: &char| u32::from(c).checked_sub(u32::from(*zero)).and_then(|value| char::from_digit(value, 10));
    ZEROS.iter().find_map(value)
}

/// Whether a character has no glyph and no part in a number or an address: marks of direction and of line breaks, which copied
/// text carries.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sent: SentContact<'_>) -> (Contact, Vec<&'static str>) {
        let (contact, warnings) = Contact::from_sent(sent);
        (contact, warnings.into_iter().map(ContactWarning::as_str).collect())
    }

    fn telephone(text: &str) -> Option<String> {
        read(SentContact { telephone: Some(text), ..SentContact::default() }).0.telephone
    }

    fn email(text: &str) -> (Option<String>, Vec<&'static str>) {
        let (contact, warnings) = read(SentContact { email: Some(text), ..SentContact::default() });
        (contact.email, warnings)
    }

    #[test]
    fn each_spelling_of_an_extension_is_kept_in_one_form() {
        let extensions = [
            ";ext=12",
            " x 12",
            "x12",
            " X12",
            " ext 12",
            " ext. 12",
            " Ext.: 12",
            ", ext 12",
            " extn 12",
            " extension 12",
            " extensión 12",
            " EXTENSIÓN 12",
            " extensio\u{301}n 12",
            " (ext. 12)",
            " int. 12",
            " interno 12",
            " anexo 12",
            " #12",
            ";EXT=12",
        ];
        for extension in extensions {
            let text = format!("+34 600 111 222{extension}");
            assert_eq!(telephone(&text).as_deref(), Some("+34 600 111 222;ext=12"), "{extension}");
            assert_eq!(dialled(&text), "34600111222", "{extension}");
        }
    }

    #[test]
    fn a_telephone_number_is_kept_in_ascii() {
        for (text, number) in [
            ("\u{202a}+34 600 111 222\u{202c}", "+34 600 111 222"),
            ("+34\u{a0}600\u{a0}\u{a0}111\u{a0}222", "+34 600 111 222"),
            ("600\u{2011}111\u{2013}222", "600-111-222"),
            ("+٣٤ ٦٠٠ ١١١ ٢٢٢", "+34 600 111 222"),
            ("＋３４（６００）１１１／２２２", "+34(600)111/222"),
            ("TEL:+34-600-111-222", "+34-600-111-222"),
            ("(91) 555.01.02", "(91) 555.01.02"),
        ] {
            assert_eq!(telephone(text).as_deref(), Some(number), "{text}");
        }
    }

    #[test]
    fn a_number_is_never_guessed() {
        let texts = [
            "600 111 222 (hija)",
            "6OO 111 222",
            "no tiene",
            "112",
            "1-800-FLOWERS",
            "123456789012345678901",
            "91 555,1234",
            "600 111 222 x12 x13",
            "fax 600 111 222 fax 12",
            "xxx-xxx-1234",
            "600 111 222 x 12345678901",
            ";ext=12",
            "x12",
            "+34 600 111 222;phone-context=example",
        ];
        for text in texts {
            assert_eq!(telephone(text), None, "{text}");
        }
    }

    #[test]
    fn a_stored_number_is_read_as_itself() {
        for text in ["+34 600 111 222;ext=12", "600111222", "(91) 555-01-02"] {
            assert!(is_telephone(text));
            assert_eq!(telephone(text).as_deref(), Some(text));
        }
    }

    #[test]
    fn an_address_in_any_script_is_kept() {
        for text in
            ["josé@correo.example", "ana@bücher.example", "अजय@उदाहरण.example", "a..b@docomo.example", "o'hara+x@mail"]
        {
            assert_eq!(email(text), (Some(text.to_owned()), vec![]), "{text}");
        }
        for text in
            [" ana@mail.example\u{200b}", "mailto:ana@mail.example", "MAILTO:ana@mail.example", "<ana@mail.example>"]
        {
            assert_eq!(email(text), (Some("ana@mail.example".to_owned()), vec![]), "{text}");
        }
        let named = email("Ana Ruiz <ana@mail.example>");
        assert_eq!(named, (Some("ana@mail.example".to_owned()), vec!["email_address_only"]));
    }

    #[test]
    fn a_text_that_is_not_one_address_is_not_kept() {
        let long = format!("{}@mail.example", "a".repeat(65));
        let texts = [
            "ana",
            "@mail.example",
            "ana@",
            "ana@mail..example",
            "ana@-mail.example",
            "ana@mail.example, luis@mail.example",
            "ana(at)mail.example",
            "a b@mail.example",
            "\"a b\"@mail.example",
            "ana@[192.0.2.1]",
            "ana\u{0}@mail.example",
            "ana@mail.example?subject=x",
            &long,
        ];
        for text in texts {
            assert_eq!(email(text), (None, vec!["email_not_kept"]), "{text}");
        }
    }

    #[test]
    fn a_name_is_kept_on_one_line_up_to_its_maximum() {
        let name = |text: &str| {
            let (contact, warnings) = read(SentContact { name: Some(text), ..SentContact::default() });
            (contact.name, warnings)
        };
        assert_eq!(name("  Ana \t García\u{a0}Ruiz\n"), (Some("Ana García Ruiz".to_owned()), vec![]));
        assert_eq!(name("Ana\u{7}\u{0}"), (Some("Ana".to_owned()), vec!["name_cleaned"]));
        assert_eq!(name("\u{7}"), (None, vec!["name_cleaned"]));
        assert_eq!(name(&"ñ".repeat(200)), (Some("ñ".repeat(200)), vec![]));
        let long = format!("{} {}", "ñ".repeat(199), "o".repeat(9));
        assert_eq!(name(&long), (Some("ñ".repeat(199)), vec!["name_shortened"]));
    }

    #[test]
    fn languages_and_channels_are_read_from_their_usual_spellings() {
        let both = |language: &str, channel: &str| {
            let sent = SentContact { language: Some(language), channel: Some(channel), ..SentContact::default() };
            let (contact, warnings) = read(sent);
            (contact.language, contact.channel, warnings)
        };
        for (language, channel) in
            [("es-MX", "telephone"), ("ES_mx.UTF-8", "Phone"), ("spa", " PHONE "), (" es ", "phone")]
        {
            assert_eq!(both(language, channel), (Some(Language::Es), Some(Channel::Telephone), vec![]), "{language}");
        }
        assert_eq!(both("eng-GB", "E-Mail"), (Some(Language::En), Some(Channel::Email), vec![]));
        assert_eq!(both("ca", "whatsapp"), (None, None, vec!["channel_not_kept", "language_not_kept"]));
        assert_eq!(both("", " "), (None, None, vec![]));
    }
}
