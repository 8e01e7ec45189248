#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| leader_elector_core::fuzz::rest_answer(bytes));
