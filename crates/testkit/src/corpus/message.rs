//! One message after the other; answers quote the ones before.

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encoding::Charset;
use super::encoding::base64_lines;
use super::encoding::encoded_word;
use super::encoding::quoted_printable;
use super::random::Random;
use super::words::CHARSETS;
use super::words::DOMAINS;
use super::words::FILES;
use super::words::FIRST_NAMES;
use super::words::GERMAN;
use super::words::LAST_NAMES;
use super::words::LATIN;
use super::words::Words;

/// 2021-01-04T08:00:00Z
const FIRST_DATE: u64 = 1_609_747_200;
/// How many messages back an answer may refer to.
const RECENT: usize = 400;
const TWO_32: u64 = 1 << 32;

pub struct Message {
    /// Seconds since 1970.
    pub date: u64,
    /// With bare LF, as a Maildir holds it.
    pub raw: Vec<u8>,
}

struct Sent {
    message_id: Vec<u8>,
    references: Vec<u8>,
    subject: String,
    person: Person,
}

#[derive(Clone)]
struct Person {
    name: String,
    address: String,
}

pub struct Generator {
    seed: u64,
    recent: VecDeque<Sent>,
}

/// What the parts of one message share.
struct Draft {
    random: Random,
    index: u64,
    words: Words,
    charset: Charset,
}

struct Answer {
    parent: Vec<u8>,
    references: Vec<u8>,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Generator {
            seed,
            recent: VecDeque::new(),
        }
    }

    /// Messages must be asked for in order from 0: answers depend on what came before.
    pub fn message(&mut self, index: u64) -> Message {
        let mut random = Random::new(self.seed * 1_000_003 + index);
        let (words, charset) = pick_charset(&mut random);
        let mut draft = Draft {
            random,
            index,
            words,
            charset,
        };
        let date = FIRST_DATE + index * 4217 + draft.random.below(3600);
        let domain = DOMAINS[index as usize % DOMAINS.len()];
        let message_id = format!("<{:08x}.{index}.lab@{domain}>", draft.random.below(TWO_32)).into_bytes();
        let mut person = draft.person();
        let kind = draft.random.unit();
        let odd = (kind >= 0.97).then(|| draft.random.below(12));
        let answers = !self.recent.is_empty() && draft.random.unit() < 0.45;
        let (subject, base, answer) = if answers {
            let parent = &self.recent[draft.random.below(self.recent.len() as u64) as usize];
            if draft.random.unit() < 0.7 {
                person = parent.person.clone();
            }
            let answer = Answer {
                parent: parent.message_id.clone(),
                references: last_references(&parent.references, &parent.message_id),
            };
            let prefix = if draft.random.unit() < 0.8 { "Re: " } else { "AW: " };
            (
                format!("{prefix}{}", parent.subject),
                parent.subject.clone(),
                Some(answer),
            )
        } else {
            let length = 14.0 + draft.random.unit() * 40.0;
            let subject = draft.text(length);
            (subject.clone(), subject, None)
        };
        let stated_id = match odd {
            Some(2) => None,
            Some(3) if !self.recent.is_empty() => self.recent.back().map(|sent| sent.message_id.clone()),
            _ => Some(message_id.clone()),
        };
        let mut raw = draft.headers(date, &person, &subject, stated_id, answer.as_ref(), odd);
        raw.extend_from_slice(&draft.body(kind, odd, answer.is_some()));
        self.remember(Sent {
            message_id,
            references: answer.map_or(Vec::new(), |answer| without_line_ends(&answer.references)),
            subject: base,
            person,
        });
        Message { date, raw }
    }

    fn remember(&mut self, sent: Sent) {
        self.recent.push_back(sent);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }
}

fn pick_charset(random: &mut Random) -> (Words, Charset) {
    let mut left = random.unit() * 100.0;
    for (weight, words, charset) in CHARSETS {
        left -= weight;
        if left < 0.0 {
            return (words, *charset);
        }
    }
    (CHARSETS[0].1, CHARSETS[0].2)
}

