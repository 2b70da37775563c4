-- Refusals are folded: the first one of a credential, action and outcome is an entry of its own, and the further ones of the
-- minute after it are one entry with their number. Such an entry lists the ids that these requests named. The list is part
-- of the hash of an entry only where it is not empty, so the hashes of earlier entries stay right.

alter table audit_entries add column resource_ids uuid[] not null default '{}';
