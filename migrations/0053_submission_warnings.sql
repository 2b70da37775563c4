-- Contact data that cannot be kept does not refuse a submission. The submission names what was not kept, without its content, so that
-- a retry and a later read show the same warnings.

alter table submissions
    add column warnings text[] not null default '{}',
    add constraint submissions_warnings_known check (
        warnings <@ array['name_cleaned', 'name_shortened', 'telephone_not_kept', 'email_not_kept', 'email_address_only',
                          'channel_not_kept', 'language_not_kept']
    );
