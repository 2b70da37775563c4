// A record system that gets access tokens as a SMART backend service, with libraries that others wrote: openid-client signs the
// assertions, fhir-kit-client finds the token endpoint and calls. It publishes its keys at an address. Changed assertions must be
// refused. For .ci/fhir, which also sets SARCOSCREEN_DATA_DIR.
//   BASE=http://.. PROGRAM=.. CLINIC=.. node fhir_backend.mjs MODULES      MODULES holds node_modules
import { execFile } from 'node:child_process';
import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const { BASE, PROGRAM, CLINIC } = process.env;
const modules = join(resolve(process.argv[2]), 'node_modules');
const openid = await import(pathToFileURL(join(modules, 'openid-client/build/index.js')));
const { Client } = await import(pathToFileURL(join(modules, 'fhir-kit-client/dist/index.js')));
const version = (name) => `${name} ${JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version}`;
const SCOPE = 'system/QuestionnaireResponse.crs system/Task.rs';

function must(what, value) {
  if (!value) throw new Error(`failed: ${what}`);
}

async function keyPair() {
  return webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-384' }, true, ['sign', 'verify']);
}

/** Publishes a public key; returns the address. */
async function published({ publicKey }) {
  const key = { ...(await webcrypto.subtle.exportKey('jwk', publicKey)), kid: 'one', alg: 'ES384' };
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys: [key] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return `http://127.0.0.1:${server.address().port}/jwks.json`;
}

/** Registers the system, as the operator does; returns its client id. */
async function registered(address) {
  const options = ['--clinic', CLINIC, '--role', 'staff', '--name', 'Record system with an address', '--jwks', address];
  const { stdout } = await promisify(execFile)(PROGRAM, ['keys', 'mint', ...options]);
  return stdout.trim();
}

const pair = await keyPair();
const clientId = await registered(await published(pair));
const fhir = new Client({ baseUrl: `${BASE}/fhir` });
const { tokenUrl } = await fhir.smartAuthMetadata();
must(`the token endpoint is ${BASE}/oauth/token, not ${tokenUrl}`, tokenUrl?.href === `${BASE}/oauth/token`);

/** Asks for a token with an assertion whose claims are changed. */
async function token({ claims = {}, key = pair.privateKey, scope = SCOPE } = {}) {
  const change = (_, payload) => Object.assign(payload, { aud: tokenUrl.href }, claims);
  const signed = openid.PrivateKeyJwt({ key, kid: 'one' }, { [openid.modifyAssertion]: change });
  const server = { issuer: `${BASE}/fhir`, token_endpoint: tokenUrl.href };
  const config = new openid.Configuration(server, clientId, {}, signed);
  openid.allowInsecureRequests(config);
  return openid.clientCredentialsGrant(config, { scope });
}

/** The status and the error of a refused request for a token. */
async function refused(what, request, status, error) {
  const got = await token(request).then(
    () => [200],
    // The library reads the challenge of a 401 and leaves the body.
    async (failure) => [failure.status, failure.error ?? (await failure.response?.json())?.error, failure.message],
  );
  must(`${what}: ${status} ${error}, not ${got}`, got[0] === status && got[1] === error);
  return `${what} ${status} ${error}`;
}

/** The status of a refused call. */
async function forbidden(what, call) {
  const status = await call().then(
    () => 200,
    (failure) => failure.response?.status ?? failure.message,
  );
  must(`${what}: 403, not ${status}`, status === 403);
}

async function calls() {
  const granted = await token();
  must(`a token for five minutes, not ${JSON.stringify(granted)}`, granted.expires_in === 300 && granted.scope === SCOPE);
  fhir.bearerToken = granted.access_token;
  const coding = (code) => [{ valueCoding: { system: 'urn:sarcoscreen:answers', code } }];
  const body = {
    resourceType: 'QuestionnaireResponse',
    status: 'completed',
    subject: { identifier: { system: 'urn:check:backend', value: '1' } },
    item: [
      { linkId: 'age', answer: [{ valueInteger: 79 }] },
      { linkId: 'stair_difficulty', answer: coding('stair_difficulty.some') },
      { linkId: 'falls_past_year', answer: [{ valueInteger: 1 }] },
      { linkId: 'activity', answer: coding('activity.light') },
      { linkId: 'medications', answer: coding('medications.none_of_these') },
    ],
  };
  const { id } = await fhir.create({ resourceType: 'QuestionnaireResponse', body });
  const read = await fhir.read({ resourceType: 'QuestionnaireResponse', id });
  must('the response is stored for its subject', read.subject.identifier.value === '1');
  const found = await fhir.search({ resourceType: 'Task', searchParams: { _count: 5 } });
  const more = await fhir.nextPage({ bundle: found });
  must('two pages of tasks', found.entry.length === 5 && more.entry.length > 0);
  await forbidden('a search of flags', () => fhir.search({ resourceType: 'Flag' }));
  const [{ resource: task }] = found.entry;
  await forbidden('an update of a task', () => fhir.update({ resourceType: 'Task', id: task.id, body: task }));
}

await calls();
const used = `${version('openid-client')} and ${version('fhir-kit-client')}`;
console.log(`ok: ${used}: discovery, a token of ES384, a create, a read, two pages, 403 without the scope`);
const now = Math.floor(Date.now() / 1000);
const replayed = { claims: { jti: 'one' } };
await token(replayed);
const refusals = [
  ['expired', { claims: { iat: now - 120, nbf: now - 120, exp: now - 60 } }, 401, 'invalid_client'],
  ['wrong key', { key: (await keyPair()).privateKey }, 401, 'invalid_client'],
  ['replayed jti', replayed, 401, 'invalid_client'],
  ['wrong audience', { claims: { aud: `${BASE}/fhir` } }, 401, 'invalid_client'],
  ['too long', { claims: { exp: now + 3600 } }, 401, 'invalid_client'],
  ['wrong scope', { scope: 'system/AuditEvent.rs' }, 400, 'invalid_scope'],
  ['other scope', { scope: 'openid fhirUser' }, 400, 'invalid_scope'],
];
const seen = [];
for (const [what, request, status, error] of refusals) seen.push(await refused(what, request, status, error));
console.log(`ok: ${version('openid-client')}: ${seen.join(', ')}`);
