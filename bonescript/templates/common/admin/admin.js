// The panel: forms and tables that are made from the description of the API, and nothing that is not in it.

const TOKEN = "admin-token";
const PAGE_SIZE = 25;

const $ = (id) => document.getElementById(id);
const main = $("main");
const dialog = $("dialog");

/** The description, and the tables that it tells of. */
let api = null;
let tables = [];
let token = sessionStorage.getItem(TOKEN);
/** What is shown. */
let view = { table: null, page: 1, filters: {} };

// ---- JSON with whole numbers of any length

function parse(text) {
  return JSON.parse(text, (_key, value, context) =>
    typeof value === "number" &&
    context &&
    /^-?\d+$/.test(context.source) &&
    !Number.isSafeInteger(value)
      ? BigInt(context.source)
      : value,
  );
}

function stringify(value, indent) {
  const marks = [];
  const text = JSON.stringify(
    value,
    (_key, part) => {
      if (typeof part !== "bigint") return part;
      marks.push(String(part));
      return `\u0000${marks.length - 1}\u0000`;
    },
    indent,
  );
  return text === undefined
    ? text
    : text.replace(/"\\u0000(\d+)\\u0000"/g, (_all, index) => marks[index]);
}

// ---- Requests

class Refused extends Error {
  constructor(status, error) {
    super(error?.message ?? `the server answered ${status}`);
    this.status = status;
    this.details = error?.details ?? [];
  }
}

async function request(method, path, body) {
  const headers = {};
  if (token !== null) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(path, {
    method,
    headers,
    credentials: "same-origin",
    body: body === undefined ? undefined : stringify(body),
  });
  const text = await response.text();
  let answer = null;
  try {
    answer = text === "" ? null : parse(text);
  } catch {
    throw new Refused(response.status, { message: "the answer is no JSON" });
  }
  if (response.status === 401 && token !== null) {
    leave();
    throw new Refused(401, { message: "log in again" });
  }
  if (!response.ok) throw new Refused(response.status, answer?.error);
  return answer;
}

// ---- Elements

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && typeof value !== "string") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function button(label, onclick, kind) {
  return element("button", { type: "button", onclick, ...(kind && { class: kind }) }, label);
}

function tell(text) {
  $("status").textContent = text;
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => ($("status").textContent = ""), 4000);
}

async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    tell(error.message);
    return undefined;
  }
}

// ---- The description

function resolve(schema) {
  const name = schema?.$ref?.split("/").at(-1);
  return name === undefined ? (schema ?? {}) : (api.components.schemas[name] ?? {});
}

function operations() {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, ...operation })),
  );
}

function bodyOf(operation) {
  return resolve(operation?.requestBody?.content["application/json"]?.schema);
}

function describe() {
  const all = operations();
  tables = all
    .filter(({ method, operationId }) => method === "get" && operationId.endsWith("_list"))
    .map((list) => {
      const name = list.operationId.slice(0, -"_list".length);
      const find = (word) => all.find(({ operationId }) => operationId === `${name}_${word}`);
      const page = resolve(list.responses["200"].content["application/json"].schema);
      return {
        name,
        title: list.tags[0],
        row: resolve(page.properties.items.items),
        filters: (list.parameters ?? []).filter(
          ({ name }) => !["page", "page_size"].includes(name),
        ),
        create: find("create"),
        update: find("update"),
        remove: find("delete"),
        login: all.find(
          ({ operationId, path }) => operationId === `${name}_login` && path.startsWith("/auth/"),
        ),
        capabilities: all.filter(
          ({ method, path, operationId }) =>
            method === "post" &&
            path.startsWith(`/${name}/`) &&
            !operationId.startsWith(`${name}_`),
        ),
      };
    });
  const free = all.filter(
    ({ method, path }) => method === "post" && path.startsWith("/capabilities/"),
  );
  if (free.length > 0) tables.push({ name: null, title: "Capabilities", capabilities: free });
}

// ---- Fields

function typesOf(schema) {
  if (schema.anyOf) return schema.anyOf.flatMap(typesOf);
  return [schema.type ?? []].flat();
}

