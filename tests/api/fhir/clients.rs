//! Requests of public clients. Each client names the file that sets the headers of all its requests, each request the file that
//! its path, parameters and further headers were read in.

type Header = (&'static str, &'static str);

#[derive(Clone, Copy)]
pub(super) struct Client {
    pub(super) name: &'static str,
    /// Owner and name on GitHub.
    pub(super) repository: &'static str,
    /// The file that sets the headers.
    pub(super) source: &'static str,
    /// The headers of every request.
    pub(super) headers: &'static [Header],
}

#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) client: Client,
    /// The file in the repository of the client.
    pub(super) source: &'static str,
    pub(super) method: &'static str,
    /// The path below `/fhir/`, with names in braces.
    pub(super) path: &'static str,
    pub(super) headers: &'static [Header],
    /// The name of a body, or the text of a form.
    pub(super) body: &'static str,
    pub(super) status: u16,
    /// The type of the resource in the response; empty without a body.
    pub(super) kind: &'static str,
    /// The rule that asks for a refusal; empty if the request succeeds.
    pub(super) refusal: &'static str,
}

impl Client {
    const fn sends(self, source: &'static str, method: &'static str, path: &'static str) -> Sent {
        Sent { client: self, source, method, path, headers: &[], body: "", status: 200, kind: "Bundle", refusal: "" }
    }

    const fn get(self, source: &'static str, path: &'static str) -> Sent {
        self.sends(source, "GET", path)
    }

    const fn post(
        self,
        source: &'static str,
        path: &'static str,
        headers: &'static [Header],
        body: &'static str,
    ) -> Sent {
        Sent { headers, body, ..self.sends(source, "POST", path) }
    }

    const fn put(
        self,
        source: &'static str,
        path: &'static str,
        headers: &'static [Header],
        body: &'static str,
    ) -> Sent {
        Sent { headers, body, ..self.sends(source, "PUT", path) }
    }
}

impl Sent {
    const fn with(self, headers: &'static [Header]) -> Self {
        Self { headers, ..self }
    }

    const fn gets(self, status: u16, kind: &'static str) -> Self {
        Self { status, kind, ..self }
    }

    const fn refused(self, status: u16, refusal: &'static str) -> Self {
        Self { status, kind: "OperationOutcome", refusal, ..self }
    }
}

const CLIENT_JS: Client = Client {
    name: "SMART client-js",
    repository: "smart-on-fhir/client-js",
    source: "src/lib.ts",
    headers: &[("accept", "application/json")],
};
const SMART_FORMS: Client = Client {
    name: "Smart Forms",
    repository: "aehrc/smart-forms",
    source: "apps/smart-forms-app/src/api/headers.ts",
    headers: &[
        ("cache-control", "no-cache"),
        ("accept", "application/json;charset=utf-8"),
        ("content-type", "application/json;charset=utf-8"),
    ],
};
const LHC_FORMS: Client = Client {
    name: "LHC-Forms app",
    repository: "LHNCBC/lforms-fhir-app",
    source: "app/components/fhir-data/fhir.service.js",
    headers: &[("cache-control", "no-cache"), ("accept", "application/json")],
};
const HAPI: Client = Client {
    name: "HAPI client",
    repository: "hapifhir/hapi-fhir",
    source: "hapi-fhir-base/.../rest/api/Constants.java HEADER_ACCEPT_VALUE_XML_OR_JSON_NON_LEGACY, \
             hapi-fhir-client/.../apache/BaseHttpClient.java",
    headers: &[
        ("user-agent", "HAPI-FHIR/7.0.0 (FHIR Client; FHIR 4.0.1/R4; apache)"),
        ("accept-charset", "utf-8"),
        (
            "accept",
            "application/fhir+xml;q=1.0, application/fhir+json;q=1.0, application/xml+fhir;q=0.9, application/json+fhir;q=0.9",
        ),
    ],
};
const HAPI_JSON: Client = Client {
    name: "HAPI client, JSON",
    repository: "hapifhir/hapi-fhir",
    source: "hapi-fhir-base/.../rest/api/Constants.java HEADER_ACCEPT_VALUE_JSON_NON_LEGACY",
    headers: &[("accept-charset", "utf-8"), ("accept", "application/fhir+json;q=1.0, application/json+fhir;q=0.9")],
};
const FIRELY: Client = Client {
    name: "Firely SDK",
    repository: "FirelyTeam/firely-net-sdk",
    source: "src/Hl7.Fhir.Base/Rest/HttpContentBuilders.cs, ContentType.cs",
    headers: &[
        ("user-agent", "firely-sdk-client/5.11.0"),
        ("accept", "application/fhir+json; charset=utf-8; fhirVersion=4.0"),
        ("accept-charset", "utf-8"),
    ],
};
const AXIOS: Client = Client {
    name: "axios",
    repository: "axios/axios",
    source: "lib/defaults/index.js",
    headers: &[("accept", "application/json, text/plain, */*")],
};
const CURL: Client = Client {
    name: "curl",
    repository: "curl/curl",
    source: "lib/http.c",
    headers: &[("user-agent", "curl/8.5.0"), ("accept", "*/*")],
};

