//! Randomness as an argument, and the system's generator for those who have no reason to take another.

use std::convert::Infallible;

use hpke::rand_core::{TryCryptoRng, TryRng};

pub use hpke::rand_core::CryptoRng;

/// The generator of aws-lc, seeded by the operating system. It has no state of its own and costs nothing to make.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl TryRng for SystemRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, destination: &mut [u8]) -> Result<(), Infallible> {
        aws_lc_rs::rand::fill(destination)
            .expect("the operating system gives randomness; without it nothing is sealed");
        Ok(())
    }
}

impl TryCryptoRng for SystemRandom {}
