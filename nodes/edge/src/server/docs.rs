//! `/docs`: Swagger UI, served from the binary without inline scripts.

use std::sync::OnceLock;

use poem::endpoint::BoxEndpoint;
use poem::http::header;
use poem::{Request, Response};

use super::builtin::read_only;
use crate::etag::ETag;

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Auberge API</title>
<link rel="stylesheet" href="/docs/ui.css">
</head>
<body>
<div id="ui"></div>
<script src="/docs/ui.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"#;
const START: &str = "SwaggerUIBundle({dom_id:'#ui',url:'/openapi.json',deepLinking:true,validatorUrl:null,\
                     filter:true,persistAuthorization:false});\n";
/// Swagger UI needs inline styles. Inline scripts stay forbidden.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
                      base-uri 'none'; frame-ancestors 'none'";

struct Files {
    script: String,
    style: String,
}

/// Extracts script and style from the page in which poem-openapi embeds its copy of Swagger UI.
fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| {
        let page = poem_openapi::OpenApiService::new((), "", "").swagger_ui_html();
        let between = |open: &str, close: &str| {
            let (_, rest) = page.split_once(open)?;
            // The script may contain the closing tag as text. The page's own one is the last in the head.
            let head = rest.split_once("\n</head>").map_or(rest, |(head, _)| head);
            head.rsplit_once(close).map(|(inner, _)| inner.to_owned())
        };
        let style =
            page.split_once("<style charset=\"UTF-8\">").and_then(|(_, rest)| rest.split_once("</style>"));
        Files {
            script: between("<script charset=\"UTF-8\">", "</script>").unwrap_or_default(),
            style: style.map(|(style, _)| style.to_owned()).unwrap_or_default(),
        }
    })
}

pub(super) fn routes() -> Vec<(String, BoxEndpoint<'static>)> {
    let page = |_: &Request| {
        let response = Response::builder().content_type("text/html; charset=utf-8");
        response.header(header::CONTENT_SECURITY_POLICY, POLICY).body(PAGE)
    };
    vec![
        ("/docs".to_owned(), read_only(page)),
        ("/docs/ui.js".to_owned(), file("text/javascript; charset=utf-8", || &files().script)),
        ("/docs/ui.css".to_owned(), file("text/css; charset=utf-8", || &files().style)),
        ("/docs/start.js".to_owned(), file("text/javascript; charset=utf-8", || START)),
    ]
}

fn file(media_type: &'static str, content: fn() -> &'static str) -> BoxEndpoint<'static> {
    let etag: OnceLock<ETag> = OnceLock::new();
    read_only(move |_| {
        let etag = etag.get_or_init(|| ETag::of_bytes(content().as_bytes()));
        let response = Response::builder().content_type(media_type).header(header::ETAG, etag.as_str());
        response.header(header::CACHE_CONTROL, "public, no-cache").body(content())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_and_style_are_extracted() {
        let files = files();
        assert!(files.script.len() > 1_000_000 && files.script.contains("SwaggerUIBundle"));
        assert!(!files.script.contains("<script charset") && files.style.contains(".swagger-ui"));
    }
}
