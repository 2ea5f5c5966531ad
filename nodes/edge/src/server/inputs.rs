//! What an operation accepts in its query and in its headers, from its documentation. Whatever else is in the query is
//! refused by name: a filter with a typing error would return everything. Poem reads the first of several values, and treats
//! a header that is not ASCII as absent; here, both are refused.

use std::collections::HashMap;

use poem::Request;
use poem::http::{HeaderName, Method, header};
use poem_openapi::OpenApi;
use poem_openapi::registry::{MetaOperation, MetaParamIn, MetaSchemaRef};

use crate::problem::{FieldError, Problem, problem_types};

/// The maximum number of errors that are reported.
const ERRORS_MAX: usize = 20;

/// The inputs of an operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inputs {
    query: Vec<QueryParameter>,
    headers: Vec<(HeaderName, String)>,
    /// Whether a request without a token is answered with 401 in any case.
    needs_token: bool,
    /// Whether unknown parameters are ignored (RFC 6749, 3.1).
    ignores_unknown: bool,
}

#[derive(Debug, Clone)]
struct QueryParameter {
    name: String,
    is_list: bool,
}

/// The inputs of all operations of an API, by path (as in its document) and method.
pub(crate) fn of_api<F: OpenApi>() -> HashMap<(String, Method), Inputs> {
    let paths = F::meta().into_iter().flat_map(|api| api.paths);
    let operations = paths.flat_map(|path| {
        let template = path.path;
        path.operations.into_iter().map(move |operation| (template.clone(), operation))
    });
    operations
        .map(|(path, operation)| ((path.clone(), operation.method.clone()), Inputs::of(&path, &operation)))
        .collect()
}

impl Inputs {
    fn of(path: &str, operation: &MetaOperation) -> Self {
        let mut inputs = Self {
            needs_token: !operation.security.is_empty() && !operation.security.iter().any(HashMap::is_empty),
            ignores_unknown: path.starts_with("/oauth/"),
            ..Self::default()
        };
        for parameter in &operation.params {
            match parameter.in_type {
                MetaParamIn::Query => {
                    let is_list =
                        matches!(&parameter.schema, MetaSchemaRef::Inline(schema) if schema.ty == "array");
                    inputs.query.push(QueryParameter { name: parameter.name.clone(), is_list });
                }
                MetaParamIn::Header => {
                    let name = HeaderName::try_from(parameter.name.to_ascii_lowercase());
                    inputs.headers.extend(name.map(|name| (name, parameter.name.clone())));
                }
                _ => {}
            }
        }
        inputs
    }

    /// Checks a request against the documentation. `query` are the decoded parameters.
    ///
    /// # Errors
    /// 400 with every unknown or repeated parameter, and every header that cannot be read.
    pub(crate) fn check(&self, request: &Request, query: &[(String, String)]) -> Result<(), Problem> {
        // 401 has precedence. The operation returns it.
        if self.needs_token && !request.headers().contains_key(header::AUTHORIZATION) {
            return Ok(());
        }
        let mut errors = Vec::new();
        if !self.ignores_unknown {
            self.check_query(query, &mut errors);
        }
        for (header, name) in &self.headers {
            let mut values = request.headers().get_all(header).iter();
            let first = values.next();
            if first.is_some_and(|value| value.to_str().is_err()) {
                errors.push(FieldError::named("", name, "contains characters that are not visible ASCII"));
            }
            if values.next().is_some() {
                errors.push(FieldError::named("", name, "given more than once"));
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::new(&problem_types::INVALID).fields(errors)) }
    }

    fn check_query(&self, query: &[(String, String)], errors: &mut Vec<FieldError>) {
        for (at, (name, value)) in query.iter().enumerate() {
            let known = self.query.iter().find(|parameter| parameter.name == *name);
            let mut earlier = query[..at].iter().filter(|(other, _)| other == name);
            let detail = match known {
                // Reported once.
                None if earlier.next().is_some() => continue,
                None => "not a known parameter",
                Some(parameter) if !parameter.is_list && earlier.next().is_some() => "given more than once",
                Some(_) if value.contains(char::REPLACEMENT_CHARACTER) => "not UTF-8 text",
                Some(_) => continue,
            };
            let error = FieldError::named("", name, detail);
            if errors.len() < ERRORS_MAX && !errors.contains(&error) {
                errors.push(error);
            }
        }
    }
}
