"""The first of three validators: the Python models of fhir.resources for R4B, their closest release to R4."""

import collections
import importlib
import json
import sys

from fhir.resources.R4B.element import Element


def without_value_elements(one, elements: list):
    """The resource without `_valueString` of its extensions, which R4 allows and the library has no field for; they go to
    the list, to be validated as what they are."""
    if isinstance(one, list):
        return [without_value_elements(part, elements) for part in one]
    if not isinstance(one, dict):
        return one
    if "url" in one and "valueString" in one and "_valueString" in one:
        elements.append(one["_valueString"])
        one = {name: part for name, part in one.items() if name != "_valueString"}
    return {name: without_value_elements(part, elements) for name, part in one.items()}


def fault(resource: dict) -> str | None:
    kind = resource["resourceType"]
    model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    elements: list = []
    try:
        model.model_validate(without_value_elements(resource, elements))
        for element in elements:
            Element.model_validate(element)
    except ValueError as error:
        return str(error)
    return None


resources = json.load(open(sys.argv[1]))["resources"]
faults = [(resource["resourceType"], found) for resource in resources if (found := fault(resource))]
for kind, found in faults[:5]:
    print(kind, found)
counts = collections.Counter(resource["resourceType"] for resource in resources)
print(f"fhir.resources: {len(resources)} resources, {len(faults)} errors: {dict(counts)}")
broken = next(dict(one) for one in resources if one["resourceType"] == "RiskAssessment")
broken["prediction"] = {}
if fault(broken) is None:
    sys.exit("fhir.resources accepted a broken resource")
print("fhir.resources refuses a broken resource")
sys.exit(bool(faults))
