-- Processor time of a tenant's runs in one UTC day, in milliseconds. Counted while the manifest limits it.
ALTER TABLE app.execution_quota ADD COLUMN cpu_ms double precision NOT NULL DEFAULT 0;
