//! Neighbours of the cultures in `names` that differ in a few words, and cities that speak otherwise than their country.

use super::names::Culture;
use crate::cities::Place;

/// A culture that is another one but for some words.
pub(super) fn variant(name: &str) -> Option<Culture> {
    let like = |name: &str| Culture::named(name);
    let culture = match name {
        "estonian" => Culture {
            names: "Three Sisters|Vana Tall|Viru|Merchant's House|Black Rooster|Bell Tower|Rukkilill|Nordic Star|Kuldne Lõvi|Pikk Hermann",
            families: "Tamm|Rebane|Saar|Kask|Mägi|Sepp",
            streets: "Pikk|Viru|Rataskaevu|Pärnu maantee|Narva maantee|Lai|Müürivahe|Tartu maantee",
            ..like("baltic")?
        },
        "latvian" => Culture {
            names: "Daugava|Konventa|St Peter's|Amber|Linden|Vecpilsēta|Black Cat|Jūgendstils|Melngalvju|Rolands",
            families: "Kalniņš|Ozols|Bērziņš|Liepiņš|Krūmiņš",
            streets: "Brīvības iela|Elizabetes iela|Kaļķu iela|Alberta iela|Tērbatas iela|Audēju iela|Valdemāra iela",
            ..like("baltic")?
        },
        "lithuanian" => Culture {
            names: "Neris|Amber|Stork's Nest|Grand Duke|Vilnia|Gintaras|Senatorių|Linden|Three Crosses|Barbara",
            families: "Kazlauskas|Jonaitis|Radvila|Petrauskas|Čiurlionis",
            streets: "Gedimino prospektas|Pilies gatvė|Didžioji gatvė|Vokiečių gatvė|Užupio gatvė|Vilniaus gatvė",
            ..like("baltic")?
        },
        "finnish" => Culture {
            patterns: "Hotelli {n}|Hotel {n}|{n} Hotel|Hotel {d}|Villa {s}|{d} Hotel",
            names: "Kultainen Hirvi|Aurora|Kaleva|Pohjantähti|Satama|Kämp Garden|Järvi|Lumi|Linnanpuisto|Vanha Tulli|Meri|Kanerva",
            families: "Virtanen|Korhonen|Lehto|Saarinen|Aalto|Sibelius",
            districts: "Keskusta|Satama|Vanhakaupunki|Rautatientori",
            streets: "Mannerheimintie|Aleksanterinkatu|Esplanadi|Fredrikinkatu|Hämeentie|Bulevardi|Unioninkatu",
            ..like("nordic")?
        },
        "icelandic" => Culture {
            names: "Norðurljós|Geysir|Hekla|Fálkinn|Saga|Krúnan|Ísland Garden|Reykur|Skógar|Harbour Light",
            families: "Jónsson|Sigurðsson|Björk|Gunnarsson|Ólafsson",
            streets: "Laugavegur|Skólavörðustígur|Hverfisgata|Austurstræti|Aðalstræti|Túngata|Bankastræti",
            ..like("nordic")?
        },
        "slovak" => Culture {
            names: "Zlatý Lev|Biela Labuť|Devín|Dunaj|Tri Veže|Čierny Orol|Modrá Hviezda|Koruna|Karpaty|Stará Radnica",
            landmarks: "Zlatého Stromu|Troch Ľalií|Modrého Kľúča|Bieleho Baránka|Červeného Leva|Michalskej Brány",
            families: "Štúr|Novák|Hviezdoslav|Kováč|Horváth|Hurban",
            districts: "Staré Mesto|Nové Mesto|Podhradie|Nábrežie",
            streets: "Hlavná|Obchodná|Štúrova|Panská|Michalská|Laurinská|Hviezdoslavovo námestie|Špitálska",
            ..like("czech")?
        },
        "ukrainian" => Culture {
            names: "Dnipro|Kalyna|Zolota Brama|Ukraina Star|Kozatskyi|Premier Garden|Chervona Ruta|Opera|Lavra View|Kobzar|Sonyashnyk|Slavutych",
            families: "Shevchenko|Bulgakov|Franko|Gogol|Lysenko|Ukrainka",
            streets: "Khreshchatyk Street|Volodymyrska Street|Sahaidachnoho Street|Sumska Street|Lesi Ukrainky Boulevard|Soborna Street|Franka Street",
            ..like("slavic")?
        },
        "central_asian" => Culture {
            patterns: "Hotel {n}|{n} Hotel|{s} Boutique Hotel|{d} Residence|Boutique Hotel {n}|{n} Palace|{s} House",
            names: "Silk Way|Registan Court|Caravanserai|Blue Dome|Ala-Too|Altyn Orda|Khan Tengri|Turan|Samarkand Gate|Golden Steppe|Mulberry|Pomegranate",
            families: "Navoi|Abay|Ulugbek|Timur|Zarafshan|Chinggis",
            districts: "Old City|Centre|Bazaar|Park Quarter|Station Quarter",
            streets: "Abay Avenue|Navoi Street|Amir Temur Avenue|Registan Street|Furmanov Street|Mustaqillik Street|Peace Avenue",
            ..like("slavic")?
        },
        "khmer" => Culture {
            names: "Angkor Star|Golden Lotus|Naga|Frangipani|Royal Palm|Mekong Pearl|Apsara|Jasmine|Indochine Garden|Bayon",
            families: "Sokha|Thida|Bopha|Chanthou|Rith",
            streets: "Sisowath Quay|Norodom Boulevard|Sivutha Boulevard|Monivong Boulevard|Street 240|Street 178|Wat Bo Road",
            ..like("thai")?
        },
        "burmese" => Culture {
            names: "Mandalay Moon|Golden Pagoda|Ruby Garden|Teak House|Padauk|Inle Breeze|Jade|Royal Lake|Chinthe|Irrawaddy",
            families: "Thiri|Aung|Hnin|Kyaw|Sanda",
            streets: "Strand Road|Bogyoke Road|Pansodan Street|Merchant Road|Anawrahta Road|Shwedagon Pagoda Road",
            ..like("thai")?
        },
        "cantonese" => Culture {
            streets: "Nathan Road|Queen's Road|Des Voeux Road|Hennessy Road|Hollywood Road|King's Road|Canton Road|Lockhart Road",
            names: "Golden Phoenix|Jade Garden|Lotus Pond|Red Lantern|Harbour Mist|Dragon Gate|Star Ferry|Peak View|Fragrant Tea|Junk|Bauhinia|Moonlight",
            ..like("chinese")?
        },
        "taiwanese" => Culture {
            streets: "Zhongshan Road|Zhongzheng Road|Minquan Road|Minsheng Road|Heping Road|Ren'ai Road|Fuxing Road|Dihua Street",
            names: "Plum Blossom|Formosa|Sun Moon|Green Bamboo|Oolong|Lantern|Sea Cloud|Camphor|Orchid Island|White Heron|Jade Mountain|Papaya Milk",
            ..like("chinese")?
        },
        _ => return None,
    };
    Some(culture)
}

/// How hotels are named in a city that speaks otherwise than most of its country.
pub(super) fn local(place: &Place) -> Option<Culture> {
    match (place.name, place.country) {
        ("Geneva" | "Lausanne", "CH") | ("Montréal" | "Québec", "CA") => Culture::named("french"),
        ("Brugge" | "Antwerpen" | "Gent", "BE") => Culture::named("dutch"),
        _ => None,
    }
}