/** A field of a form: its element, and how its value is read. Reading gives `undefined` where it is left out. */
function field(name, schema, required, initial) {
  const types = typesOf(schema);
  const nullable = types.includes("null");
  const id = `field-${name}`;
  const props = { id, name, "aria-describedby": `${id}-hint` };
  if (required && !nullable) props.required = true;
  let control;
  let read;
  const text = initial === undefined || initial === null ? "" : initial;
  const empty = () => (nullable && (required || initial !== undefined) ? null : undefined);

  if (schema.enum) {
    const choices = schema.enum.filter((choice) => choice !== null);
    const blank = required && !nullable ? [] : [""];
    control = element(
      "select",
      props,
      ...[...blank, ...choices].map((choice) =>
        element("option", { value: String(choice), selected: choice === initial }, String(choice)),
      ),
    );
    read = () => (control.value === "" ? empty() : control.value);
  } else if (types.includes("boolean")) {
    control = element(
      "select",
      props,
      ...(required && !nullable ? [] : [""])
        .concat("true", "false")
        .map((choice) =>
          element("option", { value: choice, selected: choice === String(initial) }, choice),
        ),
    );
    read = () => (control.value === "" ? empty() : control.value === "true");
  } else if (types.includes("integer") || types.includes("number")) {
    const whole = types.includes("integer");
    control = element("input", {
      ...props,
      inputmode: whole ? "numeric" : "decimal",
      pattern: whole ? "-?[0-9]{1,19}" : "-?[0-9]+([.][0-9]+)?([eE][+\\-]?[0-9]+)?",
      value: String(text),
    });
    read = () => {
      if (control.value.trim() === "") return empty();
      return whole ? BigInt(control.value.trim()) : Number(control.value);
    };
  } else if (schema.format === "date-time") {
    const local = text === "" ? "" : localTime(new Date(text));
    control = element("input", {
      ...props,
      type: "datetime-local",
      step: "0.001",
      value: local,
    });
    read = () => (control.value === "" ? empty() : new Date(control.value).toISOString());
  } else if (types.includes("string") && types.every((type) => ["string", "null"].includes(type))) {
    const secret = schema.writeOnly === true;
    const long = schema.contentEncoding !== undefined || (schema.maxLength ?? 0) > 200;
    const limits = {};
    if (required && schema.minLength) limits.minlength = String(schema.minLength);
    control = long
      ? element("textarea", { ...props, ...limits }, String(text))
      : element("input", {
          ...props,
          ...limits,
          value: String(text),
          type: secret ? "password" : "text",
        });
    if (secret) control.autocomplete = "new-password";
    const takesEmpty = required && !(schema.minLength > 0) && schema.format === undefined;
    if (takesEmpty) control.required = false;
    read = () => {
      if (control.value !== "") return control.value;
      return takesEmpty && !nullable ? "" : initial !== undefined && !nullable ? "" : empty();
    };
  } else {
    control = element("textarea", props, initial === undefined ? "" : stringify(initial, 2));
    read = () => {
      if (control.value.trim() === "") return empty();
      try {
        return parse(control.value);
      } catch {
        throw new Refused(0, {
          message: "some fields are wrong",
          details: [{ path: name, message: "this is no JSON" }],
        });
      }
    };
  }
  const wrong = element("p", { class: "wrong", id: `${id}-wrong`, hidden: true });
  const root = element(
    "div",
    { class: "field" },
    element(
      "label",
      { for: id },
      element("span", {}, name + (required && !nullable ? "" : " (optional)")),
    ),
    control,
    element("span", { class: "hint", id: `${id}-hint` }, hint(schema, types)),
    wrong,
  );
  return { name, root, read, control, wrong };
}

function hint(schema, types) {
  const parts = [
    schema.format && schema.format !== "int64"
      ? schema.format
      : types.filter((type) => type !== "null").join(" or "),
  ];
  if (schema.contentEncoding) parts.push(schema.contentEncoding);
  if (schema.minimum !== undefined && schema.minimum > -1e15) parts.push(`from ${schema.minimum}`);
  if (schema.maximum !== undefined && schema.maximum < 1e15) parts.push(`to ${schema.maximum}`);
  if (schema.minLength) parts.push(`at least ${schema.minLength} characters`);
  if (schema.maxLength) parts.push(`at most ${schema.maxLength} characters`);
  return parts.filter(Boolean).join(", ") || "any JSON";
}

function localTime(date) {
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, -1);
}

/** A dialog with a form for a body; `send` is given what was filled in. */
function form(title, schema, initial, label, send) {
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]) =>
    field(name, property, (schema.required ?? []).includes(name), initial?.[name]),
  );
  const general = element("p", { class: "wrong", role: "alert", hidden: true });
  const submit = element("button", { type: "submit", class: "first" }, label);
  const made = element(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        general.hidden = true;
        for (const { wrong, control } of fields) {
          wrong.hidden = true;
          control.removeAttribute("aria-invalid");
        }
        submit.disabled = true;
        try {
          const read = fields
            .map(({ name, read }) => [name, read()])
            .filter(([, value]) => value !== undefined);
          await send(Object.fromEntries(read));
        } catch (error) {
          general.textContent = error.message;
          general.hidden = false;
          for (const { path, message } of error.details ?? []) {
            const found = fields.find(({ name }) => path === name || path.startsWith(`${name}.`));
            if (found === undefined) {
              general.textContent += ` · ${path}: ${message}`;
              continue;
            }
            found.wrong.textContent = message;
            found.wrong.hidden = false;
            found.control.setAttribute("aria-invalid", "true");
          }
          fields.find(({ wrong }) => !wrong.hidden)?.control.focus();
        } finally {
          submit.disabled = false;
        }
      },
    },
    ...fields.map(({ root }) => root),
    general,
    element(
      "div",
      { class: "actions" },
      button("Cancel", () => dialog.close()),
      submit,
    ),
  );
  open(title, made);
}

