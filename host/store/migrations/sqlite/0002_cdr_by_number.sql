-- A number's calls, newest first: without it the rarest number is looked for in all of a tenant's calls.
CREATE INDEX cdr_by_number ON cdr (tenant, number, call_id);
