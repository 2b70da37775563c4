// The routes. Each validates its request and serializes its response by a schema.

import { createHash, timingSafeEqual } from 'node:crypto';
import Fastify from 'fastify';
import { answers, submittedAnswers } from './answers.js';
import { scorer } from './scoring.js';
import { Store } from './store.js';

const text = { type: 'string' };
const uuid = { type: 'string', format: 'uuid' };
const time = { type: 'string', format: 'date-time' };
const maybe = (schema) => ({ ...schema, nullable: true });

const findings = {
  type: 'array',
  items: { type: 'object', properties: { rule: text, points: { type: 'integer' } } },
};
const assessment = {
  type: 'object',
  properties: {
    rule_table: text,
    total: { type: 'integer' },
    band: text,
    flagged: { type: 'boolean' },
    urgency: maybe(text),
    findings,
  },
};
const receipt = {
  type: 'object',
  properties: { id: uuid, received_at: time, follow_up_id: maybe(uuid), assessment },
};
const submission = {
  type: 'object',
  properties: {
    ...receipt.properties,
    reference: maybe(text),
    answers: { type: 'object', additionalProperties: true },
  },
};
const page = {
  type: 'object',
  properties: {
    items: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          id: uuid,
          urgency: text,
          flagged_at: time,
          submission_id: uuid,
          reference: maybe(text),
          total: { type: 'integer' },
          band: text,
          findings,
        },
      },
    },
    next_cursor: maybe(text),
  },
};

const scoreBody = {
  type: 'object',
  required: ['answers'],
  additionalProperties: false,
  properties: { answers },
};
const submissionBody = {
  type: 'object',
  required: ['answers'],
  additionalProperties: false,
  properties: {
    answers: submittedAnswers,
    subject: {
      type: 'object',
      nullable: true,
      additionalProperties: false,
      properties: { reference: { type: 'string', nullable: true, minLength: 1, maxLength: 200 } },
    },
  },
};
const idempotencyKey = {
  type: 'object',
  required: ['idempotency-key'],
  properties: { 'idempotency-key': { type: 'string', minLength: 1, maxLength: 200 } },
};
const pageQuery = {
  type: 'object',
  additionalProperties: false,
  properties: { limit: { type: 'string', pattern: '^([1-9][0-9]?|100)$', default: '50' }, cursor: text },
};

const digest = (value) => createHash('sha256').update(value).digest();

// The pointer to the faulty value; for an unknown or missing field, to that field.
function pointer({ instancePath, params }) {
  const field = params.additionalProperty ?? params.missingProperty;
  return field === undefined ? instancePath : `${instancePath}/${field}`;
}

function problem(reply, status, title, more) {
  return reply.code(status).type('application/problem+json').send({ title, status, ...more });
}

// Responds with the status and title of an error. Internal details are logged, not returned.
function onError(error, request, reply) {
  if (error.validation) {
    const errors = error.validation.map((fault) => ({ pointer: pointer(fault), detail: fault.message }));
    return problem(reply, 422, 'The content has faults', { errors });
  }
  if (error.statusCode < 500) return problem(reply, error.statusCode, error.message);
  request.log.error(error);
  return problem(reply, 500, 'The request failed');
}

const encodeCursor = (position) => position && Buffer.from(JSON.stringify(position)).toString('base64url');

// The position in a cursor; throws an error of status 422 if there is none.
function decodeCursor(cursor) {
  if (cursor === undefined) return undefined;
  try {
    const position = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    const [urgency, flaggedAt, id] = position;
    const right = position.length === 3 && Number.isInteger(urgency) && !Number.isNaN(Date.parse(flaggedAt));
    if (right && /^[0-9a-f-]{36}$/.test(id)) return position;
  } catch {
    // Handled below, like every other invalid cursor.
  }
  throw Object.assign(new Error('The cursor is not one of this service'), { statusCode: 422 });
}

export function build({ points, apiKey }) {
  const app = Fastify({
    logger: { level: 'warn' },
    ajv: {
      customOptions: { allErrors: true, coerceTypes: false, removeAdditional: false, multipleOfPrecision: 6 },
    },
  });
  const store = new Store(app.log);
  const score = scorer(points);
  const expected = digest(`Bearer ${apiKey}`);

  app.addHook('onClose', () => store.close());
  app.setErrorHandler(onError);

  app.get('/health', async () => {
    await store.ping();
    return { status: 'ok', process: process.pid };
  });

  app.register(async (signedIn) => {
    signedIn.addHook('onRequest', async (request, reply) => {
      if (!timingSafeEqual(digest(request.headers.authorization ?? ''), expected)) {
        return problem(reply.header('www-authenticate', 'Bearer'), 401, 'Sign in with an API key');
      }
    });

    signedIn.post('/v1/scores', { schema: { body: scoreBody, response: { 200: assessment } } }, async (request) =>
      score(request.body.answers),
    );

    signedIn.post(
      '/v1/submissions',
      { schema: { headers: idempotencyKey, body: submissionBody, response: { '2xx': receipt } } },
      async (request, reply) => {
        const { answers, subject } = request.body;
        const scored = score(answers);
        const key = request.headers['idempotency-key'];
        const stored = await store.submit(key, answers, subject?.reference ?? null, scored);
        if (!stored) return problem(reply, 409, 'The idempotency key was used with another body');
        reply.code(stored.created ? 201 : 200).header('location', `/v1/submissions/${stored.submission_id}`);
        return { ...stored, id: stored.submission_id, assessment: scored };
      },
    );

    signedIn.get(
      '/v1/submissions/:id',
      {
        schema: {
          params: { type: 'object', properties: { id: uuid } },
          response: { 200: submission },
        },
      },
      async (request, reply) => {
        const found = await store.submission(request.params.id);
        if (!found) return problem(reply, 404, 'There is no such submission');
        return { ...found, id: found.submission_id, assessment: found };
      },
    );

    signedIn.get(
      '/v1/follow-ups',
      { schema: { querystring: pageQuery, response: { 200: page } } },
      async (request) => {
        const { limit, cursor } = request.query;
        const { items, next } = await store.worklist(Number(limit), decodeCursor(cursor));
        return {
          items: items.map((item) => ({ ...item, id: item.follow_up_id })),
          next_cursor: encodeCursor(next),
        };
      },
    );
  });

  return app;
}
