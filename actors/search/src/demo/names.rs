//! Names and addresses as they are made in different parts of the world.
//!
//! A pattern's `{n}` is one of the culture's own names for a guest house, `{l}` a landmark, `{s}` a family's or a person's
//! name, `{d}` a district, `{c}` the city. Lists are separated by `|`.

use super::random::Random;

/// How hotels are named and where they stand.
#[derive(Debug, Clone)]
pub(super) struct Culture {
    pub patterns: &'static str,
    pub names: &'static str,
    pub landmarks: &'static str,
    pub families: &'static str,
    /// Where nothing better is known.
    pub districts: &'static str,
    pub streets: &'static str,
    /// `{s}` a street, `{n}` a number.
    pub address: &'static str,
    /// Which weekday evenings are the weekend, Monday being 0.
    pub weekend: [usize; 2],
    pub number_max: i64,
}

const FRIDAY: [usize; 2] = [4, 5];

macro_rules! culture {
    ($patterns:literal, $names:literal, $landmarks:literal, $families:literal, $districts:literal, $streets:literal,
     $address:literal, $number_max:literal) => {
        Culture {
            patterns: $patterns,
            names: $names,
            landmarks: $landmarks,
            families: $families,
            districts: $districts,
            streets: $streets,
            address: $address,
            weekend: FRIDAY,
            number_max: $number_max,
        }
    };
}

