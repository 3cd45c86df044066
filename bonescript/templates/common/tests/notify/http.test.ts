import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { isPublicAddress } from "../../src/notify/address.ts";
import { post, postSigned } from "../../src/notify/http.ts";

test("addresses of this machine and of private networks are told apart", () => {
  for (const address of [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "::1",
    "fe80::1",
    "fd00::1",
    "::ffff:8.8.8.8",
    "x",
  ]) {
    assert.equal(isPublicAddress(address), false, address);
  }
  for (const address of ["8.8.8.8", "172.32.0.1", "2606:4700::1111"]) {
    assert.equal(isPublicAddress(address), true, address);
  }
});

test("nothing is sent to them, by whatever name they go", async () => {
  for (const host of ["127.0.0.1", "[::1]", "localhost", "2130706433", "0x7f.1"]) {
    await assert.rejects(
      post(`http://${host}:9/`, "{}", { allowPrivate: false }),
      /not a public address/,
    );
  }
  await assert.rejects(post("file:///etc/passwd", "{}", { allowPrivate: true }), /http or https/);
});

test("the body is signed, and an answer that is no success is a failure", async () => {
  const bodies: { body: string; signature: string }[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      bodies.push({ body, signature: String(request.headers["x-signature"]) });
      response.writeHead(request.url === "/bad" ? 302 : 204, { location: "/elsewhere" }).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    await postSigned(`http://127.0.0.1:${port}/`, '{"a":1}', {
      allowPrivate: true,
      secret: "s3cret",
    });
    const [first] = bodies;
    const [, seconds = "", mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(first?.signature ?? "") ?? [];
    const wanted = createHmac("sha256", "s3cret").update(`${seconds}.{"a":1}`).digest("hex");
    assert.equal(mac, wanted);
    await assert.rejects(
      postSigned(`http://127.0.0.1:${port}/bad`, "{}", { allowPrivate: true, secret: null }),
      /answered 302/,
    );
    assert.equal(bodies.length, 2);
  } finally {
    server.close();
  }
});