fn last_references(references: &[u8], parent: &[u8]) -> Vec<u8> {
    let all = [references, parent].join(&b' ');
    let ids: Vec<&[u8]> = all
        .split(u8::is_ascii_whitespace)
        .filter(|id| !id.is_empty())
        .collect();
    ids[ids.len().saturating_sub(12)..].join(&b"\n "[..])
}

fn without_line_ends(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| *byte != b'\n').collect()
}

/// At 76 characters, between words.
fn wrap(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 76 + 1);
    let mut length = 0;
    let mut is_empty = true;
    for word in text.split(' ') {
        let size = word.chars().count();
        if length + size > 76 && !is_empty {
            out.push('\n');
            length = 0;
            is_empty = true;
        }
        if !is_empty {
            out.push(' ');
        }
        out.push_str(word);
        length += size + 1;
        is_empty = false;
    }
    out.push('\n');
    out
}

fn text_of(random: &mut Random, words: Words, length: f64, separator: &str) -> String {
    let (mut out, mut so_far) = (Vec::new(), 0.0);
    while so_far < length {
        let from = if random.unit() < 0.7 { words } else { LATIN };
        let word = random.pick(from);
        so_far += word.chars().count() as f64 + 1.0;
        out.push(word.to_owned());
        if random.unit() < 0.04 {
            out.push(random.below(100_000).to_string());
        }
    }
    out.join(separator)
}

fn format_date(seconds: u64, format: &str) -> String {
    let at = jiff::Timestamp::from_second(seconds as i64).unwrap_or_default();
    at.strftime(format).to_string()
}

impl Draft {
    fn text(&mut self, length: f64) -> String {
        text_of(&mut self.random, self.words, length, " ")
    }

    fn person(&mut self) -> Person {
        let first = self.random.pick(FIRST_NAMES);
        let last = self.random.pick(LAST_NAMES);
        let number = self.random.below(2500);
        let domain = DOMAINS[number as usize % DOMAINS.len()];
        Person {
            name: format!("{first} {last}"),
            address: format!("c{number:04}@{domain}"),
        }
    }

    fn mailbox(&mut self, person: &Person) -> Vec<u8> {
        let name = encoded_word(&mut self.random, &person.name, self.charset);
        let is_encoded = name.starts_with(b"=?");
        let name = if !is_encoded && self.random.unit() < 0.5 {
            [b"\"", &name[..], b"\""].concat()
        } else {
            name
        };
        [&name[..], b" <", person.address.as_bytes(), b">"].concat()
    }

