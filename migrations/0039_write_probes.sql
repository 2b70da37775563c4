-- A disk that was full is asked for room with a row that fills a page of its own and is taken back again. Rows that are
-- taken back leave dead pages, which vacuum removes.
create table write_probes (filler text not null);
alter table write_probes alter column filler set storage plain;
grant insert on write_probes to sarcoscreen_jobs;
