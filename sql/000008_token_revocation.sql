-- Revoked tokens by tenant and jti. The span is usually private to whoever revoked, while the check runs
-- for another user of the tenant: so the pair is copied here by trigger, ids only (DESIGN.md section 4).

CREATE TABLE app.token_revocation (
  tenant_id text        NOT NULL,
  token_id  text        NOT NULL,
  at        timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, token_id)
);
ALTER TABLE app.token_revocation ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.token_revocation FORCE ROW LEVEL SECURITY;
-- The system tenant can revoke any token.
CREATE POLICY read_own_tenant ON app.token_revocation FOR SELECT
  USING (tenant_id = (SELECT ledger.session_tenant_id()) OR tenant_id = 'system');
-- Nobody but the trigger below may insert at all.
CREATE POLICY append_by_trigger ON app.token_revocation FOR INSERT WITH CHECK (true);
GRANT SELECT ON app.token_revocation TO logline_app;

CREATE FUNCTION app.copy_token_revocation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  INSERT INTO app.token_revocation (tenant_id, token_id) VALUES (NEW.tenant_id, NEW.this)
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.copy_token_revocation() FROM PUBLIC;

-- A jti has at most 255 characters; anything longer names no token and would not fit the key.
CREATE TRIGGER token_revocation
  AFTER INSERT ON ledger.universal_registry
  FOR EACH ROW WHEN (NEW.entity_type = 'token_revocation' AND length(NEW.this) <= 255)
  EXECUTE FUNCTION app.copy_token_revocation();

-- Written by the migration runner; health tells from it whether the schema is up to date.
GRANT SELECT ON app.migration_checksum TO logline_app;
