-- Whether there is news for readers who wait: for each of them, as row-level security shows it to them, whether a
-- transaction from `since` on wrote something that the feed shows by now. One statement for all who wait.
CREATE FUNCTION app.feed_news(users text[], tenants text[], since text[], OUT complete text, OUT news boolean[])
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog
AS $$
DECLARE
  bound xid8 := pg_snapshot_xmin(pg_current_snapshot());
BEGIN
  complete := bound::text;
  news := ARRAY[]::boolean[];
  FOR reader IN 1 .. coalesce(array_length(users, 1), 0) LOOP
    PERFORM set_config('app.user_id', users[reader], true), set_config('app.tenant_id', tenants[reader], true);
    news := news || (since[reader]::xid8 < bound AND EXISTS (
      SELECT FROM ledger.universal_registry WHERE tx_id >= since[reader]::xid8 AND tx_id < bound));
  END LOOP;
END
$$;
REVOKE ALL ON FUNCTION app.feed_news(text[], text[], text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.feed_news(text[], text[], text[]) TO logline_app;
