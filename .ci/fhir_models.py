"""The first of three validators: the Python models of fhir.resources for R4B, their closest release to R4."""

import collections
import importlib
import json
import sys


def fault(resource: dict) -> str | None:
    kind = resource["resourceType"]
    model = getattr(importlib.import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
    try:
        model.model_validate(resource)
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
