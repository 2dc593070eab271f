//! A lenient reader of one response's text: atoms, strings, literals and lists as they are sent.

use bytes::Bytes;

use crate::framer::literal_size;

/// A value of the grammar, without claiming which. Slices of the response, nothing is copied except
/// quoted strings with escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Nil,
    /// A bare word or number.
    Atom(Bytes),
    /// A quoted string or a literal.
    Text(Bytes),
    List(Vec<Value>),
}

impl Value {
    pub fn bytes(&self) -> Option<&Bytes> {
        match self {
            Value::Atom(bytes) | Value::Text(bytes) => Some(bytes),
            Value::Nil | Value::List(_) => None,
        }
    }

    pub fn number(&self) -> Option<u64> {
        std::str::from_utf8(self.bytes()?).ok()?.parse().ok()
    }

    pub fn list(&self) -> &[Value] {
        match self {
            Value::List(values) => values,
            _ => &[],
        }
    }

    pub fn text(&self) -> Option<String> {
        self.bytes()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }
}

const MAX_DEPTH: usize = 100;
const MAX_VALUES: usize = 100_000;

pub struct Reader<'a> {
    frame: &'a Bytes,
    at: usize,
    values: usize,
    /// What could not be a value of the grammar: where the response goes on after it is not known.
    pub broken: Option<&'static str>,
}

impl<'a> Reader<'a> {
    pub fn new(frame: &'a Bytes, at: usize) -> Self {
        Reader {
            frame,
            at,
            values: 0,
            broken: None,
        }
    }

    pub fn rest(&self) -> &'a [u8] {
        &self.frame[self.at.min(self.frame.len())..]
    }

    pub fn peek(&self) -> Option<u8> {
        self.rest().first().copied()
    }

    pub fn skip_spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    /// True and past it, if this byte is next.
    pub fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    /// Up to a space or the end.
    pub fn word(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let end = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// An attribute name with its section: `BODY[HEADER.FIELDS (DATE "X")]<0>`.
    pub fn attribute_name(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let mut depth = 0_usize;
        let end = rest.iter().position(|byte| match byte {
            b'[' => {
                depth += 1;
                false
            }
            b']' => {
                depth = depth.saturating_sub(1);
                false
            }
            b' ' | b'(' | b')' => depth == 0,
            b'\r' | b'\n' => true,
            _ => false,
        });
        let name = &rest[..end.unwrap_or(rest.len())];
        self.at += name.len();
        name
    }

    /// The next value; `None` at the end of the text or of the list around it.
    pub fn value(&mut self) -> Option<Value> {
        self.value_at_depth(0)
    }

    fn value_at_depth(&mut self, depth: usize) -> Option<Value> {
        // A stray line end is no value: stepped over in a loop, for there may be millions.
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return None;
        }
        match self.peek()? {
            b')' => None,
            b'(' => Some(self.list(depth)),
            b'"' => Some(self.quoted()),
            b'{' | b'~' => Some(self.literal_or_atom()),
            _ => Some(self.atom()),
        }
    }

    fn list(&mut self, depth: usize) -> Value {
        self.at += 1;
        let mut values = Vec::new();
        while let Some(value) = self.value_at_depth(depth + 1) {
            values.push(value);
        }
        self.take(b')');
        Value::List(values)
    }

    /// A backslash quotes only `"` and `\`; before anything else it is itself (seen in Windows folder names).
    fn quoted(&mut self) -> Value {
        self.at += 1;
        let start = self.at;
        let mut unescaped: Option<Vec<u8>> = None;
        while let Some(byte) = self.peek() {
            match (byte, self.rest().get(1)) {
                (b'"', _) => break,
                (b'\\', Some(b'"' | b'\\')) => {
                    unescaped.get_or_insert_with(|| self.frame[start..self.at].to_vec());
                    self.at += 1;
                }
                _ => {}
            }
            if let (Some(copy), Some(byte)) = (&mut unescaped, self.frame.get(self.at)) {
                copy.push(*byte);
            }
            self.at += 1;
        }
        let end = self.at.min(self.frame.len());
        let is_closed = self.take(b'"');
        let bytes = unescaped.map_or_else(|| self.frame.slice(start..end), Bytes::from);
        match is_closed {
            true => Value::Text(bytes),
            // Cut by a line end: good enough for a name, and no string.
            false => Value::Atom(bytes),
        }
    }

    /// A brace before a number begins a literal or breaks the response; before a letter it belongs to a name.
    fn literal_or_atom(&mut self) -> Value {
        if let Some(literal) = self.literal() {
            if !matches!(self.peek(), None | Some(b' ' | b'\t' | b')' | b'\r' | b'\n')) {
                self.broken = Some("a literal that is longer than it says");
            }
            return literal;
        }
        let inner = self.rest().strip_prefix(b"~").unwrap_or(self.rest());
        let is_name = inner.first() != Some(&b'{') || inner.get(1).is_some_and(u8::is_ascii_alphabetic);
        if !is_name {
            self.broken = Some("a literal that is none");
        }
        self.atom()
    }

    fn literal(&mut self) -> Option<Value> {
        let rest = self.rest();
        let open = usize::from(rest.first() == Some(&b'~'));
        let close = rest.iter().take(open + 24).position(|byte| *byte == b'}')?;
        let size = literal_size(rest.get(open + 1..close)?)?;
        let size = usize::try_from(size).ok()?;
        if !rest.get(close + 1..)?.starts_with(b"\r\n") {
            return None;
        }
        let start = self.at + close + 3;
        let end = start.checked_add(size).filter(|end| *end <= self.frame.len())?;
        self.at = end;
        Some(Value::Text(self.frame.slice(start..end)))
    }

    /// Brackets belong to atoms (`[Gmail]/x`, flags such as `]x`).
    fn atom(&mut self) -> Value {
        let start = self.at;
        let length = self
            .rest()
            .iter()
            .position(|byte| matches!(byte, b' ' | b'(' | b')' | b'"' | b'\r' | b'\n'))
            .unwrap_or(self.rest().len());
        self.at += length;
        let atom = self.frame.slice(start..start + length);
        if atom.eq_ignore_ascii_case(b"NIL") {
            Value::Nil
        } else {
            Value::Atom(atom)
        }
    }
}
