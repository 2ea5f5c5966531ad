//! Validation of request bodies against their schemas.
//!
//! poem-openapi stops at the first error, names types instead of fields, prints the value, and accepts a number where the
//! document requires a string. So each body is validated against its schema first. All errors are reported, each with the
//! JSON pointer of its field and without the value.

use std::collections::{BTreeSet, HashMap};
use std::sync::{OnceLock, PoisonError, RwLock};

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde_json::Value;

use crate::problem::FieldError;

/// The maximum number of errors that are reported.
const ERRORS_MAX: usize = 20;
/// The depth up to which values are validated: schemas may be recursive.
const DEPTH_MAX: usize = 32;

/// What `null` means for members that are not nullable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// The same as an absent member, as many client libraries write it.
    Absent,
    /// An error: in changes, an absent member is unchanged, and `null` is meant to clear it.
    Refused,
}

/// The errors of `value` by the schema of `T`. Members that the schema does not name are errors, too.
pub(crate) fn against_schema<T: Type>(value: &Value, nulls: Nulls) -> Vec<FieldError> {
    let mut check = Check { registry: schemas_of::<T>(), nulls, errors: Vec::new() };
    check.value(&T::schema_ref(), value, &mut String::new(), 0);
    check.errors
}

/// The schemas of `T` and of the types in it, collected once for each type.
fn schemas_of<T: Type>() -> &'static Registry {
    static KNOWN: OnceLock<RwLock<HashMap<&'static str, &'static Registry>>> = OnceLock::new();
    let known = KNOWN.get_or_init(RwLock::default);
    let name = std::any::type_name::<T>();
    if let Some(registry) = known.read().unwrap_or_else(PoisonError::into_inner).get(name) {
        return registry;
    }
    let mut registry = Registry::new();
    T::register(&mut registry);
    // Leaked on purpose: one for each type of a body, used as long as the program runs.
    known
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .entry(name)
        .or_insert_with(|| Box::leak(Box::new(registry)))
}

/// The pattern of a schema, compiled once; none if it is not a valid regular expression.
fn pattern(text: &str) -> Option<regex::Regex> {
    static KNOWN: OnceLock<RwLock<HashMap<String, Option<regex::Regex>>>> = OnceLock::new();
    let known = KNOWN.get_or_init(RwLock::default);
    if let Some(pattern) = known.read().unwrap_or_else(PoisonError::into_inner).get(text) {
        return pattern.clone();
    }
    let pattern = regex::Regex::new(text).ok();
    known.write().unwrap_or_else(PoisonError::into_inner).insert(text.to_owned(), pattern.clone());
    pattern
}

/// The invalid field in an error message of poem-openapi, for rules that the schema does not contain.
pub(crate) fn from_message(message: &str) -> Vec<FieldError> {
    let (name, what) = match (message.split_once("unknown field `"), message.split_once("field `")) {
        (Some((_, rest)), _) => (rest, "not a known field"),
        (None, Some((_, rest))) => (rest, "not valid"),
        (None, None) => return Vec::new(),
    };
    let Some((name, rest)) = name.split_once('`') else { return Vec::new() };
    // Other names may be user input.
    let plain = name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // For a nested field, the message contains the name but not the path.
    let deeper = rest.contains("occurred while parsing");
    let (pointer, detail) = match (plain, deeper) {
        (true, false) => (format!("/{name}"), what.to_owned()),
        (true, true) => (String::new(), format!("`{name}` is {what}")),
        (false, _) => (String::new(), format!("a field is {what}")),
    };
    vec![FieldError { pointer, detail }]
}

struct Check<'a> {
    registry: &'a Registry,
    nulls: Nulls,
    errors: Vec<FieldError>,
}

