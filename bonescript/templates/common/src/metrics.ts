/**
 * Counters and histograms in the text format of Prometheus.
 *
 * Memory is bounded: labels come from lists that the program fixes (routes, statuses), and a metric refuses more series
 * than `MAX_SERIES`.
 */
import { timingSafeEqual } from "node:crypto";

import type { App } from "./app.ts";
import type { Context } from "./context.ts";
import { Problem } from "./errors.ts";

/** More series than this in one metric mean that a label is not what it should be. */
const MAX_SERIES = 5000;

/** Seconds; from a fast answer of memory up to the time after which requests are given up. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

type Labels = Readonly<Record<string, string>>;

interface Histogram {
  buckets: number[];
  sum: number;
  count: number;
}

export interface Metrics {
  /** Adds to a counter. */
  count(name: string, labels?: Labels, by?: number): void;
  /** Sets a gauge. */
  gauge(name: string, value: number, labels?: Labels): void;
  /** Adds an observation, in seconds, to a histogram. */
  observe(name: string, seconds: number, labels?: Labels): void;
  /** All of it, as Prometheus reads it. */
  render(): string;
}

export function createMetrics(): Metrics {
  const counters = new Map<string, Map<string, number>>();
  const gauges = new Map<string, Map<string, number>>();
  const histograms = new Map<string, Map<string, Histogram>>();

  return {
    count(name, labels = {}, by = 1) {
      change(counters, name, labels, (before) => (before ?? 0) + by);
    },
    gauge(name, value, labels = {}) {
      change(gauges, name, labels, () => value);
    },
    observe(name, seconds, labels = {}) {
      change(histograms, name, labels, (before) => {
        const histogram = before ?? { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
        histogram.buckets = histogram.buckets.map((count, at) =>
          seconds <= (BUCKETS[at] ?? Infinity) ? count + 1 : count,
        );
        histogram.sum += seconds;
        histogram.count += 1;
        return histogram;
      });
    },
    render() {
      const lines: string[] = [];
      for (const [type, metrics] of [
        ["counter", counters],
        ["gauge", gauges],
      ] as const) {
        for (const [name, series] of metrics) {
          lines.push(`# TYPE ${name} ${type}`);
          for (const [labels, value] of series) lines.push(`${name}${braces(labels)} ${value}`);
        }
      }
      for (const [name, series] of histograms) {
        lines.push(`# TYPE ${name} histogram`);
        for (const [labels, { buckets, sum, count }] of series) {
          const join = labels === "" ? "" : `${labels},`;
          buckets.forEach((value, at) => {
            lines.push(`${name}_bucket{${join}le="${BUCKETS[at]}"} ${value}`);
          });
          lines.push(`${name}_bucket{${join}le="+Inf"} ${count}`);
          lines.push(
            `${name}_sum${braces(labels)} ${sum}`,
            `${name}_count${braces(labels)} ${count}`,
          );
        }
      }
      return `${lines.join("\n")}\n`;
    },
  };
}

function change<T>(
  metrics: Map<string, Map<string, T>>,
  name: string,
  labels: Labels,
  next: (before: T | undefined) => T,
): void {
  let series = metrics.get(name);
  if (series === undefined) metrics.set(name, (series = new Map<string, T>()));
  const key = Object.entries(labels)
    .map(([label, value]) => `${label}="${escape(value)}"`)
    .join(",");
  const before = series.get(key);
  if (before === undefined && series.size >= MAX_SERIES) return;
  series.set(key, next(before));
}

function braces(labels: string): string {
  return labels === "" ? "" : `{${labels}}`;
}

function escape(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Times each request, and answers `GET /metrics`: to holders of `METRICS_TOKEN`, or without one to this machine only. */
export function register(app: App, context: Context): void {
  app.addHook("onResponse", (request, reply, done) => {
    const labels = {
      method: request.method,
      route: request.routeOptions.url ?? "none",
      status: String(reply.statusCode),
    };
    context.metrics.count("http_requests_total", labels);
    context.metrics.observe("http_request_duration_seconds", reply.elapsedTime / 1000, {
      method: labels.method,
      route: labels.route,
    });
    done();
  });

  app.get("/metrics", (request, reply) => {
    const { metricsToken } = context.config;
    const allowed =
      metricsToken === null
        ? ["127.0.0.1", "::1", "::ffff:127.0.0.1"].includes(request.socket.remoteAddress ?? "") &&
          request.headers["x-forwarded-for"] === undefined
        : same(request.headers.authorization ?? "", `Bearer ${metricsToken}`);
    if (!allowed)
      throw new Problem("FORBIDDEN", "set `METRICS_TOKEN` and send it as a bearer token");
    context.metrics.gauge("process_resident_memory_bytes", process.memoryUsage.rss());
    context.metrics.gauge("process_uptime_seconds", process.uptime());
    return reply.type("text/plain; version=0.0.4").send(context.metrics.render());
  });
}

function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}
