//! Prints the made-up hotels, one a line, to be read by somebody who knows the places.

fn main() {
    let start = std::time::Instant::now();
    let hotels: Vec<_> = search::demo::hotels().collect();
    let took = start.elapsed();
    for hotel in &hotels {
        let room = &hotel.room_types[0];
        let plan = &room.rate_plans[0];
        println!(
            "{} ({}) | {} | {}* | {} | {} {} | {} rooms types | {}",
            hotel.city, hotel.country, hotel.name, hotel.stars, hotel.address, plan.amount, hotel.currency,
            hotel.room_types.len(), hotel.description
        );
    }
    eprintln!("{} hotels in {took:?}", hotels.len());
}
