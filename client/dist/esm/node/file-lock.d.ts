/** One process at a time: the file names who holds it. A process that died holds nothing. */
export declare class FileLock {
    #private;
    private constructor();
    /** @throws Error when a living process holds it. */
    static take(path: string): Promise<FileLock>;
    release(): Promise<void>;
}
