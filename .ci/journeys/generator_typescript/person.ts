// A person who is flagged, as JSON.

import { name, reference } from "./must.js";

export const answers = {
  age: 82,
  falls_past_year: 4,
  activity: "inactive",
  stair_difficulty: "a_lot_or_unable",
  medications: ["none_of_these"],
};

export const subject = {
  reference,
  contact: { name, telephone: "+1 202 555 0143", email: null, channel: "telephone", language: "es" },
  consent: { to_contact: true, text_version: "2026-01", given_at: "2026-01-05T09:00:00Z" },
};
