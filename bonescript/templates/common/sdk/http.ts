/** What the client is made of: requests, their problems, retries, and whole numbers of any length in JSON. */

/** A whole number of 64 bits: `bigint` where a `number` would not hold it. */
export type Integer = number | bigint;

export type Json = string | Integer | boolean | null | Json[] | { [key: string]: Json };

export interface Page<Row> {
  items: Row[];
  total: number;
  page: number;
  page_size: number;
}

export interface PageQuery {
  page?: number;
  page_size?: number;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** The same key gives the same answer, and the work is done once. One is made up where there is none. */
  idempotencyKey?: string;
}

export interface ClientOptions {
  /** Where the server is, such as `https://api.example.com`. */
  baseUrl: string;
  /** The token of a login, or how to get it. */
  token?: string | (() => string | null | Promise<string | null>);
  apiKey?: string;
  fetch?: typeof globalThis.fetch;
  /** The most attempts of a request that can be made again; 3 unless it is said. */
  attempts?: number;
  /** Given up after so many milliseconds; 30,000 unless it is said. */
  timeoutMs?: number;
}

/** What the server has refused. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** For programs, such as `NOT_FOUND`. */
  readonly code: string;
  readonly details: readonly { path: string; message: string }[];
  /** Seconds to wait, where the server says so. */
  readonly retryAfter: number | null;

  constructor(status: number, body: unknown, retryAfter: number | null) {
    const error = field(body, "error");
    const message = field(error, "message");
    super(typeof message === "string" ? message : `the server answered ${status}`);
    const code = field(error, "code");
    const details = field(error, "details");
    this.status = status;
    this.code = typeof code === "string" ? code : "UNKNOWN";
    this.details = Array.isArray(details) ? details.filter(isDetail) : [];
    this.retryAfter = retryAfter;
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

function isDetail(value: unknown): value is { path: string; message: string } {
  return typeof field(value, "path") === "string" && typeof field(value, "message") === "string";
}

/** JSON in which whole numbers keep all of their digits, where the runtime tells how they were written. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
    const source = context?.source;
    return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value;
  });
}

export function stringifyJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "bigint" ? number(part) : part,
  );
}

function number(value: bigint): unknown {
  if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return Number(value);
  const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };
  if (rawJSON === undefined) throw new RangeError(`this runtime cannot send ${value} whole`);
  return rawJSON(String(value));
}

export class Http {
  readonly #options: ClientOptions;
  #token: ClientOptions["token"];

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#token = options.token;
  }

  /** The token of all requests from now on. */
  setToken(token: string | null): void {
    this.#token = token ?? undefined;
  }

  get<T>(path: string, query: object = {}, options: CallOptions = {}): Promise<T> {
    const given = Object.entries(query).filter((entry) => entry[1] !== undefined);
    const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    return this.#request(
      "GET",
      given.length === 0 ? path : `${path}?${search}`,
      undefined,
      options,
      true,
    );
  }

  put<T>(path: string, body: unknown, options: CallOptions = {}): Promise<T> {
    return this.#request("PUT", path, body, options, true);
  }

  delete(path: string, options: CallOptions = {}): Promise<void> {
    return this.#request("DELETE", path, undefined, options, true);
  }

  /** Never made twice. */
  post<T>(path: string, body: unknown, options: CallOptions = {}): Promise<T> {
    return this.#request("POST", path, body, options, false);
  }

  /** A capability: with a key, so that it can be asked for again and is still done once. */
  call<T>(path: string, body: unknown, options: CallOptions = {}): Promise<T> {
    const idempotencyKey = options.idempotencyKey ?? globalThis.crypto.randomUUID();
    return this.#request("POST", path, body, { ...options, idempotencyKey }, true);
  }

  async #request<T>(
    method: string,
    path: string,
    body: unknown,
    options: CallOptions,
    again: boolean,
  ): Promise<T> {
    const attempts = again ? (this.#options.attempts ?? 3) : 1;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once<T>(method, path, body, options);
      } catch (error) {
        if (attempt >= attempts || options.signal?.aborted === true || !isPassing(error))
          throw error;
        const asked = error instanceof ApiError ? error.retryAfter : null;
        await pause(asked === null ? 100 * 2 ** attempt : asked * 1000, options.signal);
      }
    }
  }

  async #once<T>(method: string, path: string, body: unknown, options: CallOptions): Promise<T> {
    const { baseUrl, apiKey, fetch = globalThis.fetch, timeoutMs = 30_000 } = this.#options;
    const headers = new Headers({ accept: "application/json" });
    const token = typeof this.#token === "function" ? await this.#token() : this.#token;
    if (token !== undefined && token !== null) headers.set("authorization", `Bearer ${token}`);
    if (apiKey !== undefined) headers.set("x-api-key", apiKey);
    if (body !== undefined) headers.set("content-type", "application/json");
    if (options.idempotencyKey !== undefined)
      headers.set("idempotency-key", options.idempotencyKey);
    const timeout = AbortSignal.timeout(timeoutMs);
    const response = await fetch(`${baseUrl.replace(/\/$/, "")}${path}`, {
      method,
      headers,
      signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
      ...(body !== undefined && { body: stringifyJson(body) }),
    });
    const text = await response.text();
    const retryAfter = response.headers.get("retry-after");
    const answer = text === "" ? undefined : readAnswer(text);
    if (!response.ok) {
      throw new ApiError(response.status, answer, retryAfter === null ? null : Number(retryAfter));
    }
    // The server answers what its description says.
    return answer as T;
  }
}

function readAnswer(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** Whether it may be well the next time. */
function isPassing(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 429 || error.status === 503;
  return error instanceof TypeError;
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("This operation was aborted", "AbortError"));
    });
  });
}

/** What can be done with the rows of every table. */
export interface Rows<Row, Update, Filter> {
  list(query?: Filter & PageQuery, options?: CallOptions): Promise<Page<Row>>;
  /** Every row, page by page. */
  all(query?: Filter, options?: CallOptions): AsyncGenerator<Row, void>;
  read(id: string, options?: CallOptions): Promise<Row>;
  update(id: string, values: Update, options?: CallOptions): Promise<Row>;
  remove(id: string, options?: CallOptions): Promise<void>;
}

export function rows<Row, Update, Filter extends object>(
  http: Http,
  table: string,
): Rows<Row, Update, Filter> {
  const one = (id: string): string => `/${table}/${encodeURIComponent(id)}`;
  const list = (query: object, options?: CallOptions): Promise<Page<Row>> =>
    http.get<Page<Row>>(`/${table}`, { ...query }, options);
  return {
    list: (query, options) => list(query ?? {}, options),
    async *all(query, options) {
      const filter: Partial<Filter> = query ?? {};
      for (let page = 1; ; page += 1) {
        const found = await list({ ...filter, page, page_size: 100 }, options);
        yield* found.items;
        if (page * found.page_size >= found.total) return;
      }
    },
    read: (id, options) => http.get<Row>(one(id), {}, options),
    update: (id, values, options) => http.put<Row>(one(id), values, options),
    remove: (id, options) => http.delete(one(id), options),
  };
}
