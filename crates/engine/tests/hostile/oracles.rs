//! Two other parsers as oracles. Each response becomes a set of facts; where both know a fact, ours is the same.

use std::collections::BTreeMap;

use imap::Code;
use imap::Response;
use imap::Untagged;
use imap_codec::ResponseCodec;
use imap_codec::decode::Decoder as _;

type Facts = BTreeMap<String, String>;

pub fn agree(line: &[u8]) -> Result<(), String> {
    let (Some(codec), Some(proto)) = (by_codec(line), by_proto(line)) else {
        return Ok(());
    };
    let ours = by_us(line);
    for (name, value) in &codec {
        if proto.get(name) == Some(value) && ours.get(name) != Some(value) {
            return Err(format!("both read {name} = {value}, we {:?}", ours.get(name)));
        }
    }
    Ok(())
}

fn fact(facts: &mut Facts, name: &str, value: impl ToString) {
    facts.insert(name.to_owned(), value.to_string());
}

fn list(texts: impl IntoIterator<Item = impl ToString>) -> String {
    let mut texts: Vec<_> = texts
        .into_iter()
        .map(|text| text.to_string().to_ascii_uppercase())
        .collect();
    texts.sort();
    texts.join(" ")
}

fn by_us(line: &[u8]) -> Facts {
    let mut facts = Facts::new();
    let text = line
        .strip_suffix(b"\r\n")
        .or_else(|| line.strip_suffix(b"\n"))
        .unwrap_or(line);
    let frame = imap::Frame {
        bytes: bytes::Bytes::copy_from_slice(text),
        diverted: None,
    };
    match imap::parse_response(&frame) {
        Response::Tagged { completion, .. } => {
            fact(
                &mut facts,
                "status",
                format!("{:?}", completion.status).to_uppercase(),
            );
            our_code(&mut facts, completion.code.as_ref());
        }
        Response::Untagged(Untagged::Status(completion)) => {
            fact(
                &mut facts,
                "status",
                format!("{:?}", completion.status).to_uppercase(),
            );
            our_code(&mut facts, completion.code.as_ref());
        }
        Response::Untagged(Untagged::Exists(count)) => fact(&mut facts, "exists", count),
        Response::Untagged(Untagged::Recent(count)) => fact(&mut facts, "recent", count),
        Response::Untagged(Untagged::Expunge(number)) => fact(&mut facts, "expunge", number),
        Response::Untagged(Untagged::Search(found)) => fact(&mut facts, "search", list(found)),
        Response::Untagged(Untagged::Flags(flags)) => fact(&mut facts, "flags", list(flags)),
        Response::Untagged(Untagged::Capability(words)) => fact(&mut facts, "capability", list(words)),
        Response::Untagged(Untagged::List(entry)) => {
            fact(
                &mut facts,
                "mailbox",
                String::from_utf8_lossy(entry.name.wire()).to_uppercase(),
            );
            fact(
                &mut facts,
                "delimiter",
                entry.delimiter.map(String::from).unwrap_or_default(),
            );
        }
        Response::Untagged(Untagged::StatusCounts(counts)) => {
            for (name, value) in [("messages", counts.messages), ("uidnext", counts.uid_next)] {
                if let Some(value) = value {
                    fact(&mut facts, name, value);
                }
            }
        }
        Response::Untagged(Untagged::Fetch(fetch)) => our_fetch(&mut facts, &fetch),
        _ => {}
    }
    facts
}

fn our_code(facts: &mut Facts, code: Option<&Code>) {
    match code {
        Some(Code::UidNext(next)) => fact(facts, "uidnext", next),
        Some(Code::UidValidity(value)) => fact(facts, "uidvalidity", value),
        Some(Code::HighestModSeq(mod_seq)) => fact(facts, "highestmodseq", mod_seq),
        Some(Code::Capability(words)) => fact(facts, "capability", list(words)),
        _ => {}
    }
}

fn our_fetch(facts: &mut Facts, fetch: &imap::Fetch) {
    fact(facts, "fetch", fetch.sequence_number);
    if let Some(uid) = fetch.uid {
        fact(facts, "uid", uid);
    }
    if let Some(flags) = &fetch.flags {
        fact(facts, "flags", list(flags));
    }
    if let Some(size) = fetch.size {
        fact(facts, "size", size);
    }
    if let Some(mod_seq) = fetch.mod_seq {
        fact(facts, "modseq", mod_seq);
    }
    if let Some(imap::Body::Whole(body)) = &fetch.body {
        fact(facts, "body", String::from_utf8_lossy(body));
    }
}

