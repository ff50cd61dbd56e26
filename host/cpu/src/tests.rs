use super::*;

/// A loop as they are: numbers of 16 bits, a float between, an octet each.
fn loudness(samples: &[i16], octets: &mut [u8]) {
    for (octet, &sample) in octets.iter_mut().zip(samples) {
        *octet = (f32::from(sample.unsigned_abs()).to_bits() >> 19) as u8;
    }
}

#[test]
fn a_loop_gives_the_same_in_all_registers() {
    let samples: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    let plain = |work: fn(&[i16], &mut [u8])| {
        let mut octets = vec![0; samples.len()];
        work(&samples, &mut octets);
        octets
    };
    let expected = plain(loudness);
    assert_eq!(
        plain(|from, to| widest(|| loudness(from, to))),
        expected,
        "the widest"
    );
    #[cfg(target_arch = "x86_64")]
    {
        if *x86_64::WIDEST == x86_64::Registers::Avx512 {
            // SAFETY: it was just asked.
            let by_avx512 = plain(|from, to| unsafe { x86_64::by_avx512(|| loudness(from, to)) });
            assert_eq!(by_avx512, expected, "AVX-512");
        }
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the same.
            let by_avx2 = plain(|from, to| unsafe { x86_64::by_avx2(|| loudness(from, to)) });
            assert_eq!(by_avx2, expected, "AVX2");
        }
    }
}

#[test]
fn what_the_work_gives_is_given_on() {
    assert_eq!(widest(|| "given"), "given");
}

#[test]
fn asking_reads_and_changes_nothing() {
    let value = vec![7_u8; 3 * LINE + 1];
    ask(&value[..]);
    ask(&value[..0]);
    ask(&value);
    assert!(value.iter().all(|&it| it == 7));
}
