//! Signing in: SASL mechanisms as pieces of a command. Secrets are held so that they never print.

use std::sync::Arc;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use md5::Md5;
use secrecy::ExposeSecret as _;
use secrecy::SecretString;

use crate::Command;

/// What the server's `+ ...` is answered with.
#[derive(Clone)]
pub(crate) enum Answer {
    /// Whatever it says.
    Fixed(Bytes),
    /// A keyed hash of what it says (RFC 2195).
    CramMd5 { user: String, password: SecretString },
    /// What a token was refused with is kept for whoever asks; the server wants an answer before it says NO.
    Refusal { answer: Bytes, told: Refusal },
}

/// Why a server refused a token: its challenge, which comes before its NO (RFC 7628 §3.2.2).
#[derive(Clone, Debug, Default)]
pub struct Refusal(Arc<OnceLock<String>>);

impl Refusal {
    /// `None`: it has said nothing, or nothing that can be read.
    pub fn text(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    /// As it came; at most as long as a line of a server may be.
    pub fn take(&self, challenge: &str) {
        let decoded = STANDARD.decode(challenge.trim()).ok();
        if let Some(text) = decoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
            let _ = self.0.set(text);
        }
    }
}

impl Answer {
    /// Without its line end. `None`: the challenge cannot be read.
    pub fn to(&self, challenge: &str) -> Option<Bytes> {
        match self {
            Answer::Fixed(bytes) => Some(bytes.clone()),
            Answer::CramMd5 { user, password } => cram_md5(user, password, challenge).map(Bytes::from),
            Answer::Refusal { answer, told } => {
                told.take(challenge);
                Some(answer.clone())
            }
        }
    }
}

/// RFC 4616, before it is encoded.
pub fn plain(user: &str, password: &SecretString) -> String {
    format!("\0{user}\0{}", password.expose_secret())
}

/// developers.google.com/gmail/imap/xoauth2-protocol, before it is encoded; also Microsoft's.
pub fn xoauth2(user: &str, token: &SecretString) -> String {
    format!("user={user}\x01auth=Bearer {}\x01\x01", token.expose_secret())
}

/// RFC 7628, before it is encoded.
pub fn oauthbearer(login: &TokenLogin<'_>) -> String {
    let user = login.user.replace('=', "=3D").replace(',', "=2C");
    format!(
        "n,a={user},\x01host={}\x01port={}\x01auth=Bearer {}\x01\x01",
        login.host,
        login.port,
        login.token.expose_secret()
    )
}

/// Who signs in with a token, and where.
#[derive(Clone, Copy)]
pub struct TokenLogin<'a> {
    pub user: &'a str,
    pub host: &'a str,
    pub port: u16,
    pub token: &'a SecretString,
}

/// How a token is given to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenMechanism {
    OauthBearer,
    Xoauth2,
}

impl TokenMechanism {
    /// XOAUTH2 wherever it is offered, because that is what Google's and Microsoft's own clients are tried with; and
    /// where neither is, since some take it without saying so.
    pub fn of_offered(offers: impl Fn(&str) -> bool) -> Self {
        match offers("OAUTHBEARER") && !offers("XOAUTH2") {
            true => TokenMechanism::OauthBearer,
            false => TokenMechanism::Xoauth2,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            TokenMechanism::OauthBearer => "OAUTHBEARER",
            TokenMechanism::Xoauth2 => "XOAUTH2",
        }
    }

    /// Before it is encoded.
    pub fn response(self, login: &TokenLogin<'_>) -> String {
        match self {
            TokenMechanism::OauthBearer => oauthbearer(login),
            TokenMechanism::Xoauth2 => xoauth2(login.user, login.token),
        }
    }

    /// Encoded (RFC 7628 §3.2.3; Google's and Microsoft's pages of XOAUTH2).
    pub const fn answer_to_refusal(self) -> &'static str {
        match self {
            TokenMechanism::OauthBearer => "AQ==",
            TokenMechanism::Xoauth2 => "",
        }
    }
}

