//! Writes winmail.dat as Outlook does (MS-OXTNEF).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A message in the making.
#[derive(Clone, Debug, Default)]
pub struct Tnef {
    properties: Vec<Vec<u8>>,
    files: Vec<Vec<u8>>,
}

impl Tnef {
    pub fn subject(self, text: &str) -> Self {
        self.property(unicode(0x0037, text))
    }

    pub fn text(self, text: &str) -> Self {
        self.property(unicode(0x1000, text))
    }

    /// In UTF-8.
    pub fn html(self, html: &str) -> Self {
        let code_page = [
            &0x0003_u16.to_le_bytes()[..],
            &0x3fde_u16.to_le_bytes(),
            &65001_u32.to_le_bytes(),
        ]
        .concat();
        self.property(code_page)
            .property(counted(0x0102, 0x1013, html.as_bytes()))
    }

    /// Stored without compression.
    pub fn rtf(self, rtf: &str) -> Self {
        let size = (rtf.len() as u32).to_le_bytes();
        let stored = [&size[..], &size, b"MELA", &[0; 4], rtf.as_bytes()].concat();
        self.property(counted(0x0102, 0x1009, &stored))
    }

    /// With a short name in the old place, and a long one where Outlook puts it.
    pub fn file(mut self, short: &str, long: &str, bytes: &[u8]) -> Self {
        let mut file = attribute(2, 0x0006_9002, &[0; 14]);
        file.extend(attribute(2, 0x0001_8010, &[short.as_bytes(), b"\0"].concat()));
        file.extend(attribute(2, 0x0006_800f, bytes));
        if !long.is_empty() {
            file.extend(attribute(2, 0x0006_9005, &list(&[unicode(0x3707, long)])));
        }
        self.files.push(file);
        self
    }

    /// Another message as a file.
    pub fn message(mut self, inner: &Tnef) -> Self {
        const IID_MESSAGE: [u8; 16] = [7, 3, 2, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];
        let object = [&IID_MESSAGE[..], &inner.bytes()].concat();
        let mut file = attribute(2, 0x0006_9002, &[0; 14]);
        file.extend(attribute(
            2,
            0x0006_9005,
            &list(&[counted(0x000d, 0x3701, &object)]),
        ));
        self.files.push(file);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = [&0x223e_9f78_u32.to_le_bytes()[..], &[1, 0]].concat();
        bytes.extend(attribute(1, 0x0008_9006, &[0, 0, 1, 0]));
        bytes.extend(attribute(1, 0x0006_9007, &[0xe4, 4, 0, 0, 0, 0, 0, 0]));
        bytes.extend(attribute(1, 0x0006_9003, &list(&self.properties)));
        bytes.extend(self.files.concat());
        bytes
    }

    /// A part of a message that holds such bytes.
    pub fn part(content_type: &str, bytes: &[u8]) -> Vec<u8> {
        let text = STANDARD.encode(bytes);
        let lines: Vec<_> = text.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
        let body = lines.join("\r\n");
        format!("Content-Type: {content_type}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}")
            .into_bytes()
    }

    fn property(mut self, property: Vec<u8>) -> Self {
        self.properties.push(property);
        self
    }
}

fn attribute(level: u8, tag: u32, data: &[u8]) -> Vec<u8> {
    let sum = data
        .iter()
        .fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
    let length = (data.len() as u32).to_le_bytes();
    [
        &[level][..],
        &tag.to_le_bytes(),
        &length,
        data,
        &sum.to_le_bytes(),
    ]
    .concat()
}

fn list(properties: &[Vec<u8>]) -> Vec<u8> {
    [
        (properties.len() as u32).to_le_bytes().to_vec(),
        properties.concat(),
    ]
    .concat()
}

fn unicode(id: u16, text: &str) -> Vec<u8> {
    let units = text.encode_utf16().chain([0]);
    let bytes: Vec<u8> = units.flat_map(u16::to_le_bytes).collect();
    counted(0x001f, id, &bytes)
}

fn counted(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u32).to_le_bytes();
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [
        &kind.to_le_bytes()[..],
        &id.to_le_bytes(),
        &1_u32.to_le_bytes(),
        &length,
        value,
        &padding,
    ]
    .concat()
}
