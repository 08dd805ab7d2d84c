//! `hashlib.pbkdf2_hmac` and `hashlib.scrypt`, which the interpreter of the components lacks because it has no OpenSSL.
//! In Python one login of Django or passlib takes seconds and stops the instance for as long.

use hmac::Hmac;
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

/// The bytes of an output block of `hash_name`, which is the default length of the key; `None` for a hash that is
/// not here. Names as `hashlib.new` takes them.
pub(crate) fn digest_size(hash_name: &str) -> Option<usize> {
    Some(match hash(hash_name)? {
        Hash::Sha1 => 20,
        Hash::Sha224 => 28,
        Hash::Sha256 => 32,
        Hash::Sha384 => 48,
        Hash::Sha512 => 64,
    })
}

enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

fn hash(name: &str) -> Option<Hash> {
    let name = name.to_ascii_lowercase().replace(['-', '_'], "");
    Some(match name.as_str() {
        "sha1" => Hash::Sha1,
        "sha224" => Hash::Sha224,
        "sha256" => Hash::Sha256,
        "sha384" => Hash::Sha384,
        "sha512" => Hash::Sha512,
        _ => return None,
    })
}

/// PKCS #5's PBKDF2 with HMAC into `key`; false if there is no such hash.
#[must_use]
pub(crate) fn pbkdf2_hmac(
    hash_name: &str,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    key: &mut [u8],
) -> bool {
    let Some(hash) = hash(hash_name) else {
        return false;
    };
    // A key of any length is a key of HMAC, so the error that the types allow for cannot come.
    match hash {
        Hash::Sha1 => pbkdf2::pbkdf2::<Hmac<Sha1>>(password, salt, iterations, key).is_ok(),
        Hash::Sha224 => pbkdf2::pbkdf2::<Hmac<Sha224>>(password, salt, iterations, key).is_ok(),
        Hash::Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, iterations, key).is_ok(),
        Hash::Sha384 => pbkdf2::pbkdf2::<Hmac<Sha384>>(password, salt, iterations, key).is_ok(),
        Hash::Sha512 => pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, iterations, key).is_ok(),
    }
}

/// RFC 7914's scrypt into `key`.
///
/// # Errors
///
/// A sentence about the parameter that is wrong, or about memory that is not there.
pub(crate) fn scrypt(
    password: &[u8],
    salt: &[u8],
    (n, r, p): (u64, u32, u32),
    key: &mut [u8],
) -> Result<(), &'static str> {
    if n < 2 || !n.is_power_of_two() {
        return Err("n must be a power of 2, and at least 2");
    }
    let log_n = u8::try_from(n.trailing_zeros()).map_err(|_| "n is too large")?;
    let params = scrypt::Params::new(log_n, r, p)
        .map_err(|_| "r and p must be at least 1, and r * p less than 2**30")?;
    // The crate allocates without asking, and an allocation that is refused would end the instance.
    let needed = 128u64
        .saturating_mul(u64::from(r))
        .saturating_mul(n.saturating_add(u64::from(p)).saturating_add(2));
    let room = usize::try_from(needed)
        .map(|needed| Vec::<u8>::new().try_reserve_exact(needed))
        .is_ok_and(|reserved| reserved.is_ok());
    if !room {
        return Err("n, r and p need more memory than there is");
    }
    scrypt::scrypt(password, salt, &params, key).map_err(|_| "the key must have at least 1 byte")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn pbkdf2_answers_the_vectors_of_rfc_6070_and_others() {
        // The second and third were made with OpenSSL through CPython's hashlib.
        for (hash, iterations, expected) in [
            ("sha1", 2, "ea6c014dc72d6f8ccd1ed92ace1d41f0d8de89"),
            (
                "SHA-256",
                1_000,
                "632c2812e46d4604102ba7618e9d6d7d2f8128f6266b4a03",
            ),
            (
                "sha512",
                1_000,
                "afe6c5530785b6cc6b1c6453384731bd5ee432ee549fd42f",
            ),
        ] {
            let mut key = vec![0; expected.len() / 2];
            assert!(pbkdf2_hmac(
                hash,
                b"password",
                b"salt",
                iterations,
                &mut key
            ));
            assert_eq!(hex(&key), expected, "{hash}");
        }
        assert!(!pbkdf2_hmac("md4", b"", b"", 1, &mut [0]));
        assert_eq!(digest_size("sha384"), Some(48));
        assert_eq!(digest_size("whirlpool"), None);
    }

    #[test]
    fn scrypt_answers_the_vectors_of_rfc_7914() {
        let mut key = [0; 64];
        scrypt(b"", b"", (16, 1, 1), &mut key).unwrap();
        assert!(hex(&key).starts_with("77d6576238657b203b19ca42c18a0497"));
        scrypt(b"password", b"NaCl", (1_024, 8, 16), &mut key).unwrap();
        assert!(hex(&key).starts_with("fdbabe1c9d3472007856e7190d01e9fe"));
    }

    #[test]
    fn scrypt_refuses_what_it_cannot_do() {
        for params in [
            (0, 8, 1),
            (15, 8, 1),
            (16, 0, 1),
            (16, 8, 0),
            (1 << 62, 1 << 20, 1),
            (1 << 60, 8, 1),
        ] {
            assert!(scrypt(b"", b"", params, &mut [0; 8]).is_err(), "{params:?}");
        }
        assert!(scrypt(b"", b"", (16, 1, 1), &mut []).is_err());
    }
}
