//! OpenAPI documents: one for each service and a combined one, corrected for client generators.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::marker::PhantomData;

use poem::endpoint::BoxEndpoint;
use poem::http::Method;
use poem_openapi::registry::{MetaApi, Registry};
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::{Map, Value, json};

/// The API version in all documents.
const VERSION: &str = "1.0.0";
const SCHEMAS: &str = "#/components/schemas/";

/// OAuth scopes: name, and what it allows.
pub type Scopes = &'static [(&'static str, &'static str)];

/// The OpenAPI documents of a server's services.
#[derive(Debug, Clone, Default)]
pub struct OpenApiDocuments {
    public_url: Option<String>,
    scopes: Scopes,
    services: Vec<(String, Value)>,
}

impl OpenApiDocuments {
    /// No documents yet. `public_url` becomes the server of each document; without one, URLs are relative. `scopes` are
    /// listed as those that the authorization server issues.
    pub fn new(public_url: Option<&str>, scopes: Scopes) -> Self {
        let public_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        Self { public_url, scopes, services: Vec::new() }
    }

    /// Adds the API of a service.
    #[must_use]
    pub fn with<F: OpenApi>(mut self, service: &str, title: &str) -> Self {
        self.add::<F>(service, title);
        self
    }

    /// Adds the API of a service.
    pub fn add<F: OpenApi>(&mut self, service: &str, title: &str) {
        let document = tidy(service_document::<F>(title), self.public_url.as_deref(), self.scopes);
        self.services.push((service.to_owned(), document));
    }

    /// The services that have a document.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(|(service, _)| service.as_str())
    }

    /// The document of one service.
    pub fn of(&self, service: &str) -> Option<&Value> {
        self.services.iter().find(|(name, _)| name == service).map(|(_, document)| document)
    }

    /// The combined document. If two services have different schemas of the same name, the later one's schema is prefixed
    /// with the service's name.
    pub fn combined(&self) -> Value {
        let mut all = json!({ "openapi": "3.0.3", "info": { "title": "Auberge", "version": VERSION } });
        all["servers"] = json!([{ "url": self.public_url.as_deref().unwrap_or("/") }]);
        let mut tags = BTreeMap::new();
        let (mut paths, mut schemas, mut schemes) = (Map::new(), Map::new(), Map::new());
        for (service, document) in &self.services {
            let document = rename_conflicting_schemas(document.clone(), &schemas, service);
            for tag in document["tags"].as_array().into_iter().flatten() {
                tags.insert(tag["name"].as_str().unwrap_or_default().to_owned(), tag.clone());
            }
            for (path, operations) in document["paths"].as_object().into_iter().flatten() {
                let entry = paths.entry(path.clone()).or_insert_with(|| json!({}));
                for (method, operation) in operations.as_object().into_iter().flatten() {
                    entry[method] = operation.clone();
                }
            }
            let parts = &document["components"];
            for (whole, part) in
                [(&mut schemas, &parts["schemas"]), (&mut schemes, &parts["securitySchemes"])]
            {
                for (name, value) in part.as_object().into_iter().flatten() {
                    whole.insert(name.clone(), value.clone());
                }
            }
        }
        all["tags"] = tags.into_values().collect();
        all["paths"] = Value::Object(paths);
        all["components"] = json!({ "schemas": schemas, "securitySchemes": schemes });
        all
    }
}

/// Renames the schemas for which `taken` has a different schema of the same name.
fn rename_conflicting_schemas(document: Value, taken: &Map<String, Value>, service: &str) -> Value {
    let own = document["components"]["schemas"].as_object().cloned().unwrap_or_default();
    let clashing = own.iter().filter(|(name, schema)| taken.get(*name).is_some_and(|other| other != *schema));
    let mut prefix = service.to_owned();
    prefix[..1].make_ascii_uppercase();
    let renamed: BTreeMap<String, String> =
        clashing.map(|(name, _)| (name.clone(), format!("{prefix}{name}"))).collect();
    if renamed.is_empty() {
        return document;
    }
    let mut document = document;
    rename_references(&mut document, &renamed);
    let schemas = document["components"]["schemas"].as_object_mut().expect("a document with schemas");
    for (old, new) in &renamed {
        if let Some(mut schema) = schemas.remove(old) {
            schema["title"] = json!(new);
            schemas.insert(new.clone(), schema);
        }
    }
    document
}

