//! What a type is called and ends in.

/// Type, what a file of it is called if nobody named it, and its extension. The first of an extension is its type.
const KINDS: &[(&str, &str, &str)] = &[
    ("image/jpeg", "photo", "jpg"),
    ("image/jpg", "photo", "jpg"),
    ("image/pjpeg", "photo", "jpg"),
    ("image/png", "picture", "png"),
    ("image/x-png", "picture", "png"),
    ("image/gif", "picture", "gif"),
    ("image/webp", "picture", "webp"),
    ("image/heic", "photo", "heic"),
    ("image/heif", "photo", "heif"),
    ("image/avif", "picture", "avif"),
    ("image/bmp", "picture", "bmp"),
    ("image/x-ms-bmp", "picture", "bmp"),
    ("image/tiff", "picture", "tif"),
    ("image/svg+xml", "drawing", "svg"),
    ("image/x-icon", "icon", "ico"),
    ("image/vnd.microsoft.icon", "icon", "ico"),
    ("image/x-emf", "drawing", "emf"),
    ("image/x-wmf", "drawing", "wmf"),
    ("image/vnd.adobe.photoshop", "picture", "psd"),
    ("audio/mpeg", "sound", "mp3"),
    ("audio/mp3", "sound", "mp3"),
    ("audio/wav", "sound", "wav"),
    ("audio/x-wav", "sound", "wav"),
    ("audio/ogg", "sound", "ogg"),
    ("audio/mp4", "sound", "m4a"),
    ("audio/x-m4a", "sound", "m4a"),
    ("audio/aac", "sound", "aac"),
    ("audio/amr", "sound", "amr"),
    ("audio/basic", "sound", "au"),
    ("audio/midi", "sound", "mid"),
    ("audio/flac", "sound", "flac"),
    ("video/mp4", "video", "mp4"),
    ("video/quicktime", "video", "mov"),
    ("video/mpeg", "video", "mpg"),
    ("video/3gpp", "video", "3gp"),
    ("video/webm", "video", "webm"),
    ("video/x-msvideo", "video", "avi"),
    ("video/x-ms-wmv", "video", "wmv"),
    ("text/plain", "text", "txt"),
    ("text/html", "page", "html"),
    ("text/x-amp-html", "page", "amp.html"),
    ("text/watch-html", "page for watches", "html"),
    ("text/calendar", "invite", "ics"),
    ("application/ics", "invite", "ics"),
    ("text/x-vcalendar", "event", "vcs"),
    ("text/vcard", "contact", "vcf"),
    ("text/x-vcard", "contact", "vcf"),
    ("text/directory", "contact", "vcf"),
    ("text/csv", "table", "csv"),
    ("text/comma-separated-values", "table", "csv"),
    ("text/tab-separated-values", "table", "tsv"),
    ("text/rtf", "document", "rtf"),
    ("application/rtf", "document", "rtf"),
    ("text/richtext", "text", "rtx"),
    ("text/enriched", "text", "rtx"),
    ("text/xml", "data", "xml"),
    ("application/xml", "data", "xml"),
    ("text/css", "style", "css"),
    ("text/markdown", "text", "md"),
    ("text/x-patch", "changes", "patch"),
    ("text/x-diff", "changes", "diff"),
    ("text/x-log", "log", "log"),
    ("text/rfc822-headers", "Headers of the message", "txt"),
    ("message/delivery-status", "Delivery report", "txt"),
    ("message/global-delivery-status", "Delivery report", "txt"),
    ("message/disposition-notification", "Read receipt", "txt"),
    ("message/feedback-report", "Complaint report", "txt"),
    ("message/rfc822", "Message", "eml"),
    ("message/global", "Message", "eml"),
    ("message/global-headers", "Headers of the message", "txt"),
    ("message/partial", "Part of a message", "eml"),
    ("message/news", "Message", "eml"),
    ("message/external-body", "Link to a file", "txt"),
    ("application/pdf", "document", "pdf"),
    ("application/x-pdf", "document", "pdf"),
    ("application/msword", "document", "doc"),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "document",
        "docx",
    ),
    ("application/vnd.oasis.opendocument.text", "document", "odt"),
    ("application/vnd.ms-excel", "table", "xls"),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "table",
        "xlsx",
    ),
    ("application/vnd.oasis.opendocument.spreadsheet", "table", "ods"),
    ("application/vnd.ms-powerpoint", "slides", "ppt"),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "slides",
        "pptx",
    ),
    ("application/vnd.oasis.opendocument.presentation", "slides", "odp"),
    ("application/vnd.ms-outlook", "Message", "msg"),
    ("application/postscript", "document", "ps"),
    ("application/epub+zip", "book", "epub"),
    ("application/zip", "archive", "zip"),
    ("application/x-zip-compressed", "archive", "zip"),
    ("application/gzip", "archive", "gz"),
    ("application/x-gzip", "archive", "gz"),
    ("application/x-tar", "archive", "tar"),
    ("application/x-7z-compressed", "archive", "7z"),
    ("application/vnd.rar", "archive", "rar"),
    ("application/x-rar-compressed", "archive", "rar"),
    ("application/json", "data", "json"),
    ("application/javascript", "script", "js"),
    ("text/javascript", "script", "js"),
    ("application/x-sh", "script", "sh"),
    ("application/x-msdownload", "program", "exe"),
    ("application/vnd.android.package-archive", "program", "apk"),
    ("application/sql", "data", "sql"),
    ("application/ms-tnef", "winmail", "dat"),
    ("application/vnd.ms-tnef", "winmail", "dat"),
    ("application/pgp-encrypted", "OpenPGP version", "txt"),
    ("application/pgp-signature", "signature", "asc"),
    ("application/pgp-keys", "OpenPGP key", "asc"),
    ("application/pgp", "OpenPGP message", "asc"),
    ("application/pkcs7-signature", "smime", "p7s"),
    ("application/x-pkcs7-signature", "smime", "p7s"),
    ("application/pkcs7-mime", "smime", "p7m"),
    ("application/x-pkcs7-mime", "smime", "p7m"),
    ("application/pkix-cert", "certificate", "cer"),
    ("application/x-x509-ca-cert", "certificate", "cer"),
    ("application/vnd.apple.pkpass", "pass", "pkpass"),
    ("application/vnd.google-earth.kml+xml", "map", "kml"),
    ("application/gpx+xml", "map", "gpx"),
    ("application/mac-binhex40", "file", "hqx"),
    ("application/applefile", "file of a Mac", ""),
];

