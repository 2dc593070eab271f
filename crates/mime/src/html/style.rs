//! What of a style stays: properties by name, values that load nothing.

use std::fmt::Write as _;

use cssparser::BasicParseErrorKind;
use cssparser::Delimiter;
use cssparser::ParseError;
use cssparser::Parser;
use cssparser::Token;
use cssparser::color::parse_hash_color;
use cssparser::color::parse_named_color;

/// Looks, never moves: nothing that takes an element out of the flow, over others, or loads.
const PROPERTIES: &[&str] = &[
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-style",
    "border-top-width",
    "border-width",
    "box-sizing",
    "clear",
    "color",
    "direction",
    "display",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "opacity",
    "overflow",
    "overflow-wrap",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "table-layout",
    "text-align",
    "text-decoration",
    "text-indent",
    "text-transform",
    "vertical-align",
    "visibility",
    "white-space",
    "width",
    "word-break",
    "word-spacing",
    "word-wrap",
];
/// All that a value may call.
const FUNCTIONS: &[&str] = &["rgb", "rgba", "hsl", "hsla", "calc"];

/// The declarations that may stay, of the value of a `style` attribute. Read as browsers read it (CSS Syntax 3), so
/// that `u\72l(` is a `url(`.
pub fn allowed_style(style: &str) -> String {
    let mut kept = String::new();
    let mut parser = Parser::new(style);
    while !parser.is_exhausted() {
        let declaration = parser.parse_until_after(Delimiter::Semicolon, |parser| {
            let name = parser.expect_ident()?.to_ascii_lowercase();
            parser.expect_colon()?;
            parser.skip_whitespace();
            allowed_value(&name, parser).map(|value| (name, value))
        });
        if let Ok((name, value)) = declaration {
            let name = if name == "background" {
                "background-color"
            } else {
                &name
            };
            let _ = write!(kept, "{name}:{value};");
        }
    }
    kept
}

fn allowed_value(name: &str, parser: &mut Parser<'_>) -> Result<String, ParseError<()>> {
    if name == "background" {
        return background_color(parser);
    }
    if PROPERTIES.binary_search(&name).is_err() {
        return Err(ParseError::unexpected_token());
    }
    let start = parser.position();
    loads_nothing(parser)?;
    Ok(parser.slice_from(start).trim().to_owned())
}

fn loads_nothing(parser: &mut Parser<'_>) -> Result<(), ParseError<()>> {
    loop {
        let is_allowed = match parser.next() {
            Err(end) if end.kind == BasicParseErrorKind::EndOfInput => return Ok(()),
            Err(error) => return Err(error.into()),
            Ok(Token::Function(name)) => {
                let known = FUNCTIONS.iter().any(|allowed| name.eq_ignore_ascii_case(allowed));
                known && parser.parse_nested_block(loads_nothing).is_ok()
            }
            Ok(Token::ParenthesisBlock) => parser.parse_nested_block(loads_nothing).is_ok(),
            Ok(
                Token::Ident(_)
                | Token::Hash(_)
                | Token::IDHash(_)
                | Token::QuotedString(_)
                | Token::Number { .. }
                | Token::Percentage { .. }
                | Token::Dimension { .. }
                | Token::Delim('!' | '*' | '+' | '-' | '/')
                | Token::Comma,
            ) => true,
            Ok(_) => false,
        };
        if !is_allowed {
            return Err(ParseError::unexpected_token());
        }
    }
}

/// Mail names its colours by the shorthand; of that only the colour stays.
fn background_color(parser: &mut Parser<'_>) -> Result<String, ParseError<()>> {
    loop {
        parser.skip_whitespace();
        let start = parser.position();
        let is_color = match parser.next()?.clone() {
            Token::Hash(value) | Token::IDHash(value) => parse_hash_color(value.as_bytes()).is_ok(),
            Token::Ident(name) => {
                parse_named_color(&name).is_ok() || name.eq_ignore_ascii_case("transparent")
            }
            Token::Function(name) => {
                let is_color = FUNCTIONS[..4]
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known));
                is_color && parser.parse_nested_block(loads_nothing).is_ok()
            }
            _ => false,
        };
        if is_color {
            let color = parser.slice_from(start).to_owned();
            // What follows is read over.
            while parser.next().is_ok() {}
            return Ok(color);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_stay_and_what_loads_or_moves_goes() {
        assert!(PROPERTIES.is_sorted());
        for (style, kept) in [
            ("color: red", "color:red;"),
            ("COLOR:#9c2a20 ; font-size:14px", "color:#9c2a20;font-size:14px;"),
            ("margin:0 auto!important", "margin:0 auto!important;"),
            ("font-family:'Segoe UI', Arial", "font-family:'Segoe UI', Arial;"),
            ("width:calc(100% - 10px)", "width:calc(100% - 10px);"),
            ("color:rgba(0, 0, 0, .5)", "color:rgba(0, 0, 0, .5);"),
            (
                "background:#fff url(https://t.example) no-repeat",
                "background-color:#fff;",
            ),
            (
                "background:url(https://t.example) no-repeat Red",
                "background-color:Red;",
            ),
            ("background:url(https://t.example)", ""),
            ("background-color:url(https://t.example);color:red", "color:red;"),
            ("width:u\\72l(https://t.example)", ""),
            ("width:image-set('https://t.example' 1x)", ""),
            ("width:expression(alert(1))", ""),
            ("width:calc(url(https://t.example))", ""),
            ("list-style:url(https://t.example)", ""),
            ("background-image:url(https://t.example)", ""),
            ("position:fixed;top:0;color:red", "color:red;"),
            ("behavior:url(#x)", ""),
            ("color:red;}body{x:y", "color:red;"),
            ("color:var(--x)", ""),
            ("--x:red", ""),
            ("color:red/*;*/;x", "color:red/*;*/;"),
            ("@import 'https://t.example';color:red", "color:red;"),
            ("font-family:\"unended\ncolor:red", ""),
        ] {
            assert_eq!(allowed_style(style), kept, "{style}");
        }
    }
}
