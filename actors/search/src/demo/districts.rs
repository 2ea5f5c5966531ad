//! Districts of cities that many guests know; elsewhere the culture's general words serve.

/// City as GeoNames calls it, country, districts.
const DISTRICTS: &str = "\
Amsterdam NL Jordaan|De Pijp|Oud-West|Plantage|Museumkwartier|Grachtengordel
Athens GR Plaka|Monastiraki|Kolonaki|Koukaki|Psyrri|Thissio
Auckland NZ Ponsonby|Parnell|Viaduct|Newmarket|Mount Eden
Bangkok TH Silom|Sathorn|Ari|Banglamphu|Thonglor|Bang Rak
Barcelona ES Eixample|Gràcia|El Born|Gòtic|Poblenou|Sants
Beijing CN Dongcheng|Sanlitun|Wangfujing|Qianmen|Shichahai|Chaoyang
Bengaluru IN Indiranagar|Koramangala|Jayanagar|Malleshwaram|Whitefield
Berlin DE Mitte|Kreuzberg|Prenzlauer Berg|Charlottenburg|Friedrichshain|Schöneberg|Moabit
Bogotá CO La Candelaria|Chapinero|Usaquén|Teusaquillo|Zona G
Brussels BE Sablon|Ixelles|Saint-Gilles|Marolles|Dansaert
Brugge BE Markt|Burg|Sint-Anna|Minnewater|Langestraat
Bucharest RO Lipscani|Cotroceni|Dorobanți|Floreasca|Cișmigiu
Budapest HU Belváros|Terézváros|Erzsébetváros|Ferencváros|Újlipótváros|Óbuda
Buenos Aires AR Palermo|San Telmo|Recoleta|Puerto Madero|Belgrano|Villa Crespo
Cairo EG Zamalek|Garden City|Maadi|Heliopolis|Downtown|Dokki
Cape Town ZA Gardens|De Waterkant|Sea Point|Camps Bay|Woodstock|Green Point
Casablanca MA Maârif|Anfa|Gauthier|Habous|Corniche
Chicago US River North|The Loop|Gold Coast|Lincoln Park|Wicker Park|West Loop
Copenhagen DK Nørrebro|Vesterbro|Christianshavn|Frederiksberg|Nyhavn|Østerbro
Delhi IN Paharganj|Karol Bagh|Chanakyapuri|Hauz Khas|Connaught|Defence Colony
Dubai AE Deira|Marina|Jumeirah|Al Barsha|Bur Dubai|Business Bay
Dublin IE Temple Bar|Portobello|Smithfield|Ballsbridge|Stoneybatter
Dubrovnik HR Stari Grad|Lapad|Ploče|Gruž|Pile
Edinburgh GB Old Town|New Town|Leith|Stockbridge|Bruntsfield|Haymarket
Florence IT Oltrarno|Santa Croce|San Marco|Santo Spirito|San Niccolò|Duomo
Frankfurt am Main DE Sachsenhausen|Westend|Bornheim|Bahnhofsviertel|Nordend
Geneva CH Pâquis|Eaux-Vives|Carouge|Vieille-Ville|Champel
Granada ES Albaicín|Realejo|Centro|Sacromonte|Genil
Hamburg DE St. Pauli|Altona|Eppendorf|Speicherstadt|St. Georg|Sternschanze
Hanoi VN Hoàn Kiếm|Ba Đình|Tây Hồ|Old Quarter|French Quarter
Helsinki FI Kallio|Kamppi|Punavuori|Katajanokka|Töölö
Ho Chi Minh City VN Bến Thành|Thảo Điền|Phú Nhuận|Chợ Lớn|Đa Kao
Hong Kong HK Wan Chai|Sheung Wan|Causeway Bay|Central|North Point|Kennedy Town
Istanbul TR Sultanahmet|Beyoğlu|Karaköy|Kadıköy|Galata|Beşiktaş|Balat
Jakarta ID Menteng|Kemang|Senayan|Kota Tua|Kuningan
Johannesburg ZA Sandton|Rosebank|Melville|Maboneng|Parkhurst
Kraków PL Kazimierz|Stare Miasto|Podgórze|Kleparz|Zwierzyniec|Dębniki
Kuala Lumpur MY Bukit Bintang|Bangsar|Brickfields|Chow Kit|Ampang
Kyiv UA Podil|Pechersk|Lypky|Shevchenko|Kontraktova
Kyoto JP Gion|Higashiyama|Pontocho|Arashiyama|Kawaramachi|Karasuma
Lima PE Miraflores|Barranco|San Isidro|Centro|Pueblo Libre
Lisbon PT Alfama|Chiado|Baixa|Bairro Alto|Belém|Príncipe Real|Graça
London GB Bloomsbury|Kensington|Soho|Shoreditch|Marylebone|Covent Garden|Islington|Greenwich
Los Angeles US Hollywood|Downtown|Silver Lake|Koreatown|Venice|Los Feliz
Lyon FR Presqu'île|Croix-Rousse|Vieux Lyon|Part-Dieu|Confluence
Madrid ES Malasaña|Chueca|La Latina|Salamanca|Lavapiés|Chamberí|Retiro
Manhattan US Midtown|SoHo|Chelsea|Tribeca|Upper West Side|Harlem
Marrakesh MA Médina|Guéliz|Hivernage|Mouassine|Kasbah|Palmeraie
Melbourne AU Fitzroy|Southbank|St Kilda|Carlton|Richmond|Docklands
Mexico City MX Roma Norte|Condesa|Polanco|Coyoacán|Centro Histórico|Juárez
Miami US South Beach|Brickell|Wynwood|Coconut Grove|Little Havana
Milan IT Brera|Navigli|Porta Venezia|Isola|Duomo|Porta Romana
Montréal CA Plateau|Vieux-Montréal|Mile End|Downtown|Griffintown
Moscow RU Arbat|Tverskaya|Kitay-Gorod|Zamoskvorechye|Patriarshiye
Mumbai IN Colaba|Bandra|Fort|Andheri|Juhu|Worli
Munich DE Schwabing|Maxvorstadt|Haidhausen|Glockenbach|Lehel|Giesing|Sendling|Au|Bogenhausen
Nairobi KE Westlands|Karen|Kilimani|Upper Hill|Lavington
Naples IT Chiaia|Centro Storico|Vomero|Quartieri Spagnoli|Posillipo
New York City US Midtown|SoHo|Chelsea|Williamsburg|Tribeca|Harlem|Upper West Side|Lower East Side
Nice FR Vieux Nice|Cimiez|Port|Carré d'Or|Libération
Osaka JP Namba|Umeda|Shinsaibashi|Tennoji|Kitahama|Nakanoshima
Oslo NO Grünerløkka|Frogner|Sentrum|Majorstuen|Aker Brygge
Palermo IT Kalsa|Ballarò|Politeama|Mondello|Vucciria
Paris FR Marais|Montmartre|Saint-Germain|Bastille|Opéra|Belleville|Batignolles|Quartier Latin
Porto PT Ribeira|Cedofeita|Boavista|Foz|Bonfim|Vitória
Prague CZ Staré Město|Malá Strana|Vinohrady|Žižkov|Karlín|Nové Město|Smíchov
Reykjavík IS Miðborg|Grandi|Laugardalur|Hlemmur|Vesturbær
Riga LV Old Riga|Quiet Centre|Āgenskalns|Mežaparks
Rio de Janeiro BR Copacabana|Ipanema|Santa Teresa|Botafogo|Leblon|Lapa
Rome IT Trastevere|Monti|Prati|Testaccio|Centro Storico|Esquilino|Campo de' Fiori
Saint Petersburg RU Nevsky|Petrogradskaya|Vasilyevsky|Kolomna|Admiralteysky
Salzburg AT Altstadt|Nonntal|Mülln|Linzergasse|Riedenburg
San Francisco US Mission|North Beach|SoMa|Nob Hill|Castro|Hayes Valley
Santiago CL Providencia|Lastarria|Bellavista|Las Condes|Ñuñoa
São Paulo BR Jardins|Pinheiros|Vila Madalena|Moema|Centro|Itaim Bibi
Seoul KR Myeongdong|Hongdae|Insadong|Gangnam|Itaewon|Bukchon
Sevilla ES Santa Cruz|Triana|Macarena|Arenal|Alameda
Shanghai CN Bund|Jing'an|Xintiandi|Pudong|Xuhui|Hongkou
Singapore SG Chinatown|Little India|Tiong Bahru|Kampong Glam|Orchard|Katong
Split HR Varoš|Stari Grad|Bačvice|Riva|Meje
Stockholm SE Gamla Stan|Södermalm|Östermalm|Vasastan|Norrmalm|Kungsholmen
Sydney AU The Rocks|Surry Hills|Darlinghurst|Potts Point|Bondi|Newtown
Taipei TW Da'an|Ximending|Zhongshan|Xinyi|Wanhua
Tallinn EE Old Town|Kalamaja|Kadriorg|Rotermann|Telliskivi
Tbilisi GE Sololaki|Vera|Mtatsminda|Avlabari|Vake
Tel Aviv IL Neve Tzedek|Florentin|Jaffa|Kerem|Old North
Tokyo JP Asakusa|Shinjuku|Ginza|Ueno|Shibuya|Akasaka|Yanaka|Nihonbashi
Toronto CA Yorkville|Queen West|Distillery|Kensington Market|Leslieville
Turin IT Quadrilatero|San Salvario|Crocetta|Vanchiglia
Valencia ES Ruzafa|El Carmen|Cabanyal|Ensanche|Ciutat Vella
Vancouver CA Gastown|Yaletown|Kitsilano|Coal Harbour|West End
Venice IT Cannaregio|San Marco|Dorsoduro|Castello|San Polo|Santa Croce|Giudecca
Verona IT Centro Storico|Veronetta|San Zeno|Cittadella
Vienna AT Innere Stadt|Neubau|Josefstadt|Leopoldstadt|Wieden|Mariahilf|Alsergrund
Vilnius LT Old Town|Užupis|Žvėrynas|Naujamiestis
Warsaw PL Śródmieście|Praga|Mokotów|Stare Miasto|Powiśle|Żoliborz
Washington US Georgetown|Dupont Circle|Capitol Hill|Adams Morgan|Foggy Bottom
Zürich CH Altstadt|Seefeld|Wiedikon|Enge|Niederdorf|Aussersihl";

