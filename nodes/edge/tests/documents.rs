//! The documents: what generators of clients will read.

mod support;

use edge::{Documents, check_document};
use serde_json::json;
use support::{Api, ask, server};

#[test]
fn the_faces_document_is_sound() {
    let documents = Documents::new(None).with::<Api>("notes", "Notes");
    let document = documents.of("notes").unwrap();
    assert_eq!(check_document(document), Vec::<String>::new());
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
        assert!(list["responses"].get(status).is_none(), "{status} cannot happen to a list");
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
fn every_fault_is_found() {
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
    let found = check_document(&document);
    for expected in [
        "GET /a: parameter `q` is not described",
        "GET /a: 2 successes where clients expect one",
        "POST /a: operationId `x` is taken",
        "POST /a: 409 is not described",
        "POST /a: 2 schemas of failures where clients expect one",
        "PUT /a: no operationId",
        "PUT /a: no summary",
        "PUT /a: no tag",
        "a schema is called Error, as classes of many languages are",
        "schema Error: `inner` has an object without a name",
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
fn schemas_of_one_name_are_told_apart_where_documents_meet() {
    let documents = Documents::new(Some("https://inn.example/"))
        .with::<Api>("notes", "Notes")
        .with::<other::Api>("others", "Others");
    let all = documents.combined();
    assert_eq!(check_document(&all), Vec::<String>::new());
    let answer = &all["paths"]["/v1/others"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        ["$ref"];
    assert_eq!(answer, "#/components/schemas/OthersNote");
    assert!(all["components"]["schemas"]["OthersNote"]["properties"]["only"].is_object());
    assert!(all["components"]["schemas"]["Note"]["properties"]["title"].is_object());
    assert!(all["paths"]["/v1/others"]["get"]["responses"].get("401").is_none(), "it asks for no token");
    let flow = &all["components"]["securitySchemes"]["oauth2"]["flows"]["authorizationCode"];
    assert_eq!(flow["authorizationUrl"], "https://inn.example/oauth/authorize");
    assert_eq!(all["servers"][0]["url"], "https://inn.example");
}

#[tokio::test]
async fn documents_and_their_browser_come_from_the_binary() {
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
