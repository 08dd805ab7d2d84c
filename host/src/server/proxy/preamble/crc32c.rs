//! CRC-32C (Castagnoli), as `PP2_TYPE_CRC32C` has it. Pure.
//!
//! Bit by bit: it is for a few dozen bytes of a connection that a proxy has chosen to sum up, so a table or a crate with the
//! processor's own instruction would save nothing that could be seen.

/// The polynomial, reflected.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The sum of these pieces, one after the other.
pub(super) fn of<const N: usize>(pieces: [&[u8]; N]) -> u32 {
    let mut sum = u32::MAX;
    for byte in pieces.into_iter().flatten() {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let low = sum & 1;
            sum = (sum >> 1) ^ (POLYNOMIAL * low);
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_values_of_rfc_3720() {
        assert_eq!(super::of([b"1234", b"56789"]), 0xe306_9283);
        assert_eq!(super::of([&[0; 32]]), 0x8a91_36aa);
        assert_eq!(super::of([&[0xff; 32]]), 0x62a8_ab43);
        assert_eq!(super::of([]), 0);
    }
}
