// Runs the scenarios of the pages, a lane beside the other, and reports each fault; ends with 1 if there is one. .ci/pages starts it.
//   BASE=http://.. PORT=.. STATES=.. ..KEY=.. node run.mjs FOLDER [NAME...]      FOLDER holds node_modules
import { BASE, must, ok, require, seen } from './kit.mjs';

const { chromium } = require('playwright-core');
/** Figures of time are measured alone. The scenarios of one lane run in turn: those of staff work on each other's cases. */
const ALONE = ['budgets'];
const LANES = [
  ['form_states', 'form_keyboard'],
  ['form_kept', 'embedding', 'firefox'],
  ['form_sent'],
  ['staff_day', 'staff_states', 'rules'],
  ['staff_two'],
];
const LEAST_STATES = 60;
const names = process.argv.slice(3);
const known = [...ALONE, ...LANES.flat()];
for (const name of names) must(`${name} is one of ${known}`, known.includes(name));
const faults = [];
let count = 0;

async function run(browser, lane) {
  for (const name of lane.filter((name) => names.length === 0 || names.includes(name))) {
    const { scenarios } = await import(`./${name}.mjs`);
    for (const scenario of scenarios) {
      const begin = performance.now();
      try {
        await scenario(browser);
      } catch (error) {
        faults.push(name);
        console.error(`FAULT in ${name}, ${scenario.name}:`, error);
      }
      count += 1;
      console.log(`   ${name}, ${scenario.name}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    }
  }
}

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium-headless-shell',
  args: ['--no-sandbox', '--host-resolver-rules=MAP clinic.test 127.0.0.1, MAP other.test 127.0.0.1'],
});
try {
  ok(`Chromium ${browser.version()}, the service at ${BASE}`);
  await run(browser, ALONE);
  await Promise.all(LANES.map((lane) => run(browser, lane)));
  const undecided = [...seen.undecided].map(([rule, times]) => `${rule} ${times}`).join(', ') || 'nothing';
  must(`faults in ${faults}`, faults.length === 0);
  ok(`axe-core: ${seen.states.size} states in ${seen.runs} variants, violations 0; left to people: ${undecided}`);
  ok(`${count} scenarios without an error on the console and without a request to another host`);
  if (names.length === 0) must(`at least ${LEAST_STATES} states, not ${seen.states.size}`, seen.states.size >= LEAST_STATES);
} catch (error) {
  console.error(error);
  process.exit(1);
}
await browser.close();
