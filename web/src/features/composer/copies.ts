/**
 * What is being written, kept in this browser until the server has it: encrypted under a key that cannot be read out
 * of it and belongs to one person. Of anybody else's nothing is left once somebody else is here.
 */
import type { Kept } from "./kept";

type KeyRow = { user: string; key: CryptoKey };
type CopyRow = { id: string; user: string; iv: Uint8Array<ArrayBuffer>; sealed: ArrayBuffer };
export type Copy = { id: string; kept: Kept };

/** Whoever has a letter open holds the lock of its copy. */
export const LOCKS = "waxseal-letter-";
export const lockOf = (copy: string) => `${LOCKS}${copy}`;

const ALGORITHM = "AES-GCM";
const TABLES = ["keys", "copies"];

let opened: Promise<IDBDatabase> | undefined;

function open(): Promise<IDBDatabase> {
  opened ??= new Promise((done, failed) => {
    const request = indexedDB.open("waxseal", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("keys", { keyPath: "user" });
      request.result.createObjectStore("copies", { keyPath: "id" });
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error ?? new Error("IndexedDB"));
  });
  opened.catch(() => (opened = undefined));
  return opened;
}

/** One transaction; done once it is committed. */
async function within<T>(
  mode: IDBTransactionMode,
  act: (table: (name: string) => IDBObjectStore) => IDBRequest<T> | undefined,
): Promise<T | undefined> {
  const transaction = (await open()).transaction(TABLES, mode);
  const request = act((name) => transaction.objectStore(name));
  // Without waiting to hear of it first: the tab may be dead by then.
  if (request && mode === "readwrite") transaction.commit();
  await new Promise<void>((done, failed) => {
    transaction.oncomplete = () => done();
    transaction.onabort = transaction.onerror = () =>
      failed(transaction.error ?? new Error("IndexedDB"));
  });
  return request?.result;
}

/** The copies of one person. */
export class Copies {
  private isClosed = false;

  private constructor(
    private readonly user: string,
    private readonly key: CryptoKey,
  ) {}

  /** What others have left goes. */
  static async of(user: string): Promise<Copies> {
    await eraseAllBut(user);
    const made: KeyRow = {
      user,
      key: await crypto.subtle.generateKey({ name: ALGORITHM, length: 256 }, false, [
        "encrypt",
        "decrypt",
      ]),
    };
    const held = await within<KeyRow | undefined>(
      "readonly",
      (table) => table("keys").get(user) as IDBRequest<KeyRow | undefined>,
    );
    if (!held) await within("readwrite", (table) => table("keys").add(made)).catch(() => undefined);
    const row = await within<KeyRow | undefined>(
      "readonly",
      (table) => table("keys").get(user) as IDBRequest<KeyRow | undefined>,
    );
    return new Copies(user, row?.key ?? made.key);
  }

  /** Resolves once it is on its way, in the order of calls; `committed` once it is there. */
  async put(id: string, kept: Kept): Promise<{ committed: Promise<unknown> }> {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt(
      { name: ALGORITHM, iv },
      this.key,
      new TextEncoder().encode(JSON.stringify(kept)),
    );
    const row: CopyRow = { id, user: this.user, iv, sealed };
    await open();
    if (this.isClosed) throw new Error("signed out");
    return { committed: within("readwrite", (table) => table("copies").put(row)) };
  }

  /** Those that can be opened, in the order of their ids. */
  async list(): Promise<Copy[]> {
    const rows =
      (await within<CopyRow[]>(
        "readonly",
        (table) => table("copies").getAll() as IDBRequest<CopyRow[]>,
      )) ?? [];
    const found = await Promise.all(
      rows.filter((row) => row.user === this.user).map((row) => this.open(row)),
    );
    return found.filter((copy) => copy !== undefined);
  }

  /** Another tab has signed out: what this one wrote after that tab erased them goes too, and nothing more is written. */
  async erase(): Promise<void> {
    this.isClosed = true;
    await eraseWhere((user) => user === this.user);
  }

  async find(id: string): Promise<Copy | undefined> {
    return (await this.list()).find((copy) => copy.id === id);
  }

  private async open({ id, iv, sealed }: CopyRow): Promise<Copy | undefined> {
    try {
      const text = await crypto.subtle.decrypt({ name: ALGORITHM, iv }, this.key, sealed);
      return { id, kept: JSON.parse(new TextDecoder().decode(text)) as Kept };
    } catch {
      return undefined;
    }
  }
}

export async function forget(id: string): Promise<void> {
  await within("readwrite", (table) => table("copies").delete(id));
}

/** The key goes first: what is left without it cannot be opened. */
export async function eraseAll(): Promise<void> {
  await within("readwrite", (table) => {
    table("keys").clear();
    return table("copies").clear();
  });
}

function eraseAllBut(user: string): Promise<void> {
  return eraseWhere((of) => of !== user);
}

async function eraseWhere(isToGo: (user: string) => boolean): Promise<void> {
  await within("readwrite", (table) => {
    for (const name of TABLES) {
      const request = table(name).openCursor();
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor) return;
        if (isToGo((cursor.value as { user: string }).user)) cursor.delete();
        cursor.continue();
      };
    }
    return undefined;
  });
}
