-- Answers and assessment are read and written whole; no query looks inside. So they are kept as the text that was written,
-- checked to be JSON, and not taken apart. The faster compression is used where the server has it.

alter table submissions alter column answers type json using answers::json, alter column assessment type json using assessment::json;

do $$
begin
    alter table submissions alter column answers set compression lz4, alter column assessment set compression lz4;
exception when feature_not_supported then
    null; -- a server that was built without it compresses as it always did
end
$$;