impl Check<'_> {
    fn wrong(&mut self, pointer: &str, detail: impl Into<String>) {
        if self.errors.len() < ERRORS_MAX {
            self.errors.push(FieldError { pointer: pointer.to_owned(), detail: detail.into() });
        }
    }

    fn value(&mut self, schema: &MetaSchemaRef, value: &Value, pointer: &mut String, depth: usize) {
        self.part(schema, value, pointer, depth);
        let Some(members) = value.as_object().filter(|_| depth <= DEPTH_MAX) else { return };
        let Some(known) =
            resolved(self.registry, schema).and_then(|schema| known_members(self.registry, schema))
        else {
            return;
        };
        for name in members.keys().filter(|name| !known.contains(name.as_str())) {
            let FieldError { pointer, detail } = FieldError::named(pointer, name, "not a known field");
            self.wrong(&pointer, detail);
        }
    }

    /// Checks all but the names of members, which the other parts of a schema may know.
    fn part(&mut self, schema: &MetaSchemaRef, value: &Value, pointer: &mut String, depth: usize) {
        let Some(schema) = resolved(self.registry, schema) else { return };
        if depth > DEPTH_MAX || (schema.nullable && value.is_null()) {
            return;
        }
        for part in &schema.all_of {
            self.part(part, value, pointer, depth + 1);
        }
        let variants = if schema.one_of.is_empty() { &schema.any_of } else { &schema.one_of };
        if !variants.is_empty() && !self.fits_one(schema, variants, value, pointer, depth) {
            self.wrong(pointer, "matches none of the allowed schemas");
        }
        if !schema.enum_items.is_empty() && !schema.enum_items.contains(value) {
            let known: Vec<String> =
                schema.enum_items.iter().map(|item| item.to_string().replace('"', "`")).collect();
            return self.wrong(pointer, format!("must be one of {}", known.join(", ")));
        }
        match (schema.ty, value) {
            ("object", Value::Object(members)) => self.object(schema, members, pointer, depth),
            ("array", Value::Array(items)) => self.array(schema, items, pointer, depth),
            ("string", Value::String(text)) => self.string(schema, text, pointer),
            ("integer" | "number", Value::Number(number)) => self.number(schema, number, pointer),
            ("boolean", Value::Bool(_)) => {}
            (ty @ ("object" | "array" | "string" | "integer" | "number" | "boolean"), _) => {
                self.wrong(
                    pointer,
                    format!("must be {} {ty}", if "aio".contains(&ty[..1]) { "an" } else { "a" }),
                );
            }
            // Other types are checked by parsing.
            _ => {}
        }
    }

    fn fits_one(
        &mut self,
        schema: &MetaSchema,
        variants: &[MetaSchemaRef],
        value: &Value,
        pointer: &mut String,
        depth: usize,
    ) -> bool {
        // With a discriminator, report the errors of the schema that the value names.
        let named =
            schema.discriminator.as_ref().and_then(|by| value.get(by.property_name)).and_then(Value::as_str);
        let meant = schema.discriminator.as_ref().zip(named).and_then(|(by, named)| {
            let (_, reference) = by.mapping.iter().find(|(name, _)| name == named)?;
            Some(MetaSchemaRef::Reference(reference.rsplit('/').next()?.to_owned()))
        });
        if let Some(meant) = meant {
            self.value(&meant, value, pointer, depth + 1);
            return true;
        }
        variants.iter().any(|variant| {
            let mut attempt = Check { registry: self.registry, nulls: self.nulls, errors: Vec::new() };
            attempt.value(variant, value, pointer, depth + 1);
            attempt.errors.is_empty()
        })
    }

    fn object(
        &mut self,
        schema: &MetaSchema,
        members: &serde_json::Map<String, Value>,
        pointer: &mut String,
        depth: usize,
    ) {
        for name in &schema.required {
            if members.get(*name).is_none_or(Value::is_null) && !nullable(self.registry, schema, name) {
                self.wrong(&format!("{pointer}/{name}"), "missing");
            }
        }
        for (name, property) in &schema.properties {
            let Some(value) = members.get(*name) else { continue };
            if value.is_null() {
                let required = schema.required.contains(name);
                if self.nulls == Nulls::Refused && !required && !nullable(self.registry, schema, name) {
                    let detail = "must not be null: omit it to leave it unchanged";
                    self.wrong(&format!("{pointer}/{name}"), detail);
                }
                // Otherwise it is an absent member. One that is required was reported above.
                continue;
            }
            let parent = pointer.len();
            pointer.push('/');
            pointer.push_str(name);
            self.value(property, value, pointer, depth + 1);
            pointer.truncate(parent);
        }
    }

    fn array(&mut self, schema: &MetaSchema, items: &[Value], pointer: &mut String, depth: usize) {
        if let Some(least) = schema.min_items.filter(|least| items.len() < *least) {
            self.wrong(pointer, format!("must have at least {least} items"));
        }
        if let Some(most) = schema.max_items.filter(|most| items.len() > *most) {
            self.wrong(pointer, format!("must have at most {most} items"));
        }
        let Some(item_schema) = &schema.items else { return };
        // A changed array is a whole one, and its items are no changes (RFC 7396, 1).
        let nulls = std::mem::replace(&mut self.nulls, Nulls::Absent);
        for (at, item) in items.iter().enumerate() {
            let parent = pointer.len();
            pointer.push_str(&format!("/{at}"));
            self.value(item_schema, item, pointer, depth + 1);
            pointer.truncate(parent);
        }
        self.nulls = nulls;
    }

    fn string(&mut self, schema: &MetaSchema, text: &str, pointer: &str) {
        let length = text.chars().count();
        if let Some(least) = schema.min_length.filter(|least| length < *least) {
            self.wrong(pointer, format!("must have at least {least} characters"));
        } else if let Some(most) = schema.max_length.filter(|most| length > *most) {
            self.wrong(pointer, format!("must have at most {most} characters"));
        }
        match schema.format {
            Some("date") if text.parse::<crate::Date>().is_err() => {
                self.wrong(pointer, "must be a date of the form YYYY-MM-DD");
            }
            Some("date-time") if text.parse::<crate::Instant>().is_err() => {
                self.wrong(pointer, "must be an instant of the form 2026-11-23T15:00:00Z");
            }
            _ => {}
        }
        if let Some(rule) = &schema.pattern
            && pattern(rule).is_some_and(|pattern| !pattern.is_match(text))
        {
            self.wrong(pointer, format!("must match {rule}"));
        }
    }

    fn number(&mut self, schema: &MetaSchema, number: &serde_json::Number, pointer: &str) {
        if schema.ty == "integer" && !(number.is_i64() || number.is_u64()) {
            return self.wrong(pointer, "must be an integer");
        }
        let value = number.as_f64().unwrap_or(f64::NAN);
        let exclusive = |flag: Option<bool>| flag.unwrap_or(false);
        if let Some(least) = schema.minimum
            && (value < least || (exclusive(schema.exclusive_minimum) && value <= least))
        {
            return self.wrong(pointer, format!("must be at least {least}"));
        }
        if let Some(most) = schema.maximum
            && (value > most || (exclusive(schema.exclusive_maximum) && value >= most))
        {
            return self.wrong(pointer, format!("must be at most {most}"));
        }
        let (least, most) = match schema.format {
            Some("uint8") => (0.0, f64::from(u8::MAX)),
            Some("uint16") => (0.0, f64::from(u16::MAX)),
            Some("uint32") => (0.0, f64::from(u32::MAX)),
            Some("uint64") => (0.0, u64::MAX as f64),
            Some("int8") => (f64::from(i8::MIN), f64::from(i8::MAX)),
            Some("int16") => (f64::from(i16::MIN), f64::from(i16::MAX)),
            Some("int32") => (f64::from(i32::MIN), f64::from(i32::MAX)),
            _ => return,
        };
        if !(least..=most).contains(&value) {
            self.wrong(pointer, format!("must be from {least} to {most}"));
        }
    }
}

