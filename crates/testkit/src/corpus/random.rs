//! Mersenne Twister with the draws of Python's `random.Random(int)`.

use rand_mt::Mt;

pub struct Random {
    words: Mt,
    /// The second of a pair of normal draws.
    spare: Option<f64>,
}

impl Random {
    pub fn new(seed: u64) -> Self {
        let low = (seed & 0xffff_ffff) as u32;
        let high = (seed >> 32) as u32;
        let key = if high == 0 { vec![low] } else { vec![low, high] };
        Random {
            words: Mt::new_with_key(key),
            spare: None,
        }
    }

    /// From 0 to 1, without 1.
    pub fn unit(&mut self) -> f64 {
        let high = f64::from(self.words.next_u32() >> 5);
        let low = f64::from(self.words.next_u32() >> 6);
        (high * 67_108_864.0 + low) / 9_007_199_254_740_992.0
    }

    /// From 0 to `limit`, without it.
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.unit() * limit as f64) as u64
    }

    pub fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len() as u64) as usize]
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 4);
        while bytes.len() < count {
            let bits = 8 * (count - bytes.len()).min(4) as u32;
            let word = self.words.next_u32() >> (32 - bits);
            bytes.extend_from_slice(&word.to_le_bytes()[..(bits / 8) as usize]);
        }
        bytes
    }

    /// Normally distributed, mean 0, deviation 1.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let angle = self.unit() * std::f64::consts::TAU;
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        self.spare = Some(angle.sin() * radius);
        angle.cos() * radius
    }

    /// e to a normal draw, with `e` as the published generator has it.
    pub fn log_normal(&mut self, mean: f64, deviation: f64) -> f64 {
        #[expect(
            clippy::approx_constant,
            reason = "the published bytes were made with these digits"
        )]
        2.718281828_f64.powf(mean + deviation * self.normal())
    }
}
