//! Signing in: SASL mechanisms as pieces of a command. Secrets are held so that they never print.

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
}

impl Answer {
    /// Without its line end. `None`: the challenge cannot be read.
    pub fn to(&self, challenge: &str) -> Option<Bytes> {
        match self {
            Answer::Fixed(bytes) => Some(bytes.clone()),
            Answer::CramMd5 { user, password } => cram_md5(user, password, challenge).map(Bytes::from),
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

    /// developers.google.com/gmail/imap/xoauth2-protocol; also Microsoft's. A refusal comes as a challenge,
    /// which has to be answered before the server says NO.
    pub fn authenticate_xoauth2(user: &str, token: &SecretString, at_once: bool) -> Self {
        Command::authenticate("XOAUTH2", &xoauth2(user, token), at_once)
            .answering(Answer::Fixed(Bytes::new()))
    }

    /// RFC 7628
    pub fn authenticate_oauthbearer(
        user: &str,
        host: &str,
        port: u16,
        token: &SecretString,
        at_once: bool,
    ) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let response = format!(
            "n,a={user},\x01host={host}\x01port={port}\x01auth=Bearer {}\x01\x01",
            token.expose_secret()
        );
        // The dummy answer to an error challenge (§3.2.3).
        Command::authenticate("OAUTHBEARER", &response, at_once).answering(Answer::Fixed("AQ==".into()))
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
}
