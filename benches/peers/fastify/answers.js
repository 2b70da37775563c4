// The answers as JSON schema. An absent item and null both mean unanswered.

const flag = { type: 'boolean', nullable: true };
const integer = (minimum, maximum) => ({ type: 'integer', nullable: true, minimum, maximum });
const decimal = (minimum, maximum, multipleOf) => ({ type: 'number', nullable: true, minimum, maximum, multipleOf });
const choice = (...options) => ({ type: 'string', nullable: true, enum: [...options, null] });
const set = (...options) => ({
  type: 'array',
  nullable: true,
  uniqueItems: true,
  items: { type: 'string', enum: [...options, 'none_of_these'] },
  // `none_of_these` excludes every other entry.
  anyOf: [{ not: { type: 'array', contains: { const: 'none_of_these' } } }, { type: 'array', maxItems: 1 }],
});
const difficulty = choice('none', 'some', 'a_lot_or_unable');

export const answers = {
  type: 'object',
  additionalProperties: false,
  properties: {
    age: integer(18, 120),
    sex: choice('female', 'male'),
    height_cm: decimal(100, 230, 0.1),
    weight_kg: decimal(25, 300, 0.1),
    new_breathing_trouble_or_chest_pain: flag,
    new_swallowing_or_speech_trouble: flag,
    new_face_droop_or_sight_loss: flag,
    new_one_sided_weakness: flag,
    new_confusion: flag,
    limb_weakness_within_days: flag,
    new_bladder_bowel_or_saddle_trouble: flag,
    muscle_pain: flag,
    dark_urine: flag,
    palpitations: flag,
    fever_or_rash_with_weakness: flag,
    headache_jaw_or_scalp_pain: flag,
    weakness_over_weeks: flag,
    high_dose_steroids: flag,
    head_injury: choice('none', 'hit', 'hit_with_later_signs', 'hit_and_still_unwell'),
    cannot_bear_weight_after_fall: flag,
    long_lie_after_fall: flag,
    carrying_difficulty: difficulty,
    walking_difficulty: difficulty,
    chair_rise_difficulty: difficulty,
    stair_difficulty: difficulty,
    falls_past_year: integer(0, 365),
    muscle_shrinkage: flag,
    weakness: flag,
    balance_trouble: flag,
    cold_intolerance: flag,
    fatigue: choice('rarely', 'sometimes', 'often'),
    finger_ring: choice('bigger', 'just_fits', 'smaller'),
    activity: choice('inactive', 'light', 'moderate', 'vigorous'),
    strength_training_days: integer(0, 7),
    can_walk_1000_m: flag,
    dairy_daily: flag,
    protein_daily: flag,
    weight_loss_past_year_kg: decimal(0, 100, 0.1),
    weight_loss_6_months_kg: decimal(0, 100, 0.1),
    weight_loss_unintended: flag,
    three_meals_usually: flag,
    poor_appetite: flag,
    chewing_trouble: flag,
    smoker: flag,
    sleep_hours: decimal(0, 24, 0.5),
    hospital_stays_past_year: integer(0, 50),
    bed_rest_days_past_year: integer(0, 366),
    conditions: set(
      'diabetes', 'copd', 'heart_failure', 'chronic_kidney_disease', 'cancer', 'osteoporosis', 'osteoarthritis',
      'cognitive_impairment', 'depression', 'parkinsons_disease', 'stroke', 'liver_cirrhosis',
      'other_neuromuscular_disease', 'rheumatoid_arthritis',
    ),
    muscle_injury_or_surgery: flag,
    fracture_from_fall: flag,
    medications: set(
      'loop_diuretic', 'proton_pump_inhibitor', 'sulfonylurea_or_glinide', 'statin', 'other',
      'systemic_corticosteroid_3_weeks', 'chemotherapy_past_year', 'cancer_immunotherapy', 'blood_thinner',
      'androgen_deprivation', 'glp1_agonist', 'sedative_or_antipsychotic',
    ),
    regular_medication_count: integer(0, 60),
    calf_circumference_cm: decimal(15, 70, 0.1),
    grip_strength_kg: decimal(1, 100, 0.1),
    five_chair_stands_s: decimal(3, 300, 0.01),
    timed_up_and_go_s: decimal(1, 300, 0.01),
    gait_speed_m_s: decimal(0, 3, 0.01),
    sppb: integer(0, 12),
    tests_unable: set('grip', 'chair_stands', 'gait', 'timed_up_and_go'),
    creatine_kinase_u_l: integer(0, 500_000),
    creatine_kinase_upper_limit_u_l: integer(20, 1_000),
    myoglobin_ug_l: integer(0, 100_000),
    myoglobin_upper_limit_ug_l: integer(10, 500),
    vitamin_d_nmol_l: integer(0, 500),
  },
};

const required = ['age', 'stair_difficulty', 'falls_past_year', 'activity', 'medications'];
const present = (name) => ({ ...answers.properties[name], nullable: false });

// A submission must answer these.
export const submittedAnswers = {
  ...answers,
  required,
  properties: {
    ...answers.properties,
    ...Object.fromEntries(required.map((name) => [name, present(name)])),
  },
};
