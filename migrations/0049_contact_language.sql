-- Staff ask who prefers their language. Contact data is encrypted, so the language of contact, which identifies no person, has
-- a column of its own. For a subject stored before, it is known after the next change of its contact data; until then the
-- language of the latest answers counts.

alter table subjects add column contact_language text;
