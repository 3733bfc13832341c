//! Writes `demo/` anew: `cargo run -p phantom --example write`.

fn main() -> std::io::Result<()> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo");
    std::fs::create_dir_all(&folder)?;
    for file in phantom::demo_files() {
        #[allow(clippy::disallowed_methods, reason = "files that can be made again need no sync")]
        std::fs::write(folder.join(file.name), file.bytes)?;
    }
    Ok(())
}
