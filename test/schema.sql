-- What the migrations in sql/ add up to, read from the catalogue. Made by npm run generate; for review and
-- for noticing drift, not for running.

-- Roles

logline_app superuser=f inherit=f createrole=f createdb=f login=t bypassrls=f
logline_auditor superuser=f inherit=f createrole=f createdb=f login=t bypassrls=f
logline_backup superuser=f inherit=f createrole=f createdb=f login=t bypassrls=f
logline_guest superuser=f inherit=f createrole=f createdb=f login=t bypassrls=f
logline_kernel superuser=f inherit=f createrole=f createdb=f login=t bypassrls=f
logline_sealer superuser=f inherit=f createrole=f createdb=f login=t bypassrls=f

-- Tables

TABLE app.append_usage (row security: t, forced: f)
  tenant_id text NOT NULL
  day date NOT NULL
  bytes bigint NOT NULL
TABLE app.audit_cursor (row security: t, forced: f)
  is_only boolean NOT NULL DEFAULT true
  tx_id xid8 NOT NULL DEFAULT '0'::xid8
  ordinal bigint NOT NULL DEFAULT 0
TABLE app.checkpoint_key (row security: t, forced: f)
  public_key text NOT NULL
  since timestamp with time zone NOT NULL DEFAULT now()
  until timestamp with time zone
TABLE app.deletion (row security: t, forced: f)
  id uuid NOT NULL
  seq integer NOT NULL
  is_deleted boolean NOT NULL
  tx_id xid8 NOT NULL DEFAULT pg_current_xact_id()
  audiences text[] COLLATE "C" NOT NULL
TABLE app.execution_quota (row security: t, forced: f)
  tenant_id text NOT NULL
  day date NOT NULL
  used integer NOT NULL
  cpu_ms double precision NOT NULL DEFAULT 0
TABLE app.feed_epoch (row security: t, forced: f)
  number bigint NOT NULL GENERATED ALWAYS AS IDENTITY
  epoch uuid NOT NULL DEFAULT gen_random_uuid()
  began_at timestamp with time zone NOT NULL DEFAULT now()
  survived_tx_id xid8
  survived_ordinal bigint
  log_name text
TABLE app.frozen_tenant (row security: t, forced: f)
  tenant_id text NOT NULL
  at timestamp with time zone NOT NULL DEFAULT now()
  is_closed boolean NOT NULL
  passed_tx_id xid8
TABLE app.function_schedule (row security: t, forced: f)
  function_id uuid NOT NULL
  seq integer NOT NULL
  tenant_id text NOT NULL
  owner_id text NOT NULL
  once boolean NOT NULL
  due_at timestamp with time zone NOT NULL DEFAULT now()
  done_until timestamp with time zone
  looked_at timestamp with time zone NOT NULL DEFAULT now()
TABLE app.idempotency_key (row security: t, forced: t)
  tenant_id text NOT NULL
  key text NOT NULL
  fingerprint text NOT NULL
  span_ids uuid[] NOT NULL
  span_seqs integer[] NOT NULL
  at timestamp with time zone NOT NULL DEFAULT now()
TABLE app.job_run (row security: t, forced: f)
  job text NOT NULL
  started_at timestamp with time zone NOT NULL
  ended_at timestamp with time zone
  outcome text
  detail jsonb
  lease_id uuid
  leased_until timestamp with time zone
TABLE app.log_audit (row security: t, forced: f)
  log_no integer NOT NULL
  audited_size bigint NOT NULL
TABLE app.log_head (row security: t, forced: f)
  log_no integer NOT NULL
  size bigint NOT NULL
  frontier bytea NOT NULL
  checkpoint_size bigint NOT NULL DEFAULT 0
  kept_size bigint NOT NULL DEFAULT 0
  stopped_at timestamp with time zone
  stop_reason text
  explained_size bigint NOT NULL DEFAULT 0
TABLE app.log_instance (row security: t, forced: f)
  is_only boolean NOT NULL DEFAULT true
  origin text NOT NULL
TABLE app.migration_checksum (row security: t, forced: f)
  name text NOT NULL
  sha256 text NOT NULL
  at timestamp with time zone NOT NULL DEFAULT now()
TABLE app.policy_cursor (row security: t, forced: f)
  policy_id uuid NOT NULL
  tenant_id text NOT NULL
  owner_id text NOT NULL
  is_active boolean NOT NULL
  tx_id xid8 NOT NULL
  ordinal bigint NOT NULL
TABLE app.policy_emission (row security: t, forced: f)
  span_id uuid NOT NULL
  policy_id uuid NOT NULL
  depth integer NOT NULL
  at timestamp with time zone NOT NULL DEFAULT now()
  tx_id xid8 NOT NULL DEFAULT pg_current_xact_id()
TABLE app.request_queue (row security: t, forced: f)
  request_id uuid NOT NULL
  tenant_id text NOT NULL
  owner_id text NOT NULL
  due_at timestamp with time zone NOT NULL DEFAULT now()
  attempt integer NOT NULL DEFAULT 0
  lease_id uuid
  "position" bigint NOT NULL GENERATED ALWAYS AS IDENTITY
TABLE app.request_turn (row security: t, forced: f)
  tenant_id text NOT NULL
  taken_at timestamp with time zone NOT NULL
TABLE app.restore_needed (row security: t, forced: f)
  is_only boolean NOT NULL DEFAULT true
  since timestamp with time zone NOT NULL DEFAULT now()
  is_ahead boolean NOT NULL
  survived_tx_id xid8 NOT NULL
  survived_ordinal bigint NOT NULL
TABLE app.ruling_night (row security: t, forced: f)
  local_date date NOT NULL
  done_at timestamp with time zone NOT NULL DEFAULT now()
  decided integer NOT NULL
TABLE app.ruling_queue (row security: t, forced: f)
  subject_id uuid NOT NULL
  tenant_id text NOT NULL
  owner_id text NOT NULL
  ruled_on date NOT NULL DEFAULT '-infinity'::date
TABLE app.seal_cursor (row security: t, forced: f)
  is_only boolean NOT NULL DEFAULT true
  batch bigint NOT NULL DEFAULT 0
  tx_id xid8 NOT NULL DEFAULT '0'::xid8
  ordinal bigint NOT NULL DEFAULT 0
  digest bytea NOT NULL DEFAULT '\x'::bytea
  sealed_at timestamp with time zone NOT NULL DEFAULT now()
  restore_needed boolean NOT NULL DEFAULT false
  pushed_at timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone
TABLE app.span_relation (row security: t, forced: t)
  related_id uuid NOT NULL
  audience text COLLATE "C" NOT NULL
  at timestamp(3) with time zone NOT NULL
  span_id uuid NOT NULL
  seq integer NOT NULL
TABLE app.tenant_salt (row security: t, forced: f)
  tenant_id text NOT NULL
  salt text NOT NULL
  at timestamp with time zone NOT NULL DEFAULT clock_timestamp()
TABLE app.token_revocation (row security: t, forced: t)
  tenant_id text NOT NULL
  token_id text NOT NULL
  at timestamp with time zone NOT NULL DEFAULT now()
TABLE app.unsealed (row security: t, forced: f)
  log_no integer NOT NULL
  tx_id xid8 NOT NULL
  ordinal bigint NOT NULL
  id uuid NOT NULL
  seq integer NOT NULL
TABLE ledger.checkpoint (row security: t, forced: t)
  size bigint NOT NULL
  at timestamp(3) with time zone NOT NULL DEFAULT now()
  log_no integer NOT NULL
  root bytea NOT NULL
  signature bytea NOT NULL
TABLE ledger.checkpoint_line (row security: t, forced: t)
  log_no integer NOT NULL
  size bigint NOT NULL
  line text NOT NULL
TABLE ledger.log (row security: t, forced: t)
  log_no integer NOT NULL
  tenant_id text NOT NULL
  origin text NOT NULL
TABLE ledger.log_entry (row security: t, forced: t)
  "position" bigint NOT NULL
  log_no integer NOT NULL
  seq integer NOT NULL
  id uuid NOT NULL
  curr_hash bytea NOT NULL
TABLE ledger.log_origin (row security: t, forced: t)
  log_no integer NOT NULL
  from_size bigint NOT NULL
  origin text NOT NULL
TABLE ledger.log_tile (row security: t, forced: t)
  index bigint NOT NULL
  log_no integer NOT NULL
  level smallint NOT NULL
  root bytea NOT NULL
  hashes bytea NOT NULL
TABLE ledger.universal_registry (row security: t, forced: t)
  id uuid NOT NULL
  seq integer NOT NULL
  entity_type text NOT NULL
  who text NOT NULL
  did text
  this text NOT NULL
  at timestamp(3) with time zone NOT NULL
  parent_id uuid
  related_to uuid[]
  owner_id text NOT NULL
  tenant_id text NOT NULL
  visibility text NOT NULL DEFAULT 'private'::text
  status text
  is_deleted boolean NOT NULL DEFAULT false
  name text
  description text
  code text
  language text
  runtime text
  input jsonb
  output jsonb
  error jsonb
  metadata jsonb
  duration_ms integer
  trace_id text
  prev_hash text
  curr_hash text NOT NULL
  signature text NOT NULL
  public_key text NOT NULL
  audience text COLLATE "C" NOT NULL GENERATED ALWAYS AS (ledger.audience_of(visibility, tenant_id, owner_id)) STORED
  tx_id xid8 NOT NULL DEFAULT pg_current_xact_id()
  ordinal bigint NOT NULL GENERATED ALWAYS AS IDENTITY

-- Constraints