/// RFC 2195: the answer to a challenge, encoded. `None`: the challenge cannot be read.
pub fn cram_md5(user: &str, password: &SecretString, challenge: &str) -> Option<String> {
    let challenge = STANDARD.decode(challenge.trim()).ok()?;
    let mut mac = Hmac::<Md5>::new_from_slice(password.expose_secret().as_bytes()).ok()?;
    mac.update(&challenge);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(STANDARD.encode(format!("{user} {hex}")))
}

impl Command {
    /// RFC 3501 §6.2.3. Only over TLS, or where the operator allows clear text: the caller decides.
    pub fn login(user: &str, password: &SecretString) -> Self {
        Command::new("LOGIN")
            .string(user)
            .string(password.expose_secret())
    }

    /// RFC 4616. `at_once`: the server knows SASL-IR (RFC 4959), so that a round trip is saved.
    pub fn authenticate_plain(user: &str, password: &SecretString, at_once: bool) -> Self {
        Command::authenticate("PLAIN", &plain(user, password), at_once)
    }

    /// RFC 2195
    pub fn authenticate_cram_md5(user: &str, password: &SecretString) -> Self {
        let answer = Answer::CramMd5 {
            user: user.to_owned(),
            password: password.clone(),
        };
        Command::new("AUTHENTICATE").raw("CRAM-MD5").answering(answer)
    }

    /// A token by the mechanism `by`. A refusal comes as a challenge, which has to be answered before the server says NO;
    /// what was in it is in `told` then.
    pub fn authenticate_token(
        by: TokenMechanism,
        token: &TokenLogin<'_>,
        at_once: bool,
        told: &Refusal,
    ) -> Self {
        let answer = Answer::Refusal {
            answer: by.answer_to_refusal().into(),
            told: told.clone(),
        };
        Command::authenticate(by.name(), &by.response(token), at_once).answering(answer)
    }

    fn authenticate(mechanism: &str, response: &str, at_once: bool) -> Self {
        let response = STANDARD.encode(response);
        let command = Command::new("AUTHENTICATE").raw(mechanism);
        if at_once {
            command.raw(&response)
        } else {
            command.answering(Answer::Fixed(response.into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2195_is_answered_as_there() {
        let answer = Answer::CramMd5 {
            user: "tim".into(),
            password: SecretString::from("tanstaaftanstaaf".to_owned()),
        };
        let challenge = "PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+";
        let expected = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw";
        assert_eq!(answer.to(challenge).as_deref(), Some(expected.as_bytes()));
        assert_eq!(answer.to("not base64!"), None);
    }

    #[test]
    fn a_token_goes_by_what_is_offered_and_a_refusal_is_kept() {
        for (offered, expected) in [
            (vec!["XOAUTH2", "OAUTHBEARER"], TokenMechanism::Xoauth2),
            (vec!["OAUTHBEARER"], TokenMechanism::OauthBearer),
            (vec!["XOAUTH2"], TokenMechanism::Xoauth2),
            (vec!["PLAIN"], TokenMechanism::Xoauth2),
        ] {
            assert_eq!(
                TokenMechanism::of_offered(|name| offered.contains(&name)),
                expected
            );
        }
        let token = SecretString::from("abc".to_owned());
        let login = TokenLogin {
            user: "a=b,c@isp.example",
            host: "imap.isp.example",
            port: 993,
            token: &token,
        };
        assert_eq!(
            TokenMechanism::OauthBearer.response(&login),
            "n,a=a=3Db=2Cc@isp.example,\x01host=imap.isp.example\x01port=993\x01auth=Bearer abc\x01\x01"
        );
        let told = Refusal::default();
        let answer = Answer::Refusal {
            answer: Bytes::from_static(b"AQ=="),
            told: told.clone(),
        };
        assert_eq!(
            answer.to("eyJzdGF0dXMiOiI0MDEifQ=="),
            Some(Bytes::from_static(b"AQ=="))
        );
        assert_eq!(told.text(), Some(r#"{"status":"401"}"#));
    }
}
