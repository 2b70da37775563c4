//! Requests as public clients send them. Each client names the file that its headers and parameters were read in.

use serde_json::{Value, json};

use super::{identified, response};
use crate::world::{Answer, Clinic, World, fit, frail};

/// A client: its name, the file that sets its headers, and the headers of every request.
type Client = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const CLIENT_JS: Client =
    ("SMART client-js", "smart-on-fhir/client-js src/lib.ts, src/FhirClient.ts", &[("accept", "application/json")]);
const SMART_FORMS: Client = (
    "Smart Forms",
    "aehrc/smart-forms apps/smart-forms-app/src/api/headers.ts, saveQr.ts, client.ts",
    &[("cache-control", "no-cache"), ("accept", "application/json;charset=utf-8")],
);
const LHC_FORMS: Client = (
    "LHC-Forms app",
    "LHNCBC/lforms-fhir-app app/components/fhir-data/fhir.service.js",
    &[("cache-control", "no-cache"), ("accept", "application/json")],
);
const HAPI: Client = (
    "HAPI client",
    "hapifhir/hapi-fhir hapi-fhir-client .../apache/BaseHttpClient.java, method/MethodUtil.java, hapi-fhir-base .../Constants.java",
    &[
        ("user-agent", "HAPI-FHIR/7.0.0 (FHIR Client; FHIR 4.0.1/R4; apache)"),
        ("accept-charset", "utf-8"),
        (
            "accept",
            "application/fhir+xml;q=1.0, application/fhir+json;q=1.0, application/xml+fhir;q=0.9, application/json+fhir;q=0.9",
        ),
    ],
);
const HAPI_JSON: Client = (
    "HAPI client, JSON",
    "hapifhir/hapi-fhir hapi-fhir-base .../rest/api/Constants.java HEADER_ACCEPT_VALUE_JSON_NON_LEGACY",
    &[("accept-charset", "utf-8"), ("accept", "application/fhir+json;q=1.0, application/json+fhir;q=0.9")],
);
const FIRELY: Client = (
    "Firely SDK",
    "FirelyTeam/firely-net-sdk src/Hl7.Fhir.Base/Rest/HttpContentBuilders.cs, ContentType.cs, SearchParams.cs",
    &[
        ("user-agent", "firely-sdk-client/5.11.0"),
        ("accept", "application/fhir+json; charset=utf-8; fhirVersion=4.0"),
        ("accept-charset", "utf-8"),
    ],
);
const AXIOS: Client =
    ("axios", "axios/axios lib/defaults/index.js", &[("accept", "application/json, text/plain, */*")]);
const CURL: Client = ("curl", "curl/curl lib/http.c", &[("user-agent", "curl/8.5.0"), ("accept", "*/*")]);

const JSON: (&str, &str) = ("content-type", "application/json");
const JSON_UTF8: (&str, &str) = ("content-type", "application/json;charset=utf-8");
const FHIR_UTF8: (&str, &str) = ("content-type", "application/fhir+json; charset=UTF-8");
const FHIR_VERSION: (&str, &str) = ("content-type", "application/fhir+json; charset=utf-8; fhirVersion=4.0");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const FORM_UTF8: (&str, &str) = ("content-type", "application/x-www-form-urlencoded;charset=utf-8");

