//! Values held against the schemas of `/api/openapi.json`: as much of JSON Schema 2020-12 as the document uses.

use serde_json::Value;

/// Whether a value conforms to a schema; else where it does not, and why.
pub fn conforms(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        holds(document, schema, (keyword.as_str(), rule), value)?;
    }
    Ok(())
}

fn holds(document: &Value, schema: &Value, (keyword, rule): (&str, &Value), value: &Value) -> Result<(), String> {
    let within = |place: String, inner: &Value, value: &Value| {
        conforms(document, inner, value).map_err(|wrong| format!("{place}{wrong}"))
    };
    let rules = || rule.as_array().expect("a list of schemas").iter();
    let number = || rule.as_u64().expect("a whole number");
    let length = |length: Option<usize>| length.map(|length| length as u64);
    let fields = value.as_object();
    let items = value.as_array();
    let text = value.as_str().map(|text| text.chars().count());
    let well = match keyword {
        "$ref" => return within(String::new(), referred(document, rule), value),
        // said in words, or left to schemathesis
        "description" | "format" | "pattern" => true,
        "type" => rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice).iter().any(|own| is_of(own, value)),
        "enum" => rule.as_array().expect("values").contains(value),
        "const" => rule == value,
        "allOf" => return rules().try_for_each(|inner| within(String::new(), inner, value)),
        "oneOf" => {
            let tried: Vec<_> = rules().map(|inner| conforms(document, inner, value)).collect();
            let said = || tried.iter().filter_map(|one| one.clone().err()).collect::<Vec<_>>().join("; or ");
            return match tried.iter().filter(|one| one.is_ok()).count() {
                1 => Ok(()),
                0 => Err(format!(" is none of: {}", said())),
                _ => Err(format!(" is more than one of: {value}")),
            };
        }
        "required" => {
            let names = rule.as_array().expect("names").iter().filter_map(Value::as_str);
            let missing = names.filter(|name| fields.is_some_and(|fields| !fields.contains_key(*name)));
            let missing: Vec<_> = missing.collect();
            return if missing.is_empty() { Ok(()) } else { Err(format!(" lacks {}", missing.join(", "))) };
        }
        "properties" => {
            let mut known = rule.as_object().expect("schemas by name").iter();
            return known.try_for_each(|(name, inner)| match value.get(name) {
                Some(value) => within(format!(".{name}"), inner, value),
                None => Ok(()),
            });
        }
        "additionalProperties" => {
            let mut others = fields.into_iter().flatten().filter(|(name, _)| schema["properties"].get(name).is_none());
            return others.try_for_each(|(name, value)| within(format!(".{name}"), rule, value));
        }
        "propertyNames" => {
            let mut names = fields.into_iter().flatten().map(|(name, _)| Value::from(name.as_str()));
            return names.try_for_each(|name| within(String::new(), rule, &name));
        }
        "prefixItems" => {
            let mut pairs = items.into_iter().flatten().zip(rules()).enumerate();
            return pairs.try_for_each(|(at, (value, inner))| within(format!("[{at}]"), inner, value));
        }
        "items" => {
            let before = schema["prefixItems"].as_array().map_or(0, Vec::len);
            let mut rest = items.into_iter().flatten().enumerate().skip(before);
            return rest.try_for_each(|(at, value)| within(format!("[{at}]"), rule, value));
        }
        "contains" => items.is_none_or(|items| items.iter().any(|value| conforms(document, rule, value).is_ok())),
        "minProperties" => length(fields.map(serde_json::Map::len)).is_none_or(|length| length >= number()),
        "maxProperties" => length(fields.map(serde_json::Map::len)).is_none_or(|length| length <= number()),
        "minItems" => length(items.map(Vec::len)).is_none_or(|length| length >= number()),
        "maxItems" => length(items.map(Vec::len)).is_none_or(|length| length <= number()),
        "minLength" => length(text).is_none_or(|length| length >= number()),
        "maxLength" => length(text).is_none_or(|length| length <= number()),
        "minimum" => value.as_f64().is_none_or(|own| own >= rule.as_f64().expect("a number")),
        "maximum" => value.as_f64().is_none_or(|own| own <= rule.as_f64().expect("a number")),
        other => panic!("{other} is not looked at here; teach it"),
    };
    if well { Ok(()) } else { Err(format!(" is against {keyword} {rule}: {value}")) }
}

/// Where `#/...` leads to.
pub fn referred<'d>(document: &'d Value, reference: &Value) -> &'d Value {
    let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#')).expect("a reference inside");
    document.pointer(pointer).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn is_of(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other} is no type"),
    }
}
