-- A receipt code finds a submission by eight characters that a person reads out. It is stored as the number that they show
-- (src/domain/receipt_code.rs). The service draws it; the default is for the previous version during an upgrade, and for the
-- submissions stored before, which get one here: a list, a retry and a search then find all submissions alike, and a read never
-- has to write. A code is unique in its clinic.

alter table submissions add column receipt_number bigint not null default floor(random() * 3404825447)::bigint;

alter table submissions no force row level security;
do $$
declare
    again record;
    drawn bigint;
begin
    loop
        -- The draw is a statement of its own, because Citus refuses a random value in an update.
        for again in
            select clinic_id, submission_id
            from (select clinic_id, submission_id,
                         row_number() over (partition by clinic_id, receipt_number order by submission_id) as place
                  from submissions) s
            where place > 1
        loop
            drawn := floor(random() * 3404825447)::bigint;
            update submissions set receipt_number = drawn
            where clinic_id = again.clinic_id and submission_id = again.submission_id;
        end loop;
        exit when not found;
    end loop;
end
$$;
alter table submissions force row level security;

alter table submissions
    add constraint submissions_receipt_number_range check (receipt_number >= 0 and receipt_number < 3404825447),
    add constraint submissions_receipt_number_unique unique (clinic_id, receipt_number);

-- A submission whose code is taken gets the next one, so the writer finds out which codes of its batch were free.
grant select (clinic_id, submission_id, receipt_number) on submissions to sarcoscreen_writer;
