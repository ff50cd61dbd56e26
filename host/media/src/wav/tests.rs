use super::*;

#[test]
fn samples_survive_writing_and_reading() {
    let samples = [0, 1, -1, i16::MAX, i16::MIN];
    assert_eq!(decode(&encode(&samples)), Ok(samples.to_vec()));
    assert_eq!(decode(&encode(&[])), Ok(vec![]));
}

#[test]
fn a_file_that_was_cut_off_gives_what_is_there() {
    let file = encode(&[1, 2, 3]);
    assert_eq!(decode(&file[..file.len() - 3]), Ok(vec![1]));
}

#[test]
fn unknown_chunks_are_passed_over() {
    let mut file = encode(&[7]);
    file.splice(12..12, *b"LIST\x03\0\0\0abc\0");
    assert_eq!(decode(&file), Ok(vec![7]));
}

#[test]
fn other_formats_are_refused_by_name() {
    let mut stereo = encode(&[7]);
    stereo[22] = 2;
    assert_eq!(
        decode(&stereo),
        Err(WavError::Format {
            channels: 2,
            bits: 16,
            rate: 8_000
        })
    );
    for file in [
        &b""[..],
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01",
    ] {
        assert_eq!(decode(file), Err(WavError::NotWav));
    }
}