const JSON: &[Header] = &[("content-type", "application/json")];
const FHIR: &[Header] = &[("content-type", "application/fhir+json")];
const FHIR_UTF8: &[Header] = &[("content-type", "application/fhir+json; charset=UTF-8")];
const FHIR_4_0: &[Header] = &[("content-type", "application/fhir+json; charset=utf-8; fhirVersion=4.0")];
const FORM: &[Header] = &[("content-type", "application/x-www-form-urlencoded")];
const FORM_UTF8: &[Header] = &[("content-type", "application/x-www-form-urlencoded;charset=utf-8")];
const STRICT: &[Header] = &[("prefer", "handling=strict")];
const LENIENT: &[Header] = &[("prefer", "handling=lenient")];
const REPRESENTATION: &[Header] = &[("prefer", "return=representation")];

const MATCHING: &[Header] = &[("content-type", "application/fhir+json; charset=UTF-8"), ("if-match", "\"1\"")];
const MATCHING_4_0: &[Header] =
    &[("content-type", "application/fhir+json; charset=utf-8; fhirVersion=4.0"), ("if-match", "W/\"2\"")];
const CONDITIONAL: &[Header] = &[
    ("content-type", "application/fhir+json; charset=UTF-8"),
    ("if-none-exist", "{base}/fhir/QuestionnaireResponse?identifier=urn%3Aehr%7C77"),
];
const CONDITIONAL_4_0: &[Header] = &[
    ("content-type", "application/fhir+json; charset=utf-8; fhirVersion=4.0"),
    ("if-none-exist", "identifier=urn%3Aehr%7C78"),
];
const MINIMAL: &[Header] =
    &[("content-type", "application/fhir+json; charset=utf-8; fhirVersion=4.0"), ("prefer", "return=minimal")];
const OUTCOME: &[Header] =
    &[("content-type", "application/fhir+json; charset=utf-8; fhirVersion=4.0"), ("prefer", "return=OperationOutcome")];

// Files of the clients.
const FHIR_CLIENT: &str = "src/FhirClient.ts";
const LIB: &str = "src/lib.ts";
const FORM_CLIENT: &str = "apps/smart-forms-app/src/api/client.ts";
const SAVE: &str = "apps/smart-forms-app/src/api/saveQr.ts";
const DASHBOARD: &str = "apps/smart-forms-app/src/features/dashboard/hooks/useFetchQuestionnaires.ts";
const REFERENCED: &str = "apps/smart-forms-app/src/features/dashboard/utils/dashboard.ts";
const FOUND: &str = "apps/smart-forms-app/src/features/dashboard/hooks/useFetchResponses.ts";
const EXISTING: &str = "apps/smart-forms-app/src/features/dashboard/hooks/useFetchExistingResponses.ts";
const POPULATE: &str = "services/populate-express";
const SERVICE: &str = "app/components/fhir-data/fhir.service.js";
const GENERIC: &str = "hapi-fhir-client/.../impl/GenericClient.java";
const BASE: &str = "hapi-fhir-client/.../impl/BaseClient.java createExtraParams";
const READ: &str = "hapi-fhir-client/.../method/ReadMethodBinding.java";
const HISTORY: &str = "hapi-fhir-client/.../method/HistoryMethodBinding.java";
const SEARCH: &str = "hapi-fhir-client/.../method/SearchMethodBinding.java";
const CONDITION: &str = "hapi-fhir-client/.../apache/BaseHttpClient.java addHeaderIfNoneExist";
const UPDATE: &str = "hapi-fhir-client/.../method/MethodUtil.java";
const BATCH: &str = "hapi-fhir-client/.../method/TransactionMethodBinding.java";
const BUILDER: &str = "src/Hl7.Fhir.Base/Rest/TransactionBuilder.cs";
const PARAMS: &str = "src/Hl7.Fhir.Base/Rest/SearchParams.cs";
const CONTENT: &str = "src/Hl7.Fhir.Base/Rest/HttpContentBuilders.cs";
const DEFAULTS: &str = "lib/defaults/index.js";
const HTTP: &str = "lib/http.c";

