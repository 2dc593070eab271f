//! The deny list: whose mail is never taken in.

use crate::address::EmailAddress;
use crate::address::fold_domain;

/// One line of a deny list, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DenyPattern {
    /// `a@b.c`
    Address(EmailAddress),
    /// `b.c` or `@b.c`: that domain, not its subdomains.
    Domain(String),
    /// `*.b.c`: its subdomains, not the domain itself.
    Subdomains(String),
    /// `news*@b.c`, `*@*.b.c`: `*` stands for any run of characters.
    Glob(String),
}

/// A line that is neither empty nor a comment, with its number in the text the owner typed (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenyLine {
    pub number: usize,
    pub text: String,
    pub pattern: DenyPattern,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: an address (a@b.c), a domain (b.c) or its subdomains (*.b.c) is expected")]
pub struct DenyLineError {
    pub number: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenyList {
    lines: Vec<DenyLine>,
}

impl DenyList {
    /// One address or domain a line, `#` comments.
    pub fn parse(text: &str) -> Result<Self, DenyLineError> {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let content = line.split('#').next().unwrap_or_default().trim();
            if content.is_empty() {
                continue;
            }
            let number = index + 1;
            let pattern = DenyPattern::parse(content).ok_or(DenyLineError { number })?;
            lines.push(DenyLine {
                number,
                text: content.to_owned(),
                pattern,
            });
        }
        Ok(DenyList { lines })
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub fn lines(&self) -> &[DenyLine] {
        &self.lines
    }

    /// The first line that matches this address.
    pub fn find(&self, address: &EmailAddress) -> Option<&DenyLine> {
        self.lines.iter().find(|line| line.pattern.matches(address))
    }
}

impl DenyPattern {
    fn parse(text: &str) -> Option<Self> {
        if let Some(domain) = text.strip_prefix("*.")
            && !domain.contains(['*', '@'])
        {
            return fold_domain(domain).map(DenyPattern::Subdomains);
        }
        if text.contains('*') {
            return parse_glob(text);
        }
        if let Some(domain) = text.strip_prefix('@') {
            return named_domain(domain).map(DenyPattern::Domain);
        }
        if text.contains('@') {
            return EmailAddress::parse(text).ok().map(DenyPattern::Address);
        }
        named_domain(text).map(DenyPattern::Domain)
    }

    pub fn matches(&self, address: &EmailAddress) -> bool {
        match self {
            DenyPattern::Address(denied) => denied == address,
            DenyPattern::Domain(domain) => address.domain() == domain,
            DenyPattern::Subdomains(domain) => address
                .domain()
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.ends_with('.')),
            DenyPattern::Glob(glob) => glob_matches(glob.as_bytes(), address.as_str().as_bytes()),
        }
    }
}

/// A bare word is far more often a slip than a top-level domain.
fn named_domain(text: &str) -> Option<String> {
    fold_domain(text).filter(|domain| domain.contains('.'))
}

fn parse_glob(text: &str) -> Option<DenyPattern> {
    if text.chars().any(char::is_whitespace) || text.matches('@').count() > 1 {
        return None;
    }
    let folded = text.to_lowercase();
    let whole = if folded.contains('@') {
        folded
    } else {
        format!("*@{folded}")
    };
    // A line of stars alone would silence the whole account.
    whole
        .chars()
        .any(|c| !matches!(c, '*' | '@' | '.'))
        .then_some(DenyPattern::Glob(whole))
}

/// Linear in the text for every pattern: one place to go back to, never a stack of them.
fn glob_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at_pattern, mut at_text) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                last_star = Some((at_pattern + 1, at_text));
                at_pattern += 1;
            }
            Some(byte) if *byte == text[at_text] => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((after_star, from)) = last_star else {
                    return false;
                };
                at_pattern = after_star;
                at_text = from + 1;
                last_star = Some((after_star, from + 1));
            }
        }
    }
    pattern[at_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_a_line_denies_what_it_says() {
        for (line, denied, passed) in [
            ("a@b.example", vec!["A@B.example"], vec!["x@b.example"]),
            ("b.example", vec!["x@b.example"], vec!["x@s.b.example"]),
            ("@b.example", vec!["x@b.example"], vec!["x@s.b.example"]),
            (
                "*.b.example",
                vec!["x@s.b.example"],
                vec!["x@b.example", "x@ab.example"],
            ),
            (
                "news*@b.example",
                vec!["newsletter@b.example"],
                vec!["old-news@b.example"],
            ),
            ("*@*.b.example", vec!["x@s.b.example"], vec!["x@b.example"]),
            (
                "bücher.example # a comment",
                vec!["x@xn--bcher-kva.example"],
                vec![],
            ),
        ] {
            let list = DenyList::parse(line).expect(line);
            for address in denied {
                assert!(
                    list.find(&EmailAddress::parse(address).expect(address)).is_some(),
                    "{line} {address}"
                );
            }
            for address in passed {
                assert!(
                    list.find(&EmailAddress::parse(address).expect(address)).is_none(),
                    "{line} {address}"
                );
            }
        }
    }

    #[test]
    fn a_bad_line_is_refused_with_its_number() {
        for (text, number) in [
            ("ok.example\n\nnot a line", 3),
            ("*", 1),
            ("*@*", 1),
            ("word", 1),
            ("a@b@*", 1),
        ] {
            assert_eq!(DenyList::parse(text), Err(DenyLineError { number }), "{text:?}");
        }
        assert!(DenyList::parse("# only\n\n").expect("comments").is_empty());
    }
}
