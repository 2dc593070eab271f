//! A private Dovecot for `make bench`: prints where it is as one JSON line, and ends with its standard input.

use std::io::Read as _;

use testkit::Dovecot;
use testkit::TestkitError;
use testkit::dovecot::PASSWORD;
use testkit::process::mail_owner;

fn main() -> Result<(), TestkitError> {
    let dovecot = Dovecot::start()?;
    let (user, group) = mail_owner();
    println!(
        "{{\"imap\":{},\"imaps\":{},\"mail\":\"{}\",\"authority\":\"{}\",\"password\":\"{PASSWORD}\",\"uid\":{user},\"gid\":{group}}}",
        dovecot.imap_port,
        dovecot.imaps_port,
        dovecot.mail_folder().display(),
        dovecot.certificate.authority.display()
    );
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
