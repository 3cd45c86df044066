// The promises that can be told only by a program that one knows: the shop.

import { randomUUID } from "node:crypto";

import { Client, type Account } from "../client.ts";
import type { Server } from "../project.ts";
import { holds, same } from "../tools.ts";

export interface Market {
  readonly anyone: Client;
  readonly seller: Account;
  readonly buyer: Account;
}

export async function open(server: Server): Promise<Market> {
  const anyone = new Client(server.url);
  return { anyone, seller: await newSeller(anyone), buyer: await newBuyer(anyone) };
}

async function newSeller(anyone: Client): Promise<Account> {
  return anyone.account("sellers", { name: "Ada", email: `${randomUUID()}@example.org` }, "email");
}

async function newBuyer(anyone: Client): Promise<Account> {
  return anyone.account("buyers", { name: "Bob", email: `${randomUUID()}@example.org` }, "email");
}

async function listed(market: Market, stock: number, price: number | string = 5): Promise<string> {
  const seller = market.anyone.as(market.seller);
  const body = `{"title":"Fern","price":${price},"stock":${stock},"tags":[]}`;
  const plant = await seller.expect(201, "POST", "/plants", body);
  await seller.expect(200, "POST", "/plants/list-plant", { plant_id: plant.id });
  return plant.id as string;
}

/** So many orders at the same time, each by a buyer of its own; says how many were taken. */
async function ordersAtOnce(market: Market, plant: string, orders: number): Promise<number> {
  // One after the other: hashing a password takes its time on purpose.
  const buyers: Account[] = [];
  while (buyers.length < orders) {
    buyers.push(await newBuyer(market.anyone));
  }
  const answers = await Promise.all(
    buyers.map(async (buyer) =>
      market.anyone.as(buyer).send("POST", "/buyers/place-order", { buyer_id: buyer.id, plant_id: plant, quantity: 1 }),
    ),
  );
  for (const answer of answers) {
    holds(`an order is taken or refused, not ${answer.status}: ${answer.text}`, [200, 422].includes(answer.status));
  }
  return answers.filter((answer) => answer.status === 200).length;
}

export async function race(market: Market): Promise<void> {
  for (const [stock, orders] of [
    [5, 12],
    [1, 50],
  ] as const) {
    const plant = await listed(market, stock);
    same(`${orders} parallel orders on a stock of ${stock}`, await ordersAtOnce(market, plant, orders), stock);
    const left = await market.anyone.as(market.seller).expect(200, "GET", `/plants/${plant}`);
    same("what is left", left.stock, 0);
  }
}

export async function idempotency(market: Market): Promise<void> {
  const plant = await listed(market, 5);
  const buyer = market.anyone.as(market.buyer);
  const order = { buyer_id: market.buyer.id, plant_id: plant, quantity: 2 };
  const key = { "idempotency-key": randomUUID() };
  const first = await buyer.send("POST", "/buyers/place-order", order, key);
  const again = await buyer.send("POST", "/buyers/place-order", order, key);
  same("the first answer", first.status, 200);
  same("the answer to the same key", again.text, first.text);
  same("the same key with another body", (await buyer.send("POST", "/buyers/place-order", { ...order, quantity: 1 }, key)).status, 409);
  same("what is left", (await buyer.expect(200, "GET", `/plants/${plant}`)).stock, 3);
}

