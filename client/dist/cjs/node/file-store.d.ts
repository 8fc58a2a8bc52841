import type { QueuedSpan, QueueStore } from '../queue.js';
/**
 * Keeps a queue in a file: NDJSON, `{"n":1,"span":{…}}` for what was added and `{"done":[1]}` for what is settled.
 * What `add` resolved for is on the disk (fsync) and survives kill -9 and loss of power. One process at a time.
 */
export declare class FileStore implements QueueStore {
    #private;
    readonly path: string;
    /** @param path of the file; made when it is missing, in a folder that is there. Beside it lies `<path>.lock`. */
    constructor(path: string);
    /** @throws Error when another process holds the file, or a line other than the last is damaged. */
    open(): Promise<readonly QueuedSpan[]>;
    add(spans: readonly QueuedSpan[]): Promise<void>;
    done(numbers: readonly number[]): Promise<void>;
    close(): Promise<void>;
}
