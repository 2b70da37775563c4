// What each journey in TypeScript gets from .ci/clients, and its checks.

declare const process: { env: Record<string, string | undefined> };

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is missing`);
  return value;
}

export const baseUrl = setting("BASE");
export const key = setting("KEY");
// Only letters, and different in each run against a service.
const run = setting("RUN");
export const name = `Ada ${run}`;
export const reference = `CLIENT-${run}`;

export const inAWeek = (): Date => new Date(Date.now() + 7 * 24 * 3600 * 1000);

export function must<T>(what: string, value: T | undefined | null | false): T {
  if (!value) throw new Error(`failed: ${what}`);
  console.log(`ok: ${what}`);
  return value;
}
