//! Style sheet, script, fonts and icon. They are embedded in the binary, and their URLs change with their content.

use edge::assets::Assets;
use rust_embed::RustEmbed;
use serde::Serialize;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/assets"]
struct Files;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/templates"]
struct Templates;

/// The URLs of assets that templates use.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AssetUrls {
    css: String,
    js: String,
    icon: String,
    fraunces: String,
    inter: String,
    skyline_day: &'static str,
    skyline_night: &'static str,
}

/// The directory that is served under `/assets`, and its URLs.
pub(crate) fn assets() -> (Assets, AssetUrls) {
    let mut assets = Assets::new("/assets");
    let mut sheets = Vec::new();
    // Embedded files are sorted by name, but files read from disk in development are not.
    let mut names: Vec<_> = Files::iter().collect();
    names.sort();
    for name in &names {
        let Some(file) = Files::get(name) else { continue };
        match name.split_once('/') {
            Some(("css", _)) => sheets.push(String::from_utf8_lossy(&file.data).into_owned()),
            Some((_, base)) if !base.ends_with(".txt") => assets = assets.file(base, file.data),
            Some(_) | None => {}
        }
    }
    // Replaces plain font URLs by URLs that contain a hash of the content.
    let mut css = sheets.concat();
    for name in ["fraunces-latin", "fraunces-latin-ext", "inter-latin", "inter-latin-ext"] {
        let plain = format!("/assets/{name}.woff2");
        css = css.replace(&format!("\"{plain}\""), &format!("\"{}\"", assets.url(&format!("{name}.woff2"))));
    }
    let assets = assets.file("auberge.css", css.into_bytes());
    let urls = AssetUrls {
        css: assets.url("auberge.css"),
        js: assets.url("auberge.js"),
        icon: assets.url("icon.svg"),
        fraunces: assets.url("fraunces-latin.woff2"),
        inter: assets.url("inter-latin.woff2"),
        skyline_day: "/pictures/skyline.svg?hour=10",
        skyline_night: "/pictures/skyline.svg?hour=21",
    };
    (assets, urls)
}

/// All templates, as pairs of name and source.
pub(crate) fn templates() -> Vec<(String, String)> {
    let source =
        |name: &str| Templates::get(name).map(|file| String::from_utf8_lossy(&file.data).into_owned());
    Templates::iter().filter_map(|name| Some((name.to_string(), source(&name)?))).collect()
}
