use super::*;

fn scene(id: u128) -> Scene {
    Scene { id, stars: 3, latitude: 48.0, population: 90_000, hour: 20, wide: false }
}

#[test]
fn the_same_scene_gives_the_same_picture() {
    for hour in 0..24 {
        let scene = Scene { hour, ..scene(77) };
        assert_eq!(scene.draw(), scene.draw());
    }
    assert_eq!(skyline(9), skyline(9));
    assert_eq!(vignette(5, 41.0, 2_000_000, 9), vignette(5, 41.0, 2_000_000, 9));
}

#[test]
fn hotels_with_different_ids_have_different_pictures() {
    let drawn: std::collections::BTreeSet<_> =
        (0..2_000u128).map(|id| scene(id << 7 | id << 90).draw()).collect();
    assert_eq!(drawn.len(), 2_000);
}

#[test]
fn each_field_of_a_scene_changes_the_picture() {
    let base = scene(4_711);
    let variants = [
        Scene { stars: 5, ..base },
        Scene { latitude: 5.0, ..base },
        Scene { latitude: -39.0, ..base },
        Scene { latitude: 66.0, ..base },
        Scene { population: 800, ..base },
        Scene { population: 9_000_000, ..base },
        Scene { hour: 12, ..base },
        Scene { hour: 3, ..base },
        Scene { wide: true, ..base },
    ];
    for variant in variants {
        assert_ne!(variant.draw(), base.draw(), "{variant:?}");
    }
}

#[test]
fn pictures_are_small_well_formed_and_without_active_content() {
    for id in 0..200u128 {
        for (stars, latitude, population) in
            [(0, 0.0, 0), (5, 48.0, 9_000_000), (9, -91.0, u32::MAX), (2, 64.0, 30_000)]
        {
            for wide in [false, true] {
                let drawn = Scene { id, stars, latitude, population, hour: 21, wide }.draw();
                assert!(drawn.len() < if wide { 60_000 } else { 40_000 }, "{} bytes", drawn.len());
                assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>"));
                assert_eq!(drawn.matches("<g").count(), drawn.matches("</g>").count());
                for forbidden in ["<script", "style=", "NaN", "inf", "href=\"http"] {
                    assert!(!drawn.contains(forbidden), "{forbidden} in {id}");
                }
            }
        }
    }
}