function open(title, ...content) {
  dialog.replaceChildren(element("h2", { id: "dialog-title" }, title), ...content);
  dialog.showModal();
}

// ---- Views

function leave() {
  token = null;
  sessionStorage.removeItem(TOKEN);
  if (dialog.open) dialog.close();
  showLogin();
}

function showLogin() {
  $("nav").hidden = true;
  $("account").replaceChildren();
  const logins = tables.filter(({ login }) => login);
  if (logins.length === 0) {
    main.replaceChildren(
      element("p", { class: "card" }, "Nothing of this program logs in with a password."),
    );
    return;
  }
  const kind = element(
    "select",
    { id: "login-as" },
    ...logins.map(({ name, title }) => element("option", { value: name }, title)),
  );
  const fields = element("div", { class: "field" });
  const wrong = element("p", { class: "wrong", role: "alert", hidden: true });
  const draw = () => {
    const chosen = logins.find(({ name }) => name === kind.value);
    const names = Object.keys(bodyOf(chosen.login).properties);
    fields.replaceChildren(
      ...names.map((name) =>
        element(
          "label",
          {},
          element("span", {}, name),
          element("input", {
            name,
            required: true,
            type: name === "password" ? "password" : "text",
            autocomplete: name === "password" ? "current-password" : "username",
          }),
        ),
      ),
    );
  };
  kind.addEventListener("change", draw);
  draw();
  const card = element(
    "form",
    {
      class: "card",
      onsubmit: async (event) => {
        event.preventDefault();
        const chosen = logins.find(({ name }) => name === kind.value);
        const body = Object.fromEntries(
          [...fields.querySelectorAll("input")].map((input) => [input.name, input.value]),
        );
        try {
          const answer = await request("POST", chosen.login.path, body);
          token = answer.token;
          sessionStorage.setItem(TOKEN, token);
          await start();
        } catch (error) {
          wrong.textContent = error.message;
          wrong.hidden = false;
        }
      },
    },
    element("h2", {}, "Log in"),
    element("label", {}, element("span", {}, "as"), kind),
    fields,
    wrong,
    element("button", { type: "submit", class: "first" }, "Log in"),
  );
  main.replaceChildren(card);
  fields.querySelector("input")?.focus();
}

function drawNav() {
  const nav = $("nav");
  nav.hidden = false;
  nav.replaceChildren(
    ...tables.map((table) => {
      const entry = button(table.title, () => show(table));
      if (table === view.table) entry.setAttribute("aria-current", "page");
      return entry;
    }),
  );
}

function show(table) {
  view = { table, page: 1, filters: {} };
  drawNav();
  void attempt(drawTable);
}

function shown(value) {
  if (value === null || value === undefined) return "—";
  return typeof value === "object" ? stringify(value) : String(value);
}

async function drawTable() {
  const { table, page, filters } = view;
  const bar = element("div", { class: "bar" }, element("h2", {}, table.title));
  for (const capability of table.capabilities) {
    bar.append(button(capability.operationId.replaceAll("_", " "), () => run(capability)));
  }
  if (table.name === null) {
    main.replaceChildren(bar);
    return;
  }
  if (table.create) bar.append(button("New", () => create(table), "first"));

  const query = new URLSearchParams({
    page: String(page),
    page_size: String(PAGE_SIZE),
    ...filters,
  });
  const answer = await request("GET", `/${table.name}?${query}`);
  const columns = Object.keys(table.row.properties);
  const body = answer.items.map((row) =>
    element(
      "tr",
      {},
      element(
        "td",
        {},
        button("Open", () => openRow(table, row.id)),
      ),
      ...columns.map((name) =>
        element(
          "td",
          row[name] === null ? { class: "none" } : { title: shown(row[name]) },
          shown(row[name]),
        ),
      ),
    ),
  );
  const head = element(
    "tr",
    {},
    element("th", { scope: "col" }, ""),
    ...columns.map((name) => element("th", { scope: "col" }, name)),
  );
  const total = Number(answer.total);
  const pages = Math.max(1, Math.ceil(total / PAGE_SIZE));
  const turn = (by) => {
    view.page += by;
    void attempt(drawTable);
  };
  const back = button("Previous", () => turn(-1));
  back.disabled = page <= 1;
  const forth = button("Next", () => turn(1));
  forth.disabled = page >= pages;
  main.replaceChildren(
    bar,
    filterForm(table) ?? "",
    element(
      "div",
      {
        class: "scroll",
        tabindex: "0",
        role: "region",
        "aria-label": `Rows of ${table.title}`,
      },
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)),
    ),
    element(
      "div",
      { class: "bar" },
      element(
        "p",
        { class: "quiet" },
        `${total} ${total === 1 ? "row" : "rows"}, page ${page} of ${pages}`,
      ),
      back,
      forth,
    ),
  );
}

