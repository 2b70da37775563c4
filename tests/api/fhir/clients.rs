//! Requests of public clients. Each client names the file that sets the headers of all its requests, each request the file that
//! its path, parameters and further headers were read in. SMART client-js (`request`), axios and curl leave path and parameters of
//! a request to their caller; their rows have the headers of the client. The encodings that clients accept (`accept-encoding`) are
//! left out, because the tests read plain text.

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
        ("content-type", "application/fhir+json;charset=utf-8"),
    ],
};
const LHC_FORMS: Client = Client {
    name: "LHC-Forms app",
    repository: "LHNCBC/lforms-fhir-app",
    source: "source/js/fhir.service.js, by SMART client-js",
    headers: &[("accept", "application/json")],
};
const HAPI_AGENT: Header = ("user-agent", "HAPI-FHIR/7.0.0 (FHIR Client; FHIR 4.0.1/R4; apache)");
/// No encoding is set. A request without a body leaves the choice to the server.
const HAPI: Client = Client {
    name: "HAPI client",
    repository: "hapifhir/hapi-fhir",
    source: "hapi-fhir-base/.../rest/api/Constants.java HEADER_ACCEPT_VALUE_XML_OR_JSON_NON_LEGACY, \
             hapi-fhir-client/.../apache/BaseHttpClient.java, hapi-fhir-base/.../client/api/HttpClientUtil.java",
    headers: &[
        HAPI_AGENT,
        ("accept-charset", "utf-8"),
        (
            "accept",
            "application/fhir+xml;q=1.0, application/fhir+json;q=1.0, application/xml+fhir;q=0.9, application/json+fhir;q=0.9",
        ),
    ],
};
/// JSON is set, which adds `_format` to the URL, or a resource is sent, for which JSON is the default.
const HAPI_JSON: Client = Client {
    name: "HAPI client, JSON",
    repository: "hapifhir/hapi-fhir",
    source: "hapi-fhir-base/.../rest/api/Constants.java HEADER_ACCEPT_VALUE_JSON_NON_LEGACY, \
             hapi-fhir-client/.../apache/BaseHttpClient.java",
    headers: &[
        HAPI_AGENT,
        ("accept-charset", "utf-8"),
        ("accept", "application/fhir+json;q=1.0, application/json+fhir;q=0.9"),
    ],
};
const FIRELY_AGENT: Header = ("user-agent", "firely-sdk-client/5.10.4");
/// With the settings for JSON and for the version of FHIR in headers.
const FIRELY: Client = Client {
    name: "Firely SDK",
    repository: "FirelyTeam/firely-net-sdk",
    source: "src/Hl7.Fhir.Base/Rest/HttpContentBuilders.cs, ContentType.cs, EntryToHttpExtensions.cs",
    headers: &[FIRELY_AGENT, ("accept", "application/fhir+json; fhirVersion=4.0"), ("accept-charset", "utf-8")],
};
/// With the setting for the parameter `_format`, which replaces the header.
const FIRELY_FORMAT: Client = Client { name: "Firely SDK, _format", headers: &[FIRELY_AGENT], ..FIRELY };
const FHIR_EMR: Client = Client {
    name: "Beda EMR",
    repository: "beda-software/fhir-emr",
    source: "src/services/fhir.ts, by axios",
    headers: AXIOS.headers,
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
    source: "lib/http.c, src/config2setopts.c",
    headers: &[("user-agent", "curl/8.5.0"), ("accept", "*/*")],
};

const JSON: &[Header] = &[("content-type", "application/json")];
const FHIR: &[Header] = &[("content-type", "application/fhir+json")];
const FHIR_UTF8: &[Header] = &[("content-type", "application/fhir+json; charset=UTF-8")];
const FHIR_4_0: &[Header] = &[("content-type", "application/fhir+json; charset=utf-8; fhirVersion=4.0")];
const FORM: &[Header] = &[("content-type", "application/x-www-form-urlencoded")];
/// Of Apache `HttpClient`, UrlEncodedFormEntity.java.
const FORM_APACHE: &[Header] = &[("content-type", "application/x-www-form-urlencoded; charset=UTF-8")];
const FORM_UTF8: &[Header] = &[("content-type", "application/x-www-form-urlencoded;charset=utf-8")];
const STRICT: &[Header] = &[("prefer", "handling=strict")];
const LENIENT: &[Header] = &[("prefer", "handling=lenient")];
const REPRESENTATION: &[Header] = &[("prefer", "return=representation")];
const NO_CACHE: &[Header] = &[("cache-control", "no-cache")];

