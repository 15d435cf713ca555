/** The port to `keys.json`: a small file that several processes read and change. The implementation is `node_key_file.ts`. */

export interface KeyFile {
  /** For messages. */
  readonly path: string;
  /** The whole text; undefined when there is no file. Rejects with `keys_unreadable`. */
  read(): Promise<string | undefined>;
  /** Changes whenever the file's content may have changed; undefined when there is no file. Rejects with `keys_unreadable`. */
  stamp(): Promise<string | undefined>;
  /**
   * Replaces the text by what `change` makes of it, atomically and durably, with no other writer in between; `undefined`
   * leaves the file as it is. What `change` throws is passed on and leaves the file as it is. `change` may be called more than
   * once. Rejects with `keys_unreadable`, `keys_unwritable`, `keys_locked`.
   */
  update(change: (text: string | undefined) => string | undefined): Promise<void>;
}
