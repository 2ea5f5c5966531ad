//! Sample requests: the smallest body that is valid under a schema.

use serde_json::{Map, Value, json};

/// A value that is valid under a schema, with required fields only.
pub fn value(document: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        return value(document, &document["components"]["schemas"][name]);
    }
    for any in ["allOf", "anyOf", "oneOf"] {
        if let Some(first) = schema[any].as_array().and_then(|some| some.first()) {
            return value(document, first);
        }
    }
    if let Some(first) = schema["enum"].as_array().and_then(|some| some.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let fields = required.iter().filter_map(Value::as_str);
            let fields: Map<String, Value> =
                fields.map(|name| (name.to_owned(), value(document, &schema["properties"][name]))).collect();
            Value::Object(fields)
        }
        Some("array") => {
            let least = schema["minItems"].as_u64().unwrap_or(0);
            (0..least).map(|_| value(document, &schema["items"])).collect()
        }
        Some("integer" | "number") => {
            schema["minimum"].as_i64().map_or(json!(1), |least| json!(least.max(0)))
        }
        Some("boolean") => json!(true),
        _ => text(schema),
    }
}

fn text(schema: &Value) -> Value {
    match (schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("date"), _) => json!("2027-06-01"),
        (Some("date-time"), _) => json!("2027-06-01T00:00:00Z"),
        (_, Some("^[A-Z]{2}$")) => json!("PL"),
        (_, Some("^[A-Z]{3}$")) => json!("EUR"),
        _ => {
            let least = schema["minLength"].as_u64().unwrap_or(1).max(1);
            json!("x".repeat(usize::try_from(least).unwrap_or(1)))
        }
    }
}
