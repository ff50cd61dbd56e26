-- Whether calls from it have other numbers than the tenant's own: what tells tenants apart asks for those.
ALTER TABLE trunk ADD COLUMN respells BOOLEAN NOT NULL DEFAULT FALSE;
