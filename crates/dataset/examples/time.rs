//! Times.
fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        let t = std::time::Instant::now();
        let n = 300;
        let mut json = 0;
        for _ in 0..n {
            let s = dataset::scan_file(&mut &bytes[..], &dataset::Limits::DEFAULT, &mut |_, _| Ok(())).unwrap();
            json = s.metadata.json.len();
        }
        println!("{:?} per scan, {} bytes, json {json} {path}", t.elapsed() / n, bytes.len());
    }
}
