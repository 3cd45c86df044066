/** The server: what every request goes through, and the routes of all modules. */
import { randomUUID } from "node:crypto";

import cors from "@fastify/cors";
import helmet from "@fastify/helmet";
import { fastify, type FastifyBaseLogger, type FastifyError, type FastifyInstance } from "fastify";

import { register as registerAdmin } from "./admin.ts";
import { register as registerAuth } from "./auth/routes.ts";
import { register as registerCapabilities } from "./capabilities/routes.ts";
import type { Context } from "./context.ts";
import { register as registerEntities } from "./entities/routes.ts";
import { Problem } from "./errors.ts";
import { register as registerHealth } from "./health.ts";
import { JsonError, parseJson, stringifyJson } from "./json.ts";
import { registerLive } from "./live.ts";
import { register as registerMetrics } from "./metrics.ts";
import { problemOf, unreadable } from "./problems.ts";

export type App = FastifyInstance;

export async function createApp(context: Context): Promise<App> {
  const { config } = context;
  const loggerInstance: FastifyBaseLogger = context.log;
  const app = fastify({
    loggerInstance,
    genReqId: () => randomUUID(),
    bodyLimit: config.bodyLimit,
    trustProxy: config.trustProxy.length > 0 ? config.trustProxy : false,
    forceCloseConnections: "idle",
    // What comes while the server ends is still answered; the connection is told to close.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    // What fails before there is a route, such as a path that is no URL.
    frameworkErrors: (error, _request, reply) => {
      const problem = problemOf(error);
      reply.raw.writeHead(problem.status, { "content-type": "application/json; charset=utf-8" });
      reply.raw.end(stringifyJson(problem.toBody()));
    },
    // Node would refuse a request without `Host` with nothing to read; `refuseEarly` says why.
    http: { requireHostHeader: false },
    clientErrorHandler: (error, socket) => {
      if (error.code === "ECONNRESET" || socket.destroyed) return;
      context.log.trace({ err: error }, "no request");
      if (socket.writable) socket.write(unreadable(error));
      socket.destroy(error);
    },
  });

  app.setReplySerializer((payload) => stringifyJson(payload));
  readJson(app);
  answerProblems(app, context);
  giveUpLate(app, context);

  await app.register(helmet);
  refuseEarly(app);
  await app.register(cors, {
    origin: config.allowedOrigins,
    exposedHeaders: ["retry-after", "x-request-id"],
  });
  app.addHook("onSend", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });

  registerHealth(app, context);
  registerMetrics(app, context);
  registerAuth(app, context);
  registerEntities(app, context);
  registerCapabilities(app, context);
  registerLive(app, context);
  registerAdmin(app, context);
  return app;
}

function readJson(app: App): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    try {
      const text = body.toString();
      done(null, text === "" ? undefined : parseJson(text));
    } catch (error) {
      const message = error instanceof JsonError ? error.message : "the body is not valid JSON";
      done(new Problem("VALIDATION_FAILED", message));
    }
  });
}

/** Refuses what Node and the plugins would refuse in words of their own. */
function refuseEarly(app: App): void {
  app.addHook("onRequest", async ({ method, headers, raw }) => {
    if (headers.host === undefined && raw.httpVersion === "1.1") {
      throw new Problem("VALIDATION_FAILED", "the header `Host` is missing");
    }
    // Browsers ask so before a call from another origin, always with both.
    if (method !== "OPTIONS") return;
    if (headers.origin && headers["access-control-request-method"]) return;
    throw new Problem(
      "VALIDATION_FAILED",
      "`OPTIONS` needs the headers `Origin` and `Access-Control-Request-Method`",
    );
  });
}

function answerProblems(app: App, context: Context): void {
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(new Problem("NOT_FOUND", "there is no such route").toBody()),
  );
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.status >= 500) {
      request.log.error({ err: problem.cause ?? error }, problem.message);
      context.metrics.count("http_errors_total", { code: problem.code });
    }
    return reply.code(problem.status).headers(problem.headers).send(problem.toBody());
  });
}

/** Answers 503 where a handler needs too long. */
function giveUpLate(app: App, context: Context): void {
  const timers = new WeakMap<object, NodeJS.Timeout>();
  app.addHook("onRequest", (request, reply, done) => {
    const timer = setTimeout(() => {
      if (reply.sent) return;
      const message = `no answer within ${context.config.requestTimeoutMs} ms`;
      void reply.code(503).send(new Problem("TIMEOUT", message).toBody());
    }, context.config.requestTimeoutMs);
    timer.unref();
    timers.set(request, timer);
    done();
  });
  app.addHook("onResponse", (request, _reply, done) => {
    clearTimeout(timers.get(request));
    done();
  });
}
