//! The body of a message from Outlook in RTF: its words, or the HTML that it was made of (MS-OXRTFCP, MS-OXRTFEX).

use encoding_rs::Encoding;

/// What a few bytes may become.
const MAX_RTF_BYTES: usize = 4 * 1024 * 1024;
const MAX_DEPTH: usize = 200;

pub enum Body {
    Text(String),
    Html(String),
}

/// `None`: not RTF, or nothing in it.
pub fn body(compressed: &[u8]) -> Option<Body> {
    let rtf = decompress(compressed)?;
    let mut writer = Writer::of(&rtf);
    writer.run();
    let text = std::mem::take(&mut writer.written);
    (!text.trim().is_empty()).then_some(match writer.is_html {
        true => Body::Html(text),
        false => Body::Text(text),
    })
}

/// A code page of Windows.
pub fn encoding_of(code_page: u16) -> &'static Encoding {
    let label = match code_page {
        0 => "windows-1252",
        65001 => "utf-8",
        932 => "shift_jis",
        936 => "gbk",
        949 => "euc-kr",
        950 => "big5",
        54936 => "gb18030",
        20866 => "koi8-r",
        21866 => "koi8-u",
        50220..=50222 => "iso-2022-jp",
        51932 => "euc-jp",
        20127 => "us-ascii",
        28591..=28605 => return by_label(&format!("iso-8859-{}", code_page - 28590)),
        _ => return by_label(&format!("windows-{code_page}")),
    };
    by_label(label)
}

fn by_label(label: &str) -> &'static Encoding {
    Encoding::for_label(label.as_bytes()).unwrap_or(encoding_rs::WINDOWS_1252)
}

/// What every stream begins with unseen (MS-OXRTFCP §2.1.2.1).
const DICTIONARY: &[u8] =
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \
\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \
\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const WINDOW: usize = 4096;

fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let (header, data) = bytes.split_at_checked(16)?;
    let size = u32::from_le_bytes(*header[4..].first_chunk()?) as usize;
    let most = size.min(MAX_RTF_BYTES);
    match &header[8..12] {
        b"MELA" => Some(data[..most.min(data.len())].to_vec()),
        b"LZFu" => Some(expand(data, most)),
        _ => None,
    }
}

/// Tokens by eights: a byte, or a place in the last 4096 and a length. Ends at a reference to where it writes.
fn expand(data: &[u8], most: usize) -> Vec<u8> {
    let mut window = [0_u8; WINDOW];
    window[..DICTIONARY.len()].copy_from_slice(DICTIONARY);
    let mut at = DICTIONARY.len();
    let mut output = Vec::new();
    let mut bytes = data.iter().copied();
    'blocks: while let Some(control) = bytes.next() {
        for bit in 0..8 {
            let Some(first) = bytes.next() else {
                break 'blocks;
            };
            let (from, length) = match control >> bit & 1 {
                0 => {
                    window[at % WINDOW] = first;
                    (at % WINDOW, 1)
                }
                _ => {
                    let token = usize::from(first) << 8 | usize::from(bytes.next().unwrap_or_default());
                    (token >> 4, (token & 15) + 2)
                }
            };
            if length > 1 && from == at % WINDOW || output.len() >= most {
                break 'blocks;
            }
            for step in 0..length {
                let byte = window[(from + step) % WINDOW];
                window[at % WINDOW] = byte;
                at += 1;
                output.push(byte);
            }
        }
    }
    output.truncate(most);
    output
}

/// What a group inherits and leaves behind.
#[derive(Clone, Copy)]
struct State {
    /// Of a destination that is no text: fonts, colours, pictures.
    is_hidden: bool,
    /// Between `\htmlrtf` and `\htmlrtf0`: only for those who show the RTF.
    is_for_rtf: bool,
    /// In `{\*\htmltag ...}`: HTML as it was.
    is_tag: bool,
    /// Bytes that stand for a `\u` where it is not known.
    fallback: usize,
}

struct Writer<'a> {
    rtf: &'a [u8],
    at: usize,
    state: State,
    states: Vec<State>,
    /// Of groups deeper than are remembered.
    too_deep: usize,
    encoding: &'static Encoding,
    pending: Vec<u8>,
    skip: usize,
    surrogate: Option<u16>,
    is_html: bool,
    written: String,
}

impl<'a> Writer<'a> {
    fn of(rtf: &'a [u8]) -> Self {
        Writer {
            rtf,
            at: 0,
            state: State {
                is_hidden: false,
                is_for_rtf: false,
                is_tag: false,
                fallback: 1,
            },
            states: Vec::new(),
            too_deep: 0,
            encoding: encoding_rs::WINDOWS_1252,
            pending: Vec::new(),
            skip: 0,
            surrogate: None,
            is_html: false,
            written: String::new(),
        }
    }

