//! Embeds the built pages (`web/dist`) into the binary: path, bytes, content type, entity tag and gzip form.
//!
//! Without `web/dist` the list is empty and the pages answer 503 with a sentence that says how to build them.

#![allow(clippy::disallowed_macros, reason = "a build script speaks to cargo on standard output")]
#![allow(clippy::disallowed_methods, reason = "what it writes is made again whenever it is missing")]

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Smaller files are not worth a second copy.
const GZIP_BYTES_MIN: usize = 1024;

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for every build script"));
    let web = root.join("../../web");
    let dist = web.join("dist");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it for every build script"));
    println!("cargo::rerun-if-changed=build.rs");

    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        println!("cargo::rerun-if-changed={}", dist.display());
        collect(&dist, &dist, &mut files)?;
    } else {
        println!("cargo::rerun-if-changed={}", web.display());
    }
    files.sort();

    let mut list = String::from("&[\n");
    for (index, (name, path)) in files.iter().enumerate() {
        let bytes = fs::read(path)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let gzip = match compress(&bytes)? {
            Some(small) => {
                let file = out.join(format!("page{index}.gz"));
                fs::write(&file, small)?;
                format!("Some(include_bytes!({:?}))", file.display().to_string())
            }
            None => "None".to_owned(),
        };
        writeln!(
            list,
            "    Page {{ path: {name:?}, content_type: {:?}, etag: \"\\\"{:016x}\\\"\", bytes: include_bytes!({:?}), gzip: {gzip} }},",
            content_type(name),
            hasher.finish(),
            path.display().to_string(),
        )
        .expect("writing to a String does not fail");
    }
    list.push_str("]\n");
    fs::write(out.join("pages.rs"), list)
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_none_or(|extension| extension != "map") {
            let name = path.strip_prefix(root).expect("the walk began at root").to_string_lossy().replace('\\', "/");
            files.push((name, path.canonicalize()?));
        }
    }
    Ok(())
}

/// The gzip form, when it saves at least a tenth.
fn compress(bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
    if bytes.len() < GZIP_BYTES_MIN {
        return Ok(None);
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    let small = encoder.finish()?;
    Ok((small.len() < bytes.len() - bytes.len() / 10).then_some(small))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
