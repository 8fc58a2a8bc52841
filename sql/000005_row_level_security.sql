-- The tenant boundary (DESIGN.md section 4). Identity is app.user_id and app.tenant_id of the transaction;
-- unset or empty means nobody: a comparison with NULL admits no row.

CREATE FUNCTION ledger.session_user_id() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.user_id', true), '');

CREATE FUNCTION ledger.session_tenant_id() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('app.tenant_id', true), '');

-- The audiences the session belongs to: everybody, its tenant, itself. A user means something only within a
-- tenant, and a tenant without a user is nobody's identity: either missing leaves what everybody sees.
CREATE FUNCTION ledger.session_audiences() RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
RETURN array_remove(ARRAY[
  'public',
  CASE WHEN ledger.session_user_id() IS NOT NULL
       THEN ledger.audience_of('tenant', ledger.session_tenant_id(), NULL) END,
  ledger.audience_of('private', ledger.session_tenant_id(), ledger.session_user_id())
], NULL);

GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ledger TO logline_app;
REVOKE ALL ON FUNCTION ledger.check_version_chain() FROM logline_app;

ALTER TABLE ledger.universal_registry ENABLE ROW LEVEL SECURITY;
ALTER TABLE ledger.universal_registry FORCE ROW LEVEL SECURITY;

-- The sub-selects are evaluated once per statement instead of once per row.
CREATE POLICY read_own_audiences ON ledger.universal_registry FOR SELECT
  USING (audience = ANY ((SELECT ledger.session_audiences())::text[]));

CREATE POLICY append_as_oneself ON ledger.universal_registry FOR INSERT
  WITH CHECK (
    owner_id = (SELECT ledger.session_user_id()) AND tenant_id = (SELECT ledger.session_tenant_id())
  );