fn by_codec(line: &[u8]) -> Option<Facts> {
    use imap_codec::imap_types::fetch::MessageDataItem;
    use imap_codec::imap_types::flag::FlagFetch;
    use imap_codec::imap_types::response::Code as TheirCode;
    use imap_codec::imap_types::response::Data;
    use imap_codec::imap_types::response::Response as Theirs;
    use imap_codec::imap_types::response::Status;
    let (rest, response) = ResponseCodec::default().decode(line).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut facts = Facts::new();
    let code = |facts: &mut Facts, code: &Option<TheirCode<'_>>| match code {
        Some(TheirCode::UidNext(next)) => fact(facts, "uidnext", next),
        Some(TheirCode::UidValidity(value)) => fact(facts, "uidvalidity", value),
        Some(TheirCode::HighestModSeq(mod_seq)) => fact(facts, "highestmodseq", mod_seq),
        Some(TheirCode::Capability(words)) => fact(facts, "capability", list(words.as_ref())),
        _ => {}
    };
    match response {
        Theirs::Status(Status::Tagged(tagged)) => {
            fact(
                &mut facts,
                "status",
                format!("{:?}", tagged.body.kind).to_uppercase(),
            );
            code(&mut facts, &tagged.body.code);
        }
        Theirs::Status(Status::Untagged(body)) => {
            fact(&mut facts, "status", format!("{:?}", body.kind).to_uppercase());
            code(&mut facts, &body.code);
        }
        Theirs::Status(Status::Bye(_)) => fact(&mut facts, "status", "BYE"),
        Theirs::Data(Data::Exists(count)) => fact(&mut facts, "exists", count),
        Theirs::Data(Data::Recent(count)) => fact(&mut facts, "recent", count),
        Theirs::Data(Data::Expunge(number)) => fact(&mut facts, "expunge", number),
        Theirs::Data(Data::Search(found, ..)) => fact(&mut facts, "search", list(found)),
        Theirs::Data(Data::Flags(flags)) => fact(&mut facts, "flags", list(flags)),
        Theirs::Data(Data::Capability(words)) => fact(&mut facts, "capability", list(words.as_ref())),
        Theirs::Data(Data::Fetch { seq, items }) => {
            fact(&mut facts, "fetch", seq);
            for item in items.as_ref() {
                match item {
                    MessageDataItem::Uid(uid) => fact(&mut facts, "uid", uid),
                    MessageDataItem::Rfc822Size(size) => fact(&mut facts, "size", size),
                    MessageDataItem::ModSeq(mod_seq) => fact(&mut facts, "modseq", mod_seq),
                    MessageDataItem::Flags(flags) => fact(
                        &mut facts,
                        "flags",
                        list(flags.iter().map(|flag| match flag {
                            FlagFetch::Flag(flag) => flag.to_string(),
                            FlagFetch::Recent => "\\Recent".to_owned(),
                        })),
                    ),
                    MessageDataItem::BodyExt {
                        section: None, data, ..
                    } => {
                        if let Some(data) = &data.0 {
                            fact(&mut facts, "body", String::from_utf8_lossy(data.as_ref()));
                        }
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Some(facts)
}

fn by_proto(line: &[u8]) -> Option<Facts> {
    use imap_proto::AttributeValue;
    use imap_proto::MailboxDatum;
    use imap_proto::Response as Theirs;
    use imap_proto::ResponseCode;
    let (rest, response) = Theirs::from_bytes(line).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut facts = Facts::new();
    let capabilities = |words: &[imap_proto::Capability<'_>]| {
        list(words.iter().map(|word| match word {
            imap_proto::Capability::Imap4rev1 => "IMAP4REV1".to_owned(),
            imap_proto::Capability::Auth(mechanism) => format!("AUTH={mechanism}"),
            imap_proto::Capability::Atom(atom) => atom.to_string(),
        }))
    };
    let code = |facts: &mut Facts, code: &Option<ResponseCode<'_>>| match code {
        Some(ResponseCode::UidNext(next)) => fact(facts, "uidnext", next),
        Some(ResponseCode::UidValidity(value)) => fact(facts, "uidvalidity", value),
        Some(ResponseCode::HighestModSeq(mod_seq)) => fact(facts, "highestmodseq", mod_seq),
        Some(ResponseCode::Capabilities(words)) => fact(facts, "capability", capabilities(words)),
        _ => {}
    };
    match &response {
        Theirs::Done {
            status, code: found, ..
        }
        | Theirs::Data {
            status, code: found, ..
        } => {
            fact(&mut facts, "status", format!("{status:?}").to_uppercase());
            code(&mut facts, found);
        }
        Theirs::Capabilities(words) => fact(&mut facts, "capability", capabilities(words)),
        Theirs::Expunge(number) => fact(&mut facts, "expunge", number),
        Theirs::MailboxData(MailboxDatum::Exists(count)) => fact(&mut facts, "exists", count),
        Theirs::MailboxData(MailboxDatum::Recent(count)) => fact(&mut facts, "recent", count),
        Theirs::MailboxData(MailboxDatum::Search(found)) => fact(&mut facts, "search", list(found)),
        Theirs::MailboxData(MailboxDatum::Flags(flags)) => fact(&mut facts, "flags", list(flags)),
        Theirs::Fetch(number, attributes) => {
            fact(&mut facts, "fetch", number);
            for attribute in attributes {
                match attribute {
                    AttributeValue::Uid(uid) => fact(&mut facts, "uid", uid),
                    AttributeValue::Rfc822Size(size) => fact(&mut facts, "size", size),
                    AttributeValue::ModSeq(mod_seq) => fact(&mut facts, "modseq", mod_seq),
                    AttributeValue::Flags(flags) => fact(&mut facts, "flags", list(flags)),
                    AttributeValue::BodySection {
                        section: None,
                        data: Some(data),
                        ..
                    } => {
                        fact(&mut facts, "body", String::from_utf8_lossy(data));
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Some(facts)
}
