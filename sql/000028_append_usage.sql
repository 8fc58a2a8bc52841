-- Bytes of spans that a tenant appended on its latest day of writing (UTC), while the manifest limits them. One row a
-- tenant: a new day starts it anew, so the table never needs clearing.
CREATE TABLE app.append_usage (
  tenant_id text   PRIMARY KEY,
  day       date   NOT NULL,
  bytes     bigint NOT NULL
);
ALTER TABLE app.append_usage ENABLE ROW LEVEL SECURITY;
GRANT SELECT, INSERT, UPDATE ON app.append_usage TO logline_app;
GRANT SELECT ON app.append_usage TO logline_auditor, logline_backup;
CREATE POLICY own_tenant ON app.append_usage TO logline_app
  USING (tenant_id = (SELECT ledger.session_tenant_id()))
  WITH CHECK (tenant_id = (SELECT ledger.session_tenant_id()));
CREATE POLICY read_all ON app.append_usage FOR SELECT TO logline_auditor, logline_backup USING (true);
