-- How many changes each credential has made, counted by the transaction that makes the change. Whoever reads from a
-- streaming replica is shown it only when the count there is not behind the count on the primary: then it holds everything
-- that this credential changed, through whichever instance of the service.

create table credential_changes (
    clinic_id     uuid   not null,
    credential_id uuid   not null,
    changes       bigint not null,
    constraint credential_changes_pkey primary key (clinic_id, credential_id),
    constraint credential_changes_counted check (changes >= 1)
) with (fillfactor = 50);

grant select, insert, update on credential_changes to sarcoscreen_app, sarcoscreen_jobs;

alter table credential_changes enable row level security;
alter table credential_changes force row level security;
create policy credential_changes_app on credential_changes to sarcoscreen_app using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());
create policy credential_changes_jobs on credential_changes to sarcoscreen_jobs using (clinic_id = current_clinic())
    with check (clinic_id = current_clinic());
