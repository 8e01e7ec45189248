// The stage: the page on a port, gist-server on another, Chromium, and candidates as processes. All of it is started
// here and ended here, by process id.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, readFile, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before } from "node:test";
import { chromium } from "playwright-core";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const root = new URL("../..", import.meta.url).pathname;
export const folder = process.env.PAGE_FOLDER ?? join(root, "target/web");
const binary = process.env.LEADER_ELECTOR ?? join(root, "target/release/leader-elector");
export const lockFile = "multi-cluster-leader-election.lock";
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm", ".svg": "image/svg+xml" };

// Serves the folder under a path of its own, as a static host may.
async function serve() {
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, "http://x").pathname.replace(/^\/some\/where\//, ""));
    try {
      const bytes = await readFile(join(folder, path === "/" || path === "." || path === "" ? "index.html" : path));
      response.writeHead(200, { "content-type": types[extname(path)] ?? "text/html" }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/some/where/`, stop: () => server.close() };
}

// The page as the binary serves it.
export async function served() {
  const child = spawn(binary, ["viewer", "--listen", "127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  return { url: value.replace(/^listening on /, ""), stop: () => child.kill("SIGKILL") };
}

// A gist server with a free lock.
export async function gists(limits = "off") {
  const child = spawn(binary, ["gist-server", "--listen", "127.0.0.1:0", "--create", "--limits", limits], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const word = async () => (await lines.next()).value.split(" ").at(-1);
  const api = await word();
  const gist = await word();
  const authorization = "Bearer demo-token";
  const control = (path, body) => fetch(`${api}/_control/${path}`, body ? { method: "PUT", body: JSON.stringify(body) } : {});
  return {
    api,
    gist,
    stop: () => child.kill("SIGKILL"),
    faults: (rules) => control("faults", rules),
    log: async () => (await control("log")).json(),
    write: async (text, name = lockFile) => {
      const body = JSON.stringify({ files: { [name]: text === null ? null : { content: text } } });
      const response = await fetch(`${api}/gists/${gist}`, { method: "PATCH", body, headers: { authorization, "user-agent": "pages" } });
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    },
    candidate: (name, flags = []) => {
      const env = { ...process.env, GIST_ID: gist, GITHUB_API_URL: api, GITHUB_API_TOKEN: "demo-token", LEADER_NAME: name };
      const run = spawn(binary, ["run", "--log", "json", ...fast, ...flags], { env, stdio: ["ignore", "ignore", "pipe"] });
      const leads = new Promise((done) => createInterface({ input: run.stderr }).on("line", (line) => line.includes("started leading") && done(Date.now())));
      return { leads, kill: (signal = "SIGKILL") => run.kill(signal) };
    },
  };
}
export const fast = ["--lease", "6s", "--renew-deadline", "4s", "--renew-interval", "1500ms", "--poll", "300ms", "--settle", "300ms", "--request-timeout", "1s"];

// A record as a candidate of this software writes it.
export const record = (holder, token, more = {}) =>
  JSON.stringify({ holderIdentity: holder, leaseDurationSeconds: 30, acquireTime: stamp(-600), renewTime: stamp(0), leaderTransitions: token, strategy: "", preferredHolder: "", instance: `i${token}`, nonce: Math.random().toString(16), write: "patch", ...more });
export const stamp = (seconds) => new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z/, "Z");

export async function stage() {
  const profile = await mkdtemp(join(tmpdir(), "pages-"));
  const site = await serve();
  const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args });
  return {
    url: site.url,
    browser,
    // A page of its own context; whatever it complains of is collected, and is a failure unless `expected`.
    async page(options = {}, expected = /^$/) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      const page = await context.newPage();
      const complaints = [];
      page.on("console", (message) => message.type() !== "log" && !expected.test(message.text()) && complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(String(error)));
      await page.addInitScript(() => addEventListener("securitypolicyviolation", (e) => console.error(`CSP ${e.violatedDirective} ${e.blockedURI}`)));
      page.complaints = complaints;
      return page;
    },
    async stop() {
      await browser.close();
      site.stop();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

// The stage of a file of tests, and what to do when a test has ended.
export let set;
export const open = [];
export function staged() {
  before(async () => { set = await stage(); });
  after(async () => { await set.stop(); });
  afterEach(async () => {
    await ended(open.splice(0));
  });
}

// A page of one test; it ends before all else that the test has opened.
export async function opened(options, expected) {
  const one = await set.page(options, expected);
  open.unshift(async () => {
    await one.context().close();
    assert.deepEqual(one.complaints, []);
  });
  return one;
}

// Does one after the other, also where one fails: a process that is left over would keep the tests from ending.
async function ended(all) {
  const failed = [];
  for (const one of all) await one().catch((error) => failed.push(error));
  if (failed.length) throw failed[0];
}

// A figure that was measured: printed, and noted for the bench where it asks for that.
export async function figure(name, value, words) {
  console.log(words);
  if (process.env.PAGE_FIGURES) await appendFile(process.env.PAGE_FIGURES, `${name}\t${value}\n`);
}

export const link = (url, server, more = "") => `${url}#gist=${server.gist}&api=${encodeURIComponent(server.api)}${more}`;

// Types the token, as a user does.
export async function withToken(page, url, server, token = "demo-token") {
  await page.goto(link(url, server));
  await page.fill("#token", token);
  await page.click("button.primary");
}
export const text = (page, selector) => page.locator(selector).innerText();

// axe-core finds nothing serious.
export async function accessible(one) {
  // The browser's own isolated world: the page's policy forbids foreign scripts.
  const client = await one.context().newCDPSession(one);
  const { frameTree } = await client.send("Page.getFrameTree");
  const { executionContextId: contextId } = await client.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id });
  await client.send("Runtime.evaluate", { expression: axe, contextId });
  const { result } = await client.send("Runtime.evaluate", {
    contextId, awaitPromise: true, returnByValue: true,
    expression: "axe.run(document).then(r => r.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary).join(' | ')))",
  });
  assert.deepEqual(result.value, []);
}