app.append_usage append_usage_pkey PRIMARY KEY (tenant_id)
app.audit_cursor audit_cursor_is_only_check CHECK (is_only)
app.audit_cursor audit_cursor_pkey PRIMARY KEY (is_only)
app.checkpoint_key checkpoint_key_pkey PRIMARY KEY (public_key)
app.checkpoint_key checkpoint_key_public_key_check CHECK ((length(public_key) = 64))
app.deletion deletion_pkey PRIMARY KEY (id, seq)
app.execution_quota execution_quota_pkey PRIMARY KEY (tenant_id, day)
app.feed_epoch feed_epoch_check CHECK (((survived_tx_id IS NULL) = (survived_ordinal IS NULL)))
app.feed_epoch feed_epoch_epoch_key UNIQUE (epoch)
app.feed_epoch feed_epoch_log_name_check CHECK ((log_name ~ '^[0-9a-f]{8}$'::text))
app.feed_epoch feed_epoch_log_name_key UNIQUE (log_name)
app.feed_epoch feed_epoch_pkey PRIMARY KEY (number)
app.frozen_tenant frozen_tenant_pkey PRIMARY KEY (tenant_id)
app.frozen_tenant frozen_tenant_tenant_id_check CHECK ((tenant_id <> ALL (ARRAY[''::text, 'system'::text])))
app.function_schedule function_schedule_pkey PRIMARY KEY (function_id)
app.idempotency_key idempotency_key_pkey PRIMARY KEY (tenant_id, key)
app.job_run job_run_outcome_check CHECK ((outcome = ANY (ARRAY['ok'::text, 'error'::text])))
app.job_run job_run_pkey PRIMARY KEY (job)
app.log_audit log_audit_pkey PRIMARY KEY (log_no)
app.log_head log_head_frontier_check CHECK (((length(frontier) % 32) = 0))
app.log_head log_head_pkey PRIMARY KEY (log_no)
app.log_head log_head_size_check CHECK ((size >= 0))
app.log_instance log_instance_is_only_check CHECK (is_only)
app.log_instance log_instance_origin_check CHECK ((origin <> ''::text))
app.log_instance log_instance_pkey PRIMARY KEY (is_only)
app.migration_checksum migration_checksum_pkey PRIMARY KEY (name)
app.policy_cursor policy_cursor_pkey PRIMARY KEY (policy_id)
app.policy_emission policy_emission_pkey PRIMARY KEY (span_id, policy_id)
app.request_queue request_queue_pkey PRIMARY KEY (request_id)
app.request_turn request_turn_pkey PRIMARY KEY (tenant_id)
app.restore_needed restore_needed_is_only_check CHECK (is_only)
app.restore_needed restore_needed_pkey PRIMARY KEY (is_only)
app.ruling_night ruling_night_pkey PRIMARY KEY (local_date)
app.ruling_queue ruling_queue_pkey PRIMARY KEY (subject_id)
app.seal_cursor seal_cursor_is_only_check CHECK (is_only)
app.seal_cursor seal_cursor_pkey PRIMARY KEY (is_only)
app.span_relation span_relation_pkey PRIMARY KEY (audience, related_id, at, span_id, seq)
app.tenant_salt tenant_salt_pkey PRIMARY KEY (tenant_id)
app.tenant_salt tenant_salt_salt_check CHECK ((salt ~ '^[0-9a-f]{64}$'::text))
app.token_revocation token_revocation_pkey PRIMARY KEY (tenant_id, token_id)
app.unsealed unsealed_pkey PRIMARY KEY (log_no, tx_id, ordinal)
ledger.checkpoint checkpoint_pkey PRIMARY KEY (log_no, size)
ledger.checkpoint checkpoint_root_check CHECK ((length(root) = 32))
ledger.checkpoint checkpoint_signature_check CHECK ((length(signature) = 68))
ledger.checkpoint checkpoint_size_check CHECK ((size > 0))
ledger.checkpoint_line checkpoint_line_line_check CHECK (((line ~~ '— %'::text) AND (length(line) <= 4096)))
ledger.checkpoint_line checkpoint_line_pkey PRIMARY KEY (log_no, size, line)
ledger.log log_log_no_check CHECK ((log_no > 0))
ledger.log log_origin_check CHECK ((origin <> ''::text))
ledger.log log_origin_key UNIQUE (origin)
ledger.log log_pkey PRIMARY KEY (log_no)
ledger.log log_tenant_id_check CHECK ((tenant_id <> ''::text))
ledger.log log_tenant_id_key UNIQUE (tenant_id)
ledger.log_entry log_entry_curr_hash_check CHECK ((length(curr_hash) = 32))
ledger.log_entry log_entry_id_seq_key UNIQUE (id, seq)
ledger.log_entry log_entry_pkey PRIMARY KEY (log_no, "position")
ledger.log_entry log_entry_position_check CHECK (("position" >= 0))
ledger.log_origin log_origin_from_size_check CHECK ((from_size >= 0))
ledger.log_origin log_origin_origin_check CHECK ((origin <> ''::text))
ledger.log_origin log_origin_origin_key UNIQUE (origin)
ledger.log_origin log_origin_pkey PRIMARY KEY (log_no, from_size)
ledger.log_tile log_tile_hashes_check CHECK ((length(hashes) = 8192))
ledger.log_tile log_tile_index_check CHECK ((index >= 0))
ledger.log_tile log_tile_level_check CHECK ((level >= 0))
ledger.log_tile log_tile_pkey PRIMARY KEY (log_no, level, index)
ledger.log_tile log_tile_root_check CHECK ((length(root) = 32))
ledger.universal_registry first_version_has_no_prev_hash CHECK (((seq = 0) = (prev_hash IS NULL)))
ledger.universal_registry universal_registry_at_check CHECK (((at >= '0001-01-01 00:00:00+00'::timestamp with time zone) AND (at < '10000-01-01 00:00:00+00'::timestamp with time zone)))
ledger.universal_registry universal_registry_curr_hash_check CHECK ((length(curr_hash) = 64))
ledger.universal_registry universal_registry_duration_ms_check CHECK ((duration_ms >= 0))
ledger.universal_registry universal_registry_entity_type_check CHECK ((entity_type <> ''::text))
ledger.universal_registry universal_registry_owner_id_check CHECK ((owner_id <> ''::text))
ledger.universal_registry universal_registry_pkey PRIMARY KEY (id, seq)
ledger.universal_registry universal_registry_prev_hash_check CHECK ((length(prev_hash) = 64))
ledger.universal_registry universal_registry_public_key_check CHECK ((length(public_key) = 64))
ledger.universal_registry universal_registry_seq_check CHECK ((seq >= 0))
ledger.universal_registry universal_registry_signature_check CHECK ((length(signature) = 128))
ledger.universal_registry universal_registry_tenant_id_check CHECK ((tenant_id <> ''::text))
ledger.universal_registry universal_registry_this_check CHECK ((this <> ''::text))
ledger.universal_registry universal_registry_visibility_check CHECK ((visibility = ANY (ARRAY['private'::text, 'tenant'::text, 'public'::text])))
ledger.universal_registry universal_registry_who_check CHECK ((who <> ''::text))

-- Indexes

CREATE INDEX function_schedule_looked ON app.function_schedule USING btree (tenant_id, looked_at)
CREATE INDEX function_schedule_tenant ON app.function_schedule USING btree (tenant_id, due_at, function_id)
CREATE INDEX idempotency_key_at ON app.idempotency_key USING btree (at)
CREATE INDEX policy_cursor_active ON app.policy_cursor USING btree (policy_id) WHERE is_active
CREATE INDEX policy_emission_policy ON app.policy_emission USING btree (policy_id, span_id)
CREATE INDEX request_queue_leased ON app.request_queue USING btree (tenant_id, due_at) WHERE (lease_id IS NOT NULL)
CREATE INDEX request_queue_tenant ON app.request_queue USING btree (tenant_id, due_at, "position")
CREATE INDEX ruling_queue_next ON app.ruling_queue USING btree (tenant_id, owner_id, ruled_on, subject_id)
CREATE INDEX universal_registry_did ON ledger.universal_registry USING btree (audience, did, at, id, seq) WHERE (did IS NOT NULL)
CREATE INDEX universal_registry_entity_type ON ledger.universal_registry USING btree (audience, entity_type, at, id, seq)
CREATE INDEX universal_registry_feed ON ledger.universal_registry USING btree (audience, tx_id, ordinal)
CREATE INDEX universal_registry_name ON ledger.universal_registry USING btree (audience, name, at, id, seq) WHERE (name IS NOT NULL)
CREATE INDEX universal_registry_owner_id ON ledger.universal_registry USING btree (audience, owner_id, at, id, seq) WHERE (visibility <> 'private'::text)
CREATE INDEX universal_registry_parent_id ON ledger.universal_registry USING btree (audience, parent_id, at, id, seq) WHERE (parent_id IS NOT NULL)
CREATE INDEX universal_registry_seal_order ON ledger.universal_registry USING btree (tx_id, ordinal) WHERE (seq >= 0)
CREATE INDEX universal_registry_status ON ledger.universal_registry USING btree (audience, status, at, id, seq) WHERE (status IS NOT NULL)
CREATE INDEX universal_registry_tenant_id ON ledger.universal_registry USING btree (audience, tenant_id, at, id, seq) WHERE (audience = 'public'::text)
CREATE INDEX universal_registry_timeline ON ledger.universal_registry USING btree (audience, at, id, seq)
CREATE INDEX universal_registry_trace_id ON ledger.universal_registry USING btree (audience, trace_id, at, id, seq) WHERE (trace_id IS NOT NULL)
CREATE INDEX universal_registry_who ON ledger.universal_registry USING btree (audience, who, at, id, seq)
CREATE UNIQUE INDEX append_usage_pkey ON app.append_usage USING btree (tenant_id)
CREATE UNIQUE INDEX audit_cursor_pkey ON app.audit_cursor USING btree (is_only)
CREATE UNIQUE INDEX checkpoint_key_pkey ON app.checkpoint_key USING btree (public_key)
CREATE UNIQUE INDEX checkpoint_line_pkey ON ledger.checkpoint_line USING btree (log_no, size, line)
CREATE UNIQUE INDEX checkpoint_pkey ON ledger.checkpoint USING btree (log_no, size)
CREATE UNIQUE INDEX deletion_pkey ON app.deletion USING btree (id, seq)
CREATE UNIQUE INDEX execution_quota_pkey ON app.execution_quota USING btree (tenant_id, day)
CREATE UNIQUE INDEX feed_epoch_epoch_key ON app.feed_epoch USING btree (epoch)
CREATE UNIQUE INDEX feed_epoch_log_name_key ON app.feed_epoch USING btree (log_name)
CREATE UNIQUE INDEX feed_epoch_pkey ON app.feed_epoch USING btree (number)
CREATE UNIQUE INDEX frozen_tenant_pkey ON app.frozen_tenant USING btree (tenant_id)
CREATE UNIQUE INDEX function_schedule_pkey ON app.function_schedule USING btree (function_id)
CREATE UNIQUE INDEX idempotency_key_pkey ON app.idempotency_key USING btree (tenant_id, key)
CREATE UNIQUE INDEX job_run_pkey ON app.job_run USING btree (job)
CREATE UNIQUE INDEX log_audit_pkey ON app.log_audit USING btree (log_no)
CREATE UNIQUE INDEX log_entry_id_seq_key ON ledger.log_entry USING btree (id, seq)
CREATE UNIQUE INDEX log_entry_pkey ON ledger.log_entry USING btree (log_no, "position")
CREATE UNIQUE INDEX log_head_pkey ON app.log_head USING btree (log_no)
CREATE UNIQUE INDEX log_instance_pkey ON app.log_instance USING btree (is_only)
CREATE UNIQUE INDEX log_origin_key ON ledger.log USING btree (origin)
CREATE UNIQUE INDEX log_origin_origin_key ON ledger.log_origin USING btree (origin)
CREATE UNIQUE INDEX log_origin_pkey ON ledger.log_origin USING btree (log_no, from_size)
CREATE UNIQUE INDEX log_pkey ON ledger.log USING btree (log_no)
CREATE UNIQUE INDEX log_tenant_id_key ON ledger.log USING btree (tenant_id)
CREATE UNIQUE INDEX log_tile_pkey ON ledger.log_tile USING btree (log_no, level, index)
CREATE UNIQUE INDEX migration_checksum_pkey ON app.migration_checksum USING btree (name)
CREATE UNIQUE INDEX policy_cursor_pkey ON app.policy_cursor USING btree (policy_id)
CREATE UNIQUE INDEX policy_emission_pkey ON app.policy_emission USING btree (span_id, policy_id)
CREATE UNIQUE INDEX request_queue_pkey ON app.request_queue USING btree (request_id)
CREATE UNIQUE INDEX request_turn_pkey ON app.request_turn USING btree (tenant_id)
CREATE UNIQUE INDEX restore_needed_pkey ON app.restore_needed USING btree (is_only)
CREATE UNIQUE INDEX ruling_night_pkey ON app.ruling_night USING btree (local_date)
CREATE UNIQUE INDEX ruling_queue_pkey ON app.ruling_queue USING btree (subject_id)
CREATE UNIQUE INDEX seal_cursor_pkey ON app.seal_cursor USING btree (is_only)
CREATE UNIQUE INDEX span_relation_pkey ON app.span_relation USING btree (audience, related_id, at, span_id, seq)
CREATE UNIQUE INDEX tenant_salt_pkey ON app.tenant_salt USING btree (tenant_id)
CREATE UNIQUE INDEX token_revocation_pkey ON app.token_revocation USING btree (tenant_id, token_id)
CREATE UNIQUE INDEX universal_registry_pkey ON ledger.universal_registry USING btree (id, seq)
CREATE UNIQUE INDEX unsealed_pkey ON app.unsealed USING btree (log_no, tx_id, ordinal)

-- Policies

