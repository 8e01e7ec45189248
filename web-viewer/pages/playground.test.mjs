// The playground in Chromium: stories end as told, links replay exactly, and frames stay short for an hour.
import assert from "node:assert/strict";
import { test } from "node:test";
import { accessible, figure, opened, set, staged, text } from "./stage.mjs";

staged();

async function page(options, prepare) {
  const one = await opened(options);
  if (prepare) await one.addInitScript(prepare);
  return one;
}
async function at(link, options, prepare) {
  const one = await page(options, prepare);
  await one.goto(`${set.url}#${link}`);
  await one.locator("#clock").waitFor();
  return one;
}
const still = { reducedMotion: "reduce" };
const shown = (one) => one.evaluate(() => ({
  clock: document.querySelector("#clock").textContent,
  lines: document.querySelector("#lines").innerText,
  seats: [...document.querySelectorAll(".seats .who, .seats .rule")].map((p) => p.textContent),
  paths: [...document.querySelectorAll("#picture path")].map((path) => path.getAttribute("d")),
}));
const ms = (clock) => clock.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) * 1000;

test("every story is played to its end, and ends as its captions say", async () => {
  const one = await at("story=elect", still, `(${watch})(true)`);
  await one.selectOption("#speed", "60");
  for (const story of ["elect", "kill", "hang", "lost", "pause", "race"]) {
    for (const by of [["hang", "pause", "race"].includes(story) ? "patch" : "push", "push,original"]) {
      const isOriginal = by.endsWith("original");
      await one.evaluate((hash) => { location.hash = hash; }, `story=${story},${by}`);
      await one.waitForFunction((original) => document.querySelector("#clock").textContent === "0:00.000" && document.querySelector("#original").ariaChecked === String(original), isOriginal);
      const first = await text(one, "#caption");
      await one.click("#play");
      await one.locator("#ending").waitFor({ timeout: 30_000 });
      const end = await text(one, "#ending");
      assert.match(end, /^The end\. /, `${story} ${by}: ${end}`);
      assert.notEqual(await text(one, "#caption"), first, `${story} ${by}`);
      const isDouble = isOriginal && !["elect", "kill"].includes(story);
      assert.equal(end.includes("two led at once for"), isDouble, `${story} ${by}: ${end}`);
      assert.equal(await one.locator("#doubles").count(), isDouble ? 1 : 0, `${story} ${by}`);
    }
  }
});

