-- A record system names the version of the form that was answered, which may be an earlier one than the rule table that scores the
-- answers, and may state their time as a day, a month or a year. Both come back as they were sent. Null: the form of the rule table,
-- and the time in answered_at.

alter table submissions
    add column form_version text,
    add column answered_on text,
    add constraint submissions_form_version_plain check (form_version ~ '^[0-9A-Za-z.-]{1,64}$'),
    add constraint submissions_answered_on_date check (
        answered_on is null or answered_on ~ '^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$' and answered_at is not null
    );