impl Culture {
    /// The culture of a name used in `lands`.
    pub fn named(name: &str) -> Option<Self> {
        let culture = match name {
            "german" => culture!(
                "Hotel {n}|{n} am {l}|Hotel {d}|Stadthotel {d}|Gasthof {n}|Pension {s}|Hotel {s}|Boutiquehotel {d}|Parkhotel {d}|Hotel am {l}",
                "Goldener Hirsch|Schwarzer Adler|Goldene Krone|Weißes Rössl|Drei Könige|Rosengarten|Kaiserhof|Fürstenhof|Königshof|Lindenhof|Grüner Baum|Blauer Engel|Alte Post|Roter Löwe|Sonnenhof|Zum Anker|Alte Mühle|Silberne Rose",
                "Dom|Rathaus|Stadtpark|Markt|Theater|Museum|Schloss|Bahnhof|Stadttor|Ufer",
                "Bergmann|Winkler|Hofer|Lindner|Seidl|Brandt|Kessler|Auer|Steiner|Vogel",
                "Altstadt|Neustadt|Südstadt|Nordviertel|Bahnhofsviertel|Universitätsviertel",
                "Hauptstraße|Bahnhofstraße|Goethestraße|Schillerstraße|Lindenallee|Marktplatz|Ringstraße|Gartenstraße|Mozartstraße|Parkweg",
                "{s} {n}",
                120
            ),
            "english" => culture!(
                "The {n}|The {s} Hotel|{d} House|The {d} Arms|{n} Hotel|The {n} at {d}|{s}'s Hotel|{d} Lodge|The Old {l} Hotel|{l} Court Hotel|The {s} Inn",
                "Royal Oak|Crown|Regent|Albion|Clarendon|Queen's Gate|White Hart|Grosvenor|Windsor|Wellington|Britannia|Waterloo|Carlton|Belgrave|Victoria|Red Lion|Swan|Harbour Light",
                "Post Office|Library|Mill|Bank|Customs House|Chapel|Observatory|Exchange|Bridge|Wharf",
                "Fairfax|Hartley|Ashcombe|Pemberton|Whitlock|Marlowe|Langham|Bradley|Thornton|Kingsley",
                "Old Town|Riverside|West End|Harbourside|Parkside|University Quarter",
                "High Street|Station Road|King Street|Queen Street|Church Road|Victoria Road|Park Lane|Mill Lane|Albert Terrace|Market Street",
                "{n} {s}",
                180
            ),
            "american" => culture!(
                "The {n}|Hotel {s}|The {s}|{d} Suites|{n} Hotel|The {l} Hotel|Hotel {n}|{d} Inn|The {s} House|{l} Place",
                "Liberty|Lexington|Monarch|Sterling|Whitman|Franklin|Meridian|Magnolia|Beacon|Commodore|Palmetto|Juniper|Union|Continental|Bluebird|Lodestar|Redwood|Cardinal",
                "Foundry|Depot|Exchange|Library|Armory|Cannery|Mercantile|Observatory|Park|Bridge",
                "Ellsworth|Harrison|Delano|Callahan|Bancroft|Monroe|Sinclair|Hawthorne|Prescott|Winslow",
                "Downtown|Midtown|Uptown|Warehouse District|Riverfront|University District",
                "Main Street|Market Street|Broad Street|Washington Avenue|Lincoln Avenue|Oak Street|Maple Avenue|2nd Avenue|5th Street|Park Avenue",
                "{n} {s}",
                1900
            ),
            "french" => culture!(
                "Hôtel {n}|Hôtel de {l}|Hôtel {s}|Hôtel {d}|Maison {s}|Hôtel du {l2}|Résidence {d}|Grand Hôtel {d}|Le Clos {s}",
                "Lumière|Bel Ami|Lutèce|Beauséjour|Bellevue|Montaigne|Molière|Voltaire|Corneille|Saint-Honoré|Belle Époque|Cygne Noir|Lion d'Or|Trois Lys|Cheval Blanc|Petit Jardin|Royal Opéra|Étoile",
                "la Gare|la Paix|la Poste|l'Opéra|France|Provence|la Cathédrale|l'Europe|Bourgogne|la Place",
                "Delacroix|Fontaine|Marchand|Rousseau|Beaumont|Lenoir|Duval|Moreau|Chevalier|Laurent",
                "Vieille Ville|Centre|Rive Droite|Rive Gauche|Quartier de la Gare|Les Halles",
                "rue Victor Hugo|rue de la République|avenue Jean Jaurès|rue Pasteur|boulevard Gambetta|rue du Marché|place de l'Église|rue des Écoles|quai Voltaire|rue Saint-Jacques",
                "{n} {s}",
                140
            ),
            "italian" => culture!(
                "Hotel {n}|Albergo {n}|Hotel {s}|Palazzo {s}|Locanda {n}|Residenza {d}|Villa {s}|Hotel {d}|Hotel {l}|Antica Locanda {s}",
                "Bella Vista|Tre Fontane|Due Torri|San Marco|Santa Lucia|Aurora|Bernini|Raffaello|Leon d'Oro|Cavour|Garibaldi|Dante|Minerva|Colonna|Corte Antica|Giardino Segreto|Stella d'Italia|Ponte Vecchio",
                "Duomo|Stazione|Teatro|Castello|Mercato|Università|Terme|Porta Nuova|Arena|Giardini",
                "Bianchi|Ferrari|Moretti|Conti|Rinaldi|Galli|Martini|Barbieri|Colombo|Fontana",
                "Centro Storico|Città Alta|Lungomare|Porta Romana|San Lorenzo|Borgo",
                "Via Roma|Via Garibaldi|Corso Italia|Via Mazzini|Piazza Dante|Via Verdi|Via Cavour|Viale Europa|Via San Giovanni|Corso Vittorio Emanuele",
                "{s} {n}",
                150
            ),
            "spanish" => culture!(
                "Hotel {n}|Hotel {s}|Casa {s}|Hostal {n}|Posada {n}|Hotel {d}|Palacio {s}|Gran Hotel {d}|Hotel Plaza {l}|Hotel {l}",
                "Los Naranjos|La Alameda|El Mirador|Las Palmas|San Agustín|Santa Isabel|Colón|Cervantes|La Fuente|Los Arcos|El Patio|Dos Mares|La Paloma|Reina Sofía|El Portal|Casa Azul|Los Balcones|Sol y Luna",
                "Mayor|Catedral|Universidad|Independencia|Libertad|Mercado|Constitución|Teatro|San Martín|Real",
                "Mendoza|Herrera|Salazar|Quintana|Aguirre|Valdés|Robles|Ibáñez|Montero|Cortés",
                "Centro Histórico|Casco Antiguo|La Merced|Plaza Mayor|Alameda|San Francisco",
                "Calle Mayor|Avenida Libertad|Calle Real|Calle San Martín|Avenida Bolívar|Paseo de la Reforma|Calle Hidalgo|Avenida Independencia|Calle del Sol|Plaza Santa Ana",
                "{s} {n}",
                900
            ),
            "portuguese" => culture!(
                "Hotel {n}|Pousada {n}|Hotel {s}|Casa {s}|Hotel {d}|Solar {s}|Palácio {s}|Hotel Praça {l}|Residencial {d}|Hotel {l}",
                "Estrela do Mar|Boa Vista|Ipê Amarelo|Bela Aurora|Atlântico|Imperial|São Bento|Santa Clara|Azulejo|Rosa dos Ventos|Jacarandá|Dom Pedro|Três Marias|Beira Rio|Vila Nova|Mirante|Alvorada|Ouro Verde",
                "da República|do Comércio|da Sé|das Flores|do Rossio|Central|da Liberdade|do Carmo|Tiradentes|da Alegria",
                "Almeida|Carvalho|Nogueira|Teixeira|Monteiro|Barros|Figueiredo|Pacheco|Vasconcelos|Moura",
                "Centro|Cidade Alta|Baixa|Ribeira|Boa Vista|Mercado",
                "Rua Augusta|Avenida Brasil|Rua das Flores|Rua Direita|Avenida da Liberdade|Rua do Comércio|Rua XV de Novembro|Praça da Matriz|Rua Santa Catarina|Rua do Carmo",
                "{s}, {n}",
                800
            ),
            "dutch" => culture!(
                "Hotel {n}|Hotel {s}|Het {n}|Hotel {d}|Grachtenhotel {s}|Herberg {n}|Huis {s}|Hotel aan de {l}|Logement {d}",
                "Gouden Leeuw|Wapen van Holland|Zilveren Zwaan|Drie Gratiën|Blauwe Molen|Oude Waag|Witte Paard|Koningshof|Prinsenhof|Nieuwe Wereld|Groene Haring|Gulden Vlies|Rode Hert|Halve Maan",
                "Markt|Haven|Dom|Gracht|Amstel|Singel|Schans|Waag",
                "van Dijk|de Groot|Visser|Mulder|Bakker|Vermeer|van Leeuwen|Hendriks",
                "Centrum|Oude Stad|Havenkwartier|Museumkwartier|Stationskwartier",
                "Hoofdstraat|Kerkstraat|Prinsengracht|Nieuwstraat|Molenweg|Stationsplein|Oudegracht|Koningslaan|Marktstraat|Havenkade",
                "{s} {n}",
                240
            ),
            "nordic" => culture!(
                "Hotel {n}|Hotell {s}|{n} Hotel|Hotel {d}|Grand {d}|{l} Hotel|Villa {s}|Park {d} Hotel",
                "Nordstjernen|Kong Frederik|Drottning Kristina|Skagerrak|Polaris|Fjord|Sankt Erik|Aurora|Gyldene Freden|Havnekontoret|Birger Jarl|Valhal|Three Crowns|Havfruen|Midnight Sun|Bryggen|Saga|Lilla Roberts",
                "Station|Harbour|Opera|Strand|City Park|Royal|Tower|Market Hall",
                "Lindqvist|Sørensen|Hansen|Bergström|Nilsson|Holm|Dahl|Ekman|Vik|Lund",
                "Sentrum|Indre By|Havnen|Gamlebyen|Station Quarter",
                "Storgatan|Kungsgatan|Strandgata|Nygade|Drottninggatan|Havnegade|Skolegata|Parkveien|Torggata|Vestergade",
                "{s} {n}",
                120
            ),
            "polish" => culture!(
                "Hotel {n}|Hotel {s}|Hotel {d}|Pensjonat {n}|Dwór {s}|Kamienica {s}|Hotel pod {l}|Rezydencja {d}",
                "Pod Różą|Bursztyn|Królewski|Wawel|Polonia|Jagiellon|Chopin|Kopernik|Złoty Lew|Biały Orzeł|Syrena|Stary Zamek|Pod Wawelem|Belweder|Polski Dwór|Nowy Świat",
                "Złotym Lwem|Orłem|Aniołami|Basztą|Lipami|Zegarem|Dębem|Kogutem",
                "Sobieskich|Kossak|Radziwiłł|Zamoyski|Potocki|Lubomirski|Wolski|Ostrowski",
                "Stare Miasto|Śródmieście|Nowe Miasto|Stary Rynek|Przedmieście",
                "ul. Długa|ul. Floriańska|ul. Mickiewicza|ul. Kościuszki|ul. Piłsudskiego|Rynek|ul. Warszawska|ul. Sienkiewicza|ul. Ogrodowa|al. Jana Pawła II",
                "{s} {n}",
                110
            ),
            "czech" => culture!(
                "Hotel {n}|U {l}|Hotel {s}|Penzion {n}|Dům u {l}|Hotel {d}|Residence {s}",
                "Zlatý Lev|Bílá Labuť|Praga|Moldavia|Tři Věže|Karlův Most|Černý Orel|Modrá Hvězda|Royal Bohemia|Mucha|Stará Radnice|Vltava|Koruna|Slavia|Kampa House",
                "Zlatého Stromu|Tří Lilií|Modrého Klíče|Bílého Beránka|Červeného Lva|Prašné Brány|Staré Pošty|Dvou Sluncí",
                "Dvořák|Smetana|Novák|Svoboda|Kolář|Horák|Beneš|Čapek",
                "Staré Město|Nové Město|Podhradí|Nábřeží|Nádraží",
                "Dlouhá|Hlavní|Národní|Masarykova|Husova|Nerudova|Štefánikova|Palackého|Náměstí Míru|Nádražní",
                "{s} {n}",
                90
            ),
            "hungarian" => culture!(
                "Hotel {n}|{n} Hotel|Hotel {s}|{d} Hotel|Villa {s}|Panzió {n}|{d} Residence",
                "Arany Bárány|Erzsébet|Szent István|Fehér Hattyú|Duna|Gellért Udvar|Mátyás|Pannonia|Corvin|Astoria Udvar|Rózsakert|Három Korona|Andrássy|Zsolnay|Fortuna",
                "Opera|Korona|Liget|Bazilika|Vár|Piac",
                "Széchenyi|Kossuth|Esterházy|Batthyány|Liszt|Bartók|Jókai|Petőfi",
                "Belváros|Várnegyed|Óváros|Újváros|Vásártér",
                "Kossuth Lajos utca|Petőfi utca|Rákóczi út|Váci utca|Bajcsy-Zsilinszky út|Fő utca|Király utca|Andrássy út|Szent István körút|Dob utca",
                "{s} {n}.",
                90
            ),
            "romanian" => culture!(
                "Hotel {n}|Hotel {s}|Casa {s}|Pensiunea {n}|Hotel {d}|Vila {s}|Hanul {n}",
                "Coroana|Carpați|Ambasador|Dacia|Trei Brazi|Floare de Colț|Cerbul de Aur|Athénée|Capitol|Unirea|Steaua|Regina Maria|Curtea Veche|Manuc|Bucegi",
                "Gara|Opera|Piața|Parcul",
                "Brâncoveanu|Cantacuzino|Enescu|Eminescu|Caragiale|Ionescu|Popescu|Lupu",
                "Centrul Vechi|Universitate|Piața Unirii|Parc|Gară",
                "Calea Victoriei|Strada Lipscani|Bulevardul Unirii|Strada Mihai Eminescu|Strada Republicii|Bulevardul Carol I|Strada Avram Iancu|Strada Horea",
                "{s} {n}",
                150
            ),
            "balkan" => culture!(
                "Hotel {n}|Hotel {s}|Villa {s}|Hotel {d}|Boutique Hotel {n}|Garni {n}|Konak {s}|Palace {d}",
                "Moskva|Jadran|Stari Grad|Zlatni Lav|Bellevue|Orhideja|Slavija|Rose|Dalmacija|Balkan|Royal|Adriatic Star|Sveti Nikola|Vitosha View|Lavanda|Stone Bridge|Maritimo|Dva Goluba",
                "Riva|Trg|Palata|Sahat",
                "Petrović|Marković|Kovač|Horvat|Dimitrov|Jurić|Babić|Ivanov|Perić|Novak",
                "Stari Grad|Gornji Grad|Donji Grad|Varoš|Centar",
                "Glavna ulica|Kneza Mihaila|Obala kralja Tomislava|Trg slobode|Ulica Svetog Save|Ilica|Bulevar Oslobođenja|Vukova|Zmaj Jovina|Obala",
                "{s} {n}",
                110
            ),
            "greek" => culture!(
                "Hotel {n}|{n} Hotel|{d} Suites|Villa {s}|{s} House|Hotel {d}|{n} Boutique Hotel|The {l} Hotel",
                "Athena|Poseidon|Hermes|Electra|Parthenon View|Kalypso|Olympion|Aegean Pearl|Delphi|Ariadne|Meltemi|Persephone|Apollon|Thalassa|Nefeli|Kyklades|Philoxenia|Ilios",
                "Acropolis|Agora|Harbour|Lighthouse|Old Market|White Tower",
                "Papadakis|Nikolaou|Georgiou|Dimitriou|Kostas|Eleni|Stavros|Ioannou",
                "Old Town|Ano Poli|Limani|Kentro|Kastro",
                "Ermou|Leoforos Alexandras|Odos Athinas|Egnatia|Venizelou|Agiou Nikolaou|Akti Poseidonos|Mitropoleos|Tsimiski|Voulis",
                "{s} {n}",
                120
            ),
            "slavic" => culture!(
                "Hotel {n}|{n} Hotel|{s} Hotel|{d} Hotel|Boutique Hotel {n}|Usadba {s}|{n} Palace|Hotel on {l}",
                "Metropol|Zolotoy Lev|Belye Nochi|Aurora|Baltika|Severnaya Korona|Troika|Samovar|Malakhit|Dnipro|Zolotaya Orda|Kalinka|Zvezda|Ermitazh Garden|Ukraina Star|Silk Way|Registan Court|Ala-Too",
                "Nevsky|Tverskaya|the Embankment|Theatre Square|Lenin Street|the Fontanka",
                "Pushkin|Tolstoy|Chekhov|Bulgakov|Gogol|Tchaikovsky|Sheremetev|Repin",
                "Old Town|Centre|Riverside|Theatre District|Station Quarter|Park Quarter",
                "Lenina Street|Pushkina Street|Gogolya Street|Sadovaya Street|Mira Avenue|Naberezhnaya Street|Teatralnaya Square|Sovetskaya Street|Abaya Avenue|Khreshchatyk Street",
                "{s} {n}",
                160
            ),
            "baltic" => culture!(
                "Hotel {n}|{n} Hotel|Hotel {s}|{d} Residence|Hotel {d}|Villa {s}",
                "Three Sisters|Old Hansa|St Olav|Amber|Neris|Daugava|Merchant's House|Gediminas|Black Rooster|Viru|Konventa|Linden|Stork's Nest|Bell Tower",
                "Tower|Gate|Market|Cathedral",
                "Kalniņš|Tamm|Kazlauskas|Ozols|Rebane|Jonaitis",
                "Old Town|Quiet Centre|Harbour|Station Quarter",
                "Pikk|Brīvības iela|Gedimino prospektas|Pilies gatvė|Viru|Elizabetes iela|Rataskaevu|Kaļķu iela",
                "{s} {n}",
                90
            ),
            "caucasus" => culture!(
                "Hotel {n}|{n} Hotel|{s} Boutique Hotel|{d} Residence|Hotel {d}|{s} House",
                "Silk Road|Old Fortress|Pomegranate|Ararat View|Maiden Gate|Kartli|Caspian Pearl|Vine|Apricot Garden|Narikala|Golden Fleece|Flame|Caravanserai|Noah's Court",
                "Fortress|Bazaar|Opera|Boulevard",
                "Rustaveli|Tamar|Nizami|Komitas|Pirosmani|Khachaturian|Vazha",
                "Old City|Centre|Boulevard|Opera Quarter|Bazaar",
                "Rustaveli Avenue|Nizami Street|Abovyan Street|Freedom Square|Leselidze Street|Mashtots Avenue|Istiglaliyyat Street|Pushkin Street",
                "{n} {s}",
                120
            ),
            "turkish" => culture!(
                "{n} Otel|Hotel {n}|{s} Konağı|{d} Suites|Hotel {d}|{s} Palace|{n} Boutique Hotel|Otel {s}",
                "Lale|Sultan|Turkuaz|Yıldız|Altın Boynuz|Bosphorus View|Han|Ottoman Court|Nar|Anadolu|Saray|Gülistan|Mavi Ev|Kervansaray|Ayasofya Garden|Çınar|Fener|Marmara Star",
                "Kule|Çarşı|Meydan|Liman",
                "Osman|Yılmaz|Mimar Sinan|Hürrem|Demir|Aslan|Paşa|Evliya",
                "Eski Şehir|Merkez|Kale|Çarşı|İstasyon",
                "İstiklal Caddesi|Atatürk Caddesi|Cumhuriyet Caddesi|Divan Yolu|İnönü Bulvarı|Gazi Caddesi|Barış Sokak|Çiçek Sokak|Mithatpaşa Caddesi|Bağdat Caddesi",
                "{s} No. {n}",
                160
            ),
            "arabic" => Culture {
                weekend: [3, 4],
                ..culture!(
                    "{n} Hotel|Al {s} Hotel|{d} Suites|{n} Palace|Dar {s}|{n} Residence|{d} Hotel|{l} Hotel|Qasr {s}",
                    "Al Nakheel|Pearl|Golden Dunes|Al Waha|Oasis|Safa|Al Noor|Jasmine|Crescent|Al Bustan|Falcon|Corniche|Sahara Gate|Al Yasmin|Marhaba|Nile Pearl|Desert Rose|Lulu",
                    "Corniche|Citadel|Souq|Marina|Clock Tower|Gold Market",
                    "Rashid|Salam|Andalus|Khalil|Zahra|Hamra|Faisal|Mansour|Karnak|Yaqout",
                    "Old City|Al Souq|Garden Quarter|Diplomatic Quarter|Al Balad|Al Madina",
                    "King Street|Corniche Road|Al Nasr Street|Salah al-Din Street|Al Wahda Street|Al Souq Street|Omar ibn al-Khattab Street|Palm Street|University Road|Al Jazira Street",
                    "{n} {s}",
                    220
                )
            },
            "arabic_french" => culture!(
                "Riad {s}|Hôtel {n}|Dar {s}|Riad {n}|{n} Palace|Hôtel {d}|Maison {s}",
                "El Andalous|Yasmine|L'Oasis|Majorelle|Atlas|La Médina|Les Orangers|Zitoun|El Bahia|Carthage|Le Grand Bleu|Les Almohades|Sidi Bou|Kenza|La Perle|Les Palmiers",
                "Médina|Kasbah|Marina|Grand Théâtre",
                "Zahra|Yasmina|Amira|Salam|Idrissi|Mounia|Nour|Shéhérazade|Tazi|Khadija",
                "Médina|Ville Nouvelle|Kasbah|Souk|Mellah",
                "avenue Mohammed V|rue de la Kasbah|boulevard Zerktouni|avenue Habib Bourguiba|rue Didouche Mourad|derb El Ferrane|rue de Fès|place des Épices|avenue de France|rue Hamra",
                "{n} {s}",
                150
            ),
            "hebrew" => culture!(
                "Hotel {n}|The {s} Hotel|{d} Boutique Hotel|{n} House|Hotel {s}|{d} Suites",
                "Carmel|Olive Tree|King David's Court|Bauhaus|Sea of Galilee|Jaffa Gate|Almond|Shalom|Cedar|Mandarin Grove|Dizengoff|Lighthouse",
                "Port|Market|Promenade|Tower",
                "Herzl|Bialik|Agnon|Rothschild|Golda|Arlozorov",
                "City Centre|German Colony|Port|Old Market|Park Quarter",
                "Ben Yehuda Street|Rothschild Boulevard|Allenby Street|HaYarkon Street|Jaffa Road|King George Street|Dizengoff Street|Herzl Street",
                "{n} {s}",
                160
            ),
            "indian" => culture!(
                "Hotel {n}|The {n}|{s} Palace|Hotel {s} Residency|{d} Residency|{n} Inn|{s} Haveli|The {d} Grand|Lotus {d}|{n} Heritage",
                "Ashoka|Lotus|Mayur|Taj View|Rajdhani|Shalimar|Swagat|Chandni|Himalaya|Ganga|Peacock|Amber Court|Neem Tree|Sitara|Kohinoor|Gulmohar|Banyan|Surya",
                "Fort|Lake|Gate|Bazaar",
                "Maharaja|Singh|Mehta|Rana|Kapoor|Chaudhary|Rao|Nizam|Khan|Sharma",
                "Civil Lines|Cantonment|Old City|Station Road|Model Town|Sadar Bazaar",
                "MG Road|Station Road|Nehru Road|Mall Road|Church Street|Ring Road|Gandhi Marg|Lake Road|Fort Road|Jinnah Road",
                "{n} {s}",
                220
            ),
            "japanese" => culture!(
                "Hotel {n}|Ryokan {n}|{d} Garden Hotel|{s} Ryokan|Hotel {d}|{n}-tei|{d} {l} Hotel|{d} Stay {n}|Machiya {n}",
                "Sakura|Hinode|Tsukimi|Kiku|Matsukaze|Yamabuki|Asagiri|Hanare|Midori|Kaede|Fuji|Ume|Aoi|Kumo|Hotaru|Suzume|Nagomi|Mizuki",
                "Station|Plaza|Terrace|Gate",
                "Tanaka|Yoshida|Kinoshita|Fujimoto|Hayashi|Nishimura|Ogawa|Matsui",
                "Ekimae|Chuo|Nakamachi|Honmachi|Higashi|Minato",
                "Chuo-dori|Sakura-dori|Ekimae-dori|Honmachi|Nakamachi|Meiji-dori|Heiwa-dori|Sanjo-dori|Yanagi-dori|Showa-dori",
                "{n}-chome, {s}",
                9
            ),
            "chinese" => culture!(
                "{n} Hotel|{d} Hotel|{n} Garden Hotel|Grand {s} Hotel|{s} Inn|{d} {n} Hotel|{n} Courtyard|Jade {d} Hotel|The {n}",
                "Golden Phoenix|Jade Garden|Lotus Pond|Red Lantern|Bamboo|Plum Blossom|Dragon Gate|Silk|Crane|Moonlight|Yangtze|Orchid|Pearl River|Pagoda|Great Harmony|Osmanthus|Tea House|Riverside",
                "Bund|Drum Tower|Lake|Square",
                "Hua Tian|Jin Jiang View|Yun Xi|Hai Tang|Bai Yun|Xin Yue|Qing Feng|Wan Li",
                "Old Town|Riverside|Lakeside|Drum Tower|New District|Zhongshan",
                "Renmin Road|Zhongshan Road|Jiefang Road|Nanjing Road|Beijing Road|Huaihai Road|Jianguo Road|Wenhua Road|Heping Street|Chang'an Street",
                "{n} {s}",
                680
            ),
            "korean" => culture!(
                "Hotel {n}|{n} Hotel|{d} Stay|Hanok {n}|Hotel {d}|{d} {n} Hotel|{s} House",
                "Mugunghwa|Hanul|Arirang|Bada|Sarang|Cheongsong|Haneul|Dalbit|Maru|Namsan View|Hyanggi|Baram|Sora|Gaon|Onyu",
                "Station|Gate|Palace|Harbour",
                "Sejong|Hanbit|Yun|Minhwa|Seorin|Dasan",
                "Jung-gu|Nam-gu|Buk-gu|Seo-gu|Dong-gu",
                "Jong-ro|Sejong-daero|Teheran-ro|Jungang-daero|Haeundae-ro|Dongseong-ro|Gukchaebosang-ro|Chungjang-ro|Daehak-ro|Eulji-ro",
                "{n} {s}",
                420
            ),
            "vietnamese" => culture!(
                "Khách Sạn {n}|{n} Hotel|{s} Boutique Hotel|{d} Hotel|{n} Riverside|La {s}|{d} Central Hotel",
                "Hoa Sen|Bamboo|Silk Path Garden|Lotus|Sông Hương|Ánh Dương|Mai Vàng|Golden Lantern|Indochine|Rồng Vàng|Tre Xanh|Hồng Hà|Phượng Hoàng|Sao Mai",
                "Market|Lake|Bridge|Opera",
                "Minh|Trang|Lan Anh|Hải Âu|Thiên Thanh|Ngọc",
                "Old Quarter|Riverside|Market Quarter|Citadel|Station Quarter",
                "Lê Lợi|Trần Hưng Đạo|Nguyễn Huệ|Hai Bà Trưng|Lý Thường Kiệt|Hàng Bông|Đồng Khởi|Phan Chu Trinh|Bạch Đằng|Hùng Vương",
                "{n} {s}",
                280
            ),
            "thai" => culture!(
                "{n} Hotel|Baan {s}|{d} Residence|{n} Riverside|The {n}|{s} Boutique Hotel|{d} Garden Hotel|Wang {s}",
                "Golden Lotus|Siam Orchid|Chang|Royal Elephant|Jasmine|Bua Luang|Mandalay Moon|Angkor Star|Emerald|Naga|Frangipani|Teak House|Ruby Garden|Sukhothai Court",
                "Pier|Temple|Market|Bridge",
                "Chao|Suan|Mali|Kanda|Ratchada|Arun|Sokha|Thida",
                "Riverside|Old City|Night Market|Chinatown|Temple Quarter",
                "Sukhumvit Road|Charoen Krung Road|Ratchadamnoen Road|Strand Road|Sisowath Quay|Phra Athit Road|Tha Phae Road|Bogyoke Road|Norodom Boulevard|Nimman Road",
                "{n} {s}",
                320
            ),
            "indonesian" => culture!(
                "Hotel {n}|{n} Hotel|Puri {s}|Wisma {s}|{d} Suites|Hotel {d}|Griya {n}|Rumah {s}|Grand {n}",
                "Melati|Nusantara|Garuda|Cempaka|Merdeka|Bunga Raya|Kenanga|Borobudur View|Anggrek|Merak|Seri Malaysia|Padma|Bintang|Batavia|Kencana|Bukit Hijau",
                "Alun-Alun|Pasar|Stasiun|Pantai",
                "Asri|Sari|Indah|Dewi|Kartini|Permata|Sultan|Saraswati",
                "Kota Lama|Alun-Alun|Pusat Kota|Pasar Baru|Taman Kota",
                "Jalan Sudirman|Jalan Merdeka|Jalan Diponegoro|Jalan Gajah Mada|Jalan Thamrin|Jalan Asia Afrika|Jalan Pahlawan|Jalan Ahmad Yani|Jalan Melati|Jalan Sultan Ismail",
                "{s} {n}",
                210
            ),
            "filipino" => culture!(
                "Hotel {n}|{s} Pensionne|Casa {s}|The {n}|{d} Suites|{n} Bay Hotel|Hotel {s}",
                "Sampaguita|Mabuhay|Perla|Bayani|Luzviminda|Rizal Park View|Kalachuchi|Maharlika|Tala|Intramuros|Palawan Pearl|Dalisay|Bahay Kubo|Mango Tree",
                "Bay|Cathedral|Plaza|Fort",
                "Santos|Luna|Mabini|Aguinaldo|Del Pilar|Zobel",
                "Poblacion|Downtown|Bayside|Centro|Market Quarter",
                "Rizal Avenue|Mabini Street|Roxas Boulevard|Del Pilar Street|Bonifacio Street|Quezon Avenue|Osmeña Boulevard|San Pedro Street",
                "{n} {s}",
                420
            ),
            "african" => culture!(
                "{n} Hotel|The {n}|{s} Lodge|{d} Suites|{n} Gardens|Hotel {s}|{d} Guest House|{n} Court",
                "Acacia|Baobab|Savannah|Kilimanjaro View|Ubuntu|Jacaranda|Protea|Karibu|Simba|Golden Stool|Zanzibar Gate|Blue Nile|Flame Tree|Marula|Palm Wine|Heritage|Safari|Sunbird",
                "Harbour|Market|Hill|Lake",
                "Nyerere|Okafor|Mensah|Mwangi|Zulu|Adeyemi|Kamau|Tadesse",
                "City Centre|Old Market|Hillside|Gardens|Station Quarter|Lakeside",
                "Independence Avenue|Kenyatta Avenue|Nelson Mandela Road|Market Street|Airport Road|Unity Road|Uhuru Street|Church Street|Broad Street|Liberation Road",
                "{n} {s}",
                180
            ),
            "african_french" => culture!(
                "Hôtel {n}|Résidence {s}|Hôtel {d}|Villa {s}|Auberge {n}|{n} Palace",
                "Baobab|Les Cocotiers|La Lagune|Flamboyant|Ivoire Soleil|Teranga|Le Fleuve|Les Manguiers|Sahel|Étoile du Sud|Djoliba|Bougainvillée|Karité|La Falaise|Bel Air|Palmeraie",
                "Port|Marché|Corniche|Gare",
                "Diallo|Ndiaye|Kouassi|Touré|Mbemba|Sanogo|Rasoa|Keita",
                "Plateau|Centre-ville|Marché|Vieux Quartier|La Gare|Jardins",
                "avenue de l'Indépendance|boulevard de la République|avenue Lumumba|rue du Commerce|avenue Kwame Nkrumah|boulevard du 30 Juin|rue des Manguiers|avenue de la Liberté",
                "{n} {s}",
                160
            ),
            variant => return super::variants::variant(variant),
        };
        Some(culture)
    }

    /// A name for a guest house in one of these districts of a city.
    pub fn hotel_name(&self, city: &str, districts: &[&str], random: &mut Random) -> String {
        let pattern = one(self.patterns, random);
        // Two patterns of French want a landmark that goes with `du`.
        let landmark = if pattern.contains("{l2}") {
            one("Parc|Palais|Théâtre|Pont|Louvre|Midi|Lac|Musée", random)
        } else {
            one(self.landmarks, random)
        };
        pattern
            .replace("{n}", one(self.names, random))
            .replace("{l2}", landmark)
            .replace("{l}", landmark)
            .replace("{s}", one(self.families, random))
            .replace("{d}", random.pick(districts))
            .replace("{c}", city)
    }

    /// Street and number.
    pub fn address(&self, random: &mut Random) -> String {
        let number = random.between(1, self.number_max).to_string();
        self.address.replace("{s}", one(self.streets, random)).replace("{n}", &number)
    }
}

/// One of a list.
pub(super) fn one<'a>(list: &'a str, random: &mut Random) -> &'a str {
    let all: Vec<&str> = list.split('|').collect();
    random.pick(&all)
}