export async function authorization(market: Market): Promise<void> {
  const { anyone, seller, buyer } = market;
  const other = await newBuyer(anyone);
  const plant = await listed(market, 3);
  const rival = await newSeller(anyone);
  const placed = await anyone
    .as(buyer)
    .expect(200, "POST", "/buyers/place-order", { buyer_id: buyer.id, plant_id: plant, quantity: 1 });
  const order = placed.created.id as string;
  const cases: [string, number, Client, string, string, unknown?][] = [
    ["nobody reads an order", 401, anyone, "GET", `/orders/${order}`],
    ["its buyer reads it", 200, anyone.as(buyer), "GET", `/orders/${order}`],
    ["a stranger does not", 403, anyone.as(other), "GET", `/orders/${order}`],
    ["a stranger does not change it", 403, anyone.as(other), "PUT", `/orders/${order}`, { note: "mine" }],
    ["a stranger does not delete it", 403, anyone.as(other), "DELETE", `/orders/${order}`],
    ["a stranger does not read another buyer", 403, anyone.as(other), "GET", `/buyers/${buyer.id}`],
    ["a stranger does not change another buyer", 403, anyone.as(other), "PUT", `/buyers/${buyer.id}`, { name: "x" }],
    ["a rival does not change a plant", 403, anyone.as(rival), "PUT", `/plants/${plant}`, { price: 1 }],
    ["its seller does", 200, anyone.as(seller), "PUT", `/plants/${plant}`, { price: 7 }],
    ["no one sets the state", 400, anyone.as(seller), "PUT", `/plants/${plant}`, { state: "archived" }],
    ["no one sets what effects write", 400, anyone.as(seller), "PUT", `/plants/${plant}`, { stock: 99 }],
    ["no one signs up with money", 400, anyone, "POST", "/buyers", { name: "Eve", email: "eve@example.org", password: "long enough 1", balance: 1000 }],
    ["a buyer orders for himself only", 403, anyone.as(other), "POST", "/buyers/place-order", { buyer_id: buyer.id, plant_id: plant, quantity: 1 }],
    ["a seller may not order", 403, anyone.as(seller), "POST", "/buyers/place-order", { buyer_id: buyer.id, plant_id: plant, quantity: 1 }],
    ["a rival may not ship", 403, anyone.as(rival), "POST", "/orders/ship", { order_id: order }],
    ["a buyer may not refund", 403, anyone.as(buyer), "POST", "/orders/refund", { order_id: order }],
    ["paying needs the balance", 422, anyone.as(buyer), "POST", "/orders/pay", { order_id: order, buyer_id: buyer.id }],
  ];
  for (const [what, status, client, method, path, body] of cases) {
    const answer = await client.send(method, path, body);
    same(`${what} (${method} ${path}): ${answer.text.slice(0, 300)}`, answer.status, status);
  }
  for (const token of ["x", "x.y.z", unsigned(buyer.id)]) {
    same("a token that nobody signed", (await anyone.as({ id: buyer.id, token }).send("GET", "/plants")).status, 401);
  }
  const mine = await anyone.as(buyer).send("GET", `/buyers/${buyer.id}`);
  holds("a sensitive field never leaves", mine.status === 200 && !mine.text.includes("password"));
}

/** A token whose header says that it needs no signature. */
function unsigned(subject: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none", typ: "JWT" })}.${part({ sub: subject, entity: "Buyer", exp: 4_000_000_000 })}.`;
}

export async function integers(market: Market): Promise<void> {
  const seller = market.anyone.as(market.seller);
  const stock = "9007199254740993";
  const made = await seller.send("POST", "/plants", `{"title":"Moss","price":1,"stock":${stock},"tags":[]}`);
  holds(`a whole number of 64 bits is answered whole: ${made.text}`, made.text.includes(`"stock":${stock}`));
  const read = await seller.send("GET", `/plants/${made.body.id}`);
  holds(`it is kept whole: ${read.text}`, read.text.includes(`"stock":${stock}`));
  same("2^63 is refused", (await seller.send("POST", "/plants", `{"title":"Moss","price":1,"stock":9223372036854775808,"tags":[]}`)).status, 400);
  same("less than nothing is refused", (await seller.send("POST", "/plants", `{"title":"Moss","price":1,"stock":-1,"tags":[]}`)).status, 400);
  same("a fraction is refused", (await seller.send("POST", "/plants", `{"title":"Moss","price":1.5,"stock":1,"tags":[]}`)).status, 400);
}

export async function constraints(market: Market): Promise<void> {
  const seller = market.anyone.as(market.seller);
  const plant = { title: "Fern", price: 5, stock: 5, tags: [] };
  same("a price of 0", (await seller.send("POST", "/plants", { ...plant, price: 0 })).status, 400);
  same("a category that is none", (await seller.send("POST", "/plants", { ...plant, category: "guns" })).status, 400);
  same("a name twice", (await market.anyone.send("POST", "/sellers", { name: "A", email: await emailOf(seller), password: "long enough 1" })).status, 409);
  const full = await seller.expect(201, "POST", "/plants", {
    ...plant,
    tags: ["a", "b"],
    attributes: { light: "a \"quote\", a\nnew line and ${x}" },
  });
  same("a set comes back", full.tags, ["a", "b"]);
  same("a map comes back", full.attributes, { light: "a \"quote\", a\nnew line and ${x}" });
  same("derived columns are computed", [full.available, full.label], [true, "Fern"]);
  const page = await seller.expect(200, "GET", "/plants?page_size=1");
  same("a page has its size", page.items.length, 1);
  same("a page has a cap", (await seller.send("GET", "/plants?page_size=1000")).status, 400);
}

async function emailOf(client: Client): Promise<string> {
  const me = await client.expect(200, "GET", "/auth/me");
  const row = await client.expect(200, "GET", `/sellers/${me.id}`);
  return row.email as string;
}