fn rename_references(value: &mut Value, renamed: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "$ref" => {
                        if let Some(new) = text.strip_prefix(SCHEMAS).and_then(|old| renamed.get(old)) {
                            *text = format!("{SCHEMAS}{new}");
                        }
                    }
                    other => rename_references(other, renamed),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename_references(item, renamed)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The types of an API without its handlers.
struct TypesOf<F>(PhantomData<fn() -> F>);

impl<F: OpenApi> OpenApi for TypesOf<F> {
    fn meta() -> Vec<MetaApi> {
        F::meta()
    }

    fn register(registry: &mut Registry) {
        F::register(registry);
    }

    fn add_routes(self, _routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

fn service_document<F: OpenApi>(title: &str) -> Value {
    let spec = OpenApiService::new(TypesOf::<F>(PhantomData), title, VERSION).spec();
    let document: Value = serde_json::from_str(&spec).expect("a document is JSON");
    // A path that is declared in two impls occurs twice in the text, and parsing keeps only the last.
    let declared: usize = F::meta().iter().flat_map(|api| &api.paths).map(|path| path.operations.len()).sum();
    assert_eq!(
        operations(&document).count(),
        declared,
        "{title}: all methods of a path must be declared in one impl"
    );
    document
}

/// All operations: path, method, operation.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn tidy(mut document: Value, public_url: Option<&str>, scopes: Scopes) -> Value {
    document["openapi"] = json!("3.0.3");
    document["servers"] = json!([{ "url": public_url.unwrap_or("/") }]);
    for methods in document["paths"].as_object_mut().into_iter().flatten().map(|(_, methods)| methods) {
        for operation in methods.as_object_mut().into_iter().flatten().map(|(_, operation)| operation) {
            tidy_operation(operation);
        }
    }
    let flows = &mut document["components"]["securitySchemes"]["oauth2"]["flows"];
    for flow in flows.as_object_mut().into_iter().flatten().map(|(_, flow)| flow) {
        for name in ["authorizationUrl", "tokenUrl", "refreshUrl"] {
            if let (Some(path), Some(base)) = (flow[name].as_str(), public_url) {
                flow[name] = json!(format!("{base}{path}"));
            }
        }
        flow["scopes"] =
            scopes.iter().map(|(name, description)| ((*name).to_owned(), json!(description))).collect();
    }
    // Indexing a missing member above has created a null.
    if document["components"]["securitySchemes"]["oauth2"]["flows"].is_null()
        && let Some(components) = document["components"].as_object_mut()
    {
        components.remove("securitySchemes");
    }
    document
}

fn tidy_operation(operation: &mut Value) {
    // Scopes apply to OAuth only.
    for requirement in operation["security"].as_array_mut().into_iter().flatten() {
        if requirement.get("bearer").is_some() {
            requirement["bearer"] = json!([]);
        }
    }
    let open = operation["security"].as_array().is_none_or(Vec::is_empty);
    let mut conditional = false;
    for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
        conditional |= parameter["name"] == "If-Match";
        if parameter.get("description").is_none_or(Value::is_null)
            && let Some(description) = parameter["schema"].get("description").cloned()
        {
            parameter["description"] = description;
        }
    }
    let bodiless = operation.get("requestBody").is_none_or(Value::is_null);
    // Remove the statuses that this operation cannot return.
    if let Some(responses) = operation["responses"].as_object_mut() {
        let never = [(bodiless, ["413", "415"]), (open, ["401", "403"]), (!conditional, ["412", "412"])];
        for status in never.iter().filter(|(never, _)| *never).flat_map(|(_, statuses)| statuses) {
            responses.remove(*status);
        }
    }
    for absent in ["security", "parameters"] {
        if operation[absent].is_null()
            && let Some(operation) = operation.as_object_mut()
        {
            operation.remove(absent);
        }
    }
}

/// Problems of a document for client generators, one line each. For tests of APIs.
pub fn lint_document(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        let at = format!("{} {path}", method.to_uppercase());
        match operation["operationId"].as_str() {
            None => found.push(format!("{at}: no operationId")),
            Some(id) if !ids.insert(id) => found.push(format!("{at}: operationId `{id}` is not unique")),
            Some(_) => {}
        }
        for (what, present) in
            [("summary", operation["summary"].is_string()), ("tag", operation["tags"][0].is_string())]
        {
            if !present {
                found.push(format!("{at}: no {what}"));
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                found.push(format!(
                    "{at}: parameter `{}` is not described",
                    parameter["name"].as_str().unwrap_or("?")
                ));
            }
        }
        found.extend(check_responses(operation).map(|line| format!("{at}: {line}")));
    }
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        if name == "Error" {
            found.push("a schema is named Error, like a class of many languages".to_owned());
        }
        for (field, property) in schema["properties"].as_object().into_iter().flatten() {
            if property["type"] == "object" && property.get("properties").is_some() {
                found.push(format!("schema {name}: `{field}` is an object without a named schema"));
            }
        }
    }
    found
}

fn check_responses(operation: &Value) -> impl Iterator<Item = String> {
    let mut found = Vec::new();
    let (mut successes, mut schemas) = (0, BTreeSet::new());
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        if response["description"].as_str().is_none_or(str::is_empty) {
            found.push(format!("{status} is not described"));
        }
        if status.starts_with('2') {
            successes += 1;
        } else if !status.starts_with('3') {
            for (media_type, content) in response["content"].as_object().into_iter().flatten() {
                schemas.insert(format!("{media_type} {}", content["schema"]));
            }
        }
    }
    if successes > 1 {
        found.push(format!("{successes} success responses instead of one"));
    }
    if schemas.len() > 1 {
        found.push(format!("{} error schemas instead of one", schemas.len()));
    }
    found.into_iter()
}
