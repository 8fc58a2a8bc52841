-- Freezing and thawing go through the API, too: the database of a stack is reached by its functions only. Each step is a
-- transaction of its own, and who wants the whole calls until it is done.

-- The transaction that came after every writer who had not seen the closed tenant; NULL until then.
ALTER TABLE app.frozen_tenant ADD COLUMN passed_tx_id xid8;

-- True, or an error. Roles of the ledger call as the operator; the owner of the schema is one.
CREATE FUNCTION app.session_may_freeze() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog
AS $$
BEGIN
  IF session_user <> current_user AND ledger.session_tenant_id() IS DISTINCT FROM 'system' THEN
    RAISE EXCEPTION 'only the operator may freeze a tenant' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN true;
END
$$;
REVOKE ALL ON FUNCTION app.session_may_freeze() FROM PUBLIC;

-- One step towards a tenant that can be read, and not written: what is waited for, `runs` or `transactions`; NULL once all
-- that was written can be read.
CREATE FUNCTION app.freeze_tenant(tenant text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  closed boolean;
  passed xid8;
BEGIN
  PERFORM app.session_may_freeze();
  INSERT INTO app.frozen_tenant (tenant_id, is_closed) VALUES (tenant, false) ON CONFLICT DO NOTHING;
  -- Claims have to see it before runs are looked for.
  IF FOUND THEN RETURN 'runs'; END IF;
  SELECT f.is_closed, f.passed_tx_id INTO STRICT closed, passed FROM app.frozen_tenant f WHERE f.tenant_id = tenant;
  IF NOT closed THEN
    IF EXISTS (SELECT FROM app.request_queue q
                WHERE q.tenant_id = tenant AND q.lease_id IS NOT NULL AND q.due_at > clock_timestamp()) THEN
      RETURN 'runs';
    END IF;
    UPDATE app.frozen_tenant SET is_closed = true WHERE tenant_id = tenant;
    RETURN 'transactions';
  END IF;
  IF passed IS NULL THEN
    -- An INSERT locks the table before it takes its snapshot: who gets the lock after us sees that the tenant is closed.
    LOCK TABLE ledger.universal_registry IN SHARE MODE;
    UPDATE app.frozen_tenant SET passed_tx_id = pg_current_xact_id() WHERE tenant_id = tenant;
    RETURN 'transactions';
  END IF;
  IF passed >= pg_snapshot_xmin(pg_current_snapshot()) THEN RETURN 'transactions'; END IF;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.freeze_tenant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.freeze_tenant(text) TO logline_app;

-- Lets a tenant write again: whether it was frozen; NULL while its work was just imported, and kernels may not have noticed
-- the salt of its ids.
CREATE FUNCTION app.thaw_tenant(tenant text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog
AS $$
BEGIN
  PERFORM app.session_may_freeze();
  IF EXISTS (SELECT FROM app.tenant_salt s
              WHERE s.tenant_id = tenant AND s.at > clock_timestamp() - interval '2 seconds') THEN
    RETURN NULL;
  END IF;
  DELETE FROM app.frozen_tenant WHERE tenant_id = tenant;
  RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION app.thaw_tenant(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.thaw_tenant(text) TO logline_app;
