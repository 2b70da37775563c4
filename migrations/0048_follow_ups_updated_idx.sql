-- A page that shows the worklist asks whether it changed. This index answers without reading a follow-up.

create index follow_ups_updated_idx on follow_ups (clinic_id, updated_at);
