//! Values in words as the lines of nested lists.

use crate::domain::screening::words::Phrase;
use crate::http::pages::texts::RulesTexts;

/// A line: a text, a text that begins an inner list, or the end of an inner list.
pub(super) struct Line {
    pub text: String,
    pub opens: bool,
    pub closes: bool,
}

pub(super) fn lines(phrase: &Phrase, texts: &RulesTexts) -> Vec<Line> {
    let mut lines = Vec::new();
    add(phrase, texts, &mut lines);
    lines
}

fn add(phrase: &Phrase, texts: &RulesTexts, lines: &mut Vec<Line>) {
    let (heading, parts) = match phrase {
        Phrase::Text(text) => {
            lines.push(Line { text: text.clone(), opens: false, closes: false });
            return;
        }
        Phrase::List(parts) => (None, parts),
        // One part needs no heading.
        Phrase::Any(parts) => (Some(&texts.any_of).filter(|_| parts.len() > 1), parts),
        Phrase::All(parts) => (Some(&texts.all_of).filter(|_| parts.len() > 1), parts),
    };
    if let Some(heading) = heading {
        lines.push(Line { text: heading.clone(), opens: true, closes: false });
    }
    for part in parts {
        add(part, texts, lines);
    }
    if heading.is_some() {
        lines.push(Line { text: String::new(), opens: false, closes: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::language::Language;
    use crate::http::pages::texts;

    #[test]
    fn each_inner_list_has_a_heading_and_an_end() {
        let text = |text: &str| Phrase::Text(text.to_owned());
        let any = Phrase::Any(vec![text("b"), Phrase::All(vec![text("c")]), Phrase::List(vec![text("d"), text("e")])]);
        let Ok(texts) = texts::of(Language::En) else { panic!("no texts") };
        let lines = lines(&Phrase::All(vec![text("a"), any]), &texts.rules);
        let shown: Vec<_> = lines.iter().map(|line| (&*line.text, line.opens, line.closes)).collect();
        let expected = [
            ("All of these:", true, false),
            ("a", false, false),
            ("Any of these:", true, false),
            ("b", false, false),
            ("c", false, false),
            ("d", false, false),
            ("e", false, false),
            ("", false, true),
            ("", false, true),
        ];
        assert_eq!(shown, expected);
    }
}
