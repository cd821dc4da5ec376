//! Identifiers: unique in this installation without any randomness.

use domain::Result;

use crate::sql::sql;
use crate::store::Tx;

impl Tx {
    /// Eight lower-case hex digits, never given twice: a counter, mixed so that neighbours do not look alike.
    pub async fn unique_hex(&mut self) -> Result<String> {
        let row = sql("UPDATE counter SET value = value + 1 RETURNING value").fetch_one(self.connection()).await?;
        Ok(format!("{:08x}", mix(row.integer("value")? as u32)))
    }
}

/// A bijection on 32 bits (the finaliser of MurmurHash3), so different counts give different ids.
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85eb_ca6b);
    x ^= x >> 13;
    x = x.wrapping_mul(0xc2b2_ae35);
    x ^ (x >> 16)
}