/// The districts of a city, if it is one of those.
pub(super) fn districts(city: &str, country: &str) -> Option<&'static str> {
    DISTRICTS
        .lines()
        .find_map(|line| line.strip_prefix(city)?.strip_prefix(' ')?.strip_prefix(country)?.strip_prefix(' '))
}

/// Cities that guests travel to, though they may not be among the world's most populous: name, country.
pub(super) const SOUGHT: &str = "\
Amsterdam NL|Athens GR|Bruges BE|Brussels BE|Copenhagen DK|Dublin IE|Dubrovnik HR|Edinburgh GB|Florence IT|Geneva CH|\
Granada ES|Helsinki FI|Innsbruck AT|Kraków PL|Lisbon PT|Lucerne CH|Lyon FR|Marrakesh MA|Marseille FR|Naples IT|Nice FR|\
Oslo NO|Palermo IT|Porto PT|Prague CZ|Reykjavík IS|Riga LV|Salzburg AT|Seville ES|Split HR|Sofia BG|Belgrade RS|\
Tallinn EE|Tbilisi GE|Tel Aviv IL|Turin IT|Valencia ES|Valletta MT|Venice IT|Verona IT|Vilnius LT|Zagreb HR|Zürich CH|\
Bergen NO|Bordeaux FR|Bologna IT|Cologne DE|Frankfurt am Main DE|Dresden DE|Gdańsk PL|Wrocław PL|Ljubljana SI|\
Luxembourg LU|Bratislava SK|Sarajevo BA|Tirana AL|Yerevan AM|Limassol CY|Thessaloníki GR|Heraklion GR|\
San Francisco US|Boston US|Seattle US|Miami US|New Orleans US|Las Vegas US|Washington US|Honolulu US|Vancouver CA|\
Québec CA|Cancún MX|Oaxaca MX|Cusco PE|Cartagena CO|Montevideo UY|Panamá PA|San José CR|Guatemala City GT|\
Doha QA|Muscat OM|Kuwait City KW|Amman JO|Tunis TN|Colombo LK|Kathmandu NP|Chiang Mai TH|Siem Reap KH|George Town MY|\
Denpasar ID|Nara JP|Hiroshima JP|Ulan Bator MN|Christchurch NZ|Wellington NZ|Samarkand UZ|Windhoek NA|Kigali RW|Maputo MZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_city_here_is_called_as_geonames_calls_it() {
        let cities = crate::cities::Cities::new();
        let all: Vec<_> = cities.all().collect();
        for line in DISTRICTS.lines() {
            let known = all
                .iter()
                .any(|place| districts(place.name, place.country).is_some_and(|list| line.ends_with(list)));
            assert!(known, "{line}");
        }
    }
}