/// Of whole families, where the type itself is not known.
const FAMILIES: &[(&str, &str)] = &[
    ("image/", "picture"),
    ("audio/", "sound"),
    ("video/", "video"),
    ("text/", "text"),
    ("message/", "Message"),
    ("font/", "font"),
];

/// What a file of a type is called, and its extension.
pub fn called(content_type: &str) -> (&'static str, &'static str) {
    let known = KINDS.iter().find(|(name, ..)| *name == content_type);
    let family = || {
        FAMILIES
            .iter()
            .find(|(family, _)| content_type.starts_with(family))
    };
    match known {
        Some((_, stem, extension)) => (stem, extension),
        None => (family().map_or("file", |(_, stem)| stem), ""),
    }
}

/// By the extension.
pub fn type_of_name(name: &str) -> &'static str {
    let extension = extension(name).unwrap_or_default().to_ascii_lowercase();
    let extension = match extension.as_str() {
        "jpeg" | "jpe" => "jpg",
        "htm" => "html",
        "tiff" => "tif",
        other => other,
    };
    let found = KINDS
        .iter()
        .find(|(_, _, known)| !known.is_empty() && *known == extension);
    found.map_or("application/octet-stream", |(name, ..)| name)
}

/// What a system would take for the kind of file: after the last point, short, and not a number or a word of a sentence.
pub fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let is_short = (1..=8).contains(&extension.len());
    let is_word = extension
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let is_number = extension.chars().all(|c| c.is_ascii_digit());
    (is_short && is_word && !is_number && !stem.trim().is_empty()).then_some(extension)
}

/// A name that says no kind gets that of its type: no system opens it without.
pub fn with_extension(name: &str, content_type: &str) -> String {
    let (_, known) = called(content_type);
    match extension(name).is_some() || known.is_empty() {
        true => name.to_owned(),
        false => format!("{}.{known}", name.trim_end_matches(['.', ' '])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_kind_gets_that_of_its_type() {
        for (name, content_type, expected) in [
            ("image001", "image/png", "image001.png"),
            ("Invoice No. 5", "application/pdf", "Invoice No. 5.pdf"),
            ("release v1.2", "application/pdf", "release v1.2.pdf"),
            ("Dr. Meier", "text/vcard", "Dr. Meier.vcf"),
            ("bill.pdf", "application/pdf", "bill.pdf"),
            ("bill.PDF", "application/octet-stream", "bill.PDF"),
            ("notes", "application/octet-stream", "notes"),
            ("picture.", "image/gif", "picture.gif"),
            ("a.tar.gz", "application/gzip", "a.tar.gz"),
        ] {
            assert_eq!(with_extension(name, content_type), expected);
        }
        assert_eq!(type_of_name("a.JPEG"), "image/jpeg");
        assert_eq!(type_of_name("readme"), "application/octet-stream");
    }
}
