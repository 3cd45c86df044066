/** Hooks for React around the client. `react` is theirs who use them; nothing else here needs it. */
import { useCallback, useEffect, useRef, useState } from "react";

import type { CallOptions, Page, PageQuery, Rows } from "./http.ts";

export interface QueryState<T> {
  /** What was loaded last; kept while it is loaded anew. */
  data: T | undefined;
  error: Error | undefined;
  loading: boolean;
  reload: () => void;
}

/** Loads something whenever `key` changes, and forgets what was asked for before. `null` loads nothing. */
export function useQuery<T>(
  key: string | null,
  load: (options: { signal: AbortSignal }) => Promise<T>,
): QueryState<T> {
  const [state, setState] = useState<Omit<QueryState<T>, "reload">>({
    data: undefined,
    error: undefined,
    loading: key !== null,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  useEffect(() => {
    if (key === null) return;
    const controller = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    latest.current({ signal: controller.signal }).then(
      (data) => {
        if (!controller.signal.aborted) setState({ data, error: undefined, loading: false });
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        setState((before) => ({ ...before, error: asError(error), loading: false }));
      },
    );
    return () => {
      controller.abort();
    };
  }, [key, turn]);

  const reload = useCallback(() => {
    setTurn((before) => before + 1);
  }, []);
  return { ...state, reload };
}

/** A page of rows: `useList(client.orders, { page: 2 })`. */
export function useList<Row, Update, Filter extends object>(
  table: Rows<Row, Update, Filter>,
  query: Filter & PageQuery,
): QueryState<Page<Row>> {
  const key = JSON.stringify(query, (_key, value: unknown) =>
    typeof value === "bigint" ? String(value) : value,
  );
  return useQuery(key, (options) => table.list(query, options));
}

/** A row by its id; `null` loads nothing. */
export function useRow<Row, Update, Filter extends object>(
  table: Rows<Row, Update, Filter>,
  id: string | null,
): QueryState<Row> {
  return useQuery(id, (options) => table.read(id ?? "", options));
}

export interface Mutation<Input, Output> {
  run: (input: Input) => Promise<Output>;
  data: Output | undefined;
  error: Error | undefined;
  running: boolean;
  /** Gives up what runs. */
  cancel: () => void;
}

/** A capability, or anything else that changes something: `useMutation(client.orders.pay)`. */
export function useMutation<Input, Output>(
  call: (input: Input, options: CallOptions) => Promise<Output>,
): Mutation<Input, Output> {
  const [state, setState] = useState<Pick<Mutation<Input, Output>, "data" | "error" | "running">>({
    data: undefined,
    error: undefined,
    running: false,
  });
  const latest = useRef(call);
  latest.current = call;
  const controller = useRef<AbortController | null>(null);

  const cancel = useCallback(() => {
    controller.current?.abort();
    controller.current = null;
  }, []);
  useEffect(() => cancel, [cancel]);

  const run = useCallback(
    async (input: Input): Promise<Output> => {
      cancel();
      const own = new AbortController();
      controller.current = own;
      setState({ data: undefined, error: undefined, running: true });
      try {
        const data = await latest.current(input, { signal: own.signal });
        if (!own.signal.aborted) setState({ data, error: undefined, running: false });
        return data;
      } catch (error) {
        if (!own.signal.aborted)
          setState({ data: undefined, error: asError(error), running: false });
        throw error;
      }
    },
    [cancel],
  );
  return { ...state, run, cancel };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