    fn run(&mut self) {
        while let Some(byte) = self.next() {
            match byte {
                b'{' => self.open(),
                b'}' => self.close(),
                b'\\' => self.control(),
                b'\r' | b'\n' | 0 => {}
                _ => self.byte(byte),
            }
        }
        self.flush();
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.rtf.get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn open(&mut self) {
        self.flush();
        match self.states.len() < MAX_DEPTH {
            true => self.states.push(self.state),
            false => self.too_deep += 1,
        }
    }

    fn close(&mut self) {
        self.flush();
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if let Some(state) = self.states.pop() {
            self.state = state;
        }
    }

    /// `\word123 `, `\'e4` or a sign.
    fn control(&mut self) {
        let Some(first) = self.next() else {
            return;
        };
        if !first.is_ascii_alphabetic() {
            return self.sign(first);
        }
        let rest = &self.rtf[self.at - 1..];
        let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let number = &rest[letters..];
        let sign = usize::from(number.first() == Some(&b'-'));
        let digits = number[sign..]
            .iter()
            .take(10)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let digits = if digits == 0 { 0 } else { digits + sign };
        let value = std::str::from_utf8(&number[..digits])
            .ok()
            .and_then(|text| text.parse().ok());
        let space = usize::from(number.get(digits) == Some(&b' '));
        self.at += letters - 1 + digits + space;
        self.word(&rest[..letters], value);
    }

    fn sign(&mut self, sign: u8) {
        match sign {
            b'\'' => {
                let digits = self.rtf.get(self.at..self.at + 2).unwrap_or_default();
                let byte = std::str::from_utf8(digits)
                    .ok()
                    .and_then(|text| u8::from_str_radix(text, 16).ok());
                self.at += digits.len();
                if let Some(byte) = byte {
                    self.byte(byte);
                }
            }
            b'*' => self.starred(),
            b'~' => self.text("\u{a0}"),
            b'_' => self.text("-"),
            b'\\' | b'{' | b'}' => self.byte(sign),
            b'\r' | b'\n' => self.text("\n"),
            _ => {}
        }
    }

    /// A destination that a reader may pass over; of those only HTML is read.
    fn starred(&mut self) {
        const TAG: &[u8] = b"\\htmltag";
        let is_tag = self.rtf[self.at..].starts_with(TAG);
        self.state.is_tag |= is_tag;
        self.state.is_hidden |= !is_tag;
    }

    fn word(&mut self, word: &[u8], value: Option<i32>) {
        match word {
            b"fonttbl" | b"colortbl" | b"stylesheet" | b"info" | b"pict" | b"header" | b"footer"
            | b"object" | b"headerl" | b"headerr" | b"footerl" | b"footerr" | b"listtable" | b"themedata" => {
                self.state.is_hidden = true;
            }
            b"fromhtml" => self.is_html = true,
            b"htmlrtf" => {
                self.flush();
                self.state.is_for_rtf = value != Some(0);
            }
            b"ansicpg" => self.encoding = encoding_of(value.unwrap_or_default().clamp(0, 65535) as u16),
            b"uc" => self.state.fallback = value.unwrap_or(1).clamp(0, 8) as usize,
            b"u" => self.unicode(value.unwrap_or_default()),
            b"par" | b"line" | b"row" | b"sect" | b"page" => self.text("\n"),
            b"tab" | b"cell" => self.text("\t"),
            b"lquote" => self.text("\u{2018}"),
            b"rquote" => self.text("\u{2019}"),
            b"ldblquote" => self.text("\u{201c}"),
            b"rdblquote" => self.text("\u{201d}"),
            b"bullet" => self.text("\u{2022}"),
            b"endash" => self.text("\u{2013}"),
            b"emdash" => self.text("\u{2014}"),
            _ => {}
        }
    }

    fn unicode(&mut self, value: i32) {
        let unit = value as u16;
        let units = match self.surrogate.take() {
            Some(high) => vec![high, unit],
            None if (0xd800..0xdc00).contains(&unit) => {
                self.surrogate = Some(unit);
                Vec::new()
            }
            None => vec![unit],
        };
        let text = String::from_utf16_lossy(&units);
        self.text(&text);
        self.skip = self.state.fallback;
    }

    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
        } else if self.is_shown() {
            self.pending.push(byte);
        }
    }

    fn text(&mut self, text: &str) {
        self.flush();
        if self.is_shown() {
            self.written.push_str(text);
        }
    }

    fn is_shown(&self) -> bool {
        let is_text = !self.state.is_for_rtf || self.state.is_tag || !self.is_html;
        !self.state.is_hidden && is_text && self.too_deep == 0
    }

    /// Bytes of the code page wait for one another: a character may be of two.
    fn flush(&mut self) {
        self.skip = 0;
        if !self.pending.is_empty() {
            self.written
                .push_str(&self.encoding.decode_without_bom_handling(&self.pending).0);
            self.pending.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(rtf: &str) -> Vec<u8> {
        let size = u32::try_from(rtf.len()).expect("size").to_le_bytes();
        [&size, &size, b"MELA", &[0; 4], rtf.as_bytes()].concat()
    }

    #[test]
    fn words_are_read_and_html_is_what_it_was() {
        for (rtf, expected) in [
            (
                "{\\rtf1\\ansi\\ansicpg1252{\\fonttbl{\\f0 Arial;}}{\\*\\generator x}Gr\\'fc\\'dfe\\par a\\tab b\\u8364?\\{\\}}",
                "Gr\u{fc}\u{df}e\na\tb\u{20ac}{}",
            ),
            (
                "{\\rtf1\\ansicpg932 \\'82\\'a0\\uc0\\u-10179\\u-8704 x}",
                "\u{3042}\u{1f600}x",
            ),
            (
                "{\\rtf1\\ansi\\fromhtml1{\\*\\htmltag64 <p>}\\htmlrtf {\\b\\htmlrtf0 Hi{\\*\\htmltag84 &lt;}\\htmlrtf <}\\htmlrtf0{\\*\\htmltag72 </p>}}",
                "<p>Hi&lt;</p>",
            ),
        ] {
            let text = match body(&plain(rtf)) {
                Some(Body::Html(text) | Body::Text(text)) => text,
                None => String::new(),
            };
            assert_eq!(text, expected, "{rtf}");
        }
    }

    #[test]
    fn the_example_of_the_specification_expands() {
        // MS-OXRTFCP §3.1
        let bytes: &[u8] = &[
            0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0, 0x0a, 0,
            0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09,
            0, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        let expanded = decompress(bytes).expect("expanded");
        assert_eq!(expanded, b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
    }
}
