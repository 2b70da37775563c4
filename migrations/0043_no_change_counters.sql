-- A replica serves exports and statistics only, and these need not include the latest changes of their reader. Changes are no
-- longer counted, so the counters of 0024 go, with their policies and grants.
drop table credential_changes;
