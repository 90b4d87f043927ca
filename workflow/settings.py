"""Check the configuration against its schema and say in one sentence what is wrong."""

import json
from difflib import get_close_matches
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator, ValidationError
from snakemake.exceptions import WorkflowError

KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list of such values",
    "object": "a section of settings",
    "null": "null",
}
BOUNDS = {
    "minimum": "not below",
    "exclusiveMinimum": "above",
    "maximum": "and up to",
    "exclusiveMaximum": "and below",
    "minLength": "of length at least",
    "pattern": "of the form",
}


def read_yaml(path: Path) -> dict:
    """A file of settings, of their schema or of a table's rows."""
    return yaml.safe_load(path.read_text())


def check_config(config: dict, schema: dict, where: str = "config") -> None:
    """Check all settings.

    Args:
        config: what Snakemake read from config.yaml, overlays and the command line.
        schema: the JSON schema.
        where: how the sentence calls the configuration, for instance `run no_perceptual`.

    Raises:
        WorkflowError: a setting is unknown, missing or has a value that is not allowed.
    """
    errors = sorted(
        Draft202012Validator(schema).iter_errors(config), key=lambda error: list(map(str, error.path))
    )
    if errors:
        raise WorkflowError(f"{where}: {sentence(errors[0])}")


def sentence(error: ValidationError) -> str:
    """What one schema error means: the setting's name, its value and what is allowed."""
    path = [str(part) for part in error.absolute_path]
    if error.validator == "additionalProperties":
        return unknown_setting(path, error)
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"{'.'.join([*path, missing])} is missing."
    if "propertyNames" in error.absolute_schema_path:
        path.append("a name")
    meaning = f" ({error.schema['description'].rstrip('.')})" if "description" in error.schema else ""
    return f"{'.'.join(path)}{meaning} is {shown(error.instance)}, but must be {allowed(error.schema)}."


def unknown_setting(section: list[str], error: ValidationError) -> str:
    """The sentence for a name that the schema does not know, with the nearest name that it does know."""
    known = list(error.schema.get("properties", {}))
    name = next(str(key) for key in error.instance if key not in known)
    return f"{'.'.join([*section, name])} is not a setting; {hint(name, known)}"


def hint(name: str, known: list[str]) -> str:
    """How a sentence on an unknown name ends: the name that it may stand for, or all of them."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"there are: {', '.join(known) or 'none'}."


def shown(value: object) -> str:
    """A value as YAML writes it. Text that looks like a number gets a hint, for YAML reads 1e-3 as text, and
    Snakemake any value nested in --config."""
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return f"'{value}'"
        return f"'{value}' (text; write 0.001 or 1.0e-3 without quotes in a file for --configfile)"
    return json.dumps(value)


def allowed(schema: dict) -> str:
    """What a setting may be, in words."""
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(allowed(choice) for choice in schema["anyOf"])
    if schema.get("maxProperties") == 0:
        return "empty"
    kinds = schema.get("type", "string")
    words = " or ".join(KINDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds))
    return words + "".join(f" {text} {schema[key]}" for key, text in BOUNDS.items() if key in schema)
