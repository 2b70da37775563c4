"""What .ci/fhir stores in the service, and the resources that it fetches: every type that the facade serves, each kind of Bundle,
and the outcome of each kind of refusal."""

import json
import random
import sys
import urllib.error
import urllib.parse
import urllib.request

EXTRACTED = 60
RESULTS = "urn:sarcoscreen:results"
RECORDS = ["QuestionnaireResponse", "RiskAssessment", "Observation", "ServiceRequest", "Task", "Flag"]
# Types that only operations, histories, batches and refusals return.
OTHERS = {"Bundle", "CapabilityStatement", "OperationOutcome", "Parameters", "Provenance"}
BUNDLES = {"searchset", "history", "batch-response", "transaction"}
# Each path is that of one follow-up: the statuses of its Task, with the business status if one is needed.
PATHS = [
    [("accepted", None)],
    [("accepted", None), ("accepted", "attempted"), ("failed", None)],
    [("accepted", None), ("in-progress", None), ("in-progress", "booked")],
    [("accepted", None), ("in-progress", "booked"), ("in-progress", "contacted"), ("completed", None)],
    [("accepted", None), ("in-progress", None), ("rejected", None)],
    [("cancelled", None), ("requested", None)],
    [("cancelled", None)],
]


def send(address: str, bearer: str | None = None, body=None, method: str | None = None, **headers: str) -> tuple[int, dict, dict]:
    """Status, headers and JSON of a response. `body` is sent as FHIR JSON, bytes as a form."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, method=method)
    request.add_header("content-type", "application/x-www-form-urlencoded" if isinstance(body, bytes) else "application/fhir+json")
    if bearer:
        request.add_header("authorization", f"Bearer {bearer}")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.headers, json.loads(refusal.read() or b"{}")


def ask(address: str, bearer: str | None = None, body=None, method: str | None = None, **headers: str) -> dict:
    """The JSON of a response; the request must succeed."""
    status, _, found = send(address, bearer, body, method, **headers)
    if status >= 300:
        sys.exit(f"{address}: {status} {found}")
    return found


def questions(form: dict):
    for heading in form["item"]:
        yield from (item for item in heading.get("item", []) if item["type"] != "display")


def answered(item: dict, dice: random.Random) -> list:
    bound = {extension["url"].rsplit("/", 1)[1]: extension.get("valueInteger", extension.get("valueDecimal"))
             for extension in item.get("extension", [])}
    match item["type"]:
        case "boolean":
            return [{"valueBoolean": dice.random() < 0.15}]
        case "integer":
            return [{"valueInteger": dice.randint(bound["minValue"], min(bound["maxValue"], bound["minValue"] + 90))}]
        case "decimal":
            step = 0.5
            least, most = bound["minValue"], bound["maxValue"]
            return [{"valueDecimal": least + step * dice.randint(0, int(min(most - least, 60) / step))}]
        case "choice":
            options = [{"valueCoding": {key: option["valueCoding"][key] for key in ("system", "code")}}
                       for option in item["answerOption"]]
            return [dice.choice(options)]
    sys.exit(f"a question of type {item['type']}")


def varied(form: dict, dice: random.Random, number: int) -> dict:
    # These items could contradict others and be refused: tests not performed, weight losses, limits without a value.
    never = {"tests_unable", "weight_loss_6_months_kg", "weight_loss_past_year_kg", "weight_loss_unintended",
             "creatine_kinase_upper_limit_u_l", "myoglobin_upper_limit_ug_l"}
    share = dice.choice([0.1, 0.5, 0.9, 1.0])
    items = []
    for item in questions(form):
        wanted = item.get("required") or (item["linkId"] not in never and dice.random() < share)
        if wanted:
            items.append({"linkId": item["linkId"], "answer": answered(item, dice)})
    for item in items:
        fixed = {"height_cm": {"valueDecimal": dice.choice([150.0, 168.5, 190.0])},
                 "weight_kg": {"valueDecimal": dice.choice([52.0, 64.5, 88.0])},
                 "age": {"valueInteger": dice.randint(55, 95)}, "falls_past_year": {"valueInteger": dice.randint(0, 6)}}
        if item["linkId"] in fixed:
            item["answer"] = [fixed[item["linkId"]]]
    response = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": items,
                "questionnaire": f"{form['url']}|{form['version']}",
                "identifier": {"system": "urn:check", "value": str(number)}}
    if number % 20 == 0:
        response["meta"] = {"tag": [{"system": RESULTS, "code": "imported"}]}
        response["authored"] = f"20{number % 23:02}-03-04T10:00:00+01:00"
    if dice.random() < 0.8:
        response["subject"] = {"identifier": {"value": f"P-{dice.randint(1, 300)}"}}
    return response


def stored(fhir: str, keys: dict, dice: random.Random, submissions: int) -> tuple[dict, list]:
    """The form, and varied responses to it as the service stored them."""
    form = ask(f"{fhir}/Questionnaire")["entry"][0]["resource"]
    address = f"{fhir}/QuestionnaireResponse"
    return form, [ask(address, keys["intake"], varied(form, dice, number)) for number in range(submissions)]


def change(base: str, keys: dict, form: dict, dice: random.Random) -> list:
    """Corrections, a test submission, a day as the time of answers, tasks in each state, and a merged person. Returns the
    resources that no search has."""
    fhir, found = f"{base}/fhir", []
    for number in range(5):
        first = ask(f"{fhir}/QuestionnaireResponse", keys["intake"], varied(form, dice, 10_001 + number) | {"authored": "2026-03"})
        again = varied(form, dice, 20_001 + number) | {"id": first["id"], "status": "amended", "subject": first["subject"]}
        found.append(ask(f"{fhir}/QuestionnaireResponse/{first['id']}", keys["intake"], again, "PUT", if_match='W/"1"'))
    test = varied(form, dice, 10_007) | {"meta": {"tag": [{"system": RESULTS, "code": "test"}]}}
    test = ask(f"{fhir}/QuestionnaireResponse", keys["intake"], test)
    found += [test, ask(f"{fhir}/RiskAssessment/{test['id']}", keys["intake"])]
    tasks = ask(f"{fhir}/Task?status=requested&_count={len(PATHS)}", keys["staff"])["entry"]
    for path, task in zip(PATHS, (entry["resource"] for entry in tasks), strict=True):
        for version, (status, business) in enumerate(path, int(task["meta"]["versionId"])):
            body = {"resourceType": "Task", "id": task["id"], "status": status}
            if business:
                body["businessStatus"] = {"coding": [{"system": RESULTS, "code": business}]}
            if business == "booked":
                body["executionPeriod"] = {"start": f"{int(task['authoredOn'][:4]) + 1}-01-08T09:00:00Z"}
            found.append(ask(f"{fhir}/Task/{task['id']}", keys["staff"], body, "PUT", if_match=f'W/"{version}"'))
    kept, merged = sorted({task["for"]["reference"].split("/")[1] for task in found if task["resourceType"] == "Task"})[:2]
    _, headers, _ = send(f"{base}/v1/subjects/{kept}", keys["staff"])
    address = f"{base}/v1/subjects/{kept}/merge"
    ask(address, keys["staff"], {"merged": merged}, if_match=headers["etag"], content_type="application/json")
    return [*found, *(ask(f"{fhir}/Patient/{one}", keys["staff"]) for one in (kept, merged))]


def refusals(fhir: str, keys: dict, response: dict) -> list:
    """The outcomes of refused requests, of a write that asks for one, and of answers with red flags."""
    staff, own = keys["staff"], f"{fhir}/QuestionnaireResponse"
    flags = [{"linkId": link, "answer": [{"valueBoolean": True}]} for link in ("dark_urine", "muscle_pain")]
    incomplete = {"resourceType": "QuestionnaireResponse", "status": "completed", "item": flags}
    sent = {"resourceType": "QuestionnaireResponse", "status": "completed",
            "item": response["item"], "subject": {"identifier": {"value": "P-outcome"}}}
    task = ask(f"{fhir}/Task?_count=1", staff)["entry"][0]["resource"]
    outcomes = [
        (404, send(f"{fhir}/Task/none", staff)),
        (404, send(f"{fhir}/Medication", staff)),
        (400, send(f"{fhir}/Task?colour=red", staff)),
        (401, send(own)),
        (403, send(f"{fhir}/AuditEvent", staff)),
        (405, send(f"{fhir}/Task/{task['id']}", staff, method="DELETE")),
        (406, send(f"{fhir}/metadata", accept="application/fhir+xml")),
        (412, send(f"{fhir}/Task/{task['id']}", staff, task, "PUT", if_match='W/"999"')),
        (415, send(own, keys["intake"], b"status=completed")),
        (422, send(own, keys["intake"], incomplete)),
        (422, send(own, keys["intake"], incomplete, accept_language="es")),
        (428, send(f"{fhir}/Task/{task['id']}", staff, task, "PUT")),
        (201, send(own, keys["intake"], sent, prefer="return=OperationOutcome")),
    ]
    for number, (wanted, (status, _, body)) in enumerate(outcomes):
        if status != wanted or body.get("resourceType") != "OperationOutcome":
            sys.exit(f"refusal {number}: {status}, not {wanted}: {body}")
    return [body for _, (_, _, body) in outcomes]


def batch(fhir: str, keys: dict, response: dict) -> dict:
    """A batch whose entries read, find nothing, store and are refused."""
    sent = {"resourceType": "QuestionnaireResponse", "status": "completed",
            "item": response["item"], "subject": {"identifier": {"value": "P-batch"}}}
    requests = [("GET", "Task?_count=2", None), ("GET", "Flag/none", None), ("POST", "QuestionnaireResponse", sent),
                ("POST", "QuestionnaireResponse", {"resourceType": "QuestionnaireResponse"})]
    entries = [{"request": {"method": method, "url": url}} | ({"resource": body} if body else {}) for method, url, body in requests]
    return ask(fhir, keys["staff"], {"resourceType": "Bundle", "type": "batch", "entry": entries})


def begun(fhir: str, keys: dict, form: dict, statement: dict) -> list:
    patient = {"resourceType": "Patient", "birthDate": "1944-02-29", "gender": "female"}
    weight = {"resourceType": "Observation", "status": "final", "effectiveDateTime": "2026-01-02",
              "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
              "valueQuantity": {"value": 142.2, "system": "http://unitsofmeasure.org", "code": "[lb_av]"}}
    contexts = [{"name": "context", "part": [{"name": "content", "resource": one}]} for one in (patient, weight, statement)]
    canonical = {"name": "canonical", "valueCanonical": form["url"]}
    asked = {"resourceType": "Parameters", "parameter": [canonical, *contexts]}
    found = ask(f"{fhir}/Questionnaire/$populate", keys["intake"], asked)
    return [found, *(part["resource"] for part in found["parameter"])]


def contained(bundle: dict) -> list:
    """A Bundle, and the resources and outcomes in it."""
    found = [bundle]
    for entry in bundle.get("entry", []):
        inner = [entry.get("resource"), entry.get("response", {}).get("outcome")]
        for one in filter(None, inner):
            found += contained(one) if one["resourceType"] == "Bundle" else [one]
    return found


def pages(address: str, *rest, **headers: str) -> list:
    found = []
    while address:
        page = ask(address, *rest, **headers)
        found += contained(page)
        address = next((link["url"] for link in page.get("link", []) if link["relation"] == "next"), None)
    return found


def found_persons(fhir: str, keys: dict, responses: list) -> list:
    named = next(one["subject"]["identifier"]["value"] for one in responses
                 if one["subject"]["identifier"].get("system") != "urn:sarcoscreen:subject")
    form = urllib.parse.urlencode({"identifier": named}).encode()
    people = sorted({response["subject"]["reference"] for response in responses})[:EXTRACTED]
    return [*contained(ask(f"{fhir}/Patient/_search", keys["staff"], form)),
            *contained(ask(f"{fhir}/Patient?_id={people[0].split('/')[1]}", keys["staff"])),
            *(ask(f"{fhir}/{person}", keys["staff"]) for person in people)]


def everything(base: str, keys: dict, form: dict, dice: random.Random) -> list:
    """Every type of resource, each kind of Bundle, and outcomes."""
    fhir, staff = f"{base}/fhir", keys["staff"]
    statement = ask(f"{fhir}/metadata")
    found = [statement, *change(base, keys, form, dice)]
    for language in ("en", "es"):
        for search in ("Questionnaire?status=active,retired&_count=20", "CodeSystem?_count=200", "ValueSet?_count=200"):
            found += pages(f"{fhir}/{search}", accept_language=language)
    for kind in RECORDS:
        found += pages(f"{fhir}/{kind}?_count=200", staff)
        for search in (f"{kind}?_count=5&_elements=subject", f"{kind}?_summary=count", f"{kind}?_count=1&colour=red"):
            found += contained(ask(f"{fhir}/{search}", staff, prefer="handling=lenient"))
    found += contained(ask(f"{fhir}/AuditEvent?_count=200", keys["admin"]))
    responses = [one for one in found if one["resourceType"] == "QuestionnaireResponse" and "item" in one]
    corrected = [one for one in responses if one["status"] == "entered-in-error"]
    changed = [one for one in found if one["resourceType"] == "Task" and one["meta"].get("versionId", "1") != "1"]
    if not corrected or not changed:
        sys.exit("no response or no task has a second version")
    for one in {one["id"]: one for one in [*changed, *corrected, *responses[:EXTRACTED]]}.values():
        address = f"{fhir}/{one['resourceType']}/{one['id']}/_history"
        found += [*contained(ask(address, staff)), ask(f"{address}/1", staff)]
    scorable = [one for one in responses if one["status"] in ("completed", "amended")]
    for response in scorable[:EXTRACTED]:
        address = f"{fhir}/QuestionnaireResponse"
        found += contained(ask(f"{address}/{response['id']}/$extract", staff, {}))
        found += contained(ask(f"{address}/$extract", staff, response))
    found += found_persons(fhir, keys, responses) + begun(fhir, keys, form, statement)
    found += contained(batch(fhir, keys, responses[0])) + refusals(fhir, keys, responses[0])
    complete(statement, found)
    return found


def complete(statement: dict, found: list) -> None:
    """Nothing that the facade can return is missing."""
    kinds = {one["type"] for one in statement["rest"][0]["resource"]} | OTHERS
    if missing := kinds - {one["resourceType"] for one in found}:
        sys.exit(f"no resource of the types {sorted(missing)}")
    if missing := BUNDLES - {one["type"] for one in found if one["resourceType"] == "Bundle"}:
        sys.exit(f"no Bundle of the types {sorted(missing)}")
    outcomes = sum(one["resourceType"] == "OperationOutcome" for one in found)
    print(f"ok: {len(found)} resources of {len(kinds)} types, Bundles of {len(BUNDLES)} kinds, {outcomes} outcomes", flush=True)
