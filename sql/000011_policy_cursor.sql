-- Active policies and how far each has read the feed. A policy starts behind its own first version.

CREATE TABLE app.policy_cursor (
  policy_id  uuid    PRIMARY KEY,
  tenant_id  text    NOT NULL,
  owner_id   text    NOT NULL,
  is_active  boolean NOT NULL,
  tx_id      xid8    NOT NULL,
  ordinal    bigint  NOT NULL
);
CREATE INDEX policy_cursor_active ON app.policy_cursor (policy_id) WHERE is_active;
GRANT SELECT, UPDATE ON app.policy_cursor TO logline_app;

CREATE FUNCTION app.maintain_policy_cursor() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog
AS $$
DECLARE
  active boolean := NOT NEW.is_deleted AND coalesce(NEW.status, 'active') = 'active';
BEGIN
  INSERT INTO app.policy_cursor (policy_id, tenant_id, owner_id, is_active, tx_id, ordinal)
  VALUES (NEW.id, NEW.tenant_id, NEW.owner_id, active, NEW.tx_id, NEW.ordinal)
  ON CONFLICT (policy_id) DO UPDATE SET
    is_active = excluded.is_active,
    -- What happened while it was paused is not made up for: it goes on behind the version that resumes it.
    tx_id = CASE WHEN policy_cursor.is_active THEN policy_cursor.tx_id ELSE excluded.tx_id END,
    ordinal = CASE WHEN policy_cursor.is_active THEN policy_cursor.ordinal ELSE excluded.ordinal END;
  RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION app.maintain_policy_cursor() FROM PUBLIC;

CREATE TRIGGER policy_cursor
  AFTER INSERT ON ledger.universal_registry
  FOR EACH ROW WHEN (NEW.entity_type = 'policy')
  EXECUTE FUNCTION app.maintain_policy_cursor();

-- What policies emitted (reactions and policy_error spans), so that none reacts to itself, and a chain of
-- policies that feed each other ends. Written before the span, so no policy sees one without the other.
CREATE TABLE app.policy_emission (
  span_id   uuid    NOT NULL,
  policy_id uuid    NOT NULL,
  -- 1 for a reaction to a span that no policy emitted.
  depth     integer NOT NULL,
  PRIMARY KEY (span_id, policy_id)
);
GRANT SELECT, INSERT ON app.policy_emission TO logline_app;
