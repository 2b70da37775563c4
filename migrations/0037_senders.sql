-- A sender is a credential together with the credentials that replace it, and is named by the id of the first. Records belong
-- to their sender: retry keys and identifiers of other systems are unique within it, and an intake key reads and corrects
-- what its own sender submitted. A credential that replaces no other is a sender of its own.

alter table credentials no force row level security;
alter table idempotency_keys no force row level security;
alter table submissions no force row level security;
alter table follow_up_events no force row level security;
alter table subject_merges no force row level security;

alter table credentials add column sender_id uuid;
update credentials set sender_id = credential_id;
alter table credentials
    alter column sender_id set not null,
    add constraint credentials_sender_fkey foreign key (clinic_id, sender_id) references credentials (clinic_id, credential_id);
create index credentials_sender_idx on credentials (clinic_id, sender_id);

-- A retry key belongs to the credential that made what it stands for. One whose maker cannot be told goes.
alter table idempotency_keys
    add column sender_id uuid,
    add column of_record boolean not null default false;
update idempotency_keys k set
    of_record = origin = 'record',
    sender_id = coalesce(
        (select s.credential_id from submissions s
         where s.clinic_id = k.clinic_id and s.submission_id = k.submission_id),
        (select e.credential_id from follow_up_events e
         where e.clinic_id = k.clinic_id and e.follow_up_id = k.resource_id and e.version = k.resource_version),
        (select m.merged_by from subject_merges m
         where m.clinic_id = k.clinic_id and m.merge_id = k.resource_id and coalesce(m.undone_by, m.merged_by) = m.merged_by)
    );
delete from idempotency_keys where sender_id is null;
-- A person whose role changed may have used one key in two roles: the later use stays.
delete from idempotency_keys k using idempotency_keys later
where k.clinic_id = later.clinic_id and k.sender_id = later.sender_id and k.of_record = later.of_record
  and k.idempotency_key = later.idempotency_key and (k.expires_at, k.origin) < (later.expires_at, later.origin);
alter table idempotency_keys
    alter column sender_id set not null,
    alter column of_record drop default,
    drop constraint idempotency_keys_pkey,
    add constraint idempotency_keys_pkey primary key (clinic_id, sender_id, of_record, idempotency_key),
    drop column origin;

alter table credentials force row level security;
alter table idempotency_keys force row level security;
alter table submissions force row level security;
alter table follow_up_events force row level security;
alter table subject_merges force row level security;
