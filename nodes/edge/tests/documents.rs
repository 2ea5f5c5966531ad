//! OpenAPI documents.

mod support;

use edge::{OpenApiDocuments, lint_document};
use serde_json::json;
use support::{Api, ask, server};

#[test]
fn the_document_of_an_api_has_no_lint_errors() {
    let documents = OpenApiDocuments::new(None, &[]).with::<Api>("notes", "Notes");
    let document = documents.of("notes").unwrap();
    assert_eq!(lint_document(document), Vec::<String>::new());
    let operation = &document["paths"]["/v1/notes"]["post"];
    assert_eq!(operation["security"], json!([{ "oauth2": ["profile"] }, { "bearer": [] }]));
    assert_eq!(
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/NewNote"
    );
    assert_eq!(operation["responses"]["201"]["headers"]["Location"]["schema"]["type"], "string");
    let failure = &operation["responses"]["409"]["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(failure, "#/components/schemas/Problem");
    let list = &document["paths"]["/v1/notes"]["get"];
    assert_eq!(list["security"][2], json!({}), "a token is optional");
    for status in ["412", "413", "415"] {
        assert!(list["responses"].get(status).is_none(), "{status} is not possible for a list");
    }
    let limit =
        list["parameters"].as_array().unwrap().iter().find(|parameter| parameter["name"] == "limit").unwrap();
    assert_eq!(
        (&limit["schema"]["maximum"], &limit["schema"]["default"], &limit["required"]),
        (&json!(100.0), &json!(20), &json!(false))
    );
    assert_eq!(document["components"]["schemas"]["NotePage"]["required"], json!(["items", "next_cursor"]));
    assert_eq!(document["components"]["schemas"]["Note"]["properties"]["day"]["format"], "date");
}

#[test]
fn every_lint_error_is_reported() {
    let document = json!({
        "paths": {
            "/a": {
                "get": { "operationId": "x", "summary": "S", "tags": ["T"],
                    "parameters": [{ "name": "q", "in": "query" }],
                    "responses": { "200": { "description": "ok" }, "201": { "description": "ok" } } },
                "post": { "operationId": "x", "summary": "S", "tags": ["T"], "responses": {
                    "400": { "description": "a", "content": { "application/problem+json": { "schema": { "$ref": "A" } } } },
                    "409": { "description": "", "content": { "application/json": { "schema": { "$ref": "B" } } } } } },
                "put": { "responses": {} },
            },
        },
        "components": { "schemas": { "Error": { "properties": { "inner": { "type": "object", "properties": {} } } } } },
    });
    let found = lint_document(&document);
    for expected in [
        "GET /a: parameter `q` is not described",
        "GET /a: 2 success responses instead of one",
        "POST /a: operationId `x` is not unique",
        "POST /a: 409 is not described",
        "POST /a: 2 error schemas instead of one",
        "PUT /a: no operationId",
        "PUT /a: no summary",
        "PUT /a: no tag",
        "a schema is named Error, like a class of many languages",
        "schema Error: `inner` is an object without a named schema",
    ] {
        assert!(found.iter().any(|line| line == expected), "{expected} is not among {found:#?}");
    }
    assert_eq!(found.len(), 10, "{found:#?}");
}

mod other {
    use poem_openapi::{Object, OpenApi, Tags};

    #[derive(Tags)]
    enum Tag {
        /// Others
        Others,
    }

    /// Another service's idea of a note.
    #[derive(Object)]
    pub struct Note {
        /// Only this.
        pub only: String,
    }

    pub struct Api;

    #[OpenApi(prefix_path = "/v1", tag = "Tag::Others")]
    impl Api {
        /// Another
        #[oai(path = "/others", method = "get", operation_id = "getOther")]
        async fn get(&self) -> Result<edge::Json<Note>, edge::ApiError> {
            Ok(edge::Json(Note { only: String::new() }))
        }
    }
}

#[test]
fn conflicting_schemas_are_renamed_in_the_combined_document() {
    let documents = OpenApiDocuments::new(Some("https://inn.example/"), &[("profile", "See your profile")])
        .with::<Api>("notes", "Notes")
        .with::<other::Api>("others", "Others");
    let all = documents.combined();
    assert_eq!(lint_document(&all), Vec::<String>::new());
    let answer = &all["paths"]["/v1/others"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        ["$ref"];
    assert_eq!(answer, "#/components/schemas/OthersNote");
    assert!(all["components"]["schemas"]["OthersNote"]["properties"]["only"].is_object());
    assert!(all["components"]["schemas"]["Note"]["properties"]["title"].is_object());
    assert!(all["paths"]["/v1/others"]["get"]["responses"].get("401").is_none(), "it requires no token");
    let flow = &all["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"];
    assert_eq!(flow["authorizationUrl"], "https://inn.example/oauth/authorize");
    assert_eq!(flow["scopes"], json!({ "profile": "See your profile" }));
    assert_eq!(all["servers"][0]["url"], "https://inn.example");
}

#[tokio::test]
async fn documents_and_swagger_ui_are_served_from_the_binary() {
    let server = server().endpoint();
    for path in ["/openapi.json", "/openapi/notes.json"] {
        let answer = ask(&server, &format!("GET {path}"), &[], "").await;
        assert!(answer.status == 200 && answer.json()["paths"]["/v1/notes"].is_object(), "{path}");
    }
    assert_eq!(ask(&server, "GET /openapi/none.json", &[], "").await.slug(), "not-found");
    let page = ask(&server, "GET /docs", &[], "").await;
    assert!(page.text.contains("/docs/ui.js") && !page.text.contains("http"), "{}", page.text);
    for path in ["/docs/ui.js", "/docs/ui.css", "/docs/start.js"] {
        assert_eq!(ask(&server, &format!("GET {path}"), &[], "").await.status, 200, "{path}");
    }
}
