// The total of points: the rules whose condition holds, added up by group. An unanswered item makes a condition false.

// Values that conditions use in addition to the answers.
const derived = {
  bmi: ({ weight_kg, height_cm }) =>
    weight_kg == null || height_cm == null ? null : weight_kg / (height_cm / 100) ** 2,
  weight_loss_6_months_percent: ({ weight_kg, weight_loss_6_months_kg: lost }) =>
    weight_kg == null || lost == null ? null : (100 * lost) / (weight_kg + lost),
};

const tests = {
  is: (wanted) => (value) => value === wanted,
  one_of: (wanted) => (value) => wanted.includes(value),
  includes: (wanted) => (value) => value.includes(wanted),
  at_least: (limit) => (value) => value >= limit,
  at_most: (limit) => (value) => value <= limit,
  more_than: (limit) => (value) => value > limit,
  less_than: (limit) => (value) => value < limit,
};

// Returns a function that evaluates the condition for given answers.
function condition({ all_of, any_of, by_age, item, ...checks }) {
  if (all_of) {
    const parts = all_of.map(condition);
    return (answers) => parts.every((holds) => holds(answers));
  }
  if (any_of) {
    const parts = any_of.map(condition);
    return (answers) => parts.some((holds) => holds(answers));
  }
  if (by_age) {
    const rows = by_age.map(({ from, ...row }) => ({ from, holds: condition({ item, ...row }) })).reverse();
    return (answers) => rows.find(({ from }) => answers.age >= from)?.holds(answers) ?? false;
  }
  const read = derived[item] ?? ((answers) => answers[item]);
  const wanted = Object.entries(checks).map(([name, value]) => tests[name](value));
  return (answers) => {
    const value = read(answers);
    return value != null && wanted.every((holds) => holds(value));
  };
}

// Returns a function that scores answers by the points of a rule table.
export function scorer({ rule_table, bands, units }) {
  const prepared = units.map(({ kind, cap, rules }) => ({
    kind,
    cap,
    rules: rules.map(({ id, points, when }) => ({ points, finding: { rule: id, points }, holds: condition(when) })),
  }));
  const falling = [...bands].reverse();
  return (answers) => {
    const findings = [];
    let total = 0;
    for (const { kind, cap, rules } of prepared) {
      let [sum, highest] = [0, 0];
      for (const { points, finding, holds } of rules) {
        if (points > 0 && holds(answers)) {
          findings.push(finding);
          sum += points;
          highest = Math.max(highest, points);
        }
      }
      if (kind === 'highest_of') total += highest;
      else total += kind === 'cap' ? Math.min(sum, cap) : sum;
    }
    const { id: band, urgency } = falling.find(({ from }) => total >= from);
    return { rule_table, total, band, flagged: urgency !== null, urgency, findings };
  };
}
