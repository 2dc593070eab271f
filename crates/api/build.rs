//! The web interface is built before this crate; when it changes, it is embedded anew.
fn main() {
    println!("cargo:rerun-if-changed=../../web/dist");
}