own_tenant app.append_usage PERMISSIVE FOR ALL TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id)))
read_all app.append_usage PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
audit app.audit_cursor PERMISSIVE FOR ALL TO logline_auditor USING (true) WITH CHECK (true)
back_up_all app.audit_cursor PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
seal app.audit_cursor PERMISSIVE FOR ALL TO logline_sealer USING (true) WITH CHECK (true)
audit app.checkpoint_key PERMISSIVE FOR ALL TO logline_auditor USING (true) WITH CHECK (true)
back_up_all app.checkpoint_key PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_all app.checkpoint_key PERMISSIVE FOR SELECT TO logline_app USING (true) WITH CHECK ()
seal app.checkpoint_key PERMISSIVE FOR ALL TO logline_sealer USING (true) WITH CHECK (true)
read_all app.deletion PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
read_of_own_audiences app.deletion PERMISSIVE FOR SELECT TO logline_app, logline_guest USING ((audiences && ( SELECT ledger.session_audiences() AS session_audiences))) WITH CHECK ()
own_tenant app.execution_quota PERMISSIVE FOR ALL TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id)))
read_all app.execution_quota PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
back_up_all app.feed_epoch PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_by_app app.feed_epoch PERMISSIVE FOR SELECT TO logline_app USING (true) WITH CHECK ()
read_by_sealer app.feed_epoch PERMISSIVE FOR SELECT TO logline_auditor, logline_sealer USING (true) WITH CHECK ()
own_tenant app.frozen_tenant PERMISSIVE FOR SELECT TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ()
read_all app.frozen_tenant PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
own_tenant app.function_schedule PERMISSIVE FOR SELECT TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ()
read_all app.function_schedule PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
back_up_all app.idempotency_key PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
import_keys app.idempotency_key PERMISSIVE FOR INSERT TO logline_owner USING () WITH CHECK ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id)))
only_old_ones app.idempotency_key RESTRICTIVE FOR DELETE TO logline_app USING ((at < (now() - '1 day'::interval))) WITH CHECK ()
own_tenant app.idempotency_key PERMISSIVE FOR ALL TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id)))
prune app.idempotency_key PERMISSIVE FOR ALL TO logline_owner USING ((at < (now() - '1 day'::interval))) WITH CHECK (false)
read_all app.job_run PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
read_times app.job_run PERMISSIVE FOR SELECT TO logline_app USING (true) WITH CHECK ()
audit app.log_audit PERMISSIVE FOR ALL TO logline_auditor USING (true) WITH CHECK (true)
back_up_all app.log_audit PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_own_tenant app.log_audit PERMISSIVE FOR SELECT TO logline_app USING ((log_no = ( SELECT l.log_no
   FROM ledger.log l
  WHERE (l.tenant_id = ledger.session_tenant_id())))) WITH CHECK ()
seal app.log_audit PERMISSIVE FOR ALL TO logline_sealer USING (true) WITH CHECK (true)
audit app.log_head PERMISSIVE FOR ALL TO logline_auditor USING (true) WITH CHECK (true)
back_up_all app.log_head PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_own_tenant app.log_head PERMISSIVE FOR SELECT TO logline_app USING ((log_no = ( SELECT l.log_no
   FROM ledger.log l
  WHERE (l.tenant_id = ledger.session_tenant_id())))) WITH CHECK ()
seal app.log_head PERMISSIVE FOR ALL TO logline_sealer USING (true) WITH CHECK (true)
audit app.log_instance PERMISSIVE FOR ALL TO logline_auditor USING (true) WITH CHECK (true)
back_up_all app.log_instance PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_all app.log_instance PERMISSIVE FOR SELECT TO logline_app USING (true) WITH CHECK ()
seal app.log_instance PERMISSIVE FOR ALL TO logline_sealer USING (true) WITH CHECK (true)
read_all app.migration_checksum PERMISSIVE FOR SELECT TO logline_app, logline_auditor, logline_backup USING (true) WITH CHECK ()
own_tenant app.policy_cursor PERMISSIVE FOR ALL TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id)))
read_all app.policy_cursor PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
own_tenant app.policy_emission PERMISSIVE FOR ALL TO logline_app USING ((EXISTS ( SELECT
   FROM app.policy_cursor c
  WHERE (c.policy_id = policy_emission.policy_id)))) WITH CHECK ((EXISTS ( SELECT
   FROM app.policy_cursor c
  WHERE (c.policy_id = policy_emission.policy_id))))
read_all app.policy_emission PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
own_tenant app.request_queue PERMISSIVE FOR SELECT TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ()
read_all app.request_queue PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
read_all app.request_turn PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
back_up_all app.restore_needed PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
notice app.restore_needed PERMISSIVE FOR ALL TO logline_sealer USING (true) WITH CHECK (true)
read_by_app app.restore_needed PERMISSIVE FOR SELECT TO logline_app USING (true) WITH CHECK ()
read_by_kernel app.restore_needed PERMISSIVE FOR SELECT TO logline_kernel USING (true) WITH CHECK ()
read_all app.ruling_night PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
own_tenant app.ruling_queue PERMISSIVE FOR SELECT TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ()
read_all app.ruling_queue PERMISSIVE FOR SELECT TO logline_auditor, logline_backup USING (true) WITH CHECK ()
audit app.seal_cursor PERMISSIVE FOR ALL TO logline_auditor USING (true) WITH CHECK (true)
back_up_all app.seal_cursor PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_all app.seal_cursor PERMISSIVE FOR SELECT TO logline_app USING (true) WITH CHECK ()
read_by_kernel app.seal_cursor PERMISSIVE FOR SELECT TO logline_kernel USING (true) WITH CHECK ()
seal app.seal_cursor PERMISSIVE FOR ALL TO logline_sealer USING (true) WITH CHECK (true)
append_by_trigger app.span_relation PERMISSIVE FOR INSERT TO logline_owner USING () WITH CHECK (true)
back_up_all app.span_relation PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_own_audiences app.span_relation PERMISSIVE FOR SELECT TO logline_app, logline_owner USING ((audience = ANY (( SELECT ledger.session_audiences() AS session_audiences)::text[]))) WITH CHECK ()
back_up_all app.tenant_salt PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
own_tenant app.tenant_salt PERMISSIVE FOR SELECT TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ()
append_by_trigger app.token_revocation PERMISSIVE FOR INSERT TO logline_owner USING () WITH CHECK (true)
back_up_all app.token_revocation PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
prune app.token_revocation PERMISSIVE FOR DELETE TO logline_owner USING ((at < (now() - '400 days'::interval))) WITH CHECK ()
read_own_tenant app.token_revocation PERMISSIVE FOR SELECT TO logline_app, logline_owner USING (((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id)) OR (tenant_id = 'system'::text))) WITH CHECK ()
see_to_prune app.token_revocation PERMISSIVE FOR SELECT TO logline_owner USING ((at < (now() - '400 days'::interval))) WITH CHECK ()
audit app.unsealed PERMISSIVE FOR ALL TO logline_auditor USING (true) WITH CHECK (true)
back_up_all app.unsealed PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
seal app.unsealed PERMISSIVE FOR ALL TO logline_sealer USING (true) WITH CHECK (true)
audit_all ledger.checkpoint PERMISSIVE FOR SELECT TO logline_auditor USING (true) WITH CHECK ()
back_up_all ledger.checkpoint PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_own_tenant ledger.checkpoint PERMISSIVE FOR SELECT TO logline_app USING ((log_no = ( SELECT l.log_no
   FROM ledger.log l
  WHERE (l.tenant_id = ledger.session_tenant_id())))) WITH CHECK ()
seal ledger.checkpoint PERMISSIVE FOR INSERT TO logline_sealer USING () WITH CHECK ((log_no > 0))
seal_read ledger.checkpoint PERMISSIVE FOR SELECT TO logline_sealer USING (true) WITH CHECK ()
audit_all ledger.checkpoint_line PERMISSIVE FOR SELECT TO logline_auditor USING (true) WITH CHECK ()
back_up_all ledger.checkpoint_line PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_own_tenant ledger.checkpoint_line PERMISSIVE FOR SELECT TO logline_app USING ((log_no = ( SELECT l.log_no
   FROM ledger.log l
  WHERE (l.tenant_id = ledger.session_tenant_id())))) WITH CHECK ()
seal ledger.checkpoint_line PERMISSIVE FOR INSERT TO logline_sealer USING () WITH CHECK ((log_no > 0))
seal_read ledger.checkpoint_line PERMISSIVE FOR SELECT TO logline_sealer USING (true) WITH CHECK ()
audit_all ledger.log PERMISSIVE FOR SELECT TO logline_auditor USING (true) WITH CHECK ()
back_up_all ledger.log PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_own_tenant ledger.log PERMISSIVE FOR SELECT TO logline_app USING ((tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))) WITH CHECK ()
seal ledger.log PERMISSIVE FOR INSERT TO logline_sealer USING () WITH CHECK ((log_no > 0))
seal_read ledger.log PERMISSIVE FOR SELECT TO logline_sealer USING (true) WITH CHECK ()
audit_all ledger.log_entry PERMISSIVE FOR SELECT TO logline_auditor USING (true) WITH CHECK ()
back_up_all ledger.log_entry PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_own_tenant ledger.log_entry PERMISSIVE FOR SELECT TO logline_app USING ((log_no = ( SELECT l.log_no
   FROM ledger.log l
  WHERE (l.tenant_id = ledger.session_tenant_id())))) WITH CHECK ()
seal ledger.log_entry PERMISSIVE FOR INSERT TO logline_sealer USING () WITH CHECK ((log_no > 0))
seal_read ledger.log_entry PERMISSIVE FOR SELECT TO logline_sealer USING (true) WITH CHECK ()
audit_all ledger.log_origin PERMISSIVE FOR SELECT TO logline_auditor USING (true) WITH CHECK ()
back_up_all ledger.log_origin PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_own_tenant ledger.log_origin PERMISSIVE FOR SELECT TO logline_app USING ((log_no = ( SELECT l.log_no
   FROM ledger.log l
  WHERE (l.tenant_id = ledger.session_tenant_id())))) WITH CHECK ()
seal ledger.log_origin PERMISSIVE FOR INSERT TO logline_sealer USING () WITH CHECK ((log_no > 0))
seal_read ledger.log_origin PERMISSIVE FOR SELECT TO logline_sealer USING (true) WITH CHECK ()
audit_all ledger.log_tile PERMISSIVE FOR SELECT TO logline_auditor USING (true) WITH CHECK ()
back_up_all ledger.log_tile PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
read_own_tenant ledger.log_tile PERMISSIVE FOR SELECT TO logline_app USING ((log_no = ( SELECT l.log_no
   FROM ledger.log l
  WHERE (l.tenant_id = ledger.session_tenant_id())))) WITH CHECK ()
seal ledger.log_tile PERMISSIVE FOR INSERT TO logline_sealer USING () WITH CHECK ((log_no > 0))
seal_read ledger.log_tile PERMISSIVE FOR SELECT TO logline_sealer USING (true) WITH CHECK ()
append_as_oneself ledger.universal_registry PERMISSIVE FOR INSERT TO logline_app USING () WITH CHECK (((owner_id = ( SELECT ledger.session_user_id() AS session_user_id)) AND (tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id)) AND ( SELECT ledger.session_may_write() AS session_may_write)))
audit_all ledger.universal_registry PERMISSIVE FOR SELECT TO logline_auditor USING (true) WITH CHECK ()
back_up_all ledger.universal_registry PERMISSIVE FOR SELECT TO logline_backup USING (true) WITH CHECK ()
import_as_oneself ledger.universal_registry PERMISSIVE FOR INSERT TO logline_owner USING () WITH CHECK (((owner_id = ( SELECT ledger.session_user_id() AS session_user_id)) AND (tenant_id = ( SELECT ledger.session_tenant_id() AS session_tenant_id))))
read_own_audiences ledger.universal_registry PERMISSIVE FOR SELECT TO logline_app, logline_guest, logline_owner USING ((audience = ANY (( SELECT ledger.session_audiences() AS session_audiences)::text[]))) WITH CHECK ()
seal_all ledger.universal_registry PERMISSIVE FOR SELECT TO logline_sealer USING (true) WITH CHECK ()

-- Triggers (A: always, O: unless replicating)

