//! Nothing but tests: see `tests/chart`.