fn resolved<'a>(registry: &'a Registry, schema: &'a MetaSchemaRef) -> Option<&'a MetaSchema> {
    match schema {
        MetaSchemaRef::Inline(schema) => Some(schema),
        MetaSchemaRef::Reference(name) => registry.schemas.get(name),
    }
}

/// The members of an object; none if it may have any, as the data of a document has.
fn known_members<'a>(registry: &'a Registry, schema: &'a MetaSchema) -> Option<BTreeSet<&'a str>> {
    let varies = !schema.one_of.is_empty() || !schema.any_of.is_empty();
    if varies || schema.additional_properties.is_some() {
        return None;
    }
    let mut known: BTreeSet<&str> = schema.properties.iter().map(|(name, _)| *name).collect();
    for part in schema.all_of.iter().filter_map(|part| resolved(registry, part)) {
        // A part may only describe the member.
        if part.ty == "object" || !part.all_of.is_empty() {
            known.extend(known_members(registry, part)?);
        }
    }
    (!known.is_empty()).then_some(known)
}

fn nullable(registry: &Registry, schema: &MetaSchema, name: &str) -> bool {
    match schema.properties.iter().find(|(property, _)| *property == name) {
        Some((_, MetaSchemaRef::Inline(schema))) => schema.nullable,
        Some((_, MetaSchemaRef::Reference(name))) => {
            registry.schemas.get(name).is_some_and(|schema| schema.nullable)
        }
        None => false,
    }
}
