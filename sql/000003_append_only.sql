-- No row of the ledger is changed or removed, by any role, the owner of the table included.
-- ENABLE ALWAYS keeps the trigger on when session_replication_role is 'replica'.

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
  RAISE EXCEPTION '% on %.% is refused: the ledger is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'LL004', HINT = 'Append a new version of the span instead.';
END
$$;

CREATE TRIGGER append_only
  BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.universal_registry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

ALTER TABLE ledger.universal_registry ENABLE ALWAYS TRIGGER append_only;
