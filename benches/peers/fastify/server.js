// One process for each core behind one port, with the cluster module of Node.

import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { build } from './app.js';

const { API_KEY, POINTS, PORT, WORKERS } = process.env;

function lead() {
  let stopping = false;
  process.on('SIGTERM', () => {
    stopping = true;
    for (const worker of Object.values(cluster.workers)) worker.kill('SIGTERM');
  });
  cluster.on('exit', () => {
    if (!stopping) cluster.fork();
  });
  for (let worker = 0; worker < Number(WORKERS ?? availableParallelism()); worker += 1) cluster.fork();
}

async function work() {
  const app = build({ points: JSON.parse(readFileSync(POINTS, 'utf8')), apiKey: API_KEY });
  process.on('SIGTERM', async () => {
    await app.close();
    process.exit();
  });
  await app.listen({ host: '127.0.0.1', port: Number(PORT) });
}

if (cluster.isPrimary) lead();
else await work();