const CREATED: &str = "QuestionnaireResponse";
/// FHIR R4, "`RESTful` API": a server need not offer an interaction, and answers 405.
const NOT_OFFERED: &str = "an interaction that is not offered is 405 (R4 http.html, CapabilityStatement)";
/// FHIR R4, "Search", "Handling Errors".
const HANDLING: &str = "strict handling asks for an error for what is not supported (R4 search.html, errors)";

/// The requests, in the order in which they are sent.
pub(super) const REQUESTS: &[Sent] = &[
    CLIENT_JS.get(LIB, "metadata").gets(200, "CapabilityStatement"),
    CLIENT_JS.get(FHIR_CLIENT, "Patient/{patient}").gets(200, "Patient"),
    CLIENT_JS.get(FHIR_CLIENT, "Questionnaire/2026.3").gets(200, "Questionnaire"),
    CLIENT_JS.get(LIB, "QuestionnaireResponse?patient={patient}"),
    CLIENT_JS.get(FHIR_CLIENT, "QuestionnaireResponse?subject=Patient/{patient}&_count=5"),
    CLIENT_JS.get(FHIR_CLIENT, "Observation?patient={patient}&_sort=-date&_count=10"),
    CLIENT_JS.get(FHIR_CLIENT, "Observation?code=urn:sarcoscreen:results|score&subject=Patient/{patient}"),
    CLIENT_JS.get(FHIR_CLIENT, "Task?patient={patient}&status=requested,accepted"),
    CLIENT_JS.get(LIB, "ServiceRequest?patient={patient}"),
    CLIENT_JS.get(FHIR_CLIENT, "RiskAssessment?patient={patient}&_count=1"),
    CLIENT_JS.get(LIB, "Patient?_id={patient}"),
    CLIENT_JS.post(FHIR_CLIENT, "QuestionnaireResponse", JSON, "response").gets(201, CREATED),
    CLIENT_JS.put(FHIR_CLIENT, "QuestionnaireResponse/{first}", JSON, "amended {first}").gets(201, CREATED),
    CLIENT_JS.get(FHIR_CLIENT, "QuestionnaireResponse/{first}").gets(200, CREATED),
    Sent {
        headers: &[
            ("content-type", "application/json-patch+json; charset=UTF-8"),
            ("prefer", "return=presentation"),
        ],
        body: "patch",
        ..CLIENT_JS.sends(FHIR_CLIENT, "PATCH", "Task/{task}").refused(405, NOT_OFFERED)
    },
    CLIENT_JS.sends(FHIR_CLIENT, "DELETE", "Task/{task}").refused(405, NOT_OFFERED),
    SMART_FORMS.get(DASHBOARD, "Questionnaire?_count=100&_sort=-date&"),
    SMART_FORMS.get(DASHBOARD, "Questionnaire?_count=100&_sort=-date&title:contains=screen"),
    SMART_FORMS.get(
        REFERENCED,
        "Questionnaire?_sort=-date&url=https://screening.example/fhir/Questionnaire/sarcoscreen&version=2026.3",
    ),
    SMART_FORMS.get(FORM_CLIENT, "Questionnaire/2026.3").gets(200, "Questionnaire"),
    SMART_FORMS.get(
        FOUND,
        "QuestionnaireResponse?_count=100&_sort=-authored&patient={patient}&questionnaire=urn:sarcoscreen:questionnaire",
    ),
    SMART_FORMS.get(
        EXISTING,
        "QuestionnaireResponse?_count=100&_sort=-authored&questionnaire=urn:sarcoscreen:questionnaire|2026.3\
         &patient={patient}&",
    ),
    SMART_FORMS.post(SAVE, "QuestionnaireResponse", REPRESENTATION, "smart forms").gets(201, CREATED),
    SMART_FORMS.put(SAVE, "QuestionnaireResponse/{second}", REPRESENTATION, "amended {second}").gets(201, CREATED),
    SMART_FORMS
        .post(SAVE, "QuestionnaireResponse", REPRESENTATION, "in progress")
        .refused(422, "a business rule: only completed answers can be scored (R4 http.html, create: 422)"),
    SMART_FORMS.put(SAVE, "Questionnaire/2026.3", &[], "patch").refused(405, NOT_OFFERED),
    SMART_FORMS.post(POPULATE, "Questionnaire/$populate", &[], "parameters").gets(200, "Parameters"),
    LHC_FORMS.get(SERVICE, "QuestionnaireResponse?_id={third}&_include=QuestionnaireResponse:questionnaire"),
    LHC_FORMS.get(
        SERVICE,
        "QuestionnaireResponse?subject=Patient/{patient}&_include=QuestionnaireResponse:questionnaire&_sort=-_lastUpdated\
         &_count=10",
    ),
    LHC_FORMS.get(SERVICE, "Questionnaire?_sort=-_lastUpdated&_count=10"),
    LHC_FORMS.get(SERVICE, "Questionnaire?url=urn:sarcoscreen:questionnaire"),
    LHC_FORMS.get(SERVICE, "Questionnaire?name=Sarco"),
    LHC_FORMS.get(SERVICE, "Questionnaire?title=Sarco"),
    LHC_FORMS.get(SERVICE, "Patient?name=Smith"),
    LHC_FORMS.get(SERVICE, "QuestionnaireResponse/{third}").gets(200, CREATED),
    LHC_FORMS.post(SERVICE, "QuestionnaireResponse", JSON, "by reference").gets(201, CREATED),
    LHC_FORMS
        .post(SERVICE, "", JSON, "transaction")
        .refused(422, "the CapabilityStatement offers batch and not transaction (R4 http.html, transaction)"),
    LHC_FORMS.sends(SERVICE, "DELETE", "QuestionnaireResponse/{third}").refused(405, NOT_OFFERED),
    HAPI.get(GENERIC, "metadata").gets(200, "CapabilityStatement"),
    HAPI.get(READ, "Patient/{patient}").gets(200, "Patient"),
    HAPI_JSON.get(READ, "Task/{task}").gets(200, "Task"),
    HAPI.get(READ, "Task/{task}/_history/1").gets(200, "Task"),
    // The offset is not encoded.
    HAPI.get(HISTORY, "Task/{task}/_history?_since=2020-01-01T00:00:00.000+00:00&_count=10"),
    HAPI_JSON.get(HISTORY, "QuestionnaireResponse/{third}/_history"),
    HAPI.get(GENERIC, "QuestionnaireResponse?_lastUpdated=ge2020-01-01T00:00:00.000%2B00:00"),
    HAPI.get(GENERIC, "Task?_lastUpdated=ge2020&_lastUpdated=le2999"),
    HAPI.get(GENERIC, "Task?status=requested%2Caccepted"),
    HAPI.get(GENERIC, "Task?status=http%3A%2F%2Fhl7.org%2Ffhir%2Ftask-status%7Crequested"),
    HAPI.get(GENERIC, "Observation?patient=Patient%2F{patient}&code=urn%3Asarcoscreen%3Aresults%7Cscore"),
    HAPI.get(GENERIC, "Observation?derived-from=QuestionnaireResponse%2F{third}"),
    HAPI_JSON.get(GENERIC, "QuestionnaireResponse?_summary=count"),
    HAPI.get(GENERIC, "QuestionnaireResponse?_summary=data"),
    HAPI.get(GENERIC, "Task?_elements=status%2Cowner"),
    HAPI.get(GENERIC, "Task?_total=accurate&_count=1"),
    HAPI.get(GENERIC, "Task?_sort=-authored-on%2Cstatus"),
    HAPI.get(BASE, "QuestionnaireResponse?_pretty=true"),
    HAPI.get(BASE, "QuestionnaireResponse?_format=json"),
    HAPI.get(GENERIC, "Task?_include=Task%3Afocus&_include%3Arecurse=Task%3Apatient"),
    HAPI.get(GENERIC, "QuestionnaireResponse?_include=QuestionnaireResponse%3Aquestionnaire&_count=2"),
    HAPI.get(GENERIC, "Patient?_id={patient}&_revinclude=QuestionnaireResponse%3Asubject"),
    HAPI.get(GENERIC, "Flag?subject=Patient%2F{patient}&_count=20"),
    HAPI.get(GENERIC, "AuditEvent?date=ge2020-01-01&_count=5"),
    HAPI.post(SEARCH, "Patient/_search", FORM, "identifier=urn%3Aoid%3A1.2.3%7C7"),
    HAPI.post(SEARCH, "QuestionnaireResponse/_search", FORM, "patient.identifier=urn%3Aoid%3A1.2.3%7C7"),
    HAPI.post(CONDITION, "QuestionnaireResponse", CONDITIONAL, "record 77").gets(201, CREATED),
    HAPI.post(CONDITION, "QuestionnaireResponse", CONDITIONAL, "record 77").gets(200, CREATED),
    HAPI.put(UPDATE, "Task/{task}", MATCHING, "accepted").gets(200, "Task"),
    HAPI.put(UPDATE, "Task/{task}", MATCHING, "accepted")
        .refused(412, "the version is not the latest any more (R4 http.html, managing resource contention)"),
    HAPI_JSON.post(BATCH, "", FHIR_UTF8, "batch"),
    HAPI.get(READ, "Task/0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d")
        .refused(404, "there is no such resource (R4 http.html, read)"),
    FIRELY.get(BUILDER, "metadata?_summary=true").gets(200, "CapabilityStatement"),
    FIRELY.get(BUILDER, "Patient/{patient}").with(&[("if-none-match", "W/\"9\"")]).gets(200, "Patient"),
    FIRELY.get(BUILDER, "Task/{task}/_history?_count=10&_since=2020-01-01T00:00:00.000%2B00:00"),
    FIRELY.post(BUILDER, "/", FHIR_4_0, "batch"),
    FIRELY.get(CONTENT, "QuestionnaireResponse?patient=Patient/{patient}&_format=json"),
    FIRELY.get(PARAMS, "Task?priority=urgent,asap&_count=5").with(STRICT),
    FIRELY.get(PARAMS, "QuestionnaireResponse?_include=QuestionnaireResponse:questionnaire&_count=1").with(STRICT),
    FIRELY.get(PARAMS, "Task?_text=knee").with(LENIENT),
    FIRELY.get(PARAMS, "Task?_text=knee").with(STRICT).refused(400, HANDLING),
    FIRELY.get(PARAMS, "Task?_include=Task:focus&_revinclude=Provenance:target").with(LENIENT),
    FIRELY.get(PARAMS, "Task?_include=Task:focus").with(STRICT).refused(400, HANDLING),
    FIRELY.get(PARAMS, "QuestionnaireResponse?_contained=false&_containedType=container").with(STRICT),
    FIRELY.post(BUILDER, "Task/_search", FORM, "status=accepted&_count=5"),
    FIRELY.post(BUILDER, "QuestionnaireResponse", CONDITIONAL_4_0, "record 78").gets(201, CREATED),
    FIRELY.put(BUILDER, "Task/{task}", MATCHING_4_0, "in-progress").gets(200, "Task"),
    FIRELY.post(CONTENT, "QuestionnaireResponse", MINIMAL, "response").gets(201, ""),
    FIRELY.post(CONTENT, "QuestionnaireResponse", OUTCOME, "response").gets(201, "OperationOutcome"),
    FIRELY.post(BUILDER, "QuestionnaireResponse/$extract", FHIR_4_0, "response"),
    FIRELY.post(BUILDER, "QuestionnaireResponse/{third}/$extract", &[], ""),
    FIRELY.get(PARAMS, "CodeSystem?url=urn:sarcoscreen:answers&_count=1"),
    AXIOS.get(DEFAULTS, "Task?status=accepted&_sort=-priority"),
    AXIOS.get(DEFAULTS, "Observation?_id={third}-score"),
    AXIOS.post(DEFAULTS, "QuestionnaireResponse", JSON, "response").gets(201, CREATED),
    AXIOS.post(DEFAULTS, "QuestionnaireResponse/_search", FORM_UTF8, "authored=ge2020&_count=0"),
    CURL.get(HTTP, "metadata").gets(200, "CapabilityStatement"),
    CURL.get(HTTP, "Questionnaire"),
    CURL.get(HTTP, "Task?authored-on=2026-11,2027&_count=0"),
    CURL.post(HTTP, "QuestionnaireResponse", FHIR, "response").gets(201, CREATED),
    CURL.post(HTTP, "QuestionnaireResponse", FORM, "response")
        .refused(415, "a form is no resource (R4 http.html, content types)"),
];
