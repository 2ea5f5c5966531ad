//! The 3-D Secure page of the guest's bank.

use crate::currencies;
use crate::intents::Intent;
use crate::response::{ApiResponse, Body};

const STYLE: &str = "
:root{color-scheme:light dark}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:#eceff4;color:#1b2430;font:16px/1.5 system-ui,sans-serif}
main{width:min(30rem,calc(100vw - 2rem));box-sizing:border-box;background:#fff;border-radius:10px;padding:2rem;box-shadow:0 8px 30px rgb(20 30 50/.12)}
p.mark{margin:-2rem -2rem 1.5rem;padding:.6rem 2rem;border-radius:10px 10px 0 0;background:#7a1f2b;color:#fff;font-size:.85rem;letter-spacing:.04em}
h1{margin:0 0 .5rem;font-size:1.35rem}
.sum{margin:1rem 0 1.5rem;font-size:1.8rem;font-variant-numeric:tabular-nums}
form{display:flex;gap:.75rem;flex-wrap:wrap}
button{flex:1 1 10rem;min-height:44px;border:1px solid #2b4a7f;border-radius:6px;background:#2b4a7f;color:#fff;font:inherit;cursor:pointer}
button.no{background:#fff;color:#2b4a7f}
button:focus-visible,a:focus-visible{outline:3px solid #d99a2b;outline-offset:2px}
@media(prefers-color-scheme:dark){body{background:#12161d;color:#e6eaf0}main{background:#1c222c}button.no{background:#1c222c;color:#a9c1ee;border-color:#a9c1ee}}
";

/// The form for the guest.
pub(crate) fn confirmation_form(intent: &Intent) -> ApiResponse {
    let sum = currencies::format(intent.amount, &intent.currency);
    html(
        200,
        "Confirm your payment",
        &format!(
            "<h1>Confirm your payment</h1><p>Your bank asks whether it is you who pays.</p><p class=\"sum\">{sum}</p>\
             <form method=\"post\"><button name=\"outcome\" value=\"complete\">Complete</button>\
             <button class=\"no\" name=\"outcome\" value=\"fail\">Fail</button></form>"
        ),
    )
}

/// No intent requires authentication here.
pub(crate) fn nothing_to_confirm() -> ApiResponse {
    html(
        404,
        "Nothing to confirm",
        "<h1>Nothing to confirm</h1><p>This payment was confirmed, refused or given up.</p>",
    )
}

/// Redirects to the return URL.
pub(crate) fn redirect_to_merchant(intent: &Intent, succeeded: bool) -> ApiResponse {
    let Some(url) =
        intent.return_url.as_deref().filter(|url| url.bytes().all(|byte| byte.is_ascii_graphic()))
    else {
        return html(200, "Done", "<h1>Done</h1><p>You can close this page.</p>");
    };
    let (url, fragment) = url.split_once('#').map_or((url, None), |(url, fragment)| (url, Some(fragment)));
    let joint = if url.contains('?') { '&' } else { '?' };
    let status = if succeeded { "succeeded" } else { "failed" };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    let location = format!("{url}{joint}payment_intent={}&redirect_status={status}{fragment}", intent.id);
    ApiResponse::empty(303).with("Location", location)
}

fn html(status: u16, title: &str, body: &str) -> ApiResponse {
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{title}</title>\
         <style>{STYLE}</style></head><body><main><p class=\"mark\">TEST: the sandbox bank. No real money moves.</p>\
         {body}</main></body></html>"
    );
    ApiResponse { status, body: Body::Html(page), headers: Vec::new() }
        .with(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        )
        .with("Cache-Control", "no-store")
        .with("Referrer-Policy", "no-referrer")
}