    fn headers(
        &mut self,
        date: u64,
        person: &Person,
        subject: &str,
        message_id: Option<Vec<u8>>,
        answer: Option<&Answer>,
        odd: Option<u64>,
    ) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = vec![
            format!("Return-Path: <{}>", person.address).into_bytes(),
            b"Delivered-To: admin@crm.example".to_vec(),
        ];
        for hop in 0..=self.random.below(3) as usize {
            lines.push(self.received(hop, date));
        }
        if self.random.unit() < 0.7 {
            lines.extend(self.signature(person));
        }
        lines.push(match odd {
            Some(5) => [b"From: M\xfcller raw 8-bit <", person.address.as_bytes(), b">"].concat(),
            _ => [b"From: ", &self.mailbox(person)[..]].concat(),
        });
        let mut to = b"To: Admin One <admin@crm.example>".to_vec();
        if self.random.unit() < 0.2 {
            let other = self.person();
            to.extend_from_slice(b",\n ");
            to.extend_from_slice(&self.mailbox(&other));
        }
        lines.push(to);
        if self.random.unit() < 0.15 {
            let count = 1 + self.random.below(5);
            let copies: Vec<_> = (0..count).map(|_| self.drawn_mailbox()).collect();
            lines.push([b"Cc: ", &copies.join(&b",\n "[..])[..]].concat());
        }
        let subject = encoded_word(&mut self.random, subject, self.charset);
        lines.push([b"Subject: ", &subject[..]].concat());
        lines.push(format_date(date + 7200, "Date: %a, %d %b %Y %H:%M:%S +0200").into_bytes());
        if let Some(id) = message_id {
            lines.push([b"Message-ID: ", &id[..]].concat());
        }
        if let Some(answer) = answer {
            lines.push([b"In-Reply-To: ", &answer.parent[..]].concat());
            lines.push([b"References: ", &answer.references[..]].concat());
        }
        if self.random.unit() < 0.1 {
            let line = format!("List-Unsubscribe: <mailto:u@example.com?subject={}>", self.index);
            lines.push(line.into_bytes());
        }
        lines.push(b"X-Mailer: lab-gen 1.0".to_vec());
        lines.push(b"MIME-Version: 1.0\n".to_vec());
        lines.join(&b'\n')
    }

    fn drawn_mailbox(&mut self) -> Vec<u8> {
        let person = self.person();
        self.mailbox(&person)
    }

    fn received(&mut self, hop: usize, date: u64) -> Vec<u8> {
        let host = DOMAINS[hop];
        let last = 1 + self.random.below(250);
        let id = self.random.below(1 << 48);
        let at = format_date(date, "%a, %d %b %Y %H:%M:%S +0000");
        format!(
            "Received: from mx{hop}.{host} (mx{hop}.{host} [192.0.2.{last}])\n\tby mx.crm.example (Postfix) with ESMTPS id {id:012X}\n\tfor <admin@crm.example>; {at}"
        )
        .into_bytes()
    }

    fn signature(&mut self, person: &Person) -> [Vec<u8>; 2] {
        let domain = person.address.split('@').nth(1).unwrap_or_default();
        let signature = base64_lines(&self.random.bytes(256), 70);
        let signature = String::from_utf8_lossy(&signature).trim().replace('\n', "\n\t ");
        let hash = STANDARD.encode(self.random.bytes(32));
        let signed = format!(
            "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s1;\n\th=from:to:subject:date:message-id;\n\tbh={hash};\n\tb={signature}"
        );
        let checked = format!(
            "Authentication-Results: mx.crm.example;\n\tdkim=pass header.d={domain};\n\tspf=pass smtp.mailfrom={}",
            person.address
        );
        [signed.into_bytes(), checked.into_bytes()]
    }

    fn body(&mut self, kind: f64, odd: Option<u64>, answers: bool) -> Vec<u8> {
        let tag = format!("{:08x}{:06}", self.random.below(TWO_32), self.index);
        let length = self.random.log_normal(6.9, 0.9).min(30_000.0);
        let mut plain = wrap(&self.text(length));
        if answers {
            let quoted = wrap(&self.text((300.0 + length).min(6000.0)));
            plain.push_str("\n> ");
            plain.push_str(&quoted.replace('\n', "\n> "));
            plain.push('\n');
        }
        match odd {
            Some(odd) => self.awkward(odd, &plain, &tag),
            None if kind < 0.36 => self.text_part(&plain, "plain"),
            None => self.rich(kind, &plain, &tag),
        }
    }

    fn rich(&mut self, kind: f64, plain: &str, tag: &str) -> Vec<u8> {
        let length = self.random.log_normal(8.9, 0.8).min(140_000.0);
        let plain = self.text_part(plain, "plain");
        let html = self.html(length);
        let html = self.text_part(&html, "html");
        let alternative = multipart("alternative", &[plain, html], tag);
        if kind < 0.78 {
            alternative
        } else if kind < 0.87 {
            let image = self.inline_image();
            multipart("related", &[alternative, image], tag)
        } else {
            let count = if self.random.unit() < 0.75 {
                1
            } else {
                2 + self.random.below(2)
            };
            let mut parts = vec![alternative];
            parts.extend((0..count).map(|number| self.attachment(number)));
            multipart("mixed", &parts, tag)
        }
    }

    fn text_part(&mut self, text: &str, subtype: &str) -> Vec<u8> {
        self.text_part_in(text, subtype, self.charset)
    }

    fn text_part_in(&mut self, text: &str, subtype: &str, charset: Charset) -> Vec<u8> {
        let (label, raw) = charset.encode_or_utf8(text);
        let label = if self.random.unit() < 0.5 {
            format!("\"{label}\"")
        } else {
            label.to_owned()
        };
        let mut part = format!("Content-Type: text/{subtype}; charset={label}").into_bytes();
        let (name, encoded) = if raw.is_ascii() {
            ("7bit", raw)
        } else {
            match self.random.unit() {
                draw if draw < 0.5 => ("quoted-printable", quoted_printable(&raw)),
                draw if draw < 0.85 => ("base64", base64_lines(&raw, 76)),
                _ => ("8bit", raw),
            }
        };
        part.extend_from_slice(format!("\nContent-Transfer-Encoding: {name}\n\n").as_bytes());
        part.extend_from_slice(&encoded);
        part
    }

    fn html(&mut self, length: f64) -> String {
        let head = "<html><head><style>.c{font-family:Arial,sans-serif;color:#333;padding:8px 12px;border:1px solid #ddd}a{color:#06c;text-decoration:none}</style></head><body><table width=\"600\" cellpadding=\"0\" cellspacing=\"0\">";
        let mut lines = vec![head.to_owned()];
        let mut so_far = head.len() as f64;
        while so_far < length {
            let size = 11 + self.random.below(6);
            let text_length = 60.0 + self.random.unit() * 240.0;
            let text = self.text(text_length);
            let (one, two) = (self.random.below(TWO_32), self.random.below(TWO_32));
            let link = self.text(8.0);
            let row = format!(
                "<tr><td class=\"c\" style=\"font-size:{size}px;line-height:1.4\"><p>{text}</p><a href=\"https://example.com/t/{one:08x}{two:08x}\">{link}</a></td></tr>"
            );
            so_far += row.chars().count() as f64 + 1.0;
            lines.push(row);
        }
        lines.push("</table></body></html>\n".to_owned());
        lines.join("\n")
    }

    fn inline_image(&mut self) -> Vec<u8> {
        self.random.pick(FILES);
        let (extension, kind) = *self.random.pick(&FILES[1..3]);
        let id = format!("img{}@lab", self.index);
        self.file(0, (extension, kind), Some(&id), (9.0, 0.9, 200_000.0))
    }

    fn attachment(&mut self, number: u64) -> Vec<u8> {
        let file = *self.random.pick(FILES);
        self.file(number, file, None, (10.35, 1.25, 2_097_152.0))
    }

    fn file(
        &mut self,
        number: u64,
        (extension, kind): (&str, &str),
        content_id: Option<&str>,
        (mean, deviation, limit): (f64, f64, f64),
    ) -> Vec<u8> {
        let size = self.random.log_normal(mean, deviation).max(600.0).min(limit) as usize;
        let mut data = self.random.bytes(size);
        if extension == "csv" {
            let text = text_of(&mut self.random, LATIN, size as f64, ";") + "\n";
            data = text.into_bytes();
            data.truncate(size);
        }
        let index = self.index;
        let name = format!("file-{index}-{number}.{extension}");
        let stated = match self.random.unit() {
            draw if draw < 0.15 => format!("filename*=utf-8''%C3%9Cbersicht%20{index}.{extension}"),
            draw if draw < 0.25 => {
                let word = STANDARD.encode(format!("счёт {index}.{extension}"));
                format!("filename=\"=?utf-8?B?{word}?=\"")
            }
            draw if draw < 0.30 => format!(
                "filename*0*=utf-8''%D0%B4%D0%BE%D0%B3%D0%BE%D0%B2%D0%BE%D1%80;\n filename*1=\"-{index}.{extension}\""
            ),
            _ => format!("filename=\"{name}\""),
        };
        let disposition = if content_id.is_some() {
            "inline"
        } else {
            "attachment"
        };
        let mut part = format!(
            "Content-Type: {kind}; name=\"{name}\"\nContent-Transfer-Encoding: base64\nContent-Disposition: {disposition}; {stated}\n"
        );
        if let Some(id) = content_id {
            part.push_str(&format!("Content-ID: <{id}>\n"));
        }
        part.push('\n');
        let mut part = part.into_bytes();
        part.extend_from_slice(&base64_lines(&data, 76));
        part
    }

    /// What people and programs send that is not as it should be.
    fn awkward(&mut self, odd: u64, plain: &str, tag: &str) -> Vec<u8> {
        let index = self.index;
        match odd {
            0 => {
                let inner = self.text_part_of_forwarded(plain);
                let note = self.text_part_in("see attached\n", "plain", Charset::UTF8);
                // The note is drawn after the inner message in the published bytes.
                multipart("mixed", &[note, inner], tag)
            }
            1 => {
                let text = self.text_part(plain, "plain");
                let event = format!(
                    "Content-Type: text/calendar; charset=utf-8; method=REQUEST\nContent-Transfer-Encoding: 7bit\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nVERSION:2.0\nBEGIN:VEVENT\nUID:ev{index}@lab\nDTSTART:20240110T100000Z\nSUMMARY:Visit {index}\nEND:VEVENT\nEND:VCALENDAR\n"
                );
                multipart("alternative", &[text, event.into_bytes()], tag)
            }
            4 => b"Content-Type: text/plain; charset=utf-8\n\n".to_vec(),
            6 => {
                let lines: String = (0..6).map(|_| text_of(&mut self.random, GERMAN, 880.0, " ") + "\n").collect();
                format!("Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<html><body>{lines}</body></html>\n").into_bytes()
            }
            7 => {
                let broken = base64_lines(plain.as_bytes(), 76);
                let head = b"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n";
                [&head[..], &broken[..broken.len() - 5], b"!*&\n"].concat()
            }
            8 => format!("Content-Type: text/plain; charset=x-unknown-{index}\nContent-Transfer-Encoding: 8bit\n\n{plain}").into_bytes(),
            9 => {
                let part = self.text_part(plain, "plain");
                let mut cut = multipart("mixed", &[part], tag);
                cut.truncate(cut.len() - 12);
                cut
            }
            10 => {
                let part = self.text_part(plain, "plain");
                (0..40).fold(part, |part, depth| multipart("mixed", &[part], &format!("{tag}{depth:02}")))
            }
            11 => self.delivery_report(tag),
            _ => self.text_part(plain, "plain"),
        }
    }

    fn text_part_of_forwarded(&mut self, plain: &str) -> Vec<u8> {
        let index = self.index;
        let mut inner = format!(
            "Content-Type: message/rfc822\nContent-Disposition: attachment\n\nFrom: inner <inner@example.com>\nTo: x@example.com\nSubject: forwarded {index}\nMessage-ID: <inner{index}@lab>\n"
        )
        .into_bytes();
        inner.extend_from_slice(&self.text_part(plain, "plain"));
        inner
    }

    fn delivery_report(&mut self, tag: &str) -> Vec<u8> {
        let index = self.index;
        let text = self.text_part_in("delivery failed\n", "plain", Charset::ASCII);
        let status = format!(
            "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.crm.example\n\nFinal-Recipient: rfc822; c{:04}@example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 unknown user\n",
            index % 2500
        );
        let about = format!(
            "Content-Type: text/rfc822-headers\n\nSubject: x\nMessage-ID: <sent{index}@crm.example>\n"
        );
        let parts = [text, status.into_bytes(), about.into_bytes()];
        multipart_with("report", &parts, tag, "; report-type=delivery-status")
    }
}

fn multipart(kind: &str, parts: &[Vec<u8>], tag: &str) -> Vec<u8> {
    multipart_with(kind, parts, tag, "")
}

fn multipart_with(kind: &str, parts: &[Vec<u8>], tag: &str, parameters: &str) -> Vec<u8> {
    let boundary = format!("=_{}_{tag}", &kind[..3]);
    let mut out = format!(
        "Content-Type: multipart/{kind}{parameters};\n boundary=\"{boundary}\"\n\nThis is a multi-part message in MIME format.\n"
    )
    .into_bytes();
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\n").as_bytes());
        out.extend_from_slice(part);
        out.push(b'\n');
    }
    out.extend_from_slice(format!("--{boundary}--\n").as_bytes());
    out
}