/// A request: client, method, path, further headers, body, and the expected status and type of resource.
type Sent =
    (Client, &'static str, &'static str, &'static [(&'static str, &'static str)], &'static str, u16, &'static str);

const OUTCOME: &str = "OperationOutcome";

const CLIENT_JS_REQUESTS: &[Sent] = &[
    (CLIENT_JS, "GET", "metadata", &[], "", 200, "CapabilityStatement"),
    (CLIENT_JS, "GET", "Patient/{patient}", &[], "", 200, "Patient"),
    (CLIENT_JS, "GET", "Questionnaire/2026.3", &[], "", 200, "Questionnaire"),
    (CLIENT_JS, "GET", "QuestionnaireResponse?patient={patient}", &[], "", 200, "Bundle"),
    (CLIENT_JS, "GET", "QuestionnaireResponse?subject=Patient/{patient}&_count=5", &[], "", 200, "Bundle"),
    (CLIENT_JS, "GET", "Observation?patient={patient}&_sort=-date&_count=10", &[], "", 200, "Bundle"),
    (
        CLIENT_JS,
        "GET",
        "Observation?code=urn:sarcoscreen:results|score&subject=Patient/{patient}",
        &[],
        "",
        200,
        "Bundle",
    ),
    (CLIENT_JS, "GET", "Task?patient={patient}&status=requested,accepted", &[], "", 200, "Bundle"),
    (CLIENT_JS, "GET", "ServiceRequest?patient={patient}", &[], "", 200, "Bundle"),
    (CLIENT_JS, "GET", "RiskAssessment?patient={patient}&_count=1", &[], "", 200, "Bundle"),
    (CLIENT_JS, "POST", "QuestionnaireResponse", &[JSON], "response", 201, "QuestionnaireResponse"),
    (CLIENT_JS, "PUT", "QuestionnaireResponse/{first}", &[JSON], "amended {first}", 201, "QuestionnaireResponse"),
    (CLIENT_JS, "GET", "QuestionnaireResponse/{first}", &[], "", 200, "QuestionnaireResponse"),
    // FHIR lets a server not offer a patch or a deletion.
    (
        CLIENT_JS,
        "PATCH",
        "Task/{task}",
        &[("content-type", "application/json-patch+json; charset=UTF-8"), ("prefer", "return=presentation")],
        "patch",
        405,
        OUTCOME,
    ),
    (CLIENT_JS, "DELETE", "Task/{task}", &[], "", 405, OUTCOME),
];

const FORM_REQUESTS: &[Sent] = &[
    (SMART_FORMS, "GET", "Questionnaire/2026.3", &[JSON_UTF8], "", 200, "Questionnaire"),
    (
        SMART_FORMS,
        "POST",
        "QuestionnaireResponse",
        &[JSON_UTF8, ("prefer", "return=representation")],
        "smart forms",
        201,
        "QuestionnaireResponse",
    ),
    (
        SMART_FORMS,
        "PUT",
        "QuestionnaireResponse/{second}",
        &[JSON_UTF8, ("prefer", "return=representation")],
        "amended {second}",
        201,
        "QuestionnaireResponse",
    ),
    // Only completed answers can be scored.
    (SMART_FORMS, "POST", "QuestionnaireResponse", &[JSON_UTF8], "in progress", 422, OUTCOME),
    // The form is not the client's to change.
    (SMART_FORMS, "PUT", "Questionnaire/2026.3", &[JSON_UTF8], "patch", 405, OUTCOME),
    (SMART_FORMS, "POST", "Questionnaire/$populate", &[JSON_UTF8], "parameters", 200, "Parameters"),
    (
        LHC_FORMS,
        "GET",
        "QuestionnaireResponse?_id={third}&_include=QuestionnaireResponse:questionnaire",
        &[],
        "",
        200,
        "Bundle",
    ),
    (
        LHC_FORMS,
        "GET",
        "QuestionnaireResponse?subject=Patient/{patient}&_include=QuestionnaireResponse:questionnaire&_sort=-_lastUpdated\
         &_count=10",
        &[],
        "",
        200,
        "Bundle",
    ),
    (LHC_FORMS, "GET", "Questionnaire?_sort=-_lastUpdated&_count=10", &[], "", 200, "Bundle"),
    (LHC_FORMS, "GET", "Questionnaire?url=urn:sarcoscreen:questionnaire", &[], "", 200, "Bundle"),
    (LHC_FORMS, "GET", "Questionnaire?name=Sarco", &[], "", 200, "Bundle"),
    (LHC_FORMS, "GET", "Questionnaire?title=Sarco", &[], "", 200, "Bundle"),
    (LHC_FORMS, "GET", "Patient?name=Smith", &[], "", 200, "Bundle"),
    (LHC_FORMS, "GET", "QuestionnaireResponse/{third}", &[], "", 200, "QuestionnaireResponse"),
    (LHC_FORMS, "POST", "QuestionnaireResponse", &[JSON], "by reference", 201, "QuestionnaireResponse"),
    // Transactions are not offered.
    (LHC_FORMS, "POST", "", &[JSON], "transaction", 422, OUTCOME),
    (LHC_FORMS, "DELETE", "QuestionnaireResponse/{third}", &[], "", 405, OUTCOME),
];

const HAPI_REQUESTS: &[Sent] = &[
    (HAPI, "GET", "metadata", &[], "", 200, "CapabilityStatement"),
    (HAPI, "GET", "Patient/{patient}", &[], "", 200, "Patient"),
    (HAPI_JSON, "GET", "Task/{task}", &[], "", 200, "Task"),
    (HAPI, "GET", "Task/{task}/_history/1", &[], "", 200, "Task"),
    (HAPI, "GET", "Task/{task}/_history?_since=2020-01-01T00:00:00.000Z&_count=10", &[], "", 200, "Bundle"),
    (HAPI_JSON, "GET", "QuestionnaireResponse/{third}/_history", &[], "", 200, "Bundle"),
    (HAPI, "GET", "QuestionnaireResponse?_lastUpdated=ge2020-01-01T00:00:00.000%2B00:00", &[], "", 200, "Bundle"),
    (HAPI, "GET", "Task?_lastUpdated=ge2020&_lastUpdated=le2999", &[], "", 200, "Bundle"),
    (HAPI, "GET", "Task?status=requested%2Caccepted", &[], "", 200, "Bundle"),
    (HAPI, "GET", "Task?status=http%3A%2F%2Fhl7.org%2Ffhir%2Ftask-status%7Crequested", &[], "", 200, "Bundle"),
    (
        HAPI,
        "GET",
        "Observation?patient=Patient%2F{patient}&code=urn%3Asarcoscreen%3Aresults%7Cscore",
        &[],
        "",
        200,
        "Bundle",
    ),
    (HAPI, "GET", "Observation?derived-from=QuestionnaireResponse%2F{third}", &[], "", 200, "Bundle"),
    (HAPI_JSON, "GET", "QuestionnaireResponse?_summary=count", &[], "", 200, "Bundle"),
    (HAPI, "GET", "QuestionnaireResponse?_summary=data", &[], "", 200, "Bundle"),
    (HAPI, "GET", "Task?_elements=status%2Cowner", &[], "", 200, "Bundle"),
    (HAPI, "GET", "Task?_total=accurate&_count=1", &[], "", 200, "Bundle"),
    (HAPI, "GET", "Task?_sort=-authored-on%2Cstatus", &[], "", 200, "Bundle"),
    (HAPI, "GET", "QuestionnaireResponse?_pretty=true", &[], "", 200, "Bundle"),
    (HAPI, "GET", "QuestionnaireResponse?_format=json", &[], "", 200, "Bundle"),
    (HAPI, "GET", "Task?_include=Task%3Afocus&_include%3Aiterate=Task%3Apatient", &[], "", 200, "Bundle"),
    (HAPI, "GET", "Flag?subject=Patient%2F{patient}&_count=20", &[], "", 200, "Bundle"),
    (HAPI, "GET", "AuditEvent?date=ge2020-01-01&_count=5", &[], "", 200, "Bundle"),
    (HAPI, "POST", "Patient/_search", &[FORM], "identifier=urn%3Aoid%3A1.2.3%7C7", 200, "Bundle"),
    (HAPI, "POST", "QuestionnaireResponse/_search", &[FORM], "patient.identifier=urn%3Aoid%3A1.2.3%7C7", 200, "Bundle"),
    (
        HAPI,
        "POST",
        "QuestionnaireResponse",
        &[FHIR_UTF8, ("if-none-exist", "{base}/fhir/QuestionnaireResponse?identifier=urn%3Aehr%7C77")],
        "record 77",
        201,
        "QuestionnaireResponse",
    ),
    (
        HAPI,
        "POST",
        "QuestionnaireResponse",
        &[FHIR_UTF8, ("if-none-exist", "{base}/fhir/QuestionnaireResponse?identifier=urn%3Aehr%7C77")],
        "record 77",
        200,
        "QuestionnaireResponse",
    ),
    (HAPI, "PUT", "Task/{task}", &[FHIR_UTF8, ("if-match", "\"1\"")], "accepted", 200, "Task"),
    // The version is not the latest any more.
    (HAPI, "PUT", "Task/{task}", &[FHIR_UTF8, ("if-match", "\"1\"")], "accepted", 412, OUTCOME),
    (HAPI_JSON, "POST", "", &[FHIR_UTF8], "batch", 200, "Bundle"),
    (HAPI, "GET", "Task/0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d", &[], "", 404, OUTCOME),
];

const OTHER_REQUESTS: &[Sent] = &[
    (FIRELY, "GET", "metadata?_summary=true", &[], "", 200, "CapabilityStatement"),
    (FIRELY, "GET", "Patient/{patient}", &[("if-none-match", "W/\"9\"")], "", 200, "Patient"),
    (FIRELY, "POST", "/", &[FHIR_VERSION], "batch", 200, "Bundle"),
    (FIRELY, "GET", "QuestionnaireResponse?patient=Patient/{patient}&_format=json", &[], "", 200, "Bundle"),
    (FIRELY, "GET", "Task?priority=urgent,asap&_count=5", &[("prefer", "handling=strict")], "", 200, "Bundle"),
    (FIRELY, "GET", "Task?_text=knee", &[("prefer", "handling=lenient")], "", 200, "Bundle"),
    // Strict handling asks for the refusal.
    (FIRELY, "GET", "Task?_text=knee", &[("prefer", "handling=strict")], "", 400, OUTCOME),
    (FIRELY, "GET", "QuestionnaireResponse?_contained=false&_containedType=container", &[], "", 200, "Bundle"),
    (FIRELY, "POST", "Task/_search", &[FORM], "status=accepted&_count=5", 200, "Bundle"),
    (FIRELY, "POST", "QuestionnaireResponse", &[FHIR_VERSION, ("prefer", "return=minimal")], "response", 201, ""),
    (
        FIRELY,
        "POST",
        "QuestionnaireResponse",
        &[FHIR_VERSION, ("prefer", "return=OperationOutcome")],
        "response",
        201,
        OUTCOME,
    ),
    (FIRELY, "POST", "QuestionnaireResponse/$extract", &[FHIR_VERSION], "response", 200, "Bundle"),
    (FIRELY, "POST", "QuestionnaireResponse/{third}/$extract", &[], "", 200, "Bundle"),
    (FIRELY, "GET", "CodeSystem?url=urn:sarcoscreen:answers&_count=1", &[], "", 200, "Bundle"),
    (AXIOS, "GET", "Task?status=accepted&_sort=-priority", &[], "", 200, "Bundle"),
    (AXIOS, "GET", "Observation?_id={third}-score", &[], "", 200, "Bundle"),
    (AXIOS, "POST", "QuestionnaireResponse", &[JSON], "response", 201, "QuestionnaireResponse"),
    (AXIOS, "POST", "QuestionnaireResponse/_search", &[FORM_UTF8], "authored=ge2020&_count=0", 200, "Bundle"),
    (CURL, "GET", "metadata", &[], "", 200, "CapabilityStatement"),
    (CURL, "GET", "Questionnaire", &[], "", 200, "Bundle"),
    (CURL, "GET", "Task?authored-on=2026-11,2027&_count=0", &[], "", 200, "Bundle"),
    (
        CURL,
        "POST",
        "QuestionnaireResponse",
        &[("content-type", "application/fhir+json")],
        "response",
        201,
        "QuestionnaireResponse",
    ),
    // A form is no resource.
    (CURL, "POST", "QuestionnaireResponse", &[FORM], "response", 415, OUTCOME),
];

/// Rows of the clinic that the requests name.
struct Names(Vec<(&'static str, String)>);

impl Names {
    async fn of(world: &World, clinic: &Clinic) -> Self {
        let mut names = vec![("{base}", world.base.clone())];
        for name in ["{first}", "{second}", "{third}"] {
            let mut body = response(&frail());
            body["subject"] = json!({"identifier": {"system": "urn:oid:1.2.3", "value": "7"}});
            let created = clinic.intake.post("/fhir/QuestionnaireResponse", &body).await.expect(201);
            names.push((name, created["id"].as_str().unwrap().to_owned()));
            if name == "{third}" {
                let person = created["subject"]["reference"].as_str().unwrap();
                names.push(("{patient}", person["Patient/".len()..].to_owned()));
            }
        }
        // A follow-up that no other request changes.
        let receipt = clinic.intake.submit(&json!({"answers": frail()})).await.expect(201);
        names.push(("{task}", receipt["follow_up"]["id"].as_str().unwrap().to_owned()));
        Self(names)
    }

    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// The body of a request by its name in the table; a form is its own text.
    fn body(&self, name: &str) -> String {
        let mut body = response(&fit());
        match name {
            "" => return String::new(),
            "response" => {
                body["subject"] = json!({"identifier": {"system": "urn:oid:1.2.3", "value": "7"}});
            }
            "smart forms" => {
                body["questionnaire"] = json!("urn:sarcoscreen:questionnaire|2026.3");
                body["meta"] = json!({"source": "https://smartforms.csiro.au"});
                body["text"] =
                    json!({"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\"></div>"});
                let person = self.fill("Patient/{patient}");
                body["subject"] = json!({"reference": person, "type": "Patient", "display": "Ana"});
                body["author"] = json!({"reference": "Practitioner/1", "type": "Practitioner", "display": "Dr"});
                body["authored"] = json!("2026-01-02T03:04:05+10:00");
            }
            "in progress" => body["status"] = json!("in-progress"),
            "by reference" => body["questionnaire"] = json!("Questionnaire/2026.3"),
            "record 77" => body = identified(&fit(), "77"),
            "patch" => body = json!([{"op": "replace", "path": "/status", "value": "accepted"}]),
            "batch" | "transaction" => {
                let entry = [json!({"request": {"method": "GET", "url": "Task?_count=1"}})];
                body = json!({"resourceType": "Bundle", "type": name, "entry": entry});
            }
            "accepted" => body = json!({"resourceType": "Task", "id": self.fill("{task}"), "status": "accepted"}),
            "parameters" => {
                let form = json!({"name": "canonical", "valueCanonical": "urn:sarcoscreen:questionnaire"});
                let subject =
                    json!({"name": "subject", "valueReference": {"reference": self.fill("Patient/{patient}")}});
                body = json!({"resourceType": "Parameters", "parameter": [form, subject]});
            }
            other => match other.strip_prefix("amended ") {
                Some(id) => {
                    body["status"] = json!("amended");
                    body["id"] = json!(self.fill(id));
                }
                None => return other.to_owned(),
            },
        }
        body.to_string()
    }
}

async fn send(clinic: &Clinic, names: &Names, sent: &Sent) -> Answer {
    let ((_, _, common), method, path, headers, body, ..) = sent;
    let path = match *path {
        "" | "/" => format!("/fhir{path}"),
        path => format!("/fhir/{}", names.fill(path)),
    };
    let mut request = clinic.admin.request(method, &path);
    for (name, value) in common.iter().chain(*headers) {
        request = request.header(*name, names.fill(value));
    }
    clinic.admin.send(request.body(names.body(body))).await
}

#[tokio::test]
async fn requests_of_public_clients_succeed_unless_the_specification_asks_for_a_refusal() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let names = Names::of(&world, &clinic).await;
    let all = [CLIENT_JS_REQUESTS, FORM_REQUESTS, HAPI_REQUESTS, OTHER_REQUESTS].concat();
    assert!(all.len() >= 80, "{}", all.len());
    println!("| client | source | request | status | answer |\n|---|---|---|---|---|");
    for sent in &all {
        let ((client, source, _), method, path, .., status, kind) = sent;
        let answer = send(&clinic, &names, sent).await;
        assert_eq!(answer.status, *status, "{client}: {method} {path}: {}", answer.text);
        let body = if answer.text.is_empty() { Value::Null } else { answer.json() };
        let found = body["resourceType"].as_str().unwrap_or_default();
        assert_eq!(found, *kind, "{client}: {method} {path}");
        println!("| {client} | {source} | {method} {path} | {status} | {found} |");
    }
}
