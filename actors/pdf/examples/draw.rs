fn main() {
    let a: Vec<String> = std::env::args().collect();
    let t = std::fs::read_to_string(&a[1]).unwrap();
    let d = std::fs::read_to_string(&a[2]).unwrap();
    std::fs::write(&a[3], pdf::document(&t, &d).unwrap()).unwrap();
    let s = std::time::Instant::now();
    for _ in 0..50 { pdf::document(&t, &d).unwrap(); }
    println!("{:?} each", s.elapsed() / 50);
}
