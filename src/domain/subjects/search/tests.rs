//! Pairs of spellings, and whether one finds the other.

use super::super::Reference;
use super::*;

/// The field, the country of the clinic (`-` for none), the stored spelling, the searched one, and whether it is found.
type Pair = (LookUp, &'static str, &'static str, &'static str, bool);

const PAIRS: [Pair; 83] = [
    // Unicode forms, case and accents.
    (LookUp::Name, "ES", "Ana García Ruiz", "ana garcia ruiz", true),
    (LookUp::Name, "ES", "Ana Garcia Ruiz", "ANA GARCÍA RUIZ", true),
    (LookUp::Name, "ES", "Jose\u{301} Nun\u{303}ez", "José Núñez", true),
    (LookUp::Name, "ES", "José Núñez", "Jose\u{301} Nun\u{303}ez", true),
    (LookUp::Name, "ES", "José Núñez", "Jose Nunez", true),
    (LookUp::Name, "ES", "Mª Carmen Díez", "ma carmen diez", true),
    (LookUp::Name, "ES", "M.ª Carmen Díez", "Mª Carmen Diez", true),
    (LookUp::Name, "DE", "Jürgen Weiß", "JURGEN WEISS", true),
    (LookUp::Name, "DK", "Søren Ærø", "soren aero", true),
    (LookUp::Name, "PL", "Łukasz Błaszczyk", "lukasz blaszczyk", true),
    (LookUp::Name, "TR", "İbrahim Yıldız", "ibrahim yildiz", true),
    (LookUp::Name, "VN", "Nguyễn Thị Ánh", "nguyen thi anh", true),
    (LookUp::Name, "GR", "ΓΙΏΡΓΟΣ Παπαδόπουλος", "Γιώργος ΠΑΠΑΔΌΠΟΥΛΟΣ", true),
    (LookUp::Name, "RU", "Алёна Чайковская", "алена чайковская", true),
    (LookUp::Name, "JP", "\u{ff21}\u{ff4e}\u{ff41} Sato", "Ana Sato", true),
    // Spacing, apostrophes, hyphens and punctuation.
    (LookUp::Name, "-", "  Ana\u{a0} García\u{3000}Ruiz ", "Ana García Ruiz", true),
    (LookUp::Name, "IE", "Siobhán O’Brien", "siobhan o'brien", true),
    (LookUp::Name, "IE", "Siobhán O'Brien", "o\u{2bc}brien", true),
    (LookUp::Name, "IE", "O’Brien", "OBrien", true),
    (LookUp::Name, "IE", "O Brien", "O´Brien", true),
    (LookUp::Name, "GB", "Ian Mac Donald", "Ian MacDonald", true),
    (LookUp::Name, "FR", "Jean-Luc Léger", "leger jean luc", true),
    (LookUp::Name, "FR", "Jean\u{2010}Luc Léger", "Jeanluc Leger", true),
    (LookUp::Name, "ES", "García Ruiz, Ana", "Ana García Ruiz", true),
    (LookUp::Name, "ES", "An\u{ad}a\u{200b} Ruiz", "Ana Ruiz", true),
    (LookUp::Name, "JP", "山田 太郎", "山田太郎", true),
    (LookUp::Name, "IL", "שָׂרָה כהן", "שרה כהן", true),
    // Every word of a name.
    (LookUp::Name, "ES", "Ana García Ruiz", "García", true),
    (LookUp::Name, "ES", "Ana García Ruiz", "ruiz ana", true),
    (LookUp::Name, "ES", "Ana García Ruiz", "Ana Ana", true),
    (LookUp::Name, "ES", "Ana García Ruiz", "Gar", false),
    (LookUp::Name, "ES", "Ana García", "Ana García Ruiz", false),
    (LookUp::Name, "ES", "Ana García", "Eva García", false),
    (LookUp::Name, "IN", "राम", "रमा", false),
    (LookUp::Name, "ES", "Ana García", " - ", false),
    // References: exactly, in NFC.
    (LookUp::Reference, "ES", "MRN-0001", " MRN-0001\t", true),
    (LookUp::Reference, "ES", "PEÑA-7", "PEN\u{303}A-7", true),
    (LookUp::Reference, "ES", "PEN\u{303}A-7", "PEÑA-7", true),
    (LookUp::Reference, "ES", "PEÑA-7", "PENA-7", false),
    (LookUp::Reference, "ES", "MRN-0001", "mrn-0001", false),
    (LookUp::Reference, "ES", "MRN-0001", "MRN 0001", false),
    (LookUp::Reference, "ES", "O'B-1", "O’B-1", false),
    (LookUp::Reference, "ES", "1", "\u{ff11}", false),
    // E-mail addresses.
    (LookUp::Email, "-", "Ana.Garcia@Mail.example", " ana.garcia@MAIL.example ", true),
    (LookUp::Email, "-", "josé@correo.example", "Jose\u{301}@correo.example", true),
    (LookUp::Email, "-", "jose@correo.example", "josé@correo.example", true),
    (LookUp::Email, "-", "siobhan.o'brien@mail.example", "siobhan.o’brien@mail.example", true),
    (LookUp::Email, "-", "ana@bücher.example", "ana@bucher.example", true),
    (LookUp::Email, "-", "ana.garcia@mail.example", "anagarcia@mail.example", false),
    (LookUp::Email, "-", "ana@mail.example", "ana@mail.exampl", false),
    // Telephone numbers.
    (LookUp::Telephone, "ES", "+34 600-111 222", "600 111 222", true),
    (LookUp::Telephone, "ES", "600111222", "0034 (600) 111.222", true),
    (LookUp::Telephone, "ES", "(34) 600 111 222", "600111222", true),
    (LookUp::Telephone, "ES", "+34 600 111 222;ext=12", "600 111 222 x 12", true),
    (LookUp::Telephone, "ES", "+44 7911 123456", "600 111 222", false),
    (LookUp::Telephone, "FR", "+33 6 12 34 56 78", "06 12 34 56 78", true),
    (LookUp::Telephone, "GB", "+44 (0)20 7946 0958", "020 7946 0958", true),
    (LookUp::Telephone, "ES", "+44 020 7946 0958", "+44 20 7946 0958", true),
    (LookUp::Telephone, "US", "(212) 555-0123", "1-212-555-0123", true),
    (LookUp::Telephone, "US", "+34 600 111 222", "011 34 600 111 222", true),
    (LookUp::Telephone, "IT", "+39 06 698 1234", "06 698 1234", true),
    (LookUp::Telephone, "IT", "+39 06 698 1234", "+39 6 698 1234", false),
    (LookUp::Telephone, "RU", "+7 800 555 35 35", "8 800 555 35 35", true),
    (LookUp::Telephone, "HU", "+36 1 234 5678", "06 1 234 5678", true),
    (LookUp::Telephone, "MX", "+52 1 55 1234 5678", "55 1234 5678", true),
    (LookUp::Telephone, "EG", "+20 10 1234 5678", "\u{660}\u{661}\u{660} \u{661}\u{662}\u{663}\u{664}5678", true),
    (LookUp::Telephone, "ES", "+34 600 111 222", "+0034 600 111 222", true),
    (LookUp::Telephone, "ES", "600 111 222 / 91 555 01 02", "+34 915 550 102", true),
    (LookUp::Telephone, "ES", "600 111 222 / 91 555 01 02", "600 111 222", true),
    (LookUp::Telephone, "DE", "0049 6221/1234567", "06221 1234567", true),
    (LookUp::Telephone, "DE", "0171/123 45 67", "+49 171 1234567", true),
    (LookUp::Telephone, "FR", "+33 6 12 34 56 78", "33 06 12 34 56 78", true),
    (LookUp::Telephone, "MX", "+52 55 1234 5678", "52 1 55 1234 5678", true),
    (LookUp::Telephone, "AR", "+54 9 11 1234-5678", "011 15 1234-5678", true),
    (LookUp::Telephone, "AR", "+54 9 341 123-4567", "0341 15 123-4567", true),
    (LookUp::Telephone, "AR", "+54 9 2966 12-3456", "02966 15 12-3456", true),
    (LookUp::Telephone, "CL", "+56 9 8765 4321", "09 8765 4321", true),
    (LookUp::Telephone, "CO", "+57 310 123 4567", "03 310 123 4567", true),
    (LookUp::Telephone, "GA", "+241 62 12 34 56", "062 12 34 56", true),
    (LookUp::Telephone, "CI", "+225 07 12 34 56 78", "+225 7 12 34 56 78", false),
    (LookUp::Telephone, "UA", "+380 50 123 45 67", "8 050 123 45 67", true),
    (LookUp::Telephone, "BY", "+375 (029) 123-45-67", "8 029 123-45-67", true),
    (LookUp::Telephone, "-", "+34 600 111 222", "600 111 222", false),
];

fn contact(by: LookUp, text: &str) -> Contact {
    let text = Some(text.to_owned());
    match by {
        LookUp::Reference => Contact::default(),
        LookUp::Name => Contact { name: text, ..Contact::default() },
        LookUp::Telephone => Contact { telephone: text, ..Contact::default() },
        LookUp::Email => Contact { email: text, ..Contact::default() },
    }
}

fn finds(search: &ContactSearch, terms: &BTreeSet<SearchTerm>) -> bool {
    let all = !search.all.is_empty() && search.all.is_subset(terms);
    all || !search.any.is_disjoint(terms)
}

#[test]
fn each_pair_of_spellings_matches_or_differs_as_expected() {
    let mut wrong = Vec::new();
    for (by, country, stored, searched, expected) in PAIRS {
        let country = Some(country).filter(|country| *country != "-");
        let found = match by {
            LookUp::Reference => {
                let reference = Reference::parse(None, (stored, "")).ok().unwrap();
                by.normalize(&reference.stored()) == by.normalize(searched)
            }
            _ => finds(&ContactSearch::new(by, searched, country), &terms(&contact(by, stored), country)),
        };
        if found != expected {
            wrong.push(format!("{by:?} {stored} / {searched}: {found}"));
        }
    }
    println!("{} pairs of spellings, {} wrong", PAIRS.len(), wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn terms_of_one_kind_are_no_terms_of_another() {
    let terms = terms(&contact(LookUp::Name, "ana@mail.example"), None);
    assert!(!finds(&ContactSearch::new(LookUp::Email, "ana@mail.example", None), &terms));
    assert!(!finds(&ContactSearch::new(LookUp::Reference, "ana@mail.example", None), &terms));
}

#[test]
fn the_form_changes_with_a_country_whose_prefixes_are_known() {
    assert_eq!([form(None), form(Some("ES")), form(Some("AQ"))], ["1", "1 ES", "1"]);
}
