//! SQL's `LIKE`.

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    parts: Vec<Part>,
    insensitive: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Any,
    One,
    Letter(char),
}

impl Pattern {
    /// `%` stands for anything, `_` for one character, `\` makes the next one plain.
    pub fn new(pattern: &str, insensitive: bool) -> Self {
        let folded = if insensitive { pattern.to_lowercase() } else { pattern.to_owned() };
        let mut parts = Vec::new();
        let mut letters = folded.chars();
        while let Some(letter) = letters.next() {
            parts.push(match letter {
                '%' => Part::Any,
                '_' => Part::One,
                '\\' => Part::Letter(letters.next().unwrap_or('\\')),
                other => Part::Letter(other),
            });
        }
        Self { parts, insensitive }
    }

    pub fn matches(&self, text: &str) -> bool {
        let letters: Vec<char> =
            if self.insensitive { text.to_lowercase().chars().collect() } else { text.chars().collect() };
        let (mut part, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while at < letters.len() {
            match self.parts.get(part) {
                Some(Part::Any) => {
                    retry = Some((part, at));
                    part += 1;
                }
                Some(Part::One) => {
                    part += 1;
                    at += 1;
                }
                Some(Part::Letter(letter)) if *letter == letters[at] => {
                    part += 1;
                    at += 1;
                }
                _ => match retry {
                    Some((star, from)) => {
                        retry = Some((star, from + 1));
                        part = star + 1;
                        at = from + 1;
                    }
                    None => return false,
                },
            }
        }
        self.parts[part..].iter().all(|rest| *rest == Part::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_escapes() {
        let is = |pattern: &str, text: &str| Pattern::new(pattern, false).matches(text);
        assert!(is("MOSIP VID", "MOSIP VID"));
        assert!(!is("MOSIP VID", "MOSIP VID 2"));
        assert!(is("%VID%", "MOSIP VID 2"));
        assert!(is("M_SIP%", "MOSIP"));
        assert!(is("100\\%", "100%"));
        assert!(!is("100\\%", "1000"));
        assert!(is("%a%b", "xaxbxb"));
        assert!(Pattern::new("ZOË%", true).matches("zoë x"));
        assert!(!is("", "x"));
    }
}