const MATCHING: &[Header] = &[("content-type", "application/fhir+json; charset=UTF-8"), ("if-match", "\"1\"")];
/// The headers of an invocation are added twice since 2024.
const MATCHING_TWICE: &[Header] =
    &[("content-type", "application/fhir+json; charset=UTF-8"), ("if-match", "\"1\""), ("if-match", "\"1\"")];
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
const CONTEXT: &str = "src/Client.ts contextualize";
const LIB: &str = "src/lib.ts";
const FORM_CLIENT: &str = "apps/smart-forms-app/src/api/client.ts";
const SAVE: &str = "apps/smart-forms-app/src/api/saveQr.ts";
const DASHBOARD: &str = "apps/smart-forms-app/src/features/dashboard/hooks/useFetchQuestionnaires.ts";
const REFERENCED: &str = "apps/smart-forms-app/src/features/dashboard/components/DashboardPages/ResponsesPage/Buttons/\
                          OpenResponseButton.tsx, features/dashboard/utils/dashboard.ts";
const FOUND: &str = "apps/smart-forms-app/src/features/dashboard/hooks/useFetchResponses.ts";
const EXISTING: &str = "apps/smart-forms-app/src/features/dashboard/hooks/useFetchExistingResponses.ts";
const SERVICE: &str = "source/js/fhir.service.js";
const FORM_DATA: &str = "src/hooks/questionnaire-response-form-data.ts";
const GENERIC: &str = "hapi-fhir-client/.../impl/GenericClient.java";
const TOKEN: &str = "hapi-fhir-client/.../impl/GenericClient.java, hapi-fhir-base/.../gclient/TokenCriterion.java";
const REFERENCE: &str =
    "hapi-fhir-client/.../impl/GenericClient.java, hapi-fhir-base/.../gclient/ReferenceClientParam.java";
const EXTRA: &str = "hapi-fhir-client/.../impl/BaseClient.java createExtraParams, invokeClient";
const READ: &str = "hapi-fhir-client/.../method/ReadMethodBinding.java";
const HISTORY: &str = "hapi-fhir-client/.../method/HistoryMethodBinding.java";
const SEARCH: &str = "hapi-fhir-client/.../method/SearchMethodBinding.java, apache/ApacheHttpClient.java";
const CONDITION: &str = "hapi-fhir-client/.../apache/BaseHttpClient.java addHeaderIfNoneExist";
const METHODS: &str = "hapi-fhir-client/.../method/MethodUtil.java";
const CONTENTS: &str = "hapi-fhir-client/.../method/BaseHttpClientInvocationWithContents.java";
const BATCH: &str =
    "hapi-fhir-client/.../method/TransactionMethodBinding.java, BaseHttpClientInvocationWithContents.java";
