//! Bytes with some of them changed, the same ones each time.

use rand_mt::Mt64;

/// Seeds, cut, with bytes changed, doubled and taken out: `count` of them.
pub fn each(count: usize, seeds: &[Vec<u8>], mut with: impl FnMut(&[u8])) {
    let mut random = Mt64::new(22);
    for number in 0..count {
        let mut bytes = seeds[number % seeds.len()].clone();
        for _ in 0..=random.next_u64() % 8 {
            change(&mut bytes, &mut random);
        }
        with(&bytes);
    }
}

fn change(bytes: &mut Vec<u8>, random: &mut Mt64) {
    if bytes.is_empty() {
        return;
    }
    let at = (random.next_u64() as usize) % bytes.len();
    let length = (random.next_u64() as usize % 40).min(bytes.len() - at);
    match random.next_u64() % 6 {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..at + length)),
        2 => {
            let again = bytes[at..at + length].to_vec();
            drop(bytes.splice(at..at, again));
        }
        3 => bytes[at] = [0, 0xff, 0x80, b'\n', b'=', b'-'][random.next_u64() as usize % 6],
        _ => bytes[at] = random.next_u64() as u8,
    }
}
