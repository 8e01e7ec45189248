//! Mounts the page. On any other target there is nothing to mount.

/// Small before fast, as all of the page is; but what it gave back is of use again, however large.
#[cfg(target_arch = "wasm32")]
struct Small;

#[cfg(target_arch = "wasm32")]
impl rlsf::GlobalTlsfOptions for Small {
    const ENABLE_REALLOCATION: bool = false;
}

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: rlsf::GlobalTlsf<Small> = rlsf::GlobalTlsf::new();

#[cfg(target_arch = "wasm32")]
fn main() {
    leader_elector_viewer::show();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    eprintln!("This is a page: `cargo xtask web` builds it for a browser.");
}
