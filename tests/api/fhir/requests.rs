//! Requests as public clients send them, with the answer of the service. `clients.rs` lists them, each with the file that its
//! headers and parameters were read in.

use serde_json::{Value, json};

use super::clients::{REQUESTS, Sent};
use super::{identified, response};
use crate::world::{Answer, Clinic, World, fit, frail};

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
        // A follow-up that only the requests with its id change.
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
                let url = "http://hl7.org/fhir/StructureDefinition/display";
                body["_questionnaire"] = json!({"extension": [{"url": url, "valueString": "Screen"}]});
            }
            "in progress" => body["status"] = json!("in-progress"),
            "by reference" => body["questionnaire"] = json!("Questionnaire/2026.3"),
            "record 77" | "record 78" => body = identified(&fit(), &name["record ".len()..]),
            "form" => body = form(),
            "form and patient" => {
                let form = json!({"name": "questionnaire", "resource": form()});
                let patient = json!({"resourceType": "Patient", "id": "7", "birthDate": "1944-02-29"});
                let patient = json!({"name": "LaunchPatient", "resource": patient});
                body = json!({"resourceType": "Parameters", "parameter": [form, patient]});
            }
            "response as parameter" => {
                body["subject"] = json!({"identifier": {"system": "urn:oid:1.2.3", "value": "7"}});
                let response = json!({"name": "questionnaire-response", "resource": body});
                body = json!({"resourceType": "Parameters", "parameter": [response]});
            }
            "patch" => body = json!([{"op": "replace", "path": "/status", "value": "accepted"}]),
            "batch" | "transaction" => {
                let entry = [json!({"request": {"method": "GET", "url": "Task?_count=1"}})];
                body = json!({"resourceType": "Bundle", "type": name, "entry": entry});
            }
            "accepted" | "in-progress" => {
                body = json!({"resourceType": "Task", "id": self.fill("{task}"), "status": name});
            }
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

/// The form as far as operations read it.
fn form() -> Value {
    let (id, url) = ("2026.3", "urn:sarcoscreen:questionnaire");
    json!({"resourceType": "Questionnaire", "id": id, "status": "active", "url": url, "version": id})
}

async fn send(clinic: &Clinic, names: &Names, sent: &Sent) -> Answer {
    let path = match sent.path {
        "" | "/" => format!("/fhir{}", sent.path),
        path => format!("/fhir/{}", names.fill(path)),
    };
    let mut request = clinic.admin.request(sent.method, &path);
    for (name, value) in sent.client.headers.iter().chain(sent.headers) {
        request = request.header(*name, names.fill(value));
    }
    clinic.admin.send(request.body(names.body(sent.body))).await
}

/// What came: the type of the resource, with the number of each kind of entries of a bundle, or the first issue of an outcome.
fn came(body: &Value) -> String {
    let kind = body["resourceType"].as_str().unwrap_or("no body");
    let modes: Vec<&str> = body["entry"].as_array().map_or_else(Vec::new, |entries| {
        entries.iter().map(|entry| entry["search"]["mode"].as_str().unwrap_or("entry")).collect()
    });
    let count = |mode: &str| modes.iter().filter(|one| **one == mode).count();
    let counted = ["match", "include", "outcome", "entry"].map(|mode| (mode, count(mode)));
    let counted = counted.iter().filter(|(_, count)| *count > 0).map(|(mode, count)| format!(", {count} {mode}"));
    let issue = body["issue"][0]["diagnostics"].as_str().map(|text| format!(": {text}"));
    format!("{kind}{}{}", counted.collect::<String>(), issue.unwrap_or_default())
}

#[tokio::test]
async fn requests_of_public_clients_succeed_unless_the_specification_asks_for_a_refusal() {
    let world = World::new().await;
    let clinic = world.clinic("One").await;
    let names = Names::of(&world, &clinic).await;
    assert!(REQUESTS.len() >= 90, "{}", REQUESTS.len());
    println!("| client | source | request | status | what came | why a refusal |\n|---|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for sent in REQUESTS {
        let (client, request) = (sent.client.name, format!("{} {}", sent.method, sent.path));
        let answer = send(&clinic, &names, sent).await;
        let body = if answer.text.is_empty() { Value::Null } else { answer.json() };
        let source = format!("{}: {}; {}", sent.client.repository, sent.client.source, sent.source);
        println!("| {client} | {source} | {request} | {} | {} | {} |", answer.status, came(&body), sent.refusal);
        let kind = body["resourceType"].as_str().unwrap_or_default();
        // A refusal needs the rule that asks for it.
        let is_unjustified = (400..500).contains(&answer.status) == sent.refusal.is_empty();
        if (answer.status, kind) != (sent.status, sent.kind) || is_unjustified {
            wrong.push(format!("{client}: {request}: {} {}", answer.status, answer.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
