// Made from the schemas by npm run generate.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description A span of the ledger. Members without a value are absent. */
        readonly Span: {
            /** @description A UUID (RFC 9562); stored and hashed in lower case. */
            readonly id: string;
            /** @description Version; defaults to 0. */
            readonly seq: number;
            /** @description What kind of thing this is, such as `function` or `note`. */
            readonly entity_type: string;
            /** @description Who did it, in the words of the client. */
            readonly who: string;
            readonly did?: string;
            /** @description What it was done to. */
            readonly this: string;
            /** @description RFC 3339 with at most milliseconds; defaults to now. */
            readonly at: string;
            /** @description A UUID (RFC 9562); stored and hashed in lower case. */
            readonly parent_id?: string;
            readonly related_to?: readonly string[];
            readonly owner_id: string;
            readonly tenant_id: string;
            /**
             * @description Defaults to private.
             * @enum {unknown}
             */
            readonly visibility: "private" | "tenant" | "public";
            readonly status?: string;
            /** @description Defaults to false. */
            readonly is_deleted: boolean;
            readonly name?: string;
            readonly description?: string;
            readonly code?: string;
            readonly language?: string;
            readonly runtime?: string;
            /** @description Any JSON within I-JSON (RFC 7493). */
            readonly input?: unknown;
            /** @description Any JSON within I-JSON (RFC 7493). */
            readonly output?: unknown;
            /** @description Any JSON within I-JSON (RFC 7493). */
            readonly error?: unknown;
            /** @description Any JSON within I-JSON (RFC 7493). */
            readonly metadata?: unknown;
            readonly duration_ms?: number;
            readonly trace_id?: string;
            /** @description 32 bytes in lower-case hex. */
            readonly prev_hash?: string;
            /** @description 32 bytes in lower-case hex. */
            readonly curr_hash: string;
            /** @description 64 bytes in lower-case hex. */
            readonly signature: string;
            /** @description 32 bytes in lower-case hex. */
            readonly public_key: string;
        };
        /** @description Required: entity_type, who, this. The server fills the rest. Unknown members are refused. */
        readonly SpanDraft: {
            /** @description A UUID (RFC 9562); stored and hashed in lower case. */
            readonly id?: string | null;
            /** @description Version; defaults to 0. */
            readonly seq?: number | null;
            /** @description What kind of thing this is, such as `function` or `note`. */
            readonly entity_type: string;
            /** @description Who did it, in the words of the client. */
            readonly who: string;
            readonly did?: string | null;
            /** @description What it was done to. */
            readonly this: string;
            /** @description RFC 3339 with at most milliseconds; defaults to now. */
            readonly at?: string | null;
            /** @description A UUID (RFC 9562); stored and hashed in lower case. */
            readonly parent_id?: string | null;
            readonly related_to?: readonly string[] | null;
            readonly owner_id?: string | null;
            readonly tenant_id?: string | null;
            /**
             * @description Defaults to private.
             * @enum {unknown}
             */
            readonly visibility?: "private" | "tenant" | "public" | null;
            readonly status?: string | null;
            /** @description Defaults to false. */
            readonly is_deleted?: boolean | null;
            readonly name?: string | null;
            readonly description?: string | null;
            readonly code?: string | null;
            readonly language?: string | null;
            readonly runtime?: string | null;
            /** @description Any JSON within I-JSON (RFC 7493). */
            readonly input?: unknown;
            /** @description Any JSON within I-JSON (RFC 7493). */
            readonly output?: unknown;
            /** @description Any JSON within I-JSON (RFC 7493). */
            readonly error?: unknown;
            /** @description Any JSON within I-JSON (RFC 7493). */
            readonly metadata?: unknown;
            readonly duration_ms?: number | null;
            readonly trace_id?: string | null;
            /** @description 32 bytes in lower-case hex. */
            readonly prev_hash?: string | null;
            /** @description 32 bytes in lower-case hex. */
            readonly curr_hash?: string | null;
            /** @description 64 bytes in lower-case hex. */
            readonly signature?: string | null;
            /** @description 32 bytes in lower-case hex. */
            readonly public_key?: string | null;
        };
        readonly TimelineQuery: {
            readonly entity_type?: string;
            readonly status?: string;
            readonly who?: string;
            readonly did?: string;
            readonly owner_id?: string;
            readonly tenant_id?: string;
            /** @enum {unknown} */
            readonly visibility?: "private" | "tenant" | "public";
            readonly trace_id?: string;
            /** @description A UUID (RFC 9562); stored and hashed in lower case. */
            readonly parent_id?: string;
            /** @description A UUID (RFC 9562); stored and hashed in lower case. */
            readonly related_to?: string;
            readonly name?: string;
            /** @description RFC 3339; spans at this time or later. */
            readonly since?: string;
            /** @description RFC 3339; spans before this time. */
            readonly until?: string;
            /** @description Spans of a page, 1 to 1000; defaults to 100. */
            readonly limit?: string;
            /** @description next_cursor of the page before. */
            readonly cursor?: string;
            /** @description With order=feed and no cursor: begins behind this version (`<id>.<seq>`), which the caller may read. */
            readonly after?: string;
            /**
             * @description desc and asc go by (at, id, seq) within one snapshot. feed is commit order, deletions included; its last cursor can be polled for ever.
             * @enum {unknown}
             */
            readonly order?: "desc" | "asc" | "feed";
        };
        readonly Problem: {
            /** @description urn:logline:problem:<code> */
            readonly type: string;
            readonly title: string;
            readonly status: number;
            readonly detail: string;
            /** @constant */
            readonly success: false;
            /** @description False, of a 503 to execute: the run has not begun, so it may be asked for again. */
            readonly began?: boolean;
            readonly errors?: readonly {
                /** @description JSON pointer (RFC 6901). */
                readonly pointer: string;
                readonly detail: string;
            }[];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type Span = components['schemas']['Span'];
export type SpanDraft = components['schemas']['SpanDraft'];
export type TimelineQuery = components['schemas']['TimelineQuery'];
export type Problem = components['schemas']['Problem'];
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