A: CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.checkpoint FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
A: CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.checkpoint_line FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
A: CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.log FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
A: CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.log_entry FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
A: CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.log_origin FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
A: CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.log_tile FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
A: CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.universal_registry FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()
A: CREATE TRIGGER function_schedule AFTER INSERT ON ledger.universal_registry FOR EACH ROW WHEN (((new.entity_type = 'function'::text) AND (NOT ((CURRENT_USER <> SESSION_USER) AND (COALESCE(current_setting('app.importing'::text, true), ''::text) = 'on'::text))))) EXECUTE FUNCTION app.maintain_function_schedule()
A: CREATE TRIGGER policy_cursor AFTER INSERT ON ledger.universal_registry FOR EACH ROW WHEN (((new.entity_type = 'policy'::text) AND (NOT ((CURRENT_USER <> SESSION_USER) AND (COALESCE(current_setting('app.importing'::text, true), ''::text) = 'on'::text))))) EXECUTE FUNCTION app.maintain_policy_cursor()
A: CREATE TRIGGER request_queue AFTER INSERT ON ledger.universal_registry FOR EACH ROW WHEN (((new.entity_type = 'request'::text) AND (NOT ((CURRENT_USER <> SESSION_USER) AND (COALESCE(current_setting('app.importing'::text, true), ''::text) = 'on'::text))))) EXECUTE FUNCTION app.maintain_request_queue()
A: CREATE TRIGGER ruling_queue AFTER INSERT ON ledger.universal_registry FOR EACH ROW WHEN (((new.entity_type = ANY (ARRAY['deliverable'::text, 'contract'::text])) AND (NOT ((CURRENT_USER <> SESSION_USER) AND (COALESCE(current_setting('app.importing'::text, true), ''::text) = 'on'::text))))) EXECUTE FUNCTION app.maintain_ruling_queue()
A: CREATE TRIGGER span_relation AFTER INSERT ON ledger.universal_registry FOR EACH ROW WHEN ((new.related_to IS NOT NULL)) EXECUTE FUNCTION app.copy_span_relations()
A: CREATE TRIGGER token_revocation AFTER INSERT ON ledger.universal_registry FOR EACH ROW WHEN (((new.entity_type = 'token_revocation'::text) AND (length(new.this) <= 255))) EXECUTE FUNCTION app.copy_token_revocation()
A: CREATE TRIGGER version_chain AFTER INSERT ON ledger.universal_registry FOR EACH ROW WHEN (((new.seq > 0) OR new.is_deleted)) EXECUTE FUNCTION ledger.check_version_chain()

-- Views

VIEW ledger.visible_timeline (security_invoker=true) AS
 SELECT id,
    seq,
    entity_type,
    who,
    did,
    this,
    at,
    parent_id,
    related_to,
    owner_id,
    tenant_id,
    visibility,
    status,
    is_deleted,
    name,
    description,
    code,
    language,
    runtime,
    input,
    output,
    error,
    metadata,
    duration_ms,
    trace_id,
    prev_hash,
    curr_hash,
    signature,
    public_key
   FROM ledger.universal_registry r
  WHERE NOT (EXISTS ( SELECT
           FROM app.deletion d
          WHERE d.id = r.id AND d.is_deleted AND NOT (EXISTS ( SELECT
                   FROM app.deletion later
                  WHERE later.id = d.id AND later.seq > d.seq))));

-- Functions

