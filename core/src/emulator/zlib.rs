//! zlib streams in packs (RFC 1950, RFC 1951): read whole, whatever compressor wrote them. A page reads only blocks that
//! are stored: its candidates send no others, and it is spared the tables.

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub(crate) use whole::{gunzip, inflate};

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub(crate) use stored::{gunzip, inflate};

#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
mod whole {
    use miniz_oxide::inflate::TINFLStatus;
    use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

    /// The content of a stream that begins here, of `size` bytes, and how long the stream is.
    pub(crate) fn inflate(stream: &[u8], size: usize) -> Option<(Vec<u8>, usize)> {
        let mut content = vec![0; size];
        let flags =
            inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, taken, given) = decompress(&mut DecompressorOxide::new(), stream, &mut content, 0, flags);
        (status == TINFLStatus::Done && given == size).then_some((content, taken))
    }

    /// RFC 1952, one member; git writes no optional fields.
    pub(crate) fn gunzip(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
        let plain_header = bytes.get(..4)? == [0x1f, 0x8b, 8, 0];
        let deflated = bytes.get(10..bytes.len().checked_sub(8)?).filter(|_| plain_header)?;
        miniz_oxide::inflate::decompress_to_vec_with_limit(deflated, most).ok()
    }
}

#[cfg(any(test, all(target_arch = "wasm32", target_os = "unknown")))]
mod stored {
    /// As the other: of a stream of stored blocks (RFC 1951, 3.2.4).
    pub(crate) fn inflate(stream: &[u8], size: usize) -> Option<(Vec<u8>, usize)> {
        let mut content = Vec::new();
        let mut at = 2;
        loop {
            let [last @ 0..=1, a, b, c, d] = *stream.get(at..at + 5)? else { return None };
            let length = u16::from_le_bytes([a, b]);
            if length != !u16::from_le_bytes([c, d]) {
                return None;
            }
            let end = at + 5 + usize::from(length);
            content.extend_from_slice(stream.get(at + 5..end)?);
            at = end;
            if last == 1 {
                break;
            }
        }
        let sum = miniz_oxide::mz_adler32_oxide(miniz_oxide::MZ_ADLER32_INIT, &content);
        let is_whole = stream.get(at..at + 4)? == sum.to_be_bytes() && content.len() == size;
        is_whole.then_some((content, at + 4))
    }

    #[cfg_attr(test, expect(dead_code, reason = "there is nothing to read"))]
    pub(crate) const fn gunzip(_: &[u8], _: usize) -> Option<Vec<u8>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{stored, whole};

    /// Stored blocks: what the pack of a push consists of.
    fn stream(content: &[u8]) -> Vec<u8> {
        let mut stream = vec![0x78, 0x01];
        let blocks: Vec<_> = if content.is_empty() { vec![content] } else { content.chunks(300).collect() };
        for (n, block) in (1..).zip(&blocks) {
            let length = u16::try_from(block.len()).expect("300 at most");
            stream.push(u8::from(n == blocks.len()));
            stream.extend_from_slice(&length.to_le_bytes());
            stream.extend_from_slice(&(!length).to_le_bytes());
            stream.extend_from_slice(block);
        }
        stream.extend_from_slice(&miniz_oxide::mz_adler32_oxide(miniz_oxide::MZ_ADLER32_INIT, content).to_be_bytes());
        stream
    }

    #[test]
    fn what_is_stored_is_read_as_a_whole_inflater_reads_it() {
        for length in [0, 1, 299, 300, 301, 5000] {
            let content = b"0123456789".repeat(length / 10 + 1)[..length].to_vec();
            let mut long = stream(&content);
            let end = long.len();
            long.extend_from_slice(b"what follows in the pack");
            assert_eq!(stored::inflate(&long, length), Some((content, end)));
            assert_eq!(stored::inflate(&long, length), whole::inflate(&long, length));
            assert_eq!(stored::inflate(&long, length + 1), None, "another size");
            for cut in 0..end {
                assert_eq!(stored::inflate(&long[..cut], length), None, "{cut} of {end}");
            }
            for wrong in 2..end {
                let mut broken = long.clone();
                broken[wrong] ^= 0x41;
                assert_eq!(stored::inflate(&broken, length), None, "byte {wrong}");
            }
        }
    }
}
