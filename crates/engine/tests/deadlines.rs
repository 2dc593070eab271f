//! The order of all leases and deadlines (the table is in ARCHITECTURE.md): what waits inside of something is over before
//! it.

use std::time::Duration;

use service::delivery::SENDING_LEASE;
use service::sync::LEASE_TIME;
use wire::Deadlines;

#[test]
fn what_waits_inside_ends_first() {
    let wire = Deadlines::default();
    // A hold is renewed after a third of its time: what may stand still meanwhile is shorter than the rest.
    let left = |lease: Duration| lease - lease / 3;
    for (inner, outer, what) in [
        (wire.data_block, wire.final_dot, "a block < the answer to the dot"),
        (
            wire.final_dot,
            SENDING_LEASE,
            "the answer to the dot < the hold on an entry",
        ),
        (
            wire.command,
            left(SENDING_LEASE),
            "a command < what is left of the hold",
        ),
        (
            wire.connect + wire.tls + wire.greeting + wire.login,
            left(SENDING_LEASE),
            "to connect < the hold",
        ),
        (
            wire.response,
            left(LEASE_TIME),
            "silence of a server < the lease on an account",
        ),
        (wire.login, LEASE_TIME, "to sign in < the lease on an account"),
        (wire.response, wire.idle, "silence < IDLE"),
        (
            wire.idle,
            Duration::from_secs(29 * 60),
            "IDLE < what RFC 2177 gives",
        ),
    ] {
        assert!(inner < outer, "{what}: {inner:?}, {outer:?}");
    }
    // RFC 5321 4.5.3.2.
    assert_eq!(wire.final_dot, Duration::from_secs(600));
    assert!(wire.data_block >= Duration::from_secs(180));
}