function filterForm(table) {
  if (table.filters.length === 0) return null;
  const inputs = table.filters.map(({ name, schema }) => {
    const value = view.filters[name] ?? "";
    const control = schema.enum
      ? element(
          "select",
          { name },
          ...["", ...schema.enum].map((choice) =>
            element("option", { value: choice, selected: choice === value }, choice),
          ),
        )
      : element("input", { name, value, size: "14" });
    return element("label", {}, element("span", { class: "hint" }, name), control);
  });
  return element(
    "form",
    {
      class: "bar",
      role: "search",
      onsubmit: (event) => {
        event.preventDefault();
        const given = [...event.target.elements].filter(({ name, value }) => name && value !== "");
        view.filters = Object.fromEntries(given.map(({ name, value }) => [name, value]));
        view.page = 1;
        void attempt(drawTable);
      },
    },
    ...inputs,
    element("button", { type: "submit" }, "Filter"),
  );
}

function create(table) {
  form(`New ${table.title}`, bodyOf(table.create), undefined, "Create", async (body) => {
    const row = await request("POST", table.create.path, body);
    dialog.close();
    tell(`${table.title} ${row.id} is there`);
    if (row.api_key)
      open(
        "API key",
        element("p", {}, "This key is shown this one time."),
        element("pre", {}, row.api_key),
      );
    await attempt(drawTable);
  });
}

async function openRow(table, id) {
  const row = await attempt(() => request("GET", `/${table.name}/${id}`));
  if (row === undefined) return;
  const facts = element("pre", { tabindex: "0" }, stringify(row, 2));
  open(
    `${table.title}`,
    facts,
    element(
      "div",
      { class: "actions" },
      button("Delete", () => confirmDelete(table, row), "danger"),
      button("Edit", () => edit(table, row)),
      button("Close", () => dialog.close(), "first"),
    ),
  );
}

function edit(table, row) {
  dialog.close();
  form(`Edit ${table.title}`, bodyOf(table.update), row, "Save", async (body) => {
    const changed = Object.entries(body).filter(
      ([name, value]) => stringify(value) !== stringify(row[name]),
    );
    await request("PUT", `/${table.name}/${row.id}`, Object.fromEntries(changed));
    dialog.close();
    tell("saved");
    await attempt(drawTable);
  });
}

function confirmDelete(table, row) {
  dialog.close();
  open(
    `Delete this ${table.title}?`,
    element("p", {}, row.id),
    element(
      "div",
      { class: "actions" },
      button("Keep it", () => dialog.close()),
      button(
        "Delete it",
        () =>
          attempt(async () => {
            await request("DELETE", `/${table.name}/${row.id}`);
            dialog.close();
            tell("deleted");
            await drawTable();
          }),
        "danger",
      ),
    ),
  );
}

function run(capability) {
  form(
    capability.operationId.replaceAll("_", " "),
    bodyOf(capability),
    undefined,
    "Run",
    async (body) => {
      const answer = await request("POST", capability.path, body);
      dialog.close();
      await attempt(drawTable);
      open(
        "Done",
        element("pre", { tabindex: "0" }, stringify(answer, 2)),
        element(
          "div",
          { class: "actions" },
          button("Close", () => dialog.close(), "first"),
        ),
      );
    },
  );
}

// ---- The start

async function start() {
  const me = await request("GET", "/auth/me");
  const roles = me.roles.length > 0 ? ` (${me.roles.join(", ")})` : "";
  $("account").replaceChildren(
    element("span", { class: "quiet" }, `${me.entity}${roles} `),
    button("Log out", () => {
      void attempt(() => request("POST", "/auth/logout"));
      leave();
    }),
  );
  show(view.table ?? tables[0]);
}

async function load() {
  api = await request("GET", "/openapi.json");
  document.title = `${api.info.title} admin`;
  $("title").textContent = `${api.info.title} admin`;
  describe();
  if (token === null) showLogin();
  else await start();
}

load().catch((error) => {
  if (token !== null && error.status !== 401)
    main.replaceChildren(element("p", { class: "card wrong" }, error.message));
  else if (api === null) main.replaceChildren(element("p", { class: "card wrong" }, error.message));
  else showLogin();
});
