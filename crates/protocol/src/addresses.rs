//! Which network addresses a device may come from.

use std::net::IpAddr;

/// Whether `address` is inside one of the CIDR blocks; an empty list admits all.
#[must_use]
pub fn admits(from: &[String], address: IpAddr) -> bool {
    from.is_empty() || from.iter().any(|block| in_block(block, address))
}

fn in_block(block: &str, address: IpAddr) -> bool {
    let (network, bits) = match block.split_once('/') {
        Some((network, bits)) => match bits.parse::<u32>() {
            Ok(bits) => (network, Some(bits)),
            Err(_) => return false,
        },
        None => (block, None),
    };
    // an IPv4 client on a dual-stack socket arrives as ::ffff:a.b.c.d
    match (network.parse::<IpAddr>(), address.to_canonical()) {
        (Ok(IpAddr::V4(network)), IpAddr::V4(address)) => {
            let bits = bits.unwrap_or(32);
            bits <= 32 && (u32::from(network) ^ u32::from(address)).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (Ok(IpAddr::V6(network)), IpAddr::V6(address)) => {
            let bits = bits.unwrap_or(128);
            bits <= 128 && (u128::from(network) ^ u128::from(address)).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(block: &str, address: &str, inside: bool) {
        let address = address.parse().expect("a test address");
        assert_eq!(admits(&[block.to_owned()], address), inside, "{block} {address}");
    }

    #[test]
    fn addresses_are_matched_by_block() {
        check("10.0.0.0/8", "10.200.1.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("0.0.0.0/0", "192.0.2.1", true);
        check("192.0.2.7", "192.0.2.7", true);
        check("192.0.2.7", "192.0.2.8", false);
        check("192.0.2.0/24", "::ffff:192.0.2.9", true);
        check("2001:db8::/32", "2001:db8:1::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::/0", "2001:db9::1", true);
    }

    #[test]
    fn a_block_out_of_shape_admits_nobody() {
        for block in ["", "10.0.0.0/33", "10.0.0.0/x", "nonsense", "::/129"] {
            check(block, "10.0.0.1", false);
        }
    }
}