CREATE OR REPLACE FUNCTION app.active_policies(most integer)
 RETURNS TABLE(policy_id uuid, tenant_id text, owner_id text, tx_id text, ordinal text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 SELECT c.policy_id,
     c.tenant_id,
     c.owner_id,
     (c.tx_id)::text AS tx_id,
     (c.ordinal)::text AS ordinal
    FROM ( SELECT p.policy_id,
             p.tenant_id,
             p.owner_id,
             p.is_active,
             p.tx_id,
             p.ordinal,
             row_number() OVER (PARTITION BY p.tenant_id ORDER BY (random())) AS turn
            FROM app.policy_cursor p
           WHERE (p.is_active AND (NOT (EXISTS ( SELECT
                    FROM app.frozen_tenant f
                   WHERE (f.tenant_id = p.tenant_id)))))) c
   ORDER BY c.turn, (random())
  LIMIT active_policies.most;
END
CREATE OR REPLACE FUNCTION app.advance_policy(policy_id uuid, tx_id xid8, ordinal bigint)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 UPDATE app.policy_cursor c SET tx_id = advance_policy.tx_id, ordinal = advance_policy.ordinal
   WHERE ((c.policy_id = advance_policy.policy_id) AND (ROW(c.tx_id, c.ordinal) < ROW(advance_policy.tx_id, advance_policy.ordinal)));
END
CREATE OR REPLACE FUNCTION app.begin_feed_epoch(keeps_log_names boolean DEFAULT false)
 RETURNS uuid
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  begun uuid := gen_random_uuid();
BEGIN
  ALTER TABLE ledger.universal_registry NO FORCE ROW LEVEL SECURITY;
  INSERT INTO app.feed_epoch (epoch, log_name, survived_tx_id, survived_ordinal)
  SELECT begun, CASE WHEN NOT keeps_log_names THEN left(begun::text, 8) END,
         coalesce(noticed.survived_tx_id, sealed.tx_id, last.tx_id, '0'),
         coalesce(noticed.survived_ordinal, sealed.ordinal, last.ordinal, 0)
    FROM (VALUES (1)) AS always
    LEFT JOIN app.restore_needed AS noticed ON true
    LEFT JOIN app.seal_cursor AS sealed ON sealed.restore_needed
    LEFT JOIN LATERAL (
      SELECT tx_id, ordinal FROM ledger.universal_registry ORDER BY tx_id DESC, ordinal DESC LIMIT 1
    ) AS last ON true;
  ALTER TABLE ledger.universal_registry FORCE ROW LEVEL SECURITY;
  DELETE FROM app.restore_needed;
  UPDATE app.seal_cursor SET restore_needed = false WHERE restore_needed;
  RETURN begun;
END
$function$
CREATE OR REPLACE FUNCTION app.begin_job(job text, lease_seconds integer)
 RETURNS uuid
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 INSERT INTO app.job_run AS r (job, started_at, lease_id, leased_until)
   VALUES (begin_job.job, now(), gen_random_uuid(), (clock_timestamp() + make_interval(secs => (begin_job.lease_seconds)::double precision))) ON CONFLICT(job) DO UPDATE SET started_at = now(), lease_id = excluded.lease_id, leased_until = excluded.leased_until
   WHERE ((r.leased_until IS NULL) OR (r.leased_until <= clock_timestamp()) OR (r.leased_until > (clock_timestamp() + make_interval(secs => ((4 * begin_job.lease_seconds))::double precision))))
   RETURNING r.lease_id;
END
CREATE OR REPLACE FUNCTION app.claim_request(lease_seconds integer, left_out text[])
 RETURNS TABLE(request_id uuid, tenant_id text, owner_id text, attempt integer, lease_id uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  moment timestamptz := clock_timestamp();
  latest timestamptz := moment + make_interval(secs => 4 * lease_seconds);
  turn record;
BEGIN
  FOR turn IN
    -- One step a tenant, however many requests each has.
    WITH RECURSIVE tenant (tenant_id) AS (
      (SELECT q.tenant_id FROM app.request_queue q ORDER BY q.tenant_id LIMIT 1)
      UNION ALL
      SELECT (SELECT q.tenant_id FROM app.request_queue q WHERE q.tenant_id > t.tenant_id
               ORDER BY q.tenant_id LIMIT 1)
        FROM tenant t WHERE t.tenant_id IS NOT NULL
    )
    SELECT t.tenant_id, oldest.behind, oldest.until
      FROM tenant t,
           LATERAL (SELECT range.place, range.behind, range.until, q.due_at, q.position
                      FROM (VALUES (1, latest, 'infinity'::timestamptz),
                                   (2, '-infinity'::timestamptz, moment)) AS range (place, behind, until),
                           LATERAL (SELECT q.due_at, q.position FROM app.request_queue q
                                     WHERE q.tenant_id = t.tenant_id
                                       AND q.due_at > range.behind AND q.due_at <= range.until
                                     ORDER BY q.due_at, q.position LIMIT 1) AS q
                     ORDER BY range.place LIMIT 1) AS oldest,
           LATERAL (SELECT count(*) AS runs FROM app.request_queue q
                     WHERE q.tenant_id = t.tenant_id AND q.lease_id IS NOT NULL
                       AND q.due_at > moment AND q.due_at <= latest) AS under_way,
           LATERAL (SELECT (SELECT l.taken_at FROM app.request_turn l
                             WHERE l.tenant_id = t.tenant_id AND l.taken_at <= moment)) AS last
     WHERE t.tenant_id <> ALL (left_out)
       AND NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = t.tenant_id)
     ORDER BY under_way.runs, last.taken_at NULLS FIRST, oldest.place, oldest.due_at, oldest.position
  LOOP
    RETURN QUERY
      WITH next AS (
        SELECT q.request_id FROM app.request_queue q
         WHERE q.tenant_id = turn.tenant_id AND q.due_at > turn.behind AND q.due_at <= turn.until
         ORDER BY q.due_at, q.position LIMIT 1 FOR UPDATE SKIP LOCKED)
      UPDATE app.request_queue AS q SET
        attempt = q.attempt + 1,
        lease_id = gen_random_uuid(),
        due_at = clock_timestamp() + make_interval(secs => lease_seconds)
      FROM next WHERE q.request_id = next.request_id
      RETURNING q.request_id, q.tenant_id, q.owner_id, q.attempt, q.lease_id;
    IF FOUND THEN
      INSERT INTO app.request_turn AS t (tenant_id, taken_at) VALUES (turn.tenant_id, moment)
      ON CONFLICT ON CONSTRAINT request_turn_pkey DO UPDATE SET taken_at = EXCLUDED.taken_at;
      RETURN;
    END IF;
  END LOOP;
END
$function$
CREATE OR REPLACE FUNCTION app.copy_span_relations()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  INSERT INTO app.span_relation (related_id, audience, at, span_id, seq)
  SELECT DISTINCT related_id, NEW.audience, NEW.at, NEW.id, NEW.seq
    FROM unnest(NEW.related_to) AS related_id WHERE related_id IS NOT NULL;
  RETURN NULL;
END
$function$
CREATE OR REPLACE FUNCTION app.copy_token_revocation()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  INSERT INTO app.token_revocation (tenant_id, token_id) VALUES (NEW.tenant_id, NEW.this)
  ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$function$
CREATE OR REPLACE FUNCTION app.drop_request(request_id uuid, lease_id uuid)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 DELETE FROM app.request_queue q
   WHERE ((q.request_id = drop_request.request_id) AND (q.lease_id = drop_request.lease_id));
END
CREATE OR REPLACE FUNCTION app.due_functions(most integer)
 RETURNS TABLE(function_id uuid, seq integer, tenant_id text, owner_id text, once boolean, done_until timestamp with time zone)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 WITH RECURSIVE tenant(tenant_id) AS (
         ( SELECT s.tenant_id
            FROM app.function_schedule s
           ORDER BY s.tenant_id
          LIMIT 1)
         UNION ALL
          SELECT ( SELECT s.tenant_id
                    FROM app.function_schedule s
                   WHERE (s.tenant_id > t_1.tenant_id)
                   ORDER BY s.tenant_id
                  LIMIT 1) AS tenant_id
            FROM tenant t_1
           WHERE (t_1.tenant_id IS NOT NULL)
         )
  SELECT d.function_id,
     d.seq,
     d.tenant_id,
     d.owner_id,
     d.once,
     d.done_until
    FROM tenant t,
     LATERAL ( SELECT s.function_id,
             s.seq,
             s.tenant_id,
             s.owner_id,
             s.once,
             s.due_at,
             s.done_until,
             s.looked_at,
             row_number() OVER (ORDER BY s.due_at, s.function_id) AS turn
            FROM (( SELECT f.function_id,
                     f.seq,
                     f.tenant_id,
                     f.owner_id,
                     f.once,
                     f.due_at,
                     f.done_until,
                     f.looked_at
                    FROM app.function_schedule f
                   WHERE ((f.tenant_id = t.tenant_id) AND (f.due_at <= now()))
                   ORDER BY f.due_at, f.function_id
                  LIMIT due_functions.most)
                 UNION ALL
                 ( SELECT f.function_id,
                     f.seq,
                     f.tenant_id,
                     f.owner_id,
                     f.once,
                     f.due_at,
                     f.done_until,
                     f.looked_at
                    FROM app.function_schedule f
                   WHERE ((f.tenant_id = t.tenant_id) AND (f.looked_at > now()) AND (f.due_at > now()))
                   ORDER BY f.looked_at
                  LIMIT due_functions.most)) s) d
   WHERE (NOT (EXISTS ( SELECT
            FROM app.frozen_tenant f
           WHERE (f.tenant_id = d.tenant_id))))
   ORDER BY d.turn, d.due_at, d.function_id
  LIMIT due_functions.most;
END
CREATE OR REPLACE FUNCTION app.end_job(job text, lease_id uuid, outcome text, detail jsonb)
 RETURNS boolean
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 WITH ended AS (
          UPDATE app.job_run r SET ended_at = now(), outcome = end_job.outcome, detail = end_job.detail, lease_id = NULL::uuid, leased_until = NULL::timestamp with time zone
           WHERE ((r.job = end_job.job) AND (r.lease_id = end_job.lease_id))
           RETURNING 1 AS "?column?"
         )
  SELECT (EXISTS ( SELECT
            FROM ended)) AS "exists";
END
CREATE OR REPLACE FUNCTION app.end_schedule(function_id uuid, seq integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 DELETE FROM app.function_schedule s
   WHERE ((s.function_id = end_schedule.function_id) AND (s.seq = end_schedule.seq));
END
CREATE OR REPLACE FUNCTION app.feed_news(users text[], tenants text[], since text[], OUT complete text, OUT news boolean[])
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$
CREATE OR REPLACE FUNCTION app.freeze_tenant(tenant text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
                WHERE q.tenant_id = tenant AND q.lease_id IS NOT NULL
                  AND q.due_at > clock_timestamp() AND q.due_at <= clock_timestamp() + interval '1 minute') THEN
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
$function$
CREATE OR REPLACE FUNCTION app.has_stopped_log()
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
RETURN (EXISTS (SELECT FROM app.log_head WHERE (log_head.stopped_at IS NOT NULL)))
CREATE OR REPLACE FUNCTION app.hold_job(job text, lease_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  PERFORM FROM app.job_run r WHERE r.job = hold_job.job AND r.lease_id = hold_job.lease_id FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another run of % has its lease', hold_job.job USING ERRCODE = 'LL010';
  END IF;
END
$function$
CREATE OR REPLACE FUNCTION app.look_again(function_id uuid, seq integer, done_until timestamp with time zone, due_at timestamp with time zone)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 UPDATE app.function_schedule s SET done_until = look_again.done_until, due_at = look_again.due_at, looked_at = now()
   WHERE ((s.function_id = look_again.function_id) AND (s.seq = look_again.seq));
END
CREATE OR REPLACE FUNCTION app.maintain_function_schedule()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  repeats boolean := coalesce(jsonb_typeof(NEW.metadata->'schedule'), 'null') <> 'null'
                     AND coalesce(NEW.status, '') NOT IN ('paused', 'disabled');
BEGIN
  IF NEW.is_deleted OR NOT (repeats OR coalesce(NEW.status, '') = 'scheduled') THEN
    DELETE FROM app.function_schedule WHERE function_id = NEW.id;
  ELSE
    INSERT INTO app.function_schedule (function_id, seq, tenant_id, owner_id, once)
    VALUES (NEW.id, NEW.seq, NEW.tenant_id, NEW.owner_id, NOT repeats)
    ON CONFLICT (function_id) DO UPDATE
      SET seq = excluded.seq, once = excluded.once, due_at = now(), looked_at = now(), done_until = NULL;
  END IF;
  RETURN NULL;
END
$function$
CREATE OR REPLACE FUNCTION app.maintain_policy_cursor()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
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
$function$
CREATE OR REPLACE FUNCTION app.maintain_request_queue()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF NEW.is_deleted OR NEW.status IN ('complete', 'error') THEN
    DELETE FROM app.request_queue WHERE request_id = NEW.id;
  ELSIF NEW.status = 'scheduled' THEN
    INSERT INTO app.request_queue (request_id, tenant_id, owner_id)
    VALUES (NEW.id, NEW.tenant_id, NEW.owner_id)
    ON CONFLICT (request_id) DO NOTHING;
  END IF;
  RETURN NULL;
END
$function$
CREATE OR REPLACE FUNCTION app.maintain_ruling_queue()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF NOT NEW.is_deleted AND coalesce(NEW.status, 'active') IN ('active', 'under_review') THEN
    INSERT INTO app.ruling_queue (subject_id, tenant_id, owner_id)
    VALUES (NEW.id, NEW.tenant_id, NEW.owner_id)
    ON CONFLICT (subject_id) DO UPDATE SET ruled_on = '-infinity';
  ELSE
    DELETE FROM app.ruling_queue WHERE subject_id = NEW.id;
  END IF;
  RETURN NULL;
END
$function$
CREATE OR REPLACE FUNCTION app.night_ruled(night date, decided integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 INSERT INTO app.ruling_night AS n (local_date, decided)
   VALUES (night_ruled.night, night_ruled.decided) ON CONFLICT(local_date) DO UPDATE SET done_at = now(), decided = (n.decided + excluded.decided);
END
CREATE OR REPLACE FUNCTION app.note_job(job text, outcome text, detail jsonb)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 INSERT INTO app.job_run AS r (job, started_at)
   VALUES (note_job.job, now()) ON CONFLICT(job) DO UPDATE SET started_at =
         CASE
             WHEN (note_job.outcome IS NULL) THEN now()
             ELSE r.started_at
         END, ended_at =
         CASE
             WHEN (note_job.outcome IS NULL) THEN r.ended_at
             ELSE now()
         END, outcome = COALESCE(note_job.outcome, r.outcome), detail =
         CASE
             WHEN (note_job.outcome IS NULL) THEN r.detail
             ELSE note_job.detail
         END;
END
CREATE OR REPLACE FUNCTION app.prune(idempotency_days integer, batch integer)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  pruned bigint := 0;
  count  bigint;
BEGIN
  DELETE FROM app.idempotency_key WHERE (tenant_id, key) IN (
    SELECT tenant_id, key FROM app.idempotency_key
     WHERE at < now() - make_interval(days => greatest(1, idempotency_days)) ORDER BY at LIMIT batch);
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  DELETE FROM app.token_revocation WHERE (tenant_id, token_id) IN (
    SELECT tenant_id, token_id FROM app.token_revocation WHERE at < now() - interval '400 days' LIMIT batch);
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  DELETE FROM app.policy_emission WHERE (span_id, policy_id) IN (
    SELECT e.span_id, e.policy_id FROM app.policy_emission e
     WHERE e.at < now() - interval '30 days'
       AND NOT EXISTS (SELECT FROM app.policy_cursor c
                        WHERE c.policy_id = e.policy_id AND c.is_active AND c.tx_id <= e.tx_id)
     LIMIT batch);
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  DELETE FROM app.execution_quota WHERE (tenant_id, day) IN (
    SELECT tenant_id, day FROM app.execution_quota WHERE day < current_date - 90 LIMIT batch);
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  DELETE FROM app.ruling_night WHERE local_date < current_date - 400;
  GET DIAGNOSTICS count = ROW_COUNT;
  pruned := pruned + count;

  -- A row a job; what is left of jobs that no longer exist.
  DELETE FROM app.job_run WHERE started_at < now() - interval '400 days';
  GET DIAGNOSTICS count = ROW_COUNT;
  RETURN pruned + count;
END
$function$
CREATE OR REPLACE FUNCTION app.put_off_request(request_id uuid, lease_id uuid, seconds integer)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 UPDATE app.request_queue q SET lease_id = NULL::uuid, due_at = (clock_timestamp() + make_interval(secs => (put_off_request.seconds)::double precision))
   WHERE ((q.request_id = put_off_request.request_id) AND (q.lease_id = put_off_request.lease_id));
END
CREATE OR REPLACE FUNCTION app.renew_job(job text, lease_id uuid, lease_seconds integer)
 RETURNS boolean
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 WITH renewed AS (
          UPDATE app.job_run r SET leased_until = (clock_timestamp() + make_interval(secs => (renew_job.lease_seconds)::double precision))
           WHERE ((r.job = renew_job.job) AND (r.lease_id = renew_job.lease_id))
           RETURNING 1 AS "?column?"
         )
  SELECT (EXISTS ( SELECT
            FROM renewed)) AS "exists";
END
CREATE OR REPLACE FUNCTION app.renew_request(request_id uuid, lease_id uuid, lease_seconds integer)
 RETURNS boolean
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 WITH renewed AS (
          UPDATE app.request_queue q SET due_at = (clock_timestamp() + make_interval(secs => (renew_request.lease_seconds)::double precision))
           WHERE ((q.request_id = renew_request.request_id) AND (q.lease_id = renew_request.lease_id))
           RETURNING 1 AS "?column?"
         )
  SELECT (EXISTS ( SELECT
            FROM renewed)) AS "exists";
END
CREATE OR REPLACE FUNCTION app.resume_log(tenant text)
 RETURNS TABLE(size bigint, stopped_at timestamp with time zone, stop_reason text, waiting bigint)
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  stopped app.log_head;
BEGIN
  -- The auditor's own lock: it would overwrite the cursor with its own.
  PERFORM pg_advisory_xact_lock(4011846203);
  SELECT h.* INTO stopped FROM app.log_head h JOIN ledger.log l ON l.log_no = h.log_no
   WHERE l.tenant_id = tenant AND h.stopped_at IS NOT NULL FOR UPDATE OF h;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE app.audit_cursor c SET tx_id = first.tx_id, ordinal = first.ordinal - 1
    FROM (SELECT u.tx_id, u.ordinal FROM app.unsealed u WHERE u.log_no = stopped.log_no
           ORDER BY u.tx_id, u.ordinal LIMIT 1) AS first
   WHERE (first.tx_id, first.ordinal - 1) < (c.tx_id, c.ordinal);
  UPDATE app.log_head h SET stopped_at = NULL, stop_reason = NULL, explained_size = h.size
   WHERE h.log_no = stopped.log_no;
  RETURN QUERY SELECT stopped.size, stopped.stopped_at, stopped.stop_reason,
                      (SELECT count(*) FROM app.unsealed u WHERE u.log_no = stopped.log_no);
END
$function$
CREATE OR REPLACE FUNCTION app.ruling_owners(night date, left_out uuid[], given_up_tenants text[], given_up_owners text[], most integer)
 RETURNS TABLE(tenant_id text, owner_id text)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 SELECT q.tenant_id,
     q.owner_id
    FROM app.ruling_queue q
   WHERE ((q.ruled_on < ruling_owners.night) AND (q.subject_id <> ALL (ruling_owners.left_out)) AND (NOT ((q.tenant_id, q.owner_id) IN ( SELECT g.t,
             g.o
            FROM UNNEST(ruling_owners.given_up_tenants, ruling_owners.given_up_owners) g(t, o)))) AND (NOT (EXISTS ( SELECT
            FROM app.frozen_tenant f
           WHERE (f.tenant_id = q.tenant_id)))))
   GROUP BY q.tenant_id, q.owner_id
   ORDER BY (random())
  LIMIT ruling_owners.most;
END
CREATE OR REPLACE FUNCTION app.ruling_subjects(tenant text, owner text, night date, left_out uuid[], most integer)
 RETURNS TABLE(subject_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 SELECT q.subject_id
    FROM app.ruling_queue q
   WHERE ((q.tenant_id = ruling_subjects.tenant) AND (q.owner_id = ruling_subjects.owner) AND (q.ruled_on < ruling_subjects.night) AND (q.subject_id <> ALL (ruling_subjects.left_out)))
   ORDER BY q.ruled_on, q.subject_id
  LIMIT ruling_subjects.most;
END
CREATE OR REPLACE FUNCTION app.session_may_freeze()
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF session_user <> current_user AND ledger.session_tenant_id() IS DISTINCT FROM 'system' THEN
    RAISE EXCEPTION 'only the operator may freeze a tenant' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN true;
END
$function$
CREATE OR REPLACE FUNCTION app.subjects_ruled(subjects uuid[], night date)
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 UPDATE app.ruling_queue q SET ruled_on = subjects_ruled.night
   WHERE ((q.subject_id = ANY (subjects_ruled.subjects)) AND (q.ruled_on < subjects_ruled.night));
END
CREATE OR REPLACE FUNCTION app.tenant_salts()
 RETURNS TABLE(tenant_id text, salt text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
BEGIN ATOMIC
 SELECT s.tenant_id,
     s.salt
    FROM app.tenant_salt s;
END
CREATE OR REPLACE FUNCTION app.thaw_tenant(tenant text)
 RETURNS boolean
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  PERFORM app.session_may_freeze();
  IF EXISTS (SELECT FROM app.tenant_salt s
              WHERE s.tenant_id = tenant
                AND s.at > clock_timestamp() - interval '2 seconds' AND s.at <= clock_timestamp()) THEN
    RETURN NULL;
  END IF;
  DELETE FROM app.frozen_tenant WHERE tenant_id = tenant;
  RETURN FOUND;
END
$function$
CREATE OR REPLACE FUNCTION app.work_page(kind text, behind text, most integer, OUT rows json, OUT until text)
 RETURNS record
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  tenant text := ledger.session_tenant_id();
  found integer;
  policy record;
  place record;
  places json[] := '{}';
BEGIN
  IF NOT EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = tenant AND f.is_closed) THEN
    RAISE EXCEPTION 'tenant % is not frozen', tenant USING ERRCODE = 'LL007';
  END IF;
  CASE kind
  WHEN 'salt' THEN
    SELECT json_agg(r) INTO rows FROM (SELECT s.salt FROM app.tenant_salt s WHERE s.tenant_id = tenant) AS r;
  WHEN 'quota' THEN
    SELECT json_agg(r) INTO rows FROM (
      SELECT q.day, q.used, q.cpu_ms FROM app.execution_quota q
       WHERE q.tenant_id = tenant ORDER BY q.day DESC LIMIT most) AS r;
  WHEN 'append_usage' THEN
    SELECT json_agg(r) INTO rows FROM (
      SELECT u.day, u.bytes FROM app.append_usage u WHERE u.tenant_id = tenant) AS r;
  WHEN 'schedule' THEN
    SELECT json_agg(r), max(r.function_id::text COLLATE "C"), count(*) INTO rows, until, found FROM (
      SELECT s.function_id, s.seq, s.due_at, s.done_until FROM app.function_schedule s
       WHERE s.tenant_id = tenant AND (behind IS NULL OR s.function_id > behind::uuid)
       ORDER BY s.function_id LIMIT most) AS r;
  WHEN 'subject' THEN
    SELECT json_agg(r), max(r.subject_id::text COLLATE "C"), count(*) INTO rows, until, found FROM (
      SELECT q.subject_id, q.ruled_on FROM app.ruling_queue q
       WHERE q.tenant_id = tenant AND (behind IS NULL OR q.subject_id > behind::uuid)
       ORDER BY q.subject_id LIMIT most) AS r;
  WHEN 'request' THEN
    SELECT json_agg(r), max(r.request_id::text COLLATE "C"), count(*) INTO rows, until, found FROM (
      SELECT q.request_id, q.attempt, q.due_at FROM app.request_queue q
       WHERE q.tenant_id = tenant AND (behind IS NULL OR q.request_id > behind::uuid)
       ORDER BY q.request_id LIMIT most) AS r;
  WHEN 'policy' THEN
    -- Where a policy stands is told by the last span that its owner may read there: transaction ids are the cell's own.
    FOR policy IN
      SELECT c.policy_id, c.owner_id, c.tx_id, c.ordinal FROM app.policy_cursor c
       WHERE c.tenant_id = tenant AND (behind IS NULL OR c.policy_id > behind::uuid)
       ORDER BY c.policy_id LIMIT most
    LOOP
      PERFORM set_config('app.user_id', policy.owner_id, true);
      SELECT last.id, last.seq INTO place
        FROM unnest(ledger.session_audiences()) AS a(audience),
             LATERAL (SELECT r.id, r.seq, r.tx_id, r.ordinal FROM ledger.universal_registry r
                       WHERE r.audience = a.audience AND r.tenant_id = tenant
                         AND (r.tx_id, r.ordinal) <= (policy.tx_id, policy.ordinal)
                       ORDER BY r.tx_id DESC, r.ordinal DESC LIMIT 1) AS last
       ORDER BY last.tx_id DESC, last.ordinal DESC LIMIT 1;
      places := places || json_build_object('policy_id', policy.policy_id, 'owner_id', policy.owner_id,
                                            'after_id', place.id, 'after_seq', place.seq);
      until := policy.policy_id::text;
    END LOOP;
    found := cardinality(places);
    rows := array_to_json(places);
  WHEN 'emission' THEN
    SELECT json_agg(r), max(r.policy_id::text || '.' || r.span_id::text COLLATE "C"), count(*)
      INTO rows, until, found FROM (
      SELECT e.policy_id, e.span_id, e.depth, e.at
        FROM app.policy_cursor c JOIN app.policy_emission e ON e.policy_id = c.policy_id
       WHERE c.tenant_id = tenant
         AND (behind IS NULL OR (e.policy_id, e.span_id) >
              (split_part(behind, '.', 1)::uuid, split_part(behind, '.', 2)::uuid))
       ORDER BY e.policy_id, e.span_id LIMIT most) AS r;
  WHEN 'idempotency_key' THEN
    -- A key may stand for 1,000 spans: pages are bounded by spans, too.
    SELECT json_agg(json_build_object('key', r.key, 'fingerprint', r.fingerprint, 'span_ids', r.span_ids,
                                      'span_seqs', r.span_seqs, 'at', r.at) ORDER BY r.key)
             FILTER (WHERE r.spans_before < 10 * most),
           (array_agg(r.key ORDER BY r.key DESC) FILTER (WHERE r.spans_before < 10 * most))[1],
           CASE WHEN bool_and(r.spans_before < 10 * most) THEN count(*) ELSE most END
      INTO rows, until, found FROM (
      SELECT k.*, sum(cardinality(k.span_ids)) OVER (ORDER BY k.key) - cardinality(k.span_ids) AS spans_before
        FROM (SELECT * FROM app.idempotency_key i
               WHERE i.tenant_id = tenant AND (behind IS NULL OR i.key > behind) ORDER BY i.key LIMIT most) AS k) AS r;
  END CASE;
  rows := coalesce(rows, '[]');
  IF coalesce(found, 0) < most THEN until := NULL; END IF;
END
$function$
CREATE OR REPLACE FUNCTION ledger.append_spans(batches json)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  batch record;
BEGIN
  FOR batch IN
    SELECT * FROM json_to_recordset(batches) AS b(user_id text, tenant_id text, spans json, idempotency json)
  LOOP
    PERFORM set_config('app.user_id', batch.user_id, true), set_config('app.tenant_id', batch.tenant_id, true);

    IF json_typeof(batch.idempotency) = 'object' THEN
      INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs)
      SELECT batch.tenant_id, batch.idempotency->>'key', batch.idempotency->>'fingerprint',
             ARRAY(SELECT id::uuid FROM json_array_elements_text(batch.idempotency->'span_ids') AS id),
             ARRAY(SELECT seq::integer FROM json_array_elements_text(batch.idempotency->'span_seqs') AS seq);
    END IF;

    INSERT INTO ledger.universal_registry (
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key)
    SELECT
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key
    FROM json_populate_recordset(NULL::ledger.universal_registry, batch.spans);
  END LOOP;
END
$function$
CREATE OR REPLACE FUNCTION ledger.append_spans(writer_user text, writer_tenant text, spans json)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  PERFORM set_config('app.user_id', writer_user, true), set_config('app.tenant_id', writer_tenant, true);
  INSERT INTO ledger.universal_registry (
    id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
    status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
    duration_ms, trace_id, prev_hash, curr_hash, signature, public_key)
  SELECT
    id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
    status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
    duration_ms, trace_id, prev_hash, curr_hash, signature, public_key
  FROM json_populate_recordset(NULL::ledger.universal_registry, spans);
END
$function$
CREATE OR REPLACE FUNCTION ledger.audience_of(visibility text, tenant_id text, owner_id text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE
RETURN CASE visibility WHEN 'public'::text THEN 'public'::text WHEN 'tenant'::text THEN ('tenant:'::text || tenant_id) ELSE ((((('owner:'::text || length(tenant_id)) || ':'::text) || tenant_id) || ':'::text) || owner_id) END
CREATE OR REPLACE FUNCTION ledger.check_version_chain()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  before record;
  was_deleted boolean := false;
BEGIN
  IF NEW.seq > 0 THEN
    SELECT owner_id, tenant_id, curr_hash, is_deleted INTO before
      FROM ledger.universal_registry WHERE id = NEW.id AND seq = NEW.seq - 1;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'span % has no version % to follow', NEW.id, NEW.seq - 1 USING ERRCODE = 'LL001';
    END IF;
    IF before.owner_id <> NEW.owner_id OR before.tenant_id <> NEW.tenant_id THEN
      RAISE EXCEPTION 'span % belongs to somebody else', NEW.id USING ERRCODE = 'LL002';
    END IF;
    IF before.curr_hash <> NEW.prev_hash THEN
      RAISE EXCEPTION 'prev_hash is not the curr_hash of version % of span %', NEW.seq - 1, NEW.id
        USING ERRCODE = 'LL003';
    END IF;
    was_deleted := before.is_deleted;
  END IF;
  IF NEW.is_deleted <> was_deleted THEN
    -- The session is the owner, who sees all versions.
    INSERT INTO app.deletion (id, seq, is_deleted, audiences)
    SELECT NEW.id, NEW.seq, NEW.is_deleted,
           ARRAY(SELECT DISTINCT r.audience FROM ledger.universal_registry r WHERE r.id = NEW.id);
  END IF;
  RETURN NULL;
END
$function$
CREATE OR REPLACE FUNCTION ledger.held_spans(batches json)
 RETURNS boolean[]
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  batch record;
  found record;
  held boolean[] := '{}';
BEGIN
  FOR batch IN
    SELECT * FROM json_to_recordset(batches)
      AS b(user_id text, tenant_id text, places integer[], ids uuid[], seqs integer[], hashes text[])
  LOOP
    PERFORM set_config('app.user_id', batch.user_id, true), set_config('app.tenant_id', batch.tenant_id, true);
    FOR found IN
      SELECT s.place, r.id IS NOT NULL AS held
        FROM unnest(batch.places, batch.ids, batch.seqs, batch.hashes) AS s(place, id, seq, hash)
        LEFT JOIN ledger.universal_registry r ON r.id = s.id AND r.seq = s.seq AND r.curr_hash = s.hash
    LOOP
      held[found.place] := found.held;
    END LOOP;
  END LOOP;
  RETURN held;
END
$function$
CREATE OR REPLACE FUNCTION ledger.import_spans(batches json)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
DECLARE
  batch record;
  added integer;
  total integer := 0;
  taken record;
  moves_in boolean;
  ordinals bigint[];
  places integer[];
  done integer := 0;
  numbers regclass := pg_get_serial_sequence('ledger.universal_registry', 'ordinal');
BEGIN
  SELECT array_agg(nextval(numbers)) INTO ordinals
    FROM json_to_recordset(batches) AS b(places integer[], spans json),
         generate_series(1, coalesce(cardinality(b.places), json_array_length(b.spans)));
  FOR batch IN
    SELECT * FROM json_to_recordset(batches) AS b(user_id text, tenant_id text, places integer[], spans json)
  LOOP
    moves_in := EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = batch.tenant_id);
    PERFORM set_config('app.importing', CASE WHEN moves_in THEN '' ELSE 'on' END, true),
            set_config('app.user_id', batch.user_id, true), set_config('app.tenant_id', batch.tenant_id, true);
    places := coalesce(batch.places, ARRAY(SELECT generate_series(done, done + json_array_length(batch.spans) - 1)));
    done := done + cardinality(places);
    INSERT INTO ledger.universal_registry (
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key, ordinal)
    OVERRIDING SYSTEM VALUE
    SELECT
      id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility,
      status, is_deleted, name, description, code, language, runtime, input, output, error, metadata,
      duration_ms, trace_id, prev_hash, curr_hash, signature, public_key, ordinals[place + 1]
    FROM ROWS FROM (json_populate_recordset(NULL::ledger.universal_registry, batch.spans), unnest(places))
      AS s(id, seq, entity_type, who, did, this, at, parent_id, related_to, owner_id, tenant_id, visibility, status,
           is_deleted, name, description, code, language, runtime, input, output, error, metadata, duration_ms, trace_id,
           prev_hash, curr_hash, signature, public_key, audience, tx_id, ordinal, place)
    ON CONFLICT (id, seq) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    total := total + added;
    IF moves_in AND added > 0 THEN
      UPDATE app.function_schedule s SET done_until = now()
        FROM json_to_recordset(batch.spans) AS f(id uuid) WHERE s.function_id = f.id AND NOT s.once;
      UPDATE app.ruling_queue q SET ruled_on = (now() AT TIME ZONE 'Europe/Paris')::date
        FROM json_to_recordset(batch.spans) AS f(id uuid) WHERE q.subject_id = f.id;
      -- Behind all that this transaction writes.
      UPDATE app.policy_cursor c SET tx_id = pg_current_xact_id(), ordinal = 9223372036854775807
       WHERE c.tenant_id = batch.tenant_id;
    END IF;
    IF added < cardinality(places) THEN
      -- Read as the owner, so an id that somebody else took counts as taken.
      SELECT s.id, s.seq INTO taken
        FROM json_populate_recordset(NULL::ledger.universal_registry, batch.spans) AS s
       WHERE NOT EXISTS (SELECT FROM ledger.universal_registry r
                          WHERE r.id = s.id AND r.seq = s.seq AND r.curr_hash = s.curr_hash)
       LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION 'span % has a version % with other content', taken.id, taken.seq
          USING ERRCODE = 'LL005';
      END IF;
    END IF;
  END LOOP;
  PERFORM set_config('app.importing', '', true);
  RETURN total;
END
$function$
CREATE OR REPLACE FUNCTION ledger.import_work(tenant text, page json)
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
  taken integer;
  total integer := 0;
  policy record;
BEGIN
  -- The lock keeps the tenant frozen until the page is in.
  PERFORM FROM app.frozen_tenant f WHERE f.tenant_id = tenant AND f.is_closed FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'tenant % is not frozen', tenant USING ERRCODE = 'LL007';
  END IF;
  PERFORM set_config('app.tenant_id', tenant, true);
  CASE page->>'kind'
  WHEN 'salt' THEN
    INSERT INTO app.tenant_salt (tenant_id, salt)
    SELECT tenant, w.salt FROM json_to_recordset(page->'rows') AS w(salt text) LIMIT 1
    ON CONFLICT (tenant_id) DO UPDATE SET salt = excluded.salt, at = excluded.at;
  WHEN 'quota' THEN
    INSERT INTO app.execution_quota AS q (tenant_id, day, used, cpu_ms)
    SELECT tenant, w.day, w.used, w.cpu_ms
      FROM json_to_recordset(page->'rows') AS w(day date, used integer, cpu_ms double precision)
    ON CONFLICT (tenant_id, day) DO UPDATE
      SET used = greatest(q.used, excluded.used), cpu_ms = greatest(q.cpu_ms, excluded.cpu_ms);
  WHEN 'append_usage' THEN
    INSERT INTO app.append_usage AS u (tenant_id, day, bytes)
    SELECT tenant, w.day, w.bytes FROM json_to_recordset(page->'rows') AS w(day date, bytes bigint) LIMIT 1
    ON CONFLICT (tenant_id) DO UPDATE
      SET day = greatest(u.day, excluded.day),
          bytes = CASE WHEN u.day > excluded.day THEN u.bytes
                       WHEN u.day < excluded.day THEN excluded.bytes
                       ELSE greatest(u.bytes, excluded.bytes) END;
  WHEN 'schedule' THEN
    -- What the old cell had no longer, it had run.
    DELETE FROM app.function_schedule s
     WHERE s.tenant_id = tenant
       AND (page->>'after' IS NULL OR s.function_id > (page->>'after')::uuid)
       AND (page->>'until' IS NULL OR s.function_id <= (page->>'until')::uuid)
       AND s.function_id NOT IN (SELECT w.function_id FROM json_to_recordset(page->'rows') AS w(function_id uuid));
    UPDATE app.function_schedule s SET due_at = w.due_at, done_until = w.done_until
      FROM json_to_recordset(page->'rows') AS w(function_id uuid, seq integer, due_at timestamptz, done_until timestamptz)
     WHERE s.function_id = w.function_id AND s.seq = w.seq AND s.tenant_id = tenant;
  WHEN 'subject' THEN
    UPDATE app.ruling_queue q SET ruled_on = w.ruled_on
      FROM json_to_recordset(page->'rows') AS w(subject_id uuid, ruled_on date)
     WHERE q.subject_id = w.subject_id AND q.tenant_id = tenant;
  WHEN 'request' THEN
    UPDATE app.request_queue q SET attempt = w.attempt, due_at = w.due_at
      FROM json_to_recordset(page->'rows') AS w(request_id uuid, attempt integer, due_at timestamptz)
     WHERE q.request_id = w.request_id AND q.tenant_id = tenant;
  WHEN 'policy' THEN
    FOR policy IN
      SELECT * FROM json_to_recordset(page->'rows') AS w(policy_id uuid, owner_id text, after_id uuid, after_seq integer)
    LOOP
      -- Read as the owner, as the policy does.
      PERFORM set_config('app.user_id', policy.owner_id, true);
      UPDATE app.policy_cursor c SET tx_id = r.tx_id, ordinal = r.ordinal
        FROM ledger.universal_registry r
       WHERE c.policy_id = policy.policy_id AND c.tenant_id = tenant AND c.owner_id = policy.owner_id
         AND r.id = policy.after_id AND r.seq = policy.after_seq AND r.tenant_id = tenant;
      GET DIAGNOSTICS taken = ROW_COUNT;
      total := total + taken;
    END LOOP;
    RETURN total;
  WHEN 'emission' THEN
    INSERT INTO app.policy_emission (policy_id, span_id, depth, at)
    SELECT w.policy_id, w.span_id, w.depth, w.at
      FROM json_to_recordset(page->'rows') AS w(policy_id uuid, span_id uuid, depth integer, at timestamptz)
      JOIN app.policy_cursor c ON c.policy_id = w.policy_id AND c.tenant_id = tenant
    ON CONFLICT DO NOTHING;
  WHEN 'idempotency_key' THEN
    INSERT INTO app.idempotency_key (tenant_id, key, fingerprint, span_ids, span_seqs, at)
    SELECT tenant, w.key, w.fingerprint, w.span_ids, w.span_seqs, w.at
      FROM json_to_recordset(page->'rows')
        AS w(key text, fingerprint text, span_ids uuid[], span_seqs integer[], at timestamptz)
    ON CONFLICT DO NOTHING;
  END CASE;
  GET DIAGNOSTICS taken = ROW_COUNT;
  RETURN taken;
END
$function$
CREATE OR REPLACE FUNCTION ledger.log_origin_at(log_number integer, checkpoint_size bigint)
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN COALESCE((SELECT o.origin FROM ledger.log_origin o WHERE ((o.log_no = log_origin_at.log_number) AND (o.from_size < log_origin_at.checkpoint_size)) ORDER BY o.from_size DESC LIMIT 1), (SELECT l.origin FROM ledger.log l WHERE (l.log_no = log_origin_at.log_number)))
CREATE OR REPLACE FUNCTION ledger.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RAISE EXCEPTION '% on %.% is refused: the ledger is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
    USING ERRCODE = 'LL004', HINT = 'Append a new version of the span instead.';
END
$function$
CREATE OR REPLACE FUNCTION ledger.session_audiences()
 RETURNS text[]
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  RETURN array_remove(ARRAY[
    'public',
    CASE WHEN ledger.session_user_id() IS NOT NULL
         THEN ledger.audience_of('tenant', ledger.session_tenant_id(), NULL) END,
    ledger.audience_of('private', ledger.session_tenant_id(), ledger.session_user_id())
  ], NULL);
END
$function$
CREATE OR REPLACE FUNCTION ledger.session_may_write()
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
BEGIN
  IF EXISTS (SELECT FROM app.frozen_tenant f WHERE f.tenant_id = ledger.session_tenant_id() AND f.is_closed) THEN
    RAISE EXCEPTION 'tenant % is frozen', ledger.session_tenant_id() USING ERRCODE = 'LL006';
  END IF;
  RETURN true;
END
$function$
CREATE OR REPLACE FUNCTION ledger.session_tenant_id()
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN NULLIF(current_setting('app.tenant_id'::text, true), ''::text)
CREATE OR REPLACE FUNCTION ledger.session_user_id()
 RETURNS text
 LANGUAGE sql
 STABLE PARALLEL SAFE
RETURN NULLIF(current_setting('app.user_id'::text, true), ''::text)

-- Privileges of others than the owner

column app.deletion.id TO logline_guest: SELECT
column app.deletion.is_deleted TO logline_guest: SELECT
column app.deletion.seq TO logline_guest: SELECT
column app.job_run.ended_at TO logline_app: SELECT
column app.job_run.job TO logline_app: SELECT
column app.job_run.outcome TO logline_app: SELECT
column app.job_run.started_at TO logline_app: SELECT
column app.log_head.explained_size TO logline_auditor: UPDATE
column app.log_head.stop_reason TO logline_auditor: UPDATE
column app.log_head.stopped_at TO logline_auditor: UPDATE
column app.policy_cursor.ordinal TO logline_app: UPDATE
column app.policy_cursor.tx_id TO logline_app: UPDATE
column ledger.universal_registry.at TO logline_app: INSERT
column ledger.universal_registry.at TO logline_guest: SELECT
column ledger.universal_registry.code TO logline_app: INSERT
column ledger.universal_registry.code TO logline_guest: SELECT
column ledger.universal_registry.curr_hash TO logline_app: INSERT
column ledger.universal_registry.curr_hash TO logline_guest: SELECT
column ledger.universal_registry.curr_hash TO logline_sealer: SELECT
column ledger.universal_registry.description TO logline_app: INSERT
column ledger.universal_registry.description TO logline_guest: SELECT
column ledger.universal_registry.did TO logline_app: INSERT
column ledger.universal_registry.did TO logline_guest: SELECT
column ledger.universal_registry.duration_ms TO logline_app: INSERT
column ledger.universal_registry.duration_ms TO logline_guest: SELECT
column ledger.universal_registry.entity_type TO logline_app: INSERT
column ledger.universal_registry.entity_type TO logline_guest: SELECT
column ledger.universal_registry.error TO logline_app: INSERT
column ledger.universal_registry.error TO logline_guest: SELECT
column ledger.universal_registry.id TO logline_app: INSERT
column ledger.universal_registry.id TO logline_guest: SELECT
column ledger.universal_registry.id TO logline_sealer: SELECT
column ledger.universal_registry.input TO logline_app: INSERT
column ledger.universal_registry.input TO logline_guest: SELECT
column ledger.universal_registry.is_deleted TO logline_app: INSERT
column ledger.universal_registry.is_deleted TO logline_guest: SELECT
column ledger.universal_registry.language TO logline_app: INSERT
column ledger.universal_registry.language TO logline_guest: SELECT
column ledger.universal_registry.metadata TO logline_app: INSERT
column ledger.universal_registry.metadata TO logline_guest: SELECT
column ledger.universal_registry.name TO logline_app: INSERT
column ledger.universal_registry.name TO logline_guest: SELECT
column ledger.universal_registry.ordinal TO logline_sealer: SELECT
column ledger.universal_registry.output TO logline_app: INSERT
column ledger.universal_registry.output TO logline_guest: SELECT
column ledger.universal_registry.owner_id TO logline_app: INSERT
column ledger.universal_registry.owner_id TO logline_guest: SELECT
column ledger.universal_registry.parent_id TO logline_app: INSERT
column ledger.universal_registry.parent_id TO logline_guest: SELECT
column ledger.universal_registry.prev_hash TO logline_app: INSERT
column ledger.universal_registry.prev_hash TO logline_guest: SELECT
column ledger.universal_registry.public_key TO logline_app: INSERT
column ledger.universal_registry.public_key TO logline_guest: SELECT
column ledger.universal_registry.related_to TO logline_app: INSERT
column ledger.universal_registry.related_to TO logline_guest: SELECT
column ledger.universal_registry.runtime TO logline_app: INSERT
column ledger.universal_registry.runtime TO logline_guest: SELECT
column ledger.universal_registry.seq TO logline_app: INSERT
column ledger.universal_registry.seq TO logline_guest: SELECT
column ledger.universal_registry.seq TO logline_sealer: SELECT
column ledger.universal_registry.signature TO logline_app: INSERT
column ledger.universal_registry.signature TO logline_guest: SELECT
column ledger.universal_registry.status TO logline_app: INSERT
column ledger.universal_registry.status TO logline_guest: SELECT
column ledger.universal_registry.tenant_id TO logline_app: INSERT
column ledger.universal_registry.tenant_id TO logline_guest: SELECT
column ledger.universal_registry.tenant_id TO logline_sealer: SELECT
column ledger.universal_registry.this TO logline_app: INSERT
column ledger.universal_registry.this TO logline_guest: SELECT
column ledger.universal_registry.trace_id TO logline_app: INSERT
column ledger.universal_registry.trace_id TO logline_guest: SELECT
column ledger.universal_registry.tx_id TO logline_sealer: SELECT
column ledger.universal_registry.visibility TO logline_app: INSERT
column ledger.universal_registry.visibility TO logline_guest: SELECT
column ledger.universal_registry.who TO logline_app: INSERT
column ledger.universal_registry.who TO logline_guest: SELECT
function app.active_policies(most integer) TO logline_kernel: EXECUTE
function app.advance_policy(policy_id uuid, tx_id xid8, ordinal bigint) TO logline_kernel: EXECUTE
function app.begin_job(job text, lease_seconds integer) TO logline_kernel: EXECUTE
function app.claim_request(lease_seconds integer, left_out text[]) TO logline_kernel: EXECUTE
function app.drop_request(request_id uuid, lease_id uuid) TO logline_kernel: EXECUTE
function app.due_functions(most integer) TO logline_kernel: EXECUTE
function app.end_job(job text, lease_id uuid, outcome text, detail jsonb) TO logline_kernel: EXECUTE
function app.end_schedule(function_id uuid, seq integer) TO logline_kernel: EXECUTE
function app.feed_news(users text[], tenants text[], since text[], OUT complete text, OUT news boolean[]) TO logline_app: EXECUTE
function app.freeze_tenant(tenant text) TO logline_app: EXECUTE
function app.has_stopped_log() TO logline_app: EXECUTE
function app.hold_job(job text, lease_id uuid) TO logline_kernel: EXECUTE
function app.look_again(function_id uuid, seq integer, done_until timestamp with time zone, due_at timestamp with time zone) TO logline_kernel: EXECUTE
function app.night_ruled(night date, decided integer) TO logline_kernel: EXECUTE
function app.note_job(job text, outcome text, detail jsonb) TO logline_kernel: EXECUTE
function app.prune(idempotency_days integer, batch integer) TO logline_kernel: EXECUTE
function app.put_off_request(request_id uuid, lease_id uuid, seconds integer) TO logline_kernel: EXECUTE
function app.renew_job(job text, lease_id uuid, lease_seconds integer) TO logline_kernel: EXECUTE
function app.renew_request(request_id uuid, lease_id uuid, lease_seconds integer) TO logline_kernel: EXECUTE
function app.resume_log(tenant text) TO logline_auditor: EXECUTE
function app.ruling_owners(night date, left_out uuid[], given_up_tenants text[], given_up_owners text[], most integer) TO logline_kernel: EXECUTE
function app.ruling_subjects(tenant text, owner text, night date, left_out uuid[], most integer) TO logline_kernel: EXECUTE
function app.subjects_ruled(subjects uuid[], night date) TO logline_kernel: EXECUTE
function app.tenant_salts() TO logline_kernel: EXECUTE
function app.thaw_tenant(tenant text) TO logline_app: EXECUTE
function app.work_page(kind text, behind text, most integer, OUT rows json, OUT until text) TO logline_app: EXECUTE
function ledger.append_spans(batches json) TO logline_app: EXECUTE
function ledger.append_spans(writer_user text, writer_tenant text, spans json) TO logline_app: EXECUTE
function ledger.audience_of(visibility text, tenant_id text, owner_id text) TO logline_app: EXECUTE
function ledger.audience_of(visibility text, tenant_id text, owner_id text) TO logline_guest: EXECUTE
function ledger.held_spans(batches json) TO logline_app: EXECUTE
function ledger.import_spans(batches json) TO logline_app: EXECUTE
function ledger.import_work(tenant text, page json) TO logline_app: EXECUTE
function ledger.log_origin_at(log_number integer, checkpoint_size bigint) TO logline_app: EXECUTE
function ledger.log_origin_at(log_number integer, checkpoint_size bigint) TO logline_auditor: EXECUTE
function ledger.log_origin_at(log_number integer, checkpoint_size bigint) TO logline_backup: EXECUTE
function ledger.log_origin_at(log_number integer, checkpoint_size bigint) TO logline_sealer: EXECUTE
function ledger.refuse_change() TO logline_app: EXECUTE
function ledger.session_audiences() TO logline_app: EXECUTE
function ledger.session_audiences() TO logline_guest: EXECUTE
function ledger.session_may_write() TO logline_app: EXECUTE
function ledger.session_tenant_id() TO logline_app: EXECUTE
function ledger.session_tenant_id() TO logline_guest: EXECUTE
function ledger.session_user_id() TO logline_app: EXECUTE
function ledger.session_user_id() TO logline_guest: EXECUTE
relation app.append_usage TO logline_app: INSERT, SELECT, UPDATE
relation app.append_usage TO logline_auditor: SELECT
relation app.append_usage TO logline_backup: SELECT
relation app.audit_cursor TO logline_auditor: SELECT, UPDATE
relation app.audit_cursor TO logline_backup: SELECT
relation app.audit_cursor TO logline_sealer: SELECT
relation app.checkpoint_key TO logline_app: SELECT
relation app.checkpoint_key TO logline_auditor: SELECT
relation app.checkpoint_key TO logline_backup: SELECT
relation app.checkpoint_key TO logline_sealer: INSERT, SELECT, UPDATE
relation app.deletion TO logline_app: SELECT
relation app.deletion TO logline_auditor: SELECT
relation app.deletion TO logline_backup: SELECT
relation app.execution_quota TO logline_app: INSERT, SELECT, UPDATE
relation app.execution_quota TO logline_auditor: SELECT
relation app.execution_quota TO logline_backup: SELECT
relation app.feed_epoch TO logline_app: SELECT
relation app.feed_epoch TO logline_auditor: SELECT
relation app.feed_epoch TO logline_backup: SELECT
relation app.feed_epoch TO logline_sealer: SELECT
relation app.feed_epoch_number_seq TO logline_backup: SELECT
relation app.frozen_tenant TO logline_app: SELECT
relation app.frozen_tenant TO logline_auditor: SELECT
relation app.frozen_tenant TO logline_backup: SELECT
relation app.function_schedule TO logline_app: SELECT
relation app.function_schedule TO logline_auditor: SELECT
relation app.function_schedule TO logline_backup: SELECT
relation app.idempotency_key TO logline_app: DELETE, INSERT, SELECT
relation app.idempotency_key TO logline_backup: SELECT
relation app.job_run TO logline_auditor: SELECT
relation app.job_run TO logline_backup: SELECT
relation app.kysely_migration TO logline_backup: SELECT
relation app.kysely_migration_lock TO logline_backup: SELECT
relation app.log_audit TO logline_app: SELECT
relation app.log_audit TO logline_auditor: INSERT, SELECT, UPDATE
relation app.log_audit TO logline_backup: SELECT
relation app.log_audit TO logline_sealer: SELECT
relation app.log_head TO logline_app: SELECT
relation app.log_head TO logline_auditor: SELECT
relation app.log_head TO logline_backup: SELECT
relation app.log_head TO logline_sealer: INSERT, SELECT, UPDATE
relation app.log_instance TO logline_app: SELECT
relation app.log_instance TO logline_auditor: SELECT
relation app.log_instance TO logline_backup: SELECT
relation app.log_instance TO logline_sealer: INSERT, SELECT
relation app.migration_checksum TO logline_app: SELECT
relation app.migration_checksum TO logline_backup: SELECT
relation app.policy_cursor TO logline_app: SELECT
relation app.policy_cursor TO logline_auditor: SELECT
relation app.policy_cursor TO logline_backup: SELECT
relation app.policy_emission TO logline_app: INSERT, SELECT
relation app.policy_emission TO logline_backup: SELECT
relation app.request_queue TO logline_app: SELECT
relation app.request_queue TO logline_auditor: SELECT
relation app.request_queue TO logline_backup: SELECT
relation app.request_queue_position_seq TO logline_backup: SELECT
relation app.request_turn TO logline_auditor: SELECT
relation app.request_turn TO logline_backup: SELECT
relation app.restore_needed TO logline_app: SELECT
relation app.restore_needed TO logline_backup: SELECT
relation app.restore_needed TO logline_kernel: SELECT
relation app.restore_needed TO logline_sealer: INSERT, SELECT
relation app.ruling_night TO logline_auditor: SELECT
relation app.ruling_night TO logline_backup: SELECT
relation app.ruling_queue TO logline_app: SELECT
relation app.ruling_queue TO logline_auditor: SELECT
relation app.ruling_queue TO logline_backup: SELECT
relation app.seal_cursor TO logline_app: SELECT
relation app.seal_cursor TO logline_auditor: SELECT
relation app.seal_cursor TO logline_backup: SELECT
relation app.seal_cursor TO logline_kernel: SELECT
relation app.seal_cursor TO logline_sealer: INSERT, SELECT, UPDATE
relation app.span_relation TO logline_app: SELECT
relation app.span_relation TO logline_backup: SELECT
relation app.tenant_salt TO logline_app: SELECT
relation app.tenant_salt TO logline_backup: SELECT
relation app.token_revocation TO logline_app: SELECT
relation app.token_revocation TO logline_backup: SELECT
relation app.unsealed TO logline_auditor: SELECT
relation app.unsealed TO logline_backup: SELECT
relation app.unsealed TO logline_sealer: DELETE, INSERT, SELECT
relation ledger.checkpoint TO logline_app: SELECT
relation ledger.checkpoint TO logline_auditor: SELECT
relation ledger.checkpoint TO logline_backup: SELECT
relation ledger.checkpoint TO logline_sealer: INSERT, SELECT
relation ledger.checkpoint_line TO logline_app: SELECT
relation ledger.checkpoint_line TO logline_auditor: SELECT
relation ledger.checkpoint_line TO logline_backup: SELECT
relation ledger.checkpoint_line TO logline_sealer: INSERT, SELECT
relation ledger.log TO logline_app: SELECT
relation ledger.log TO logline_auditor: SELECT
relation ledger.log TO logline_backup: SELECT
relation ledger.log TO logline_sealer: INSERT, SELECT
relation ledger.log_entry TO logline_app: SELECT
relation ledger.log_entry TO logline_auditor: SELECT
relation ledger.log_entry TO logline_backup: SELECT
relation ledger.log_entry TO logline_sealer: INSERT, SELECT
relation ledger.log_origin TO logline_app: SELECT
relation ledger.log_origin TO logline_auditor: SELECT
relation ledger.log_origin TO logline_backup: SELECT
relation ledger.log_origin TO logline_sealer: INSERT, SELECT
relation ledger.log_tile TO logline_app: SELECT
relation ledger.log_tile TO logline_auditor: SELECT
relation ledger.log_tile TO logline_backup: SELECT
relation ledger.log_tile TO logline_sealer: INSERT, SELECT
relation ledger.universal_registry TO logline_app: SELECT
relation ledger.universal_registry TO logline_auditor: SELECT
relation ledger.universal_registry TO logline_backup: SELECT
relation ledger.universal_registry_ordinal_seq TO logline_backup: SELECT
relation ledger.visible_timeline TO logline_app: SELECT
relation ledger.visible_timeline TO logline_auditor: SELECT
relation ledger.visible_timeline TO logline_backup: SELECT
relation ledger.visible_timeline TO logline_guest: SELECT
schema app TO logline_app: USAGE
schema app TO logline_auditor: USAGE
schema app TO logline_backup: USAGE
schema app TO logline_guest: USAGE
schema app TO logline_kernel: USAGE
schema app TO logline_sealer: USAGE
schema ledger TO logline_app: USAGE
schema ledger TO logline_auditor: USAGE
schema ledger TO logline_backup: USAGE
schema ledger TO logline_guest: USAGE
schema ledger TO logline_sealer: USAGE