const BUILDER: &str = "src/Hl7.Fhir.Base/Rest/TransactionBuilder.cs";
const PARAMS: &str = "src/Hl7.Fhir.Base/Rest/SearchParams.cs, UriParamList.cs";
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
    CLIENT_JS.get(CONTEXT, "Patient/{patient}").gets(200, "Patient"),
    CLIENT_JS.get(FHIR_CLIENT, "Questionnaire/2026.3").gets(200, "Questionnaire"),
    CLIENT_JS.get(CONTEXT, "QuestionnaireResponse?patient={patient}"),
    CLIENT_JS.get(FHIR_CLIENT, "QuestionnaireResponse?subject=Patient/{patient}&_count=5"),
    CLIENT_JS.get(CONTEXT, "Observation?_sort=-date&_count=10&patient={patient}"),
    CLIENT_JS.get(FHIR_CLIENT, "Observation?code=urn:sarcoscreen:results|score&subject=Patient/{patient}"),
    CLIENT_JS.get(CONTEXT, "Task?status=requested%2Caccepted&patient={patient}"),
    CLIENT_JS.get(CONTEXT, "ServiceRequest?patient={patient}"),
    CLIENT_JS.get(CONTEXT, "RiskAssessment?_count=1&patient={patient}"),
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
    SMART_FORMS.get(DASHBOARD, "Questionnaire?_count=500&_sort=-date&"),
    SMART_FORMS.get(DASHBOARD, "Questionnaire?_count=500&_sort=-date&title:contains=screen"),
    SMART_FORMS.get(
        REFERENCED,
        "Questionnaire?_sort=-date&url=https://screening.example/fhir/Questionnaire/sarcoscreen&version=2026.3",
    ),
    SMART_FORMS.get(REFERENCED, "Questionnaire/2026.3").gets(200, "Questionnaire"),
    SMART_FORMS.get(FORM_CLIENT, "Questionnaire/2026.3-person").gets(200, "Questionnaire"),
    SMART_FORMS.get(
        FOUND,
        "QuestionnaireResponse?_count=100&_sort=-authored&patient={patient}&questionnaire=urn:sarcoscreen:questionnaire",
    ),
    SMART_FORMS.get(
        EXISTING,
        "QuestionnaireResponse?_count=200&_sort=-authored&questionnaire=urn:sarcoscreen:questionnaire|2026.3\
         &patient={patient}&",
    ),
    SMART_FORMS.post(SAVE, "QuestionnaireResponse", REPRESENTATION, "smart forms").gets(201, CREATED),
    SMART_FORMS.put(SAVE, "QuestionnaireResponse/{second}", REPRESENTATION, "amended {second}").gets(201, CREATED),
    SMART_FORMS
        .post(SAVE, "QuestionnaireResponse", REPRESENTATION, "in progress")
        .refused(422, "a business rule: only completed answers can be scored (R4 http.html, create: 422)"),
    SMART_FORMS.put(SAVE, "Questionnaire/2026.3", &[], "form").refused(405, NOT_OFFERED),
    LHC_FORMS
        .get(
            SERVICE,
            "QuestionnaireResponse?subject=Patient%2F{patient}&_include=QuestionnaireResponse%3Aquestionnaire\
             &_sort=-_lastUpdated&_count=5",
        )
        .with(NO_CACHE),
    LHC_FORMS.get(SERVICE, "Questionnaire?_sort=-_lastUpdated&_count=10").with(NO_CACHE),
    LHC_FORMS.get(SERVICE, "Questionnaire?title=Sarco&_count=7").with(NO_CACHE),
    // A comma that was typed is escaped.
    LHC_FORMS.get(SERVICE, "Questionnaire?title=Sarcopenia%5C%2C+screen&_count=7").with(NO_CACHE),
    LHC_FORMS.get(SERVICE, "Patient?name=Ana&name=Smith&_count=7").with(NO_CACHE),
    LHC_FORMS.get(SERVICE, "Observation?derived-from=QuestionnaireResponse%2F{third}").with(NO_CACHE),
    LHC_FORMS.get(SERVICE, "QuestionnaireResponse/{third}").gets(200, CREATED),
    LHC_FORMS.get(SERVICE, "Questionnaire/2026.3").gets(200, "Questionnaire"),
    LHC_FORMS.post(SERVICE, "QuestionnaireResponse", JSON, "by reference").gets(201, CREATED),
    LHC_FORMS
        .post(SERVICE, "/", JSON, "transaction")
        .refused(422, "the CapabilityStatement offers batch and not transaction (R4 http.html, transaction)"),
    LHC_FORMS.sends(SERVICE, "DELETE", "Observation/{third}-score").refused(405, NOT_OFFERED),
    LHC_FORMS.sends(SERVICE, "DELETE", "QuestionnaireResponse/{third}").refused(405, NOT_OFFERED),
    HAPI.get(METHODS, "metadata").gets(200, "CapabilityStatement"),
    HAPI.get(READ, "Patient/{patient}").gets(200, "Patient"),
    HAPI.get(GENERIC, "Task/{task}").with(&[("if-none-match", "\"9\"")]).gets(200, "Task"),
    HAPI_JSON.get(READ, "Task/{task}?_format=json").gets(200, "Task"),
    HAPI.get(READ, "Task/{task}/_history/1").gets(200, "Task"),
    // The offset is not encoded.
    HAPI.get(HISTORY, "Task/{task}/_history?_since=2020-01-01T00:00:00.000+00:00&_count=10"),
    HAPI_JSON.get(HISTORY, "QuestionnaireResponse/{third}/_history?_format=json"),
    HAPI.get(GENERIC, "QuestionnaireResponse?_lastUpdated=ge2020-01-01T00%3A00%3A00.000%2B00%3A00"),
    HAPI.get(GENERIC, "Task?_lastUpdated=ge2020&_lastUpdated=le2999"),
    HAPI.get(TOKEN, "Task?status=requested%2Caccepted"),
    HAPI.get(TOKEN, "Task?status=http%3A%2F%2Fhl7.org%2Ffhir%2Ftask-status%7Crequested"),
    HAPI.get(TOKEN, "Observation?patient=Patient%2F{patient}&code=urn%3Asarcoscreen%3Aresults%7Cscore"),
    HAPI.get(REFERENCE, "Observation?derived-from=QuestionnaireResponse%2F{third}"),
    HAPI_JSON.get(EXTRA, "QuestionnaireResponse?_format=json&_summary=count"),
    HAPI.get(EXTRA, "QuestionnaireResponse?_summary=data"),
    HAPI.get(EXTRA, "Task?_elements=status%2Cowner"),
    HAPI.get(GENERIC, "Task?_count=1&_total=accurate"),
    HAPI.get(GENERIC, "Task?_sort=-authored-on%2Cstatus"),
    HAPI.get(EXTRA, "QuestionnaireResponse?_pretty=true"),
    HAPI_JSON.get(EXTRA, "QuestionnaireResponse?_format=json"),
    HAPI.get(GENERIC, "Task?_include=Task%3Afocus&_include%3Aiterate=Task%3Apatient"),
    HAPI.get(GENERIC, "QuestionnaireResponse?_include=QuestionnaireResponse%3Aquestionnaire&_count=2"),
    HAPI.get(GENERIC, "Patient?_id={patient}&_revinclude=QuestionnaireResponse%3Asubject"),
    HAPI.get(REFERENCE, "Flag?subject=Patient%2F{patient}&_count=20"),
    HAPI.get(GENERIC, "AuditEvent?date=ge2020-01-01&_count=5"),
    HAPI.get(TOKEN, "Patient?identifier=urn%3Aoid%3A1.2.3%7C7"),
    HAPI.post(SEARCH, "Patient/_search", FORM_APACHE, "identifier=urn%3Aoid%3A1.2.3%7C7"),
    HAPI.post(SEARCH, "QuestionnaireResponse/_search", FORM_APACHE, "patient.identifier=urn%3Aoid%3A1.2.3%7C7"),
    HAPI_JSON.post(CONDITION, "QuestionnaireResponse", CONDITIONAL, "record 77").gets(201, CREATED),
    HAPI_JSON.post(CONDITION, "QuestionnaireResponse", CONDITIONAL, "record 77").gets(200, CREATED),
    HAPI_JSON.put(CONTENTS, "Task/{task}", MATCHING_TWICE, "accepted").gets(200, "Task"),
    HAPI_JSON
        .put(METHODS, "Task/{task}", MATCHING, "accepted")
        .refused(412, "the version is not the latest any more (R4 http.html, managing resource contention)"),
    HAPI_JSON.post(BATCH, "", FHIR_UTF8, "batch"),
    // A bundle that is given as text.
    HAPI_JSON.post(BATCH, "/", FHIR_UTF8, "batch"),
    HAPI.get(READ, "Task/0192f0c1-2d5e-7c3a-9b1d-3a5c7e9f1b2d")
        .refused(404, "there is no such resource (R4 http.html, read)"),
    FIRELY.get(BUILDER, "metadata?_summary=true").gets(200, "CapabilityStatement"),
    FIRELY.get(BUILDER, "Patient/{patient}").with(&[("if-none-match", "W/\"9\"")]).gets(200, "Patient"),
    FIRELY.get(BUILDER, "Task/{task}/_history?_count=10&_since=2020-01-01T00%3A00%3A00.000%2B00%3A00"),
    FIRELY.post(BUILDER, "", FHIR_4_0, "batch"),
    FIRELY_FORMAT.get(CONTENT, "QuestionnaireResponse?patient=Patient%2F{patient}&_format=json"),
    FIRELY.get(PARAMS, "Task?_count=5&priority=urgent%2Casap").with(STRICT),
    FIRELY.get(PARAMS, "QuestionnaireResponse?_count=1&_include=QuestionnaireResponse%3Aquestionnaire").with(STRICT),
    FIRELY.get(PARAMS, "Task?_text=knee").with(LENIENT),
    FIRELY.get(PARAMS, "Task?_text=knee").with(STRICT).refused(400, HANDLING),
    FIRELY.get(PARAMS, "Task?_include=Task%3Afocus&_revinclude=Provenance%3Atarget").with(LENIENT),
    FIRELY.get(PARAMS, "Task?_include=Task%3Afocus").with(STRICT).refused(400, HANDLING),
    FIRELY.get(PARAMS, "QuestionnaireResponse?_contained=false&_containedType=container").with(STRICT),
    FIRELY.post(BUILDER, "Task/_search", FORM, "_count=5&status=accepted"),
    FIRELY.post(BUILDER, "QuestionnaireResponse", CONDITIONAL_4_0, "record 78").gets(201, CREATED),
    FIRELY.put(BUILDER, "Task/{task}", MATCHING_4_0, "in-progress").gets(200, "Task"),
    FIRELY.post(CONTENT, "QuestionnaireResponse", MINIMAL, "response").gets(201, ""),
    FIRELY.post(CONTENT, "QuestionnaireResponse", OUTCOME, "response").gets(201, "OperationOutcome"),
    FIRELY.post(BUILDER, "Questionnaire/$populate", FHIR_4_0, "parameters").gets(200, "Parameters"),
    FIRELY.post(BUILDER, "QuestionnaireResponse/$extract", FHIR_4_0, "response as parameter"),
    FIRELY.post(BUILDER, "QuestionnaireResponse/{third}/$extract", &[], ""),
    FIRELY.get(PARAMS, "CodeSystem?_count=1&url=urn%3Asarcoscreen%3Aanswers"),
    FHIR_EMR.post(FORM_DATA, "Questionnaire/$populate", JSON, "form and patient").gets(200, "Parameters"),
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