test("the two leaders of the original are red while they lead", async () => {
  const one = await at("story=hang,original", still);
  await one.selectOption("#speed", "60");
  await one.click("#play");
  await one.locator(".chip.double").nth(1).waitFor({ timeout: 30_000 });
  await one.click("#play");
  for (const ink of ["double", "both"]) assert.ok(await one.locator(`#picture path.${ink}`).count(), ink);
  // The original never reads the wall clock.
  const jump = one.locator('button[aria-label="Clock +1 h: napoleon"]');
  assert.ok(await jump.isDisabled());
  const [most, least] = await Promise.all(["max", "min"].map((end) => one.getAttribute("#picture", `aria-value${end}`)));
  assert.ok(Number(most) > 20 && least === "0", `${least} to ${most}`);
  // The same story by our rules.
  await one.click("#original");
  assert.ok(await jump.isEnabled());
  assert.equal(await one.locator("#original").getAttribute("aria-checked"), "false");
  assert.match(one.url(), /#story=hang,/);
});

test("what was done is in the link, and the link replays it exactly", async () => {
  const one = await at("play=7,push,ours,3", still);
  const step = async (of, times) => { for (let n = 0; n < times; n += 1) await of.click("#step"); };
  await step(one, 15);
  await one.getByRole("button", { name: "Kill: napoleon" }).click();
  await step(one, 15);
  await one.getByRole("button", { name: "Latency 0.1 s" }).click();
  await one.click("#add");
  await step(one, 15);
  await one.getByRole("button", { name: "Pause: wellington" }).click();
  await one.getByRole("button", { name: "Wipe the file" }).click();
  await step(one, 15);
  const here = await shown(one);
  const link = new URL(one.url()).hash.slice(1);
  assert.match(link, /^play=7,push,ours,3;\d+,kill,0;\d+,latency,400;\d+,start,3;\d+,pause,2;\d+,wipe$/);
  const two = await at(link, still);
  let there = await shown(two);
  for (let n = 0; n < 200 && ms(there.clock) < ms(here.clock); n += 1) {
    await two.click("#step");
    there = await shown(two);
  }
  assert.deepEqual(there, here);
  // And back, and on again.
  for (let n = 0; n < 10; n += 1) await two.click("#back");
  assert.ok(ms((await shown(two)).clock) < ms(here.clock));
  for (let n = 0; n < 40 && ms((await shown(two)).clock) < ms(here.clock); n += 1) await two.click("#step");
  assert.deepEqual(await shown(two), here);
});

test("seeds of the simulator open here; a link that is wrong says what is allowed", async () => {
  const one = await at("seed=844", still);
  await one.selectOption("#speed", "60");
  await one.click("#play");
  await one.waitForFunction(() => document.querySelector("#lines li:nth-child(9) span").textContent, null, { timeout: 15_000 });
  assert.equal(await one.locator("#add").count(), 0);
  await one.evaluate(() => { location.hash = "play=1;5,eat,1"; });
  await one.locator("#wrong", { hasText: "`5,eat,1` is no act: allowed are kill, start" }).waitFor();
});

test("each tab keeps its own link", async () => {
  const one = await page(still);
  await one.goto(`${set.url}#gist=0123456789abcdef0123456789abcdef&api=http%3A%2F%2F127.0.0.1%3A1`);
  await one.locator(".viewer").waitFor();
  one.complaints.length = 0;
  await one.click("#tab-playground");
  await one.getByRole("button", { name: "Hang 60 s: nelson" }).waitFor({ state: "detached" });
  await one.getByRole("button", { name: "Lose answers: napoleon" }).click();
  await one.getByRole("button", { name: "Hang 60 s: wellington" }).click();
  await one.getByRole("button", { name: "Flow again: wellington" }).waitFor();
  assert.match(one.url(), /#play=\d+,push,ours,3;0,lose,0;0,hang,2,60$/);
  const played = one.url();
  await one.click("#tab-viewer");
  assert.match(one.url(), /#gist=0123456789abcdef0123456789abcdef&api=/);
  assert.equal(await one.inputValue("#gist"), "0123456789abcdef0123456789abcdef");
  await one.click("#tab-playground");
  assert.equal(one.url(), played);
  one.complaints.length = 0;
});

test("events are reached by click, by keyboard and from the list, with their records", async () => {
  const one = await at("story=elect", still);
  await one.focus("#picture");
  for (let n = 0; n < 60 && !/sends a write/.test(await one.locator("#picture").getAttribute("aria-valuetext")); n += 1) {
    await one.keyboard.press("ArrowRight");
  }
  assert.match(await text(one, "#event"), /napoleon sends a write/);
  assert.match(await text(one, "#record"), /"holderIdentity":"napoleon"/);
  await one.click("#to-end");
  const diamond = await one.locator("#picture path.revision").first().evaluate((path) => {
    const { x, y } = path.getPointAtLength(0).matrixTransform(path.getScreenCTM());
    return [x, y + 6];
  });
  await one.mouse.click(...diamond);
  assert.match(await text(one, "#event"), /a write of napoleon makes a revision/);
  assert.match(await text(one, "#record"), /"leaderTransitions":1/);
  await one.locator("#lines button").first().click();
  assert.equal(await text(one, "#event"), await one.locator("#lines span").first().innerText());
});

test("everything is reached by keyboard", async () => {
  const one = await page(still);
  await one.goto(set.url);
  await one.locator("#tab-viewer").focus();
  await one.keyboard.press("ArrowRight");
  await one.locator("#clock").waitFor();
  const reached = new Set();
  for (let n = 0; n < 90; n += 1) {
    await one.keyboard.press("Tab");
    reached.add(await one.evaluate(() => document.activeElement.id || document.activeElement.getAttribute("aria-label") || document.activeElement.textContent));
  }
  for (const what of ["Kill the leader", "original", "patch", "play", "step", "back", "speed", "Start: napoleon", "Clock +1 h: wellington", "Wipe the file", "picture", "add"]) {
    assert.ok(reached.has(what), `${what}: ${[...reached].join(" | ")}`);
  }
});

test("little motion is respected; otherwise a story begins by itself", async () => {
  const calm = await at("story=kill", still);
  const moving = await at("story=kill");
  await moving.waitForFunction(() => document.querySelector("#clock").textContent > "0:00.300");
  assert.equal(await text(calm, "#clock"), "0:00.000");
});

test("phone and desktop, light and dark: whole and accessible", async () => {
  for (const [width, colorScheme, story] of [[1280, "light", "hang,original"], [360, "dark", "hang,original"], [360, "light", "kill"], [1280, "dark", "kill"]]) {
    const one = await at(`story=${story}`, { viewport: { width, height: 780 }, colorScheme, ...still });
    await one.click("#to-end");
    await one.locator("#lines button").first().click();
    const overflow = await one.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    await accessible(one);
  }
});

// Runs in the page before its own scripts: the time of scripts in each frame, with what they leave for right after; the
// memory; and, where wanted, frames that follow one another without a pause, on a clock that believes in them.
function watch(isFast) {
  const { now } = performance;
  const real = () => now.call(performance);
  const ask = window.requestAnimationFrame.bind(window);
  window.spent = [];
  let start = 0;
  if (isFast) {
    let virtual = real();
    performance.now = () => virtual;
    const channel = new MessageChannel();
    let next;
    channel.port1.onmessage = () => { virtual += 100; next?.(virtual); };
    window.requestAnimationFrame = (callback) => { next = callback; channel.port2.postMessage(0); return 1; };
  } else {
    window.requestAnimationFrame = (callback) => {
      ask(() => { start = real(); });
      const id = ask(callback);
      ask(() => window.spent.push(real() - start));
      return id;
    };
  }
  const instantiate = WebAssembly.instantiateStreaming;
  WebAssembly.instantiateStreaming = async (...args) => {
    const made = await instantiate(...args);
    window.memory = made.instance.exports.memory;
    return made;
  };
}

test("scripts take 8 ms a frame at most, with seven candidates at 10x", async () => {
  const one = await at("play=3,push,ours,7", {}, `(${watch})(false)`);
  await one.selectOption("#speed", "10");
  await one.waitForTimeout(3_000);
  const spent = await one.evaluate(async () => { window.spent.length = 0; await new Promise((done) => setTimeout(done, 6_000)); return window.spent; });
  spent.sort((a, b) => a - b);
  const p = (share) => spent[Math.floor(spent.length * share)].toFixed(1);
  await figure("frame", p(0.95), `script time a frame, seven candidates at 10x: p50 ${p(0.5)} ms, p95 ${p(0.95)} ms, ${spent.length} frames (bound 8 ms)`);
  assert.ok(spent.length > 20);
  assert.ok(Number(p(0.95)) < 24, "thrice the bound is slack for a loaded machine");
});

test("memory stays flat at 60x", async () => {
  // What each candidate remembers of revisions is full after three hours of the run: flat is from there on.
  const minutes = Number(process.env.PLAYGROUND_MINUTES ?? 7);
  const one = await at("play=3,patch,ours,3", {}, `(${watch})(true)`);
  await one.selectOption("#speed", "60");
  const client = await one.context().newCDPSession(one);
  const measure = async () => {
    await client.send("HeapProfiler.collectGarbage");
    const { usedSize } = await client.send("Runtime.getHeapUsage");
    const wasm = await one.evaluate(() => window.memory.buffer.byteLength);
    console.log(`after ${await text(one, "#clock")} of the run: scripts ${(usedSize / 1e6).toFixed(1)} MB, wasm ${(wasm / 1e6).toFixed(1)} MB`);
    return (usedSize + wasm) / 1e6;
  };
  // A frame passes 100 ms of the page's clock, and 6 s of the run's.
  const until = (minute) => one.waitForFunction((end) => document.querySelector("#clock").textContent.split(":").reduce((sum, part) => sum * 60 + Number(part), 0) >= end, minute * 60 * 60, { timeout: 1_800_000, polling: 200 });
  await until(minutes / 2);
  const early = await measure();
  await until(minutes);
  const late = await measure();
  await figure("growth", Math.max(0, late - early), `memory at 60x: ${early.toFixed(1)} MB after ${minutes / 2} min, ${late.toFixed(1)} MB after ${minutes} min`);
  assert.ok(late < early * 1.05 + 0.5, `${early} MB, then ${late} MB`);
});
