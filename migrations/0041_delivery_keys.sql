-- The lease of a delivery and its result look for one event of an endpoint. For a table that was never analyzed, the estimates
-- say that (clinic_id, webhook_id) finds one row, so an index that begins with both is used for them alone, and every delivery
-- of the endpoint is read. These indexes begin with what finds few rows.
alter table webhook_deliveries drop constraint webhook_deliveries_pkey;
alter table webhook_deliveries add constraint webhook_deliveries_pkey primary key (event_id, webhook_id, clinic_id);
drop index webhook_deliveries_log_idx;
create index webhook_deliveries_log_idx on webhook_deliveries (webhook_id, at, event_id);
